/**
 * An app: an application or a device that hands us mail, and what it may do.
 *
 * The name is also the user name with which it signs in. An app without networks must sign in; one with networks may send
 * from them without a password. Nothing is allowed that is not named: no app means nobody.
 */
import { failure, parseMailboxAddress, success, type MailboxAddress, type Result } from '@postbearer/core';
import { accessFaults } from './faults.ts';
import { parseNetworkRange, type NetworkRange } from './network-range.ts';

/**
 * What happens to a sender that the app may not use: the message is refused, the sender becomes the mailbox (the name that is
 * shown stays), or it is kept and the upstream judges.
 */
export type FromRule = 'refuse' | 'rewrite' | 'keep';

/** The rules for From. */
export const FROM_RULES: readonly FromRule[] = ['refuse', 'rewrite', 'keep'];

/** An app as it is asked for. */
export interface AppInput {
  readonly name: string;
  readonly mailboxes: readonly string[];
  /** Addresses in From beside the mailboxes. */
  readonly from?: readonly string[];
  readonly networks?: readonly string[];
  /** Accounts of this machine, by name or number, whose `postbearer sendmail` hands in as this app. */
  readonly users?: readonly string[];
  readonly fromRule?: FromRule;
}

/** An app. */
export interface App {
  readonly name: string;
  /** The first is the one through which mail goes where the sender names no other. */
  readonly mailboxes: readonly [MailboxAddress, ...MailboxAddress[]];
  readonly from: readonly MailboxAddress[];
  readonly networks: readonly NetworkRange[];
  readonly users: readonly string[];
  readonly fromRule: FromRule;
}

/** What a list shows of an app. */
export interface AppRecord extends AppInput {
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** When it enrolled itself by calling in; absent where a person added it. */
  readonly learnedAt?: number;
  /** Until when its password before the last rotation is taken too. */
  readonly previousPasswordUntil?: number;
}

/** Also an address: many devices have one where a user name is asked for. */
const NAME = /^[a-z0-9](?:[a-z0-9._@+-]{0,126}[a-z0-9])?$/i;
/** An account of the system, as useradd and directory services name them, or its number. */
const ACCOUNT = /^[A-Za-z0-9_][A-Za-z0-9_.@\\-]{0,255}\$?$/;

function parseAll<T>(texts: readonly string[], parse: (text: string) => Result<T>): Result<T[]> {
  const values: T[] = [];
  for (const text of texts) {
    const parsed = parse(text);
    if (!parsed.ok) return parsed;
    values.push(parsed.value);
  }
  return success(values);
}

/** Checks an app. Fails with `ACCESS_APP_INVALID`, `ACCESS_NETWORK_INVALID` or `MESSAGE_ADDRESS_INVALID`. */
export function parseApp(input: AppInput): Result<App> {
  const { name, fromRule = 'refuse', users = [] } = input;
  const invalid = (reason: string): Result<App> =>
    failure(accessFaults.make('ACCESS_APP_INVALID', { app: name, reason }));
  if (!NAME.test(name)) return invalid('its name is not 1 to 128 letters, digits, dots, hyphens and @');
  if (!FROM_RULES.includes(fromRule)) return invalid(`the rule for From is none of ${FROM_RULES.join(', ')}`);
  const wrongUser = users.find((user) => !ACCOUNT.test(user));
  if (wrongUser !== undefined) return invalid(`"${wrongUser}" is not the name or number of an account`);
  const mailboxes = parseAll(input.mailboxes, parseMailboxAddress);
  if (!mailboxes.ok) return mailboxes;
  const from = parseAll(input.from ?? [], parseMailboxAddress);
  if (!from.ok) return from;
  const networks = parseAll(input.networks ?? [], parseNetworkRange);
  if (!networks.ok) return networks;
  const [first, ...more] = mailboxes.value;
  if (first === undefined) return invalid('it names no mailbox');
  return success({ name, mailboxes: [first, ...more], from: from.value, networks: networks.value, users, fromRule });
}
