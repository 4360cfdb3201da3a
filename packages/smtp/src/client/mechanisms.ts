/**
 * The ways to sign in, as bytes.
 *
 * | mechanism | for | source |
 * | --- | --- | --- |
 * | XOAUTH2 | bearer token | Microsoft, "Authenticate an IMAP, POP or SMTP connection using OAuth", read 2026-11-24 |
 * | OAUTHBEARER | bearer token | RFC 7628 |
 * | PLAIN | password | RFC 4616 |
 * | LOGIN | password | [MS-XLOGIN]; never standardised, still the only one at some servers |
 *
 * The order of the table is the order of preference. Credentials and mechanism belong together: a bearer token is never
 * tried as a password, nor the other way round.
 */
import { Buffer } from 'node:buffer';
import { failure, success, type Fault, type Result, type Secret } from '@postbearer/core';
import { clientFaults } from './faults.ts';

/** What proves who we are. */
export type SmtpCredentials =
  | { readonly kind: 'bearer'; readonly username: string; readonly token: Secret }
  | { readonly kind: 'password'; readonly username: string; readonly password: Secret };

/** A mechanism with everything it will say, each step in base64. */
export interface Mechanism {
  readonly name: 'XOAUTH2' | 'OAUTHBEARER' | 'PLAIN' | 'LOGIN';
  /** What the client says, in order. The first goes with the command where it fits and `hasInitialResponse`. */
  readonly responses: readonly string[];
  readonly hasInitialResponse: boolean;
  /** What ends the exchange when the server explains a refusal in a challenge. */
  readonly afterChallenge: string;
}

const NAMES: Readonly<Record<SmtpCredentials['kind'], readonly Mechanism['name'][]>> = {
  bearer: ['XOAUTH2', 'OAUTHBEARER'],
  password: ['PLAIN', 'LOGIN'],
};

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}

function invalid(part: string, reason: string): Fault {
  return clientFaults.make('SMTP_AUTH_CREDENTIALS_INVALID', { part, reason });
}

/** What is wrong with credentials; a control character in any of them would change the meaning of the rest. */
function problemOf(credentials: SmtpCredentials): Fault | undefined {
  if (credentials.username === '') return invalid('user name', 'it is empty');
  // oxlint-disable-next-line no-control-regex -- control characters are what is refused
  if (/[\u0000-\u001f\u007f]/.test(credentials.username)) return invalid('user name', 'it holds a control character');
  if (credentials.kind === 'bearer') {
    const token = credentials.token.reveal();
    if (token === '') return invalid('token', 'it is empty');
    // RFC 6750 section 2.1 has fewer characters; what matters is that none ends a field or a line.
    if (!/^[\u0021-\u007e]+$/.test(token)) return invalid('token', 'it holds a character that no bearer token has');
    return undefined;
  }
  const password = credentials.password.reveal();
  if (password === '') return invalid('password', 'it is empty');
  return password.includes('\0') ? invalid('password', 'it holds a NUL') : undefined;
}

/** A name inside the header of RFC 5801 section 4. */
function gs2Name(name: string): string {
  return name.replaceAll('=', '=3D').replaceAll(',', '=2C');
}

function build(
  name: Mechanism['name'],
  credentials: SmtpCredentials,
  server: { host: string; port: number },
): Mechanism {
  const { username } = credentials;
  const secret = credentials.kind === 'bearer' ? credentials.token.reveal() : credentials.password.reveal();
  switch (name) {
    case 'XOAUTH2':
      return {
        name,
        hasInitialResponse: true,
        afterChallenge: '',
        responses: [base64(`user=${username}\u0001auth=Bearer ${secret}\u0001\u0001`)],
      };
    case 'OAUTHBEARER': {
      const header = `n,a=${gs2Name(username)},`;
      const pairs = [`host=${server.host}`, `port=${server.port}`, `auth=Bearer ${secret}`];
      return {
        name,
        hasInitialResponse: true,
        afterChallenge: base64('\u0001'),
        responses: [base64(`${[header, ...pairs].join('\u0001')}\u0001\u0001`)],
      };
    }
    case 'PLAIN':
      return { name, hasInitialResponse: true, afterChallenge: '*', responses: [base64(`\0${username}\0${secret}`)] };
    case 'LOGIN':
      return { name, hasInitialResponse: false, afterChallenge: '*', responses: [base64(username), base64(secret)] };
  }
}

/** Picks the best mechanism that the server offers for these credentials. */
export function chooseMechanism(
  credentials: SmtpCredentials,
  offered: readonly string[],
  server: { readonly host: string; readonly port: number },
): Result<Mechanism> {
  const problem = problemOf(credentials);
  if (problem !== undefined) return failure(problem);
  const name = NAMES[credentials.kind].find((candidate) => offered.includes(candidate));
  if (name !== undefined) return success(build(name, credentials, server));
  return failure(
    clientFaults.make(
      'SMTP_AUTH_MECHANISM_NOT_OFFERED',
      {
        host: server.host,
        offered: offered.length === 0 ? 'no way of signing in' : offered.join(', '),
        wanted: NAMES[credentials.kind].join(' or '),
      },
      {
        evidence: {
          kind: 'smtp',
          stage: 'auth',
          host: server.host,
          code: 0,
          lines: [`AUTH ${offered.join(' ')}`.trim()],
        },
      },
    ),
  );
}
