/** MAIL and RCPT: paths, addresses and parameters. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runs } from '../../../../tests/setup/quick.ts';
import type { MailParameters, RecipientParameters, SmtpServer } from './index.ts';
import { collectingServer } from './testing/collecting-server.ts';
import { replies } from './testing/memory-client.ts';

interface Noted {
  readonly server: SmtpServer;
  readonly senders: { sender: string; parameters: MailParameters }[];
  readonly recipients: { recipient: string; parameters: RecipientParameters }[];
}

/** A server that offers everything and notes what its handler is given. */
function notingServer(): Noted {
  const senders: Noted['senders'] = [];
  const recipients: Noted['recipients'] = [];
  const { server } = collectingServer({
    limits: { errors: Number.POSITIVE_INFINITY },
    handler: {
      extensions: (_, standard) => [...standard, 'DSN', 'BINARYMIME'],
      mail: (_, given) => void senders.push(given),
      recipient: (_, given) => void recipients.push(given),
    },
  });
  return { server, senders, recipients };
}

async function mail(argument: string): Promise<{ reply: string; given: Noted['senders'][number] | undefined }> {
  const { server, senders } = notingServer();
  const said = await replies(server, 'HELO a', `MAIL ${argument}`);
  return { reply: said[1] ?? '', given: senders[0] };
}

async function rcpt(
  argument: string,
  mailParameters = '',
): Promise<{ reply: string; given: Noted['recipients'][number] | undefined }> {
  const { server, recipients } = notingServer();
  const said = await replies(server, 'HELO a', `MAIL FROM:<>${mailParameters}`, `RCPT ${argument}`);
  return { reply: said[2] ?? '', given: recipients[0] };
}

const SYNTAX = '501 5.5.4 Invalid arguments';
const BAD_SENDER = '501 5.1.7 Invalid sender address';
const BAD_RECIPIENT = '501 5.1.3 Invalid recipient address';

