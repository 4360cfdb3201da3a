/** AUTH over TLS: every mechanism, the quirks of old devices, and everything malformed. */
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runs } from '../../../../tests/setup/quick.ts';
import type { AuthAttempt, SmtpServerHandler } from './index.ts';
import { collectingServer } from './testing/collecting-server.ts';
import { encrypted, listening, testCertificates } from './testing/listening.ts';
import { cutAt } from './testing/memory-client.ts';
import { SocketClient } from './testing/socket-client.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const XOAUTH2 = base64('user=a@example.com\u0001auth=Bearer token.1\u0001\u0001');
const OAUTHBEARER = base64('n,a=a@example.com,\u0001host=h\u0001port=587\u0001auth=Bearer token.1\u0001\u0001');
const PLAIN = base64('\0a@example.com\0pässword');

type Revealed = { readonly mechanism: string; readonly username: string; readonly secret: string };

/** A client after EHLO within TLS, and what the handler was offered. */
async function signedOut(
  handler: SmtpServerHandler = {},
  options: Parameters<typeof collectingServer>[0] = {},
): Promise<{ client: SocketClient; attempts: Revealed[]; errors: unknown[] }> {
  const attempts: Revealed[] = [];
  const authenticate = (_: unknown, attempt: AuthAttempt) => {
    const secret = 'token' in attempt ? attempt.token : attempt.password;
    attempts.push({ mechanism: attempt.mechanism, username: attempt.username, secret: secret.reveal() });
    return { identity: attempt.username };
  };
  const { server, errors } = collectingServer({
    ...(await encrypted('tls')),
    ...options,
    handler: { authenticate, ...handler },
  });
  const client = SocketClient.securelyTo(await listening(server), (await testCertificates()).trusted);
  onTestFinished(async () => void (await client.end()));
  await client.hear(/^220 .*\r\n/);
  await client.ask('EHLO a');
  return { client, attempts, errors };
}

const OK = '235 2.7.0 Authentication successful\r\n';
const UNDECODABLE = '501 5.5.2 Cannot decode the authentication response\r\n';

describe('XOAUTH2', () => {
  const expected = [{ mechanism: 'XOAUTH2', username: 'a@example.com', secret: 'token.1' }];

  it('is taken with the response on the command line', async () => {
    const { client, attempts } = await signedOut();
    expect(await client.ask(`AUTH XOAUTH2 ${XOAUTH2}`)).toBe(OK);
    expect(attempts).toEqual(expected);
  });

  it('is taken with the response after an empty challenge', async () => {
    const { client, attempts } = await signedOut();
    expect(await client.ask('auth xoauth2')).toBe('334 \r\n');
    expect(await client.ask(XOAUTH2)).toBe(OK);
    expect(attempts).toEqual(expected);
  });

  it('takes a token of 8 kB in both forms', async () => {
    const token = 'x'.repeat(8000);
    const response = base64(`user=a\u0001auth=Bearer ${token}\u0001\u0001`);
    const oneStep = await signedOut();
    expect(await oneStep.client.ask(`AUTH XOAUTH2 ${response}`)).toBe(OK);
    const twoSteps = await signedOut();
    await twoSteps.client.ask('AUTH XOAUTH2');
    expect(await twoSteps.client.ask(response)).toBe(OK);
    expect(twoSteps.attempts[0]?.secret).toBe(token);
  });

  it('can be refused at once, or as Google does with a reason in a challenge', async () => {
    const refusal = { code: 535, enhanced: '5.7.3', text: 'Authentication unsuccessful' };
    const direct = await signedOut({ authenticate: () => refusal });
    expect(await direct.client.ask(`AUTH XOAUTH2 ${XOAUTH2}`)).toBe('535 5.7.3 Authentication unsuccessful\r\n');
    const challenged = await signedOut({ authenticate: () => ({ challenge: '{"status":"401"}', reply: refusal }) });
    expect(await challenged.client.ask(`AUTH XOAUTH2 ${XOAUTH2}`)).toBe(`334 ${base64('{"status":"401"}')}\r\n`);
    expect(await challenged.client.ask('')).toBe('535 5.7.3 Authentication unsuccessful\r\n');
    expect(await challenged.client.ask('NOOP')).toBe('250 2.0.0 OK\r\n');
  });
});

