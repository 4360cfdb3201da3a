/**
 * A key of the HTTP API: what its holder may do.
 *
 * The rules of this file:
 * - a key does what its scopes name: `send` hands in mail and follows what itself handed in, `read` sees every message,
 *   `manage` also retries, releases, holds and discards, `admin` does everything;
 * - a key that names mailboxes sends through these, and sees and changes what goes through these alone; one that names none
 *   cannot send, and sees everything;
 * - whoever may administer may do anything, so such a key names no mailboxes.
 */
import { failure, success, type MailboxAddress, type Result } from '@postbearer/core';
import { parseApp, type App, type FromRule } from './app.ts';
import { accessFaults } from './faults.ts';

/** What a key may be for. */
export type KeyScope = 'send' | 'read' | 'manage' | 'admin';

/** The scopes, the narrowest first. */
export const KEY_SCOPES: readonly KeyScope[] = ['send', 'read', 'manage', 'admin'];

/** A key as it is asked for. */
export interface KeyInput {
  readonly name: string;
  readonly scopes: readonly KeyScope[];
  readonly mailboxes?: readonly string[];
  /** Addresses in From beside the mailboxes. */
  readonly from?: readonly string[];
  readonly fromRule?: FromRule;
  /** 6,000 where it is left out. */
  readonly requestsPerMinute?: number;
  /** Milliseconds since 1970; never where it is left out. */
  readonly expiresAt?: number;
}

/** A key. */
export interface ApiKey {
  readonly name: string;
  readonly scopes: ReadonlySet<KeyScope>;
  readonly mailboxes: readonly MailboxAddress[];
  /** What it sends as: policy is the same as for any app. Absent where it names no mailbox. */
  readonly app?: App;
  readonly requestsPerMinute: number;
  readonly expiresAt?: number;
}

/** What a list shows of a key. */
export interface KeyRecord extends KeyInput {
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** Milliseconds since 1970, rounded down to the minute; absent where it was never used. */
  readonly lastUsedAt?: number;
}

const STANDARD_REQUESTS = 6000;
const MOST_REQUESTS = 1_000_000;

/** What stands as the app of what a key sends. No app can have this name. */
export function appNameOf(keyName: string): string {
  return `key:${keyName}`;
}

/** Whether a key may do what a scope stands for. */
export function mayDo({ scopes }: ApiKey, scope: KeyScope): boolean {
  if (scopes.has('admin') || scopes.has(scope)) return true;
  return scope === 'read' && scopes.has('manage');
}

/** Checks a key. Fails with `ACCESS_KEY_INVALID` or `MESSAGE_ADDRESS_INVALID`. */
export function parseKey(input: KeyInput): Result<ApiKey> {
  const { name, mailboxes = [], from = [], fromRule, requestsPerMinute = STANDARD_REQUESTS, expiresAt } = input;
  const invalid = (reason: string): Result<never> =>
    failure(accessFaults.make('ACCESS_KEY_INVALID', { key: name, reason }));
  const scopes = new Set(input.scopes);
  if (scopes.size === 0) return invalid('it names no scope');
  if (![...scopes].every((scope) => KEY_SCOPES.includes(scope)))
    return invalid(`a scope is none of ${KEY_SCOPES.join(', ')}`);
  if (scopes.has('send') && mailboxes.length === 0) return invalid('it is to send, and names no mailbox');
  if (scopes.has('admin') && mailboxes.length > 0 && !scopes.has('send'))
    return invalid('whoever administers everything is not bound to mailboxes');
  if (!Number.isInteger(requestsPerMinute) || requestsPerMinute < 1 || requestsPerMinute > MOST_REQUESTS)
    return invalid(`its requests in a minute are no number from 1 to ${MOST_REQUESTS}`);
  if (expiresAt !== undefined && !Number.isSafeInteger(expiresAt)) return invalid('its end is no time');
  // The rules for name, mailboxes and senders are those of an app; one that only reads borrows a mailbox for the check.
  const stand = { name, mailboxes: mailboxes.length === 0 ? ['nobody@example.com'] : mailboxes, from };
  const app = parseApp(fromRule === undefined ? stand : { ...stand, fromRule });
  if (!app.ok) return app.fault.code === 'ACCESS_APP_INVALID' ? invalid(reasonOf(app.fault.message)) : app;
  return success({
    name,
    scopes,
    mailboxes: mailboxes.length === 0 ? [] : app.value.mailboxes,
    ...(mailboxes.length === 0 ? {} : { app: { ...app.value, name: appNameOf(name) } }),
    requestsPerMinute,
    ...(expiresAt === undefined ? {} : { expiresAt }),
  });
}

/** `its name is …` of a sentence that speaks of an app. */
function reasonOf(message: string): string {
  return message.slice(message.lastIndexOf(': ') + 2).replace(/\.$/, '');
}