describe('MAIL FROM', () => {
  it.each([
    ['FROM:<a@example.com>', 'a@example.com'],
    ['from:<a@example.com>', 'a@example.com'],
    ['FROM: <a@example.com>', 'a@example.com'],
    ['FROM:<>', ''],
    ['FROM:<"quoted > and space"@example.com>', '"quoted > and space"@example.com'],
    ['FROM:<"with \\" quote"@example.com>', '"with \\" quote"@example.com'],
    ['FROM:<a@[192.0.2.1]>', 'a@[192.0.2.1]'],
    ['FROM:<a@[IPv6:2001:db8::1]>', 'a@[IPv6:2001:db8::1]'],
    ['FROM:<a+b.c@sub.example.com>', 'a+b.c@sub.example.com'],
  ])('accepts %j', async (argument, sender) => {
    expect(await mail(argument)).toEqual({ reply: '250 2.1.0 Sender OK', given: { sender, parameters: {} } });
  });

  it.each([
    ['', SYNTAX],
    ['FROM', SYNTAX],
    ['FROM :<a@example.com>', SYNTAX],
    ['FROM:a@example.com', SYNTAX],
    ['FROM:<a@example.com', SYNTAX],
    ['FROM:<"a@example.com>', SYNTAX],
    ['FROM:<a@example.com>x', SYNTAX],
    ['FROM:<a@example.com>\u00a0', SYNTAX],
    ['FROM:\u00a0<a@example.com>', SYNTAX],
    ['FROM:<a@example.com>>', SYNTAX],
    ['TO:<a@example.com>', SYNTAX],
    ['FROM:Somebody <a@example.com>', SYNTAX],
    ['FROM:< >', BAD_SENDER],
    ['FROM:<a>', BAD_SENDER],
    ['FROM:<@example.com>', BAD_SENDER],
    ['FROM:<a@>', BAD_SENDER],
    ['FROM:<a@b@example.com>', BAD_SENDER],
    ['FROM:<a..b@example.com>', BAD_SENDER],
    ['FROM:<.a@example.com>', BAD_SENDER],
    ['FROM:<a @example.com>', BAD_SENDER],
    ['FROM:<a@exa mple.com>', BAD_SENDER],
    ['FROM:<<a@example.com>', BAD_SENDER],
    ['FROM:<@relay.example:a@example.com>', BAD_SENDER],
    ['FROM:<a@[192.0.2.999]>', BAD_SENDER],
    ['FROM:<a@-example.com>', BAD_SENDER],
    ['FROM:<Postmaster>', BAD_SENDER],
  ])('refuses %j', async (argument, reply) => {
    expect(await mail(argument)).toEqual({ reply, given: undefined });
  });

  it.each([
    ['SIZE=1000', { sizeBytes: 1000 }],
    ['size=0 body=8bitmime', { sizeBytes: 0, body: '8BITMIME' }],
    ['BODY=BINARYMIME', { body: 'BINARYMIME' }],
    ['RET=HDRS ENVID=QQ+2B314159', { return: 'headers', envelopeId: 'QQ+314159' }],
    ['RET=FULL', { return: 'full' }],
    ['SMTPUTF8', { smtpUtf8: true }],
    [' SIZE=1  ', { sizeBytes: 1 }],
  ])('reads the parameters %j', async (text, parameters) => {
    expect((await mail(`FROM:<a@example.com> ${text}`)).given?.parameters).toEqual(parameters);
  });

  it.each([
    ['FOO', '555 5.5.4 Unsupported parameter'],
    ['FOO=BAR', '555 5.5.4 Unsupported parameter'],
    ['constructor=1', '555 5.5.4 Unsupported parameter'],
    ['AUTH=<>', '555 5.5.4 Unsupported parameter'],
    ['SIZE', '501 5.5.4 Invalid parameter'],
    ['SIZE=', '501 5.5.4 Invalid parameter'],
    ['SIZE=-1', '501 5.5.4 Invalid parameter'],
    ['SIZE=1 SIZE=1', '501 5.5.4 Invalid parameter'],
    ['SIZE=123456789012345678901', '501 5.5.4 Invalid parameter'],
    ['SIZE=52428801', '552 5.3.4 Message size exceeds the fixed maximum'],
    ['SIZE=99999999999999999999', '552 5.3.4 Message size exceeds the fixed maximum'],
    ['BODY=9BIT', '501 5.5.4 Invalid parameter'],
    ['SMTPUTF8=yes', '501 5.5.4 Invalid parameter'],
    ['RET=SOME', '501 5.5.4 Invalid parameter'],
    ['ENVID=a+zz', '501 5.5.4 Invalid parameter'],
    ['ENVID=a+0Ab', '501 5.5.4 Invalid parameter'],
    [`ENVID=${'x'.repeat(101)}`, '501 5.5.4 Invalid parameter'],
    ['=x', '501 5.5.4 Invalid parameter'],
    ['-A=x', '501 5.5.4 Invalid parameter'],
    ['SIZE==1', '501 5.5.4 Invalid parameter'],
  ])('refuses the parameters %j', async (text, reply) => {
    expect(await mail(`FROM:<a@example.com> ${text}`)).toEqual({ reply, given: undefined });
  });

  it('knows a parameter only where its extension is offered', async () => {
    const { server } = collectingServer({ handler: { extensions: () => [] } });
    const lines = ['SIZE=1', 'BODY=8BITMIME', 'SMTPUTF8', 'RET=FULL'].map(
      (text) => `MAIL FROM:<a@example.com> ${text}`,
    );
    expect((await replies(server, 'HELO a', ...lines)).slice(1)).toEqual(
      lines.map(() => '555 5.5.4 Unsupported parameter'),
    );
  });
});