describe('OAUTHBEARER', () => {
  it('is taken, with and without a name', async () => {
    const { client, attempts } = await signedOut();
    expect(await client.ask(`AUTH OAUTHBEARER ${OAUTHBEARER}`)).toBe(OK);
    const nameless = await signedOut();
    expect(await nameless.client.ask(`AUTH OAUTHBEARER ${base64('n,,\u0001auth=bearer t=\u0001\u0001')}`)).toBe(OK);
    const escaped = await signedOut();
    await escaped.client.ask(`AUTH OAUTHBEARER ${base64('y,a=a=2Cb=3Dc,\u0001auth=Bearer t\u0001\u0001')}`);
    expect([...attempts, ...nameless.attempts, ...escaped.attempts].map(({ username }) => username)).toEqual([
      'a@example.com',
      '',
      'a,b=c',
    ]);
  });

  it('is refused in two steps, as its RFC demands', async () => {
    const { client } = await signedOut({ authenticate: () => ({ code: 535, enhanced: '5.7.8', text: 'No' }) });
    expect(await client.ask(`AUTH OAUTHBEARER ${OAUTHBEARER}`)).toBe(`334 ${base64('{"status":"invalid_token"}')}\r\n`);
    expect(await client.ask('AQ==')).toBe('535 5.7.8 No\r\n');
  });
});

describe('PLAIN and LOGIN', () => {
  it('take PLAIN in both forms', async () => {
    const oneStep = await signedOut();
    expect(await oneStep.client.ask(`AUTH PLAIN ${PLAIN}`)).toBe(OK);
    const twoSteps = await signedOut();
    expect(await twoSteps.client.ask('AUTH PLAIN')).toBe('334 \r\n');
    expect(await twoSteps.client.ask(base64('a@example.com\0a@example.com\0pässword'))).toBe(OK);
    const expected = { mechanism: 'PLAIN', username: 'a@example.com', secret: 'pässword' };
    expect([...oneStep.attempts, ...twoSteps.attempts]).toEqual([expected, expected]);
  });

  it.each([
    ['prompted for both', ['AUTH LOGIN', base64('scanner'), base64('secret')]],
    ['the name on the command line', [`AUTH LOGIN ${base64('scanner')}`, base64('secret')]],
    ['lower case', [`auth login ${base64('scanner')}`, base64('secret')]],
    ['without padding', ['AUTH LOGIN', base64('scanner').replaceAll('=', ''), base64('secret').replaceAll('=', '')]],
    ['a space at the end', ['AUTH LOGIN ', `${base64('scanner')} `, `${base64('secret')} `]],
  ])('take LOGIN from old devices: %s', async (_, lines) => {
    const { client, attempts } = await signedOut();
    const said: string[] = [];
    for (const line of lines) said.push(await client.ask(line));
    expect(said.slice(0, -1)).toEqual(['334 VXNlcm5hbWU6\r\n', '334 UGFzc3dvcmQ6\r\n'].slice(-(lines.length - 1)));
    expect(said.at(-1)).toBe(OK);
    expect(attempts).toEqual([{ mechanism: 'LOGIN', username: 'scanner', secret: 'secret' }]);
  });
});

describe('after HELO', () => {
  it('an old device that saw no list may sign in', async () => {
    const { client, attempts } = await signedOut();
    expect(await client.ask('HELO scanner')).toBe('250 mail.example.com\r\n');
    expect(await client.ask(`AUTH PLAIN ${PLAIN}`)).toBe(OK);
    expect(attempts).toHaveLength(1);
  });
});

