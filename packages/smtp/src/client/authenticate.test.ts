import { Buffer } from 'node:buffer';
import { Secret, type PostbearerEvent, type Result, type Verdict } from '@postbearer/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { canaryPassword, canaryTokenMark } from '../../../../tests/setup/canaries.ts';
import { makeCertificates, type CertificateSet } from '../../../../tests/setup/certificates.ts';
import { connectSmtp, type SmtpConnection, type SmtpCredentials } from './index.ts';
import { HELLO, message } from './testing/sample-messages.ts';
import { DELIVERIES, serveTranscripts, type Delivery } from './testing/transcript.ts';

let certificates: CertificateSet;
beforeAll(async () => {
  certificates = await makeCertificates();
});

const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64');
const xoauth2 = (token: string, username = 'app@example.com'): string =>
  base64(`user=${username}\u0001auth=Bearer ${token}\u0001\u0001`);
const bearer = (token: string, username = 'app@example.com'): SmtpCredentials => ({
  kind: 'bearer',
  username,
  token: Secret.of(token),
});
const password = (text: string, username = 'app@example.com'): SmtpCredentials => ({
  kind: 'password',
  username,
  password: Secret.of(text),
});

const LONG_TOKEN = `${canaryTokenMark}.`.repeat(60);

interface Exchange {
  readonly offers: string;
  readonly dialogue: string;
  readonly delivery?: Delivery;
}

/** Plays the dialogue of signing in over TLS from the first byte. */
async function signIn(
  credentials: SmtpCredentials,
  session: Exchange,
  then?: (connection: SmtpConnection) => Promise<readonly Verdict[]>,
) {
  const events: PostbearerEvent[] = [];
  const transcript = `
    TLS
    S: 220 mx.example.com ready
    C: EHLO client.example.com
    S: 250-mx.example.com
    S: 250 ${session.offers}
    ${session.dialogue}`;
  await using server = await serveTranscripts([transcript], {
    delivery: session.delivery ?? 'all at once',
    tls: certificates.good,
  });
  const connected = await connectSmtp({
    host: 'localhost',
    port: server.port,
    security: 'tls',
    clientName: 'client.example.com',
    tls: { ca: [certificates.trusted] },
    timeouts: { auth: 300 },
    dialogue: true,
    onEvent: (event) => events.push(event),
  });
  if (!connected.ok) throw new Error(connected.fault.message);
  const outcome: Result<{ readonly mechanism: string }> = await connected.value.authenticate(credentials);
  const isUsable = connected.value.isUsable;
  const afterwards = await then?.(connected.value);
  connected.value.close();
  await server.finished();
  const dialogue = events.flatMap((event) =>
    event.name === 'smtp.dialogue' && event.from === 'client' ? event.text : [],
  );
  return { outcome, afterwards, isUsable, events, dialogue, port: server.port };
}