describe('RCPT TO', () => {
  it('takes the special form of the postmaster, in any case', async () => {
    expect((await rcpt('TO:<Postmaster>')).given?.recipient).toBe('postmaster@mail.example.com');
    expect((await rcpt('TO:<POSTMASTER>')).given?.recipient).toBe('postmaster@mail.example.com');
  });

  it.each([
    ['TO:<>', BAD_RECIPIENT],
    ['TO:<nobody>', BAD_RECIPIENT],
    ['TO:<@a.example,@b.example:c@example.com>', BAD_RECIPIENT],
    ['TO:<b@example.com>,<c@example.com>', SYNTAX],
    ['FROM:<b@example.com>', SYNTAX],
    ['TO:', SYNTAX],
  ])('refuses %j', async (argument, reply) => {
    expect(await rcpt(argument)).toEqual({ reply, given: undefined });
  });

  it.each([
    ['NOTIFY=NEVER', { notify: [] }],
    ['NOTIFY=success,DELAY', { notify: ['success', 'delay'] }],
    ['ORCPT=rfc822;b+2Bc@example.com', { originalRecipient: { addressType: 'rfc822', address: 'b+c@example.com' } }],
  ])('reads the parameters %j', async (text, parameters) => {
    expect((await rcpt(`TO:<b@example.com> ${text}`)).given?.parameters).toEqual(parameters);
  });

  it.each([
    'NOTIFY=NEVER,DELAY',
    'NOTIFY=',
    'NOTIFY=SUCCESS,SUCCESS',
    'NOTIFY=toString',
    'ORCPT=b@example.com',
    'ORCPT=rfc822;',
    'ORCPT=;x',
  ])('refuses the parameters %j', async (text) => {
    expect((await rcpt(`TO:<b@example.com> ${text}`)).reply).toBe('501 5.5.4 Invalid parameter');
  });
});

describe('addresses outside ASCII', () => {
  it('need SMTPUTF8 at MAIL, for the sender and for recipients', async () => {
    const refused = '553 5.6.7 A non-ASCII address needs SMTPUTF8 at MAIL FROM';
    expect((await mail('FROM:<jürgen@example.com>')).reply).toBe(refused);
    expect((await mail('FROM:<jürgen@example.com> SMTPUTF8')).given?.sender).toBe('jürgen@example.com');
    expect((await rcpt('TO:<用户@例子.example>')).reply).toBe(refused);
    expect((await rcpt('TO:<用户@例子.example>', ' SMTPUTF8')).given?.recipient).toBe('用户@例子.example');
  });
});

describe('hostile addresses', () => {
  it.each([
    `<${'('.repeat(5000)}a@example.com>`,
    `<${'a:'.repeat(3000)}b@example.com>`,
    `<${'"'.repeat(9999)}>`,
    `<"${'\\'.repeat(9000)}>`,
    `<"a@evil.example"@example.com(comment)>`,
    `<a@example.com\u2028RCPT>`,
    `<a@example.com,b@example.net>`,
    `<undisclosed:;>`,
    `<${'a'.repeat(65)}@example.com>`,
    `<a@${'b'.repeat(64)}.example>`,
    `<a%b@c@d>`,
    `<=?utf-8?q?a?=@example.com x>`,
  ])('are refused, and the session goes on: %#', async (path) => {
    const { server, recipients } = notingServer();
    const said = await replies(server, 'HELO a', 'MAIL FROM:<> SMTPUTF8', `RCPT TO:${path}`, 'NOOP');
    expect(said[2]).toMatch(/^50[01] /);
    expect(said[3]).toBe('250 2.0.0 OK');
    expect(recipients).toEqual([]);
  });

  it('never reach the handler other than as written, for 50,000 tricky paths', async () => {
    const { server, recipients } = notingServer();
    const path = fc
      .array(
        fc.constantFrom(
          'a',
          'B',
          '@',
          '.',
          '"',
          '\\',
          '<',
          '>',
          ' ',
          ':',
          ',',
          '%',
          '!',
          '[',
          ']',
          'é',
          '例',
          'example.com',
          '@example.com',
          '=',
        ),
        {
          maxLength: 10,
        },
      )
      .map((parts) => parts.join(''));
    await fc.assert(
      fc.asyncProperty(fc.array(path, { minLength: 100, maxLength: 100 }), async (paths) => {
        recipients.length = 0;
        const said = await replies(
          server,
          'HELO a',
          'MAIL FROM:<> SMTPUTF8',
          ...paths.map((text) => `RCPT TO:<${text}>`),
        );
        const accepted = paths.filter((_, index) => said[index + 2]?.startsWith('250 '));
        expect(said).toHaveLength(paths.length + 2);
        // Up to the bracket that ends it, exactly the text that was sent.
        expect(recipients.map(({ recipient }, index) => accepted[index]?.startsWith(recipient))).toEqual(
          accepted.map(() => true),
        );
      }),
      { numRuns: runs(500) },
    );
  });
});
