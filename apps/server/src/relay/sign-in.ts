/**
 * How a client signs in at a listener with TLS.
 *
 * The rules of this file:
 * - an attempt is looked at only while `SignInLimit` lets it be;
 * - a wrong name and a wrong password get the same answer, word for word;
 * - a device that is unknown and whose network is being learnt is enrolled with the name and the password that it has.
 */
import { oneLine, type Fault } from '@postbearer/core';
import type { AuthAttempt, AuthOutcome, SmtpSession, SpokenReply } from '@postbearer/smtp/server';
import type { AppRegistry } from '../access/app-registry.ts';
import type { App } from '../access/app.ts';
import { accessFaults } from '../access/faults.ts';
import type { Caller } from '../access/learning.ts';
import { placeOf } from '../access/network-range.ts';
import type { SignInLimit } from './sign-in-limit.ts';

/** Enrols a device that is to be learnt, with its credentials where it signs in; nothing where it is not. */
export type Enrol = (session: SmtpSession, credentials?: Caller['credentials']) => Promise<App | undefined>;

/** What signing in works with. */
export interface SignInOptions {
  readonly apps: Pick<AppRegistry, 'signIn' | 'isKnownAddress' | 'digest'>;
  readonly enrol: Enrol;
  readonly limit: SignInLimit;
  /** Tells that a client was turned away, and gives the reply. */
  readonly refuse: (session: SmtpSession, fault: Fault, reply: SpokenReply, username: string) => SpokenReply;
}

const WRONG: SpokenReply = { code: 535, enhanced: '5.7.8', text: 'User name or password wrong' };
const SLOW_DOWN: SpokenReply = { code: 454, enhanced: '4.7.0', text: 'Too many failed sign-ins; try again later' };
const BUSY: SpokenReply = { code: 454, enhanced: '4.7.0', text: 'Too many sign in at the moment; try again later' };
const NOT_OFFERED: SpokenReply = { code: 504, enhanced: '5.5.4', text: 'Mechanism not offered' };

/** Looks at the credentials of a client. */
export async function signIn(session: SmtpSession, attempt: AuthAttempt, options: SignInOptions): Promise<AuthOutcome> {
  if (!('password' in attempt)) return NOT_OFFERED;
  const { apps, enrol, limit, refuse } = options;
  const { remoteAddress: address } = session;
  const { username, password } = attempt;
  const values = { app: oneLine(username, 64), address };
  const open = limit.begin({
    username,
    place: placeOf(address),
    isKnownAddress: apps.isKnownAddress(username, address),
    digest: apps.digest(password),
  });
  if (open === undefined)
    return refuse(session, accessFaults.make('RELAY_TOO_MANY_SIGN_INS', values), SLOW_DOWN, username);
  const found = await apps.signIn(username, password, address);
  // What was not looked at was no wrong one.
  if (found === 'busy') {
    open.end(true);
    return refuse(session, accessFaults.make('RELAY_SIGN_IN_BUSY', values), BUSY, username);
  }
  const app = found ?? (await enrol(session, { username, password }));
  open.end(app !== undefined);
  if (app !== undefined) return { identity: app.name };
  return refuse(session, accessFaults.make('ACCESS_CREDENTIAL_WRONG', values), WRONG, username);
}