describe('an exchange', () => {
  it('is cancelled by *', async () => {
    const { client, attempts } = await signedOut();
    for (const command of ['AUTH XOAUTH2', 'AUTH LOGIN', 'AUTH PLAIN']) {
      await client.ask(command);
      expect(await client.ask('*')).toBe('501 5.7.0 Authentication cancelled\r\n');
    }
    expect(await client.ask(`AUTH LOGIN ${base64('a')}`)).toMatch(/^334/);
    expect(await client.ask('*')).toBe('501 5.7.0 Authentication cancelled\r\n');
    expect(attempts).toEqual([]);
  });

  it.each([
    'XOAUTH2 !!!!',
    'XOAUTH2 =',
    'XOAUTH2 a',
    'XOAUTH2 /w==',
    `XOAUTH2 ${base64('user=a\u0001auth=Bearer t\u0001')}`,
    `XOAUTH2 ${base64('user=\u0001auth=Bearer t\u0001\u0001')}`,
    `XOAUTH2 ${base64('user=a\u0001auth=Basic t\u0001\u0001')}`,
    `XOAUTH2 ${base64('user=a\u0001auth=Bearer \u0001\u0001')}`,
    `XOAUTH2 ${base64('user=a\u0001user=b\u0001auth=Bearer t\u0001\u0001')}`,
    `XOAUTH2 ${base64('auth=Bearer t\u0001\u0001')}`,
    `OAUTHBEARER ${XOAUTH2}`,
    `OAUTHBEARER ${base64('p=tls-unique,,\u0001auth=Bearer t\u0001\u0001')}`,
    `OAUTHBEARER ${base64('n,a==2X,\u0001auth=Bearer t\u0001\u0001')}`,
    `PLAIN ${base64('a\0b')}`,
    `PLAIN ${base64('\0\0b')}`,
    `PLAIN ${base64('\0a\r\nb\0c')}`,
    `XOAUTH2 ${base64('user=a\nb\u0001auth=Bearer t\u0001\u0001')}`,
    `LOGIN =`,
    `LOGIN ${base64('a\nb')}`,
    `PLAIN ${PLAIN}\u00a0`,
    `PLAIN ${base64('\0a\0b\0c')}`,
    `PLAIN ${base64('somebody-else\0a\0b')}`,
  ])('that cannot be read is refused without asking the handler: %s', async (argument) => {
    const { client, attempts } = await signedOut();
    expect(await client.ask(`AUTH ${argument}`)).toBe(UNDECODABLE);
    expect(attempts).toEqual([]);
  });

  it('ends when a line is too long', async () => {
    const { client } = await signedOut();
    expect(await client.ask(`AUTH XOAUTH2 ${'x'.repeat(13_000)}`)).toBe('500 5.5.2 Line too long\r\n');
    await client.ask('AUTH XOAUTH2');
    expect(await client.ask('x'.repeat(100_000))).toBe('500 5.5.6 Authentication exchange line is too long\r\n');
    expect(await client.ask('NOOP')).toBe('250 2.0.0 OK\r\n');
  });

  it('is refused where the mechanism is not offered', async () => {
    const { client } = await signedOut(
      { extensions: () => ['AUTH LOGIN XOAUTH2'] },
      {
        replies: {
          authMechanismNotOffered: { code: 504, enhanced: '5.7.4', text: 'Unrecognized authentication type' },
        },
      },
    );
    for (const name of ['PLAIN', 'OAUTHBEARER', 'NTLM', 'GSSAPI', 'XOAUTH'])
      expect(await client.ask(`AUTH ${name}`)).toBe('504 5.7.4 Unrecognized authentication type\r\n');
    expect(await client.ask('AUTH')).toBe('501 5.5.4 Invalid arguments\r\n');
    expect(await client.ask(`AUTH XOAUTH2 a b`)).toBe('501 5.5.4 Invalid arguments\r\n');
  });

  it('happens once, and not within a transaction', async () => {
    const { client } = await signedOut();
    await client.ask('MAIL FROM:<a@example.com>');
    expect(await client.ask(`AUTH XOAUTH2 ${XOAUTH2}`)).toBe('503 5.5.1 Bad sequence of commands\r\n');
    await client.ask('RSET');
    expect(await client.ask(`AUTH XOAUTH2 ${XOAUTH2}`)).toBe(OK);
    expect(await client.ask(`AUTH XOAUTH2 ${XOAUTH2}`)).toBe('503 5.5.1 Already authenticated\r\n');
  });

  it('that the handler answers wrongly or not at all signs nobody in', async () => {
    for (const authenticate of [
      () => Promise.reject(new Error('directory is down')),
      () => ({ code: 235, text: 'fine' }),
      () => ({ identity: 'a', reply: { code: 535, text: 'no' } }),
    ]) {
      const { client, errors } = await signedOut({ authenticate });
      expect(await client.ask(`AUTH XOAUTH2 ${XOAUTH2}`)).toBe('451 4.3.0 Local error, try again later\r\n');
      expect(errors).toHaveLength(1);
    }
  });

  it('gives the identity to the session', async () => {
    const identities: unknown[] = [];
    const { client } = await signedOut({ mail: (session) => void identities.push(session.identity) });
    await client.ask('MAIL FROM:<a@example.com>');
    await client.ask('RSET');
    await client.ask(`AUTH XOAUTH2 ${XOAUTH2}`);
    await client.ask('MAIL FROM:<a@example.com>');
    expect(identities).toEqual([undefined, 'a@example.com']);
  });
});

