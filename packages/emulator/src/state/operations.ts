/**
 * What an administrator does in Entra and Exchange, as functions: each changes the living state at once.
 *
 * The real services take minutes to an hour to let such a change be felt; the emulator does not wait.
 */
import { randomUUID, X509Certificate } from 'node:crypto';
import { Secret, type Clock, type ExchangePlan } from '@postbearer/core';
import { applyPlan } from '../exchange/apply-plan.ts';
import { EmulatorError, emulatorFaults } from '../faults.ts';
import {
  makeCertificate,
  makeMailbox,
  makeSecret,
  type App,
  type Directory,
  type Mailbox,
  type Tenant,
} from './directory.ts';
import type {
  BasicAuthPolicy,
  EmulatorState,
  FederatedCredentialState,
  MailboxState,
  MissingFullAccess,
  SecretPolicy,
  SecretState,
} from './state.ts';

/** A switch of SMTP AUTH: of a tenant (id or domain) or of a mailbox; `null` makes a mailbox follow its tenant. */
export type SmtpAuthSwitch =
  | { readonly tenant: string; readonly enabled: boolean }
  | { readonly mailbox: string; readonly enabled: boolean | null };

/** Policies of a tenant; what is left out stays as it is. */
export interface TenantPolicies {
  readonly securityDefaults?: boolean;
  readonly basicAuth?: BasicAuthPolicy;
  readonly missingFullAccess?: MissingFullAccess;
  readonly secretPolicy?: SecretPolicy;
}

/** Properties of a mailbox; what is left out stays as it is. */
export interface MailboxChanges {
  readonly full?: boolean;
  readonly maxMessageBytes?: number;
  readonly maxRecipients?: number;
}

/**
 * The operations. Every name that the state does not hold throws EmulatorError with `EMULATOR_NOT_IN_STATE`.
 */
export interface StateOperations {
  /** The state as it is now, every secret and password as `[secret]`. */
  snapshot(): EmulatorState;
  /** Adds a client secret and returns it; the others stay valid. */
  addSecret(clientId: string, secret?: SecretState): Secret;
  /** Lets every secret of an app end now. */
  expireSecret(clientId: string): void;
  /** Removes every secret of an app. */
  removeSecrets(clientId: string): void;
  /** Registers a certificate (PEM). */
  addCertificate(clientId: string, pem: string): void;
  addFederatedCredential(clientId: string, credential: FederatedCredentialState): void;
  /** Disables an app, or enables it again. */
  setAppDisabled(clientId: string, disabled: boolean): void;
  /** Grants admin consent for an application permission; `SMTP.SendAsApp` when left out. */
  grantConsent(clientId: string, role?: string): void;
  /** Takes consent back; `SMTP.SendAsApp` when left out. Tokens issued before keep their roles. */
  revokeConsent(clientId: string, role?: string): void;
  /** `New-ServicePrincipal`, with the enterprise application's object ID unless another is given. */
  registerServicePrincipal(clientId: string, objectId?: string): void;
  /** `Remove-ServicePrincipal`: Exchange forgets the app. */
  unregisterServicePrincipal(clientId: string): void;
  /** Removes the enterprise application from Entra; the app registration stays. */
  removeServicePrincipal(clientId: string): void;
  /** `Add-MailboxPermission … -AccessRights FullAccess`. */
  addMailboxPermission(clientId: string, mailbox: string): void;
  removeMailboxPermission(clientId: string, mailbox: string): void;
  /** `Add-RecipientPermission … -AccessRights SendAs`. */
  addSendAs(clientId: string, address: string): void;
  removeSendAs(clientId: string, address: string): void;
  /** Puts a mailbox into the scope of the app's role `Application SMTP.SendAsApp` (RBAC for Applications). */
  assignRbacRole(clientId: string, mailbox: string): void;
  removeRbacRole(clientId: string, mailbox: string): void;
  /** `Set-TransportConfig` or `Set-CASMailbox -SmtpClientAuthenticationDisabled`. */
  setSmtpAuth(change: SmtpAuthSwitch): void;
  setPolicies(tenant: string, policies: TenantPolicies): void;
  /**
   * Makes true in a tenant (id or domain) what a plan for Exchange Online says, as the script does that is rendered from it.
   *
   * A registration with an object ID that is not the enterprise application's is made as asked for, and then refuses every sign-in.
   */
  applyExchangePlan(tenant: string, plan: ExchangePlan): void;
  addMailbox(tenant: string, mailbox: MailboxState): void;
  changeMailbox(mailbox: string, changes: MailboxChanges): void;
}

function missing(kind: string, name: string): EmulatorError {
  return new EmulatorError(emulatorFaults.make('EMULATOR_NOT_IN_STATE', { kind, name }));
}

function secretState(app: App): readonly SecretState[] {
  return app.secrets.map(({ startsAt, endsAt }) => ({
    value: '[secret]',
    startsAt: new Date(startsAt).toISOString(),
    endsAt: new Date(endsAt).toISOString(),
  }));
}

function principalState(app: App): EmulatorState['tenants'][number]['apps'][number]['servicePrincipal'] {
  if (app.servicePrincipal === undefined) return null;
  const { objectId, exchangeObjectId } = app.servicePrincipal;
  const registeredInExchange = exchangeObjectId !== undefined;
  return { objectId, registeredInExchange, wrongObjectId: registeredInExchange && exchangeObjectId !== objectId };
}