describe.each(DELIVERIES)('signing in, replies %s', (delivery) => {
  it('sends a short token with the command', async () => {
    const { outcome, dialogue } = await signIn(bearer('short'), {
      delivery,
      offers: 'AUTH LOGIN XOAUTH2',
      dialogue: `
        C: AUTH XOAUTH2 ${xoauth2('short')}
        S: 235 2.7.0 Authentication successful`,
    });
    expect(outcome).toEqual({ ok: true, value: { mechanism: 'XOAUTH2' } });
    expect(dialogue.slice(1)).toEqual(['AUTH XOAUTH2 [secret]']);
  });

  it('sends a long token on a line of its own, after 334', async () => {
    const { outcome, dialogue, events } = await signIn(bearer(LONG_TOKEN), {
      delivery,
      offers: 'AUTH LOGIN XOAUTH2',
      dialogue: `
        C: AUTH XOAUTH2
        S: 334 
        C: ${xoauth2(LONG_TOKEN)}
        S: 235 2.7.0 Authentication successful`,
    });
    expect(outcome).toEqual({ ok: true, value: { mechanism: 'XOAUTH2' } });
    expect(dialogue.slice(1)).toEqual(['AUTH XOAUTH2', '[secret]']);
    expect(JSON.stringify(events)).not.toContain(canaryTokenMark);
  });

  it('keeps the reason that a server gives in a challenge, and reads on to its 535', async () => {
    const reason = '{"status":"401","schemes":"bearer","scope":"https://outlook.office.com/SMTP.Send"}';
    const { outcome, events, dialogue, isUsable } = await signIn(bearer(LONG_TOKEN), {
      delivery,
      offers: 'AUTH XOAUTH2',
      dialogue: `
        C: AUTH XOAUTH2
        S: 334 
        C: ${xoauth2(LONG_TOKEN)}
        S: 334 ${base64(reason)}
        C: 
        S: 535 5.7.3 Authentication unsuccessful [SG2PEPF000B66D0]`,
    });
    expect(outcome).toMatchObject({
      ok: false,
      fault: {
        code: 'SMTP_AUTH_REFUSED',
        next: 'needs-person',
        message: 'localhost refused to sign in app@example.com with XOAUTH2.',
        evidence: {
          kind: 'smtp',
          stage: 'auth',
          code: 535,
          enhanced: '5.7.3',
          lines: ['Authentication unsuccessful [SG2PEPF000B66D0]'],
          challenge: reason,
        },
      },
    });
    expect(dialogue.slice(1)).toEqual(['AUTH XOAUTH2', '[secret]', '[secret]']);
    expect(events.filter(({ name }) => name === 'smtp.authentication-failed')).toHaveLength(1);
    expect(isUsable).toBe(true);
  });

  it('speaks OAUTHBEARER where that is all there is', async () => {
    const username = 'a,b=c@example.com';
    const session = (port: number): string =>
      base64(`n,a=a=2Cb=3Dc@example.com,\u0001host=localhost\u0001port=${port}\u0001auth=Bearer t0ken\u0001\u0001`);
    // The port is a part of the message and is known only when the server listens.
    await expect(
      signIn(bearer('t0ken', username), {
        delivery,
        offers: 'AUTH OAUTHBEARER PLAIN',
        dialogue: `C: AUTH OAUTHBEARER ${session(1)}`,
      }),
    ).rejects.toThrow(/heard "AUTH OAUTHBEARER [A-Za-z0-9+/=]+/);
  });

  it('speaks PLAIN before LOGIN, and LOGIN one step at a time', async () => {
    const plain = await signIn(password(canaryPassword), {
      delivery,
      offers: 'AUTH=LOGIN PLAIN',
      dialogue: `
        C: AUTH PLAIN ${base64(`\0app@example.com\0${canaryPassword}`)}
        S: 235 in`,
    });
    expect(plain.outcome).toEqual({ ok: true, value: { mechanism: 'PLAIN' } });
    const login = await signIn(password(canaryPassword), {
      delivery,
      offers: 'AUTH XOAUTH2 LOGIN',
      dialogue: `
        C: AUTH LOGIN
        S: 334 VXNlcm5hbWU6
        C: ${base64('app@example.com')}
        S: 334 UGFzc3dvcmQ6
        C: ${base64(canaryPassword)}
        S: 235 in`,
    });
    expect(login.outcome).toEqual({ ok: true, value: { mechanism: 'LOGIN' } });
    expect(login.dialogue.slice(1)).toEqual(['AUTH LOGIN', '[secret]', '[secret]']);
    expect(JSON.stringify([plain.events, login.events])).not.toContain(base64(canaryPassword).slice(0, 20));
  });
});

describe('the length of the command line', () => {
  // "AUTH XOAUTH2 " is 13 octets and CR LF two, so 497 are left for the response; base64 comes in fours, so 496.
  const tokenFor = (responseLength: number): string =>
    'x'.repeat((responseLength / 4) * 3 - 'user=app@example.com1auth=Bearer 11'.length);

  it('is at most 512 octets with its ending', async () => {
    const fits = tokenFor(496);
    expect(`AUTH XOAUTH2 ${xoauth2(fits)}\r\n`).toHaveLength(511);
    const whole = await signIn(bearer(fits), {
      offers: 'AUTH XOAUTH2',
      dialogue: `C: AUTH XOAUTH2 ${xoauth2(fits)}\nS: 235 in`,
    });
    expect(whole.outcome.ok).toBe(true);
    const tooLong = tokenFor(500);
    expect(`AUTH XOAUTH2 ${xoauth2(tooLong)}\r\n`).toHaveLength(515);
    const parts = await signIn(bearer(tooLong), {
      offers: 'AUTH XOAUTH2',
      dialogue: `C: AUTH XOAUTH2\nS: 334 \nC: ${xoauth2(tooLong)}\nS: 235 in`,
    });
    expect(parts.outcome.ok).toBe(true);
  });
});

describe('a server that', () => {
  const offers = 'AUTH XOAUTH2 PLAIN';
  const say = (answer: string): string => `C: AUTH XOAUTH2 ${xoauth2('t0ken')}\n${answer}`;

  it.each([
    ['has a temporary problem', 'S: 454 4.7.0 Temporary authentication failure', 'SMTP_AUTH_DEFERRED', 'retry'],
    [
      'does not know the mechanism after all',
      'S: 504 5.7.4 Unrecognized authentication type',
      'SMTP_AUTH_MECHANISM_NOT_OFFERED',
      'fix-configuration',
    ],
    [
      'has it switched off',
      'S: 535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.',
      'SMTP_AUTH_REFUSED',
      'needs-person',
    ],
    ['goes away', 'S: 421 4.3.2 bye', 'SMTP_SERVICE_CLOSING', 'retry'],
    ['cuts the line', 'CUT', 'SMTP_CONNECTION_LOST', 'retry'],
    ['says nothing', '', 'SMTP_AUTH_TIMEOUT', 'retry'],
    ['answers out of order', 'S: 250 ok', 'SMTP_PROTOCOL_ERROR', 'retry'],
    [
      'goes on asking for ever',
      'S: 334 \nC: \nS: 334 \nC: \nS: 334 \nC: \nS: 334 \nC: \nS: 334 \nC: *\nS: 334 ',
      'SMTP_PROTOCOL_ERROR',
      'retry',
    ],
  ])('%s gives the fault that fits: %s', async (_, answer, code, next) => {
    const { outcome } = await signIn(bearer('t0ken'), { offers, dialogue: say(answer) });
    expect(outcome).toMatchObject({ ok: false, fault: { code, next } });
  });

  it('repeats the token in its answer is not quoted with it', async () => {
    const { outcome, events } = await signIn(bearer(LONG_TOKEN), {
      offers,
      dialogue: `
        C: AUTH XOAUTH2
        S: 334 
        C: ${xoauth2(LONG_TOKEN)}
        S: 334 ${base64(`{"token":"${LONG_TOKEN}"}`)}
        C: 
        S: 535 5.7.8 bad token ${LONG_TOKEN}`,
    });
    expect(outcome).toMatchObject({ fault: { evidence: { lines: ['bad token [secret]'] } } });
    expect(JSON.stringify(events.filter(({ name }) => name !== 'smtp.dialogue'))).not.toContain(canaryTokenMark);
  });

  it.each([
    ['AUTH PLAIN LOGIN', bearer('t0ken'), 'localhost offers PLAIN, LOGIN, none of which is XOAUTH2 or OAUTHBEARER.'],
    ['AUTH XOAUTH2', password('x'), 'localhost offers XOAUTH2, none of which is PLAIN or LOGIN.'],
    ['HELP', bearer('t0ken'), 'localhost offers no way of signing in, none of which is XOAUTH2 or OAUTHBEARER.'],
  ])('offers "%s" is not tried with something else', async (offered, credentials, told) => {
    const { outcome } = await signIn(credentials, { offers: offered, dialogue: '' });
    expect(outcome).toMatchObject({ fault: { code: 'SMTP_AUTH_MECHANISM_NOT_OFFERED', message: told } });
  });
});

describe('credentials that would change the meaning of the exchange are not sent', () => {
  it.each([
    ['an empty user name', bearer('t0ken', ''), 'The user name cannot be used to sign in: it is empty.'],
    ['a user name with a field separator', bearer('t0ken', 'a@b.c\u0001auth=Bearer x'), 'control character'],
    ['an empty token', bearer(''), 'The token cannot be used to sign in: it is empty.'],
    ['a token with a line break', bearer('t0ken\r\nRSET'), 'a character that no bearer token has'],
    ['a token with a field separator', bearer('t0ken\u0001'), 'a character that no bearer token has'],
    ['an empty password', password(''), 'The password cannot be used to sign in: it is empty.'],
    ['a password with NUL', password('a\0b'), 'it holds a NUL'],
  ])('%s', async (_, credentials, told) => {
    const { outcome } = await signIn(credentials, { offers: 'AUTH XOAUTH2 PLAIN', dialogue: '' });
    expect(outcome).toMatchObject({
      fault: { code: 'SMTP_AUTH_CREDENTIALS_INVALID', message: expect.stringContaining(told) },
    });
  });
});

describe('a server that repeats', () => {
  const encoded = xoauth2(LONG_TOKEN);
  const halves = (text: string): readonly string[] => [text.slice(0, 700), text.slice(700)];

  /** Whether 16 characters in a row of the token or of what was sent for it stand in the text. */
  function leaks(text: string): boolean {
    return [LONG_TOKEN, base64(LONG_TOKEN), encoded.slice(48)].some((form) =>
      Array.from({ length: form.length - 15 }, (_, at) => form.slice(at, at + 16)).some((piece) =>
        text.includes(piece),
      ),
    );
  }

  it.each([
    { name: 'the token', parts: [LONG_TOKEN] },
    { name: 'the beginning of the token', parts: [LONG_TOKEN.slice(0, 300)] },
    { name: 'a token that is divided over lines', parts: halves(LONG_TOKEN) },
    { name: 'a token in very short lines', parts: LONG_TOKEN.slice(0, 140).match(/.{10}/g) ?? [] },
    { name: 'the token in base64', parts: [base64(LONG_TOKEN)] },
    { name: 'what was sent', parts: [encoded] },
    { name: 'the beginning of what was sent', parts: [encoded.slice(0, 300)] },
    { name: 'what was sent, divided over lines', parts: halves(encoded) },
  ])('$name is quoted without it, then and later', async ({ parts }) => {
    const said = (code: number): string =>
      parts.map((part, index) => `S: ${code}${index === parts.length - 1 ? ' ' : '-'}${part}`).join('\n');
    expect(leaks(parts.join(''))).toBe(true);
    const refused = await signIn(bearer(LONG_TOKEN), {
      offers: 'AUTH XOAUTH2',
      dialogue: `C: AUTH XOAUTH2\nS: 334 \nC: ${encoded}\n${said(334)}\nC: \n${said(535)}`,
    });
    expect(refused.outcome).toMatchObject({ fault: { code: 'SMTP_AUTH_REFUSED' } });
    const later = await signIn(
      bearer(LONG_TOKEN),
      {
        offers: 'AUTH XOAUTH2',
        dialogue: `C: AUTH XOAUTH2\nS: 334 \nC: ${encoded}\nS: 235 in\nC: MAIL FROM:<app@example.com>\n${said(550)}`,
      },
      (connection) => connection.send(message(HELLO)),
    );
    expect(later.afterwards).toMatchObject([{ fault: { code: 'SMTP_SENDER_REFUSED' } }]);
    for (const { outcome, events, afterwards } of [refused, later]) {
      const told = JSON.stringify({ outcome, events, afterwards });
      expect(told).toContain('[secret]');
      expect(leaks(told)).toBe(false);
      // Nor can it be put together from what the lines hold.
      expect(
        leaks(events.flatMap((event) => (event.name === 'smtp.dialogue' ? event.text.slice(4) : [])).join('')),
      ).toBe(false);
    }
  });

  it('the token in a line that is no reply is quoted without it', async () => {
    const { outcome } = await signIn(bearer(LONG_TOKEN), {
      offers: 'AUTH XOAUTH2',
      dialogue: `C: AUTH XOAUTH2\nS: 334 \nC: ${encoded}\nS: ${LONG_TOKEN.slice(0, 300)}`,
    });
    expect(outcome).toMatchObject({ fault: { code: 'SMTP_REPLY_MALFORMED' } });
    expect(leaks(JSON.stringify(outcome))).toBe(false);
  });
});