describe('AUTH under 50,000 random exchanges', () => {
  const fields = fc
    .array(
      fc.constantFrom(
        'user=',
        'auth=',
        'Bearer ',
        'a@example.com',
        'token',
        '\u0001',
        '\u0001\u0001',
        '\0',
        'n,',
        'a=',
        ',',
        '=2C',
        'é',
      ),
      { maxLength: 9 },
    )
    .map((parts) => base64(parts.join('')));
  const response = fc.oneof(
    fields,
    fields.map((text) => text.replaceAll('=', '')),
    fc.constantFrom('', '=', '*', '====', 'a', '@', XOAUTH2, OAUTHBEARER, PLAIN, XOAUTH2.slice(1)),
    fc.string({ maxLength: 20 }).map((text) => text.replaceAll(/[\r\n]/g, '')),
  );
  const mechanism = fc.constantFrom('XOAUTH2', 'OAUTHBEARER', 'PLAIN', 'LOGIN', 'login', 'NTLM', '');
  // Whatever an exchange waits for, the star ends it, so that each begins in the same state.
  const exchange = fc
    .tuple(mechanism, response, fc.array(response, { maxLength: 2 }))
    .map(([name, initial, more]) => `AUTH ${name} ${initial}\r\n${more.map((line) => `${line}\r\n`).join('')}*\r\n`);

  it('gives only replies that it should, the same however they are split', async () => {
    const { client, attempts, errors } = await signedOut(
      {
        authenticate: (_, attempt) => (
          attempts.push({ ...attempt, secret: '' }),
          { code: 535, enhanced: '5.7.3', text: 'No' }
        ),
      },
      { limits: { errors: Number.POSITIVE_INFINITY, junkCommands: Number.POSITIVE_INFINITY } },
    );
    const places = fc.array(fc.nat(20_000), { maxLength: 8 });
    let count = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(exchange, { minLength: 100, maxLength: 100 }), places, async (exchanges, at) => {
        const bytes = Buffer.from(`${exchanges.join('')}HELP\r\n`);
        client.say(bytes);
        const whole = await client.hear(/214 2\.0\.0 See RFC 5321\r\n/);
        for (const segment of cutAt(bytes, at)) client.say(segment);
        const split = await client.hear(/214 2\.0\.0 See RFC 5321\r\n/);
        expect(split).toBe(whole);
        expect(whole).toMatch(/^(?:(?:334 [A-Za-z0-9+/]*=*|50[014] 5\.\d\.\d .*|535 5\.7\.3 No|250 .*|214 .*)\r\n)*$/);
        count += exchanges.length;
      }),
      { numRuns: runs(500) },
    );
    expect(count).toBe(100 * runs(500));
    expect(attempts.length).toBeGreaterThan(100);
    expect(errors).toEqual([]);
  });
});