function appState(app: App): EmulatorState['tenants'][number]['apps'][number] {
  return {
    clientId: app.clientId,
    displayName: app.displayName,
    ...(app.uniqueName === '' ? {} : { uniqueName: app.uniqueName }),
    secrets: secretState(app),
    certificates: app.certificates.map(({ certificate }) => certificate.toString()),
    federatedCredentials: app.federatedCredentials,
    consent: [...app.consent],
    graphConsent: [...app.graphConsent],
    disabled: app.disabled,
    servicePrincipal: principalState(app) ?? null,
    mailboxPermissions: [...app.mailboxPermissions],
    sendAs: [...app.sendAs],
    rbac: [...app.rbac],
  };
}

function mailboxState(mailbox: Mailbox): MailboxState {
  const { address, smtpAuthDisabled, maxMessageBytes, maxRecipients, full } = mailbox;
  return {
    address,
    aliases: [...mailbox.names].filter((name) => name !== address.toLowerCase()),
    smtpAuthDisabled,
    maxMessageBytes,
    maxRecipients,
    full,
    ...(mailbox.password === undefined ? {} : { password: '[secret]' }),
    sendAs: [...mailbox.sendAs],
  };
}

function tenantState(tenant: Tenant): EmulatorState['tenants'][number] {
  const { id, domains, smtpAuthDisabled, securityDefaults, basicAuth, missingFullAccess, secretPolicy } = tenant;
  return {
    id,
    domains,
    smtpAuthDisabled,
    securityDefaults,
    basicAuth,
    missingFullAccess,
    secretPolicy,
    apps: tenant.apps.map((app) => appState(app)),
    mailboxes: tenant.mailboxes.map((mailbox) => mailboxState(mailbox)),
  };
}

/** The operations on a directory. */
export function createOperations(directory: Directory, clock: Clock): StateOperations {
  const appOf = (clientId: string): App => {
    const found = directory.findApp(clientId);
    if (found === undefined) throw missing('app', clientId);
    return found.app;
  };
  const tenantOf = (name: string): Tenant => {
    const found = directory.findTenant(name);
    if (found === undefined) throw missing('tenant', name);
    return found;
  };
  const mailboxOf = (address: string): Mailbox => {
    const found = directory.findMailbox(address);
    if (found === undefined) throw missing('mailbox', address);
    return found.mailbox;
  };
  const principalOf = (clientId: string): NonNullable<App['servicePrincipal']> => {
    const app = appOf(clientId);
    app.servicePrincipal ??= { objectId: randomUUID(), madeAt: 0, exchangeObjectId: undefined };
    return app.servicePrincipal;
  };

  return {
    snapshot: () => ({ tenants: directory.tenants.map((tenant) => tenantState(tenant)) }),
    addSecret(clientId, state = {}) {
      const secret = makeSecret(state, clock.now());
      appOf(clientId).secrets.push(secret);
      return Secret.of(secret.value);
    },
    expireSecret(clientId) {
      for (const secret of appOf(clientId).secrets) secret.endsAt = Math.min(secret.endsAt, clock.now());
    },
    removeSecrets(clientId) {
      appOf(clientId).secrets = [];
    },
    addCertificate(clientId, pem) {
      appOf(clientId).certificates.push(makeCertificate(new X509Certificate(pem)));
    },
    addFederatedCredential(clientId, credential) {
      appOf(clientId).federatedCredentials.push(credential);
    },
    setAppDisabled(clientId, disabled) {
      appOf(clientId).disabled = disabled;
    },
    grantConsent(clientId, role = 'SMTP.SendAsApp') {
      appOf(clientId).consent.add(role);
    },
    revokeConsent(clientId, role = 'SMTP.SendAsApp') {
      appOf(clientId).consent.delete(role);
    },
    registerServicePrincipal(clientId, objectId) {
      const principal = principalOf(clientId);
      principal.exchangeObjectId = objectId ?? principal.objectId;
    },
    unregisterServicePrincipal(clientId) {
      const { servicePrincipal } = appOf(clientId);
      if (servicePrincipal !== undefined) servicePrincipal.exchangeObjectId = undefined;
    },
    removeServicePrincipal(clientId) {
      appOf(clientId).servicePrincipal = undefined;
    },
    addMailboxPermission(clientId, mailbox) {
      appOf(clientId).mailboxPermissions.add(mailbox.toLowerCase());
    },
    removeMailboxPermission(clientId, mailbox) {
      appOf(clientId).mailboxPermissions.delete(mailbox.toLowerCase());
    },
    addSendAs(clientId, address) {
      appOf(clientId).sendAs.add(address.toLowerCase());
    },
    removeSendAs(clientId, address) {
      appOf(clientId).sendAs.delete(address.toLowerCase());
    },
    assignRbacRole(clientId, mailbox) {
      appOf(clientId).rbac.add(mailbox.toLowerCase());
    },
    removeRbacRole(clientId, mailbox) {
      appOf(clientId).rbac.delete(mailbox.toLowerCase());
    },
    setSmtpAuth(change) {
      if ('tenant' in change) tenantOf(change.tenant).smtpAuthDisabled = !change.enabled;
      else mailboxOf(change.mailbox).smtpAuthDisabled = change.enabled === null ? null : !change.enabled;
    },
    setPolicies(tenant, policies) {
      Object.assign(tenantOf(tenant), policies);
    },
    applyExchangePlan(tenant, plan) {
      applyPlan(tenantOf(tenant), plan);
    },
    addMailbox(tenant, mailbox) {
      tenantOf(tenant).mailboxes.push(makeMailbox(mailbox));
    },
    changeMailbox(mailbox, changes) {
      Object.assign(mailboxOf(mailbox), changes);
    },
  };
}
