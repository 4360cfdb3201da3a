/** What a state may hold, and the two ways in: a foreign value and a JSON file. */
import { readFile } from 'node:fs/promises';
import { EmulatorError, emulatorFaults } from '../faults.ts';
import {
  address,
  count,
  domain,
  flag,
  guid,
  jsonWebKey,
  listOf,
  moment,
  oneOf,
  orNull,
  pem,
  record,
  text,
  type Check,
  type Mistake,
} from './checks.ts';
import { readPlaces } from './json-places.ts';
import type { EmulatorState } from './state.ts';

/** The form of a secret. */
export const secret: Check = record({ value: text, startsAt: moment, endsAt: moment });

/** The form of a federated credential. */
export const federatedCredential: Check = record(
  {
    issuer: text,
    subject: text,
    name: text,
    audience: text,
    keys: listOf(jsonWebKey),
  },
  ['issuer', 'subject', 'keys'],
);

const app: Check = record({
  clientId: guid,
  displayName: text,
  uniqueName: text,
  secrets: listOf(secret),
  certificates: listOf(pem),
  federatedCredentials: listOf(federatedCredential),
  consent: listOf(text),
  graphConsent: listOf(text),
  disabled: flag,
  servicePrincipal: orNull(record({ objectId: guid, registeredInExchange: flag, wrongObjectId: flag })),
  mailboxPermissions: listOf(address),
  sendAs: listOf(address),
  rbac: listOf(address),
});

/** The form of a mailbox. */
export const mailbox: Check = record(
  {
    address,
    aliases: listOf(address),
    smtpAuthDisabled: orNull(flag),
    maxMessageBytes: count,
    maxRecipients: count,
    full: flag,
    password: text,
    sendAs: listOf(address),
  },
  ['address'],
);

const tenant: Check = record(
  {
    id: guid,
    domains: listOf(domain),
    smtpAuthDisabled: flag,
    securityDefaults: flag,
    basicAuth: oneOf('allowed', 'blocked', 'retired'),
    missingFullAccess: oneOf('refuse-sign-in', 'refuse-message'),
    secretPolicy: oneOf('allowed', 'forbidden', 'half-a-year'),
    apps: listOf(app),
    mailboxes: listOf(mailbox),
  },
  ['domains', 'apps', 'mailboxes'],
);

const state: Check = record({ tenants: listOf(tenant) }, ['tenants']);

function stateFault({ key, reason }: Mistake, source: string): EmulatorError {
  return new EmulatorError(emulatorFaults.make('EMULATOR_STATE_INVALID', { source, key, reason }));
}

/**
 * Takes a foreign value as a state.
 *
 * @throws EmulatorError with `EMULATOR_STATE_INVALID` and the path of the first mistake.
 */
export function parseState(value: unknown): EmulatorState {
  const mistake = state(value, '');
  if (mistake !== undefined) throw stateFault(mistake, 'The state of the emulator');
  return value as EmulatorState;
}

function unreadable(file: string, reason: string): EmulatorError {
  return new EmulatorError(emulatorFaults.make('EMULATOR_STATE_UNREADABLE', { file, reason }));
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  ENOTDIR: 'it does not exist',
  EISDIR: 'it is a folder',
  EACCES: 'this account may not read it',
  EPERM: 'this account may not read it',
};

async function readText(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).replace(/^\ufeff/, '');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    throw unreadable(file, REASONS[code] ?? `the system says ${code}`);
  }
}

/**
 * Reads a state file (JSON, a byte order mark is tolerated). A mistake is told with its line.
 *
 * @throws EmulatorError with `EMULATOR_STATE_UNREADABLE` or `EMULATOR_STATE_INVALID`.
 */
export async function readStateFile(file: string): Promise<EmulatorState> {
  const content = await readText(file);
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch {
    throw unreadable(file, `it is not JSON, as line ${readPlaces(content).brokenAt ?? 1} shows`);
  }
  const mistake = state(value, '');
  if (mistake === undefined) return value as EmulatorState;
  throw stateFault(mistake, `The state file ${file}, line ${readPlaces(content).lineOf(mistake.key)},`);
}
