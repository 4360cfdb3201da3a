/** SMTP submission as transcripts: what a client says and what Exchange Online answers. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEmulator, type Emulator } from '../index.ts';
import { accessToken } from '../testing/https-client.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { Dialogue, HOSTNAME_DATA, message, SESSION_DATA, shapeOfReply, xoauth2 } from '../testing/smtp-dialogue.ts';

const MAILBOX = 'notifications@contoso.example';

let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator({
    pace: Number.POSITIVE_INFINITY,
    state: {
      tenants: [
        {
          domains: ['contoso.example'],
          apps: [
            {
              mailboxPermissions: [MAILBOX, 'small@contoso.example', 'full@contoso.example'],
              sendAs: ['shop@contoso.example'],
            },
          ],
          mailboxes: [
            { address: MAILBOX, aliases: ['alerts@contoso.example'] },
            { address: 'small@contoso.example', maxMessageBytes: 1000, maxRecipients: 2 },
            { address: 'full@contoso.example', full: true },
            { address: 'shop@contoso.example' },
          ],
        },
      ],
    },
  });
});
afterAll(() => emulator.close());

async function signedIn(user: string = MAILBOX): Promise<Dialogue> {
  const dialogue = await Dialogue.open(emulator);
  await dialogue.greet();
  expect(await dialogue.signIn(user, await accessToken(emulator))).toContain('235 2.7.0');
  return dialogue;
}

describe('a session', () => {
  it('goes word by word like one at Exchange Online', async () => {
    const dialogue = await signedIn();
    await dialogue.submit(MAILBOX, ['ann@example.com', 'bob@example.com'], message(MAILBOX));
    await dialogue.say('RSET');
    await dialogue.say('NOOP');
    await dialogue.quit();
    expect(dialogue.transcript.map((line) => shapeOfReply(line))).toEqual([
      'S: 220 {server}.outlook.office365.example Microsoft ESMTP MAIL Service ready at {date} [{session}]',
      'C: EHLO client.example',
      'S: 250-{server}.outlook.office365.example Hello [127.0.0.1]',
      'S: 250-SIZE 157286400',
      'S: 250-PIPELINING',
      'S: 250-DSN',
      'S: 250-ENHANCEDSTATUSCODES',
      'S: 250-STARTTLS',
      'S: 250-8BITMIME',
      'S: 250-BINARYMIME',
      'S: 250-CHUNKING',
      'S: 250 SMTPUTF8',
      'C: STARTTLS',
      'S: 220 2.0.0 SMTP server ready',
      'C: EHLO client.example',
      'S: 250-{server}.outlook.office365.example Hello [127.0.0.1]',
      'S: 250-SIZE 157286400',
      'S: 250-PIPELINING',
      'S: 250-DSN',
      'S: 250-ENHANCEDSTATUSCODES',
      'S: 250-AUTH LOGIN XOAUTH2',
      'S: 250-8BITMIME',
      'S: 250-BINARYMIME',
      'S: 250-CHUNKING',
      'S: 250 SMTPUTF8',
      'C: AUTH XOAUTH2 [token]',
      'S: 235 2.7.0 Authentication successful',
      'C: MAIL FROM:<notifications@contoso.example>',
      'S: 250 2.1.0 Sender OK',
      'C: RCPT TO:<ann@example.com>',
      'S: 250 2.1.5 Recipient OK',
      'C: RCPT TO:<bob@example.com>',
      'S: 250 2.1.5 Recipient OK',
      'C: DATA',
      'S: 354 Start mail input; end with <CRLF>.<CRLF>',
      'C: From: <notifications@contoso.example>',
      'C: To: <ann@example.com>',
      'C: Subject: Hello',
      'C: Message-ID: <Hello@client.example>',
      'C: ',
      'C: Text',
      'C: .',
      `S: 250 2.0.0 OK <Hello@client.example> ${HOSTNAME_DATA}`,
      'C: RSET',
      'S: 250 2.0.0 Resetting',
      'C: NOOP',
      'S: 250 2.0.0 OK',
      'C: QUIT',
      'S: 221 2.0.0 Service closing transmission channel',
    ]);
  });

  it('takes the token in the second line too, after an empty challenge', async () => {
    const dialogue = await Dialogue.open(emulator);
    await dialogue.greet();
    expect(await dialogue.say('AUTH XOAUTH2')).toBe('334 ');
    expect(await dialogue.say(xoauth2(MAILBOX, await accessToken(emulator)), '[token]')).toContain('235 2.7.0');
    await dialogue.quit();
  });

  it('lets nobody send or sign in before STARTTLS', async () => {
    const dialogue = await Dialogue.open(emulator);
    await dialogue.read();
    expect(await dialogue.say('EHLO client.example')).not.toContain('AUTH');
    const refusal = `530 5.7.57 Client not authenticated to send mail. ${SESSION_DATA}`;
    expect(shapeOfReply(await dialogue.say(`MAIL FROM:<${MAILBOX}>`))).toBe(refusal);
    expect(shapeOfReply(await dialogue.say('AUTH XOAUTH2'))).toBe(refusal);
    await dialogue.quit();
  });

  it('lets nobody send before signing in', async () => {
    const dialogue = await Dialogue.open(emulator);
    await dialogue.greet();
    const reply = await dialogue.say(`MAIL FROM:<${MAILBOX}>`);
    expect(shapeOfReply(reply)).toBe(`530 5.7.57 Client not authenticated to send mail. ${SESSION_DATA}`);
    await dialogue.quit();
  });

  it('knows neither PLAIN nor OAUTHBEARER', async () => {
    const dialogue = await Dialogue.open(emulator);
    await dialogue.greet();
    for (const mechanism of ['PLAIN', 'OAUTHBEARER', 'CRAM-MD5'])
      expect(shapeOfReply(await dialogue.say(`AUTH ${mechanism}`))).toBe(
        `504 5.7.4 Unrecognized authentication type ${SESSION_DATA}`,
      );
    await dialogue.quit();
  });
});

describe('server data in brackets', () => {
  it('names the moment of its reply, whoever of our two halves gives it', async () => {
    const clock = new ManualClock(Date.UTC(2026, 10, 24));
    const own = await startEmulator({ clock });
    const dialogue = await Dialogue.open(own);
    const momentAfter = async (line: string): Promise<string | undefined> => {
      clock.advance(60_000);
      return / \[\S+ (\S+) 08D[0-9A-F]{13}\]$/.exec(await dialogue.say(line))?.[1];
    };
    await dialogue.read();
    await dialogue.say('EHLO client.example');
    expect(await momentAfter('AUTH XOAUTH2')).toBe('2026-11-24T00:01:00.000Z');
    expect(await momentAfter(`MAIL FROM:<${MAILBOX}>`)).toBe('2026-11-24T00:02:00.000Z');
    await dialogue.say('STARTTLS');
    await dialogue.secure();
    await dialogue.say('EHLO client.example');
    expect(await momentAfter('AUTH PLAIN')).toBe('2026-11-24T00:03:00.000Z');
    await dialogue.signIn(MAILBOX, await accessToken(own));
    expect(await momentAfter('MAIL FROM:<nobody>')).toBe('2026-11-24T00:04:00.000Z');
    expect(await momentAfter(`MAIL FROM:<${MAILBOX}> SIZE=157286401`)).toBe('2026-11-24T00:05:00.000Z');
    await dialogue.say(`MAIL FROM:<${MAILBOX}>`);
    expect(await momentAfter('RCPT TO:<nobody>')).toBe('2026-11-24T00:06:00.000Z');
    await dialogue.quit();
    await own.close();
  });
});

describe('a message', () => {
  it('is kept byte by byte with its envelope and what was said with it', async () => {
    const before = emulator.messages.length;
    const dialogue = await signedIn('Alerts@Contoso.Example');
    await dialogue.say(`MAIL FROM:<${MAILBOX}> BODY=8BITMIME RET=HDRS ENVID=x+2B1 SIZE=100`);
    await dialogue.say('RCPT TO:<ann@example.com> NOTIFY=FAILURE,DELAY');
    await dialogue.say('DATA');
    const bytes = 'From: Größe <alerts@contoso.example>\r\n\r\n.leading dot\r\nümlaut\r\n';
    const reply = await dialogue.say(`${bytes.replace('\r\n.', '\r\n..')}.`);
    expect(shapeOfReply(reply)).toMatch(
      /^250 2\.0\.0 OK <[\w-]+@\{server\}\.PBRP281\.PROD\.OUTLOOK\.EXAMPLE> \[Hostname=/,
    );
    await dialogue.quit();
    const received = (await emulator.waitForMessages(before + 1)).at(-1);
    expect(received).toMatchObject({
      tenantId: emulator.defaults.tenantId,
      clientId: emulator.defaults.clientId,
      mailbox: MAILBOX,
      envelope: { sender: MAILBOX, recipients: ['ann@example.com'] },
      parameters: {
        mail: { body: '8BITMIME', return: 'headers', envelopeId: 'x+1', sizeBytes: 100 },
        recipients: [{ notify: ['failure', 'delay'] }],
      },
      reply,
    });
    expect(Buffer.from(received?.bytes ?? []).toString('utf8')).toBe(bytes);
  });

  it('may come in chunks (BDAT)', async () => {
    const dialogue = await signedIn();
    await dialogue.say(`MAIL FROM:<${MAILBOX}>`);
    await dialogue.say('RCPT TO:<ann@example.com>');
    dialogue.send('BDAT 10\r\nSubject: a');
    expect(await dialogue.read()).toMatch(/^250 /);
    dialogue.send('BDAT 8 LAST\r\n\r\n\r\nText');
    expect(await dialogue.read()).toMatch(/^250 2\.0\.0 OK </);
    expect(Buffer.from(emulator.messages.at(-1)?.bytes ?? []).toString()).toBe('Subject: a\r\n\r\nText');
    await dialogue.quit();
  });
});

describe('a message is refused at its end', () => {
  const at = HOSTNAME_DATA;

  it.each([
    [
      'From is another mailbox',
      MAILBOX,
      'From: "A, B" <boss@contoso.example>\r\n\r\nText',
      /^554 5\.2\.252 SendAsDenied; notifications@contoso\.example not allowed to send as boss@contoso\.example; STOREDRV\.Submission\.Exception:SendAsDeniedException\.MapiExceptionSendAsDenied; .* \[Hostname=/,
    ],
    [
      'the reverse path is another mailbox',
      'boss@contoso.example',
      message(MAILBOX),
      /^554 5\.2\.252 SendAsDenied; .* not allowed to send as boss@contoso\.example;/,
    ],
    [
      'From names several without Sender',
      MAILBOX,
      `From: ${MAILBOX}, alerts@contoso.example\r\n\r\nText`,
      /^550 5\.1\.20 Multiple From addresses are not allowed without Sender address \[Hostname=/,
    ],
    ['From cannot be read', MAILBOX, 'From: <nobody\r\n\r\nText', /^501 5\.1\.7 Invalid address/],
  ])('where %s', async (_, sender, content, reply) => {
    const kept = emulator.messages.length;
    const dialogue = await signedIn();
    expect(await dialogue.submit(sender, ['ann@example.com'], content)).toMatch(reply);
    expect(emulator.messages.length).toBe(kept);
    expect(await dialogue.submit(MAILBOX, ['ann@example.com'], message(MAILBOX))).toMatch(/^250 /);
    await dialogue.quit();
  });

  it.each([
    ['an alias', 'alerts@contoso.example'],
    ['an address granted by SendAs', 'SHOP@contoso.example'],
  ])('not where From is %s', async (_, from) => {
    const dialogue = await signedIn();
    expect(await dialogue.submit(from, ['ann@example.com'], message(from))).toMatch(/^250 /);
    await dialogue.quit();
  });

  it('where it is larger than the mailbox may send', async () => {
    const dialogue = await signedIn('small@contoso.example');
    const reply = await dialogue.submit(
      'small@contoso.example',
      ['ann@example.com'],
      `Subject: big\r\n\r\n${'x'.repeat(990)}`,
    );
    expect(shapeOfReply(reply)).toBe(`552 5.3.4 Message size exceeds fixed maximum message size ${at}`);
    await dialogue.quit();
  });

  it('where the mailbox is full', async () => {
    const dialogue = await signedIn('full@contoso.example');
    const reply = await dialogue.submit('full@contoso.example', ['ann@example.com'], 'Subject: a\r\n\r\nText');
    expect(shapeOfReply(reply)).toBe(
      `554 5.2.2 mailbox full; STOREDRV.Submission.Exception:QuotaExceededException ${at}`,
    );
    await dialogue.quit();
  });
});

describe('commands are refused', () => {
  it('where MAIL announces more than 150 MB', async () => {
    const dialogue = await signedIn();
    const reply = await dialogue.say(`MAIL FROM:<${MAILBOX}> SIZE=157286401`);
    expect(shapeOfReply(reply)).toBe(`552 5.3.4 Message size exceeds fixed maximum message size ${SESSION_DATA}`);
    expect(await dialogue.say(`MAIL FROM:<${MAILBOX}> SIZE=157286400`)).toMatch(/^250 /);
    await dialogue.quit();
  });

  it('where a message gets more recipients than the mailbox may name', async () => {
    const dialogue = await signedIn('small@contoso.example');
    await dialogue.say('MAIL FROM:<small@contoso.example>');
    for (const name of ['a', 'b']) expect(await dialogue.say(`RCPT TO:<${name}@example.com>`)).toMatch(/^250 /);
    expect(shapeOfReply(await dialogue.say('RCPT TO:<c@example.com>'))).toBe(
      `452 4.5.3 Too many recipients ${SESSION_DATA}`,
    );
    await dialogue.say('RSET');
    await dialogue.say('MAIL FROM:<small@contoso.example>');
    expect(await dialogue.say('RCPT TO:<c@example.com>')).toMatch(/^250 /);
    await dialogue.quit();
  });

  it('where an address is none', async () => {
    const dialogue = await signedIn();
    await dialogue.say(`MAIL FROM:<${MAILBOX}>`);
    expect(shapeOfReply(await dialogue.say('RCPT TO:<nobody>'))).toBe(`501 5.1.3 Invalid address ${SESSION_DATA}`);
    await dialogue.quit();
  });
});
