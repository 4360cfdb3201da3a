/** The operations on the state as they come in from other languages: a name and a JSON list of arguments, checked one by one. */
import { EmulatorError, emulatorFaults } from '../faults.ts';
import {
  address,
  count,
  flag,
  guid,
  listOf,
  oneOf,
  orNull,
  pem,
  record,
  text,
  variant,
  type Check,
  type Mistake,
} from '../state/checks.ts';
import type { StateOperations } from '../state/operations.ts';
import { federatedCredential, mailbox, secret } from '../state/read-state.ts';

type OperationName = Exclude<keyof StateOperations, 'snapshot'>;

const mailboxChanges = record({ full: flag, maxMessageBytes: count, maxRecipients: count });
const policies = record({
  securityDefaults: flag,
  basicAuth: oneOf('allowed', 'blocked', 'retired'),
  missingFullAccess: oneOf('refuse-sign-in', 'refuse-message'),
  secretPolicy: oneOf('allowed', 'forbidden', 'half-a-year'),
});
const tenantSwitch = record({ tenant: text, enabled: flag }, ['tenant', 'enabled']);
const mailboxSwitch = record({ mailbox: address, enabled: orNull(flag) }, ['mailbox', 'enabled']);
const exchangeStep = variant('kind', {
  'register-service-principal': record({ kind: text, appId: guid, objectId: guid, displayName: text }, [
    'appId',
    'objectId',
  ]),
  'grant-mailbox': record({ kind: text, mailbox: address, objectId: guid }, ['mailbox', 'objectId']),
  'grant-send-as': record({ kind: text, address, objectId: guid }, ['address', 'objectId']),
  'group-mailboxes': record({ kind: text, group: text, mailboxes: listOf(address) }, ['group', 'mailboxes']),
  'limit-to-group': record({ kind: text, scope: text, group: text }, ['scope', 'group']),
  'assign-role': record({ kind: text, assignment: text, appId: guid, scope: text }, ['appId', 'scope']),
  'enable-smtp-auth': record({ kind: text, mailbox: address }, ['mailbox']),
  'enable-smtp-auth-for-organization': record({ kind: text }),
});
const exchangePlan = record({ model: oneOf('mailbox-permission', 'application-rbac'), steps: listOf(exchangeStep) }, [
  'steps',
]);
const smtpAuthSwitch: Check = (value, path) =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, 'mailbox')
    ? mailboxSwitch(value, path)
    : tenantSwitch(value, path);

/** The checks of each argument; those after `required` may be left out. */
const ARGUMENTS: Readonly<Record<OperationName, { readonly checks: readonly Check[]; readonly required: number }>> = {
  addSecret: { checks: [guid, secret], required: 1 },
  expireSecret: { checks: [guid], required: 1 },
  removeSecrets: { checks: [guid], required: 1 },
  addCertificate: { checks: [guid, pem], required: 2 },
  addFederatedCredential: { checks: [guid, federatedCredential], required: 2 },
  setAppDisabled: { checks: [guid, flag], required: 2 },
  grantConsent: { checks: [guid, text], required: 1 },
  revokeConsent: { checks: [guid, text], required: 1 },
  registerServicePrincipal: { checks: [guid, guid], required: 1 },
  unregisterServicePrincipal: { checks: [guid], required: 1 },
  removeServicePrincipal: { checks: [guid], required: 1 },
  addMailboxPermission: { checks: [guid, address], required: 2 },
  removeMailboxPermission: { checks: [guid, address], required: 2 },
  addSendAs: { checks: [guid, address], required: 2 },
  removeSendAs: { checks: [guid, address], required: 2 },
  assignRbacRole: { checks: [guid, address], required: 2 },
  removeRbacRole: { checks: [guid, address], required: 2 },
  setSmtpAuth: { checks: [smtpAuthSwitch], required: 1 },
  setPolicies: { checks: [text, policies], required: 2 },
  applyExchangePlan: { checks: [text, exchangePlan], required: 2 },
  addMailbox: { checks: [text, mailbox], required: 2 },
  changeMailbox: { checks: [address, mailboxChanges], required: 2 },
};

/** A mistake in a request. */
export function requestFault({ key, reason }: Mistake): EmulatorError {
  return new EmulatorError(emulatorFaults.make('EMULATOR_REQUEST_INVALID', { key, reason }));
}

function isOperation(name: string): name is OperationName {
  return Object.hasOwn(ARGUMENTS, name);
}

/**
 * Runs an operation by its name.
 *
 * @returns what it returned, or `undefined` where there is no operation of this name, told apart by `known`.
 * @throws EmulatorError where an argument is wrong or names what the state does not hold.
 */
export function runOperation(
  operations: StateOperations,
  name: string,
  given: unknown,
): { readonly known: boolean; readonly result?: unknown } {
  if (!isOperation(name)) return { known: false };
  const { checks, required } = ARGUMENTS[name];
  const range = required === checks.length ? `${required}` : `${required} to ${checks.length}`;
  if (!Array.isArray(given) || given.length < required || given.length > checks.length)
    throw requestFault({ key: 'body', reason: `a list of ${range} arguments is expected` });
  const list: readonly unknown[] = given;
  for (const [index, value] of list.entries()) {
    const mistake = checks[index]?.(value, `argument ${index + 1}`);
    if (mistake !== undefined) throw requestFault(mistake);
  }
  return { known: true, result: Reflect.apply(operations[name], operations, list) as unknown };
}
