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
} from './checks.ts';
import type { EmulatorState } from './state.ts';

/** The form of a secret. */
export const secret: Check = record({ value: text, startsAt: moment, endsAt: moment });

/** The form of a federated credential. */
export const federatedCredential: Check = record(
  {
    issuer: text,
    subject: text,
    audience: text,
    keys: listOf(jsonWebKey),
  },
  ['issuer', 'subject', 'keys'],
);

const app: Check = record({
  clientId: guid,
  displayName: text,
  secrets: listOf(secret),
  certificates: listOf(pem),
  federatedCredentials: listOf(federatedCredential),
  consent: listOf(text),
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
    apps: listOf(app),
    mailboxes: listOf(mailbox),
  },
  ['domains', 'apps', 'mailboxes'],
);

const state: Check = record({ tenants: listOf(tenant) }, ['tenants']);

/**
 * Takes a foreign value as a state.
 *
 * @throws EmulatorError with `EMULATOR_STATE_INVALID` and the path of the first mistake.
 */
export function parseState(value: unknown): EmulatorState {
  state(value, '');
  return value as EmulatorState;
}

/**
 * Reads a state file (JSON, a byte order mark is tolerated).
 *
 * @throws EmulatorError with `EMULATOR_STATE_UNREADABLE` or `EMULATOR_STATE_INVALID`.
 */
export async function readStateFile(file: string): Promise<EmulatorState> {
  let value: unknown;
  try {
    value = JSON.parse((await readFile(file, 'utf8')).replace(/^\ufeff/, ''));
  } catch (error) {
    const reason =
      error instanceof SyntaxError ? 'it is not JSON' : ((error as NodeJS.ErrnoException).code ?? 'unknown');
    throw new EmulatorError(emulatorFaults.make('EMULATOR_STATE_UNREADABLE', { file, reason }));
  }
  return parseState(value);
}
