/**
 * The living state: tenants with their apps and mailboxes, and how they are found.
 *
 * Rules that hold everywhere: ids, domains and addresses are compared without regard to case, a tenant is named by its
 * id or one of its domains, a mailbox by its address or one of its aliases.
 */
import { randomBytes, randomUUID, X509Certificate } from 'node:crypto';
import type { Clock } from '@postbearer/core';
import type {
  AppState,
  BasicAuthPolicy,
  EmulatorState,
  FederatedCredentialState,
  MailboxState,
  MissingFullAccess,
  SecretPolicy,
  SecretState,
  TenantState,
} from './state.ts';

/** A client secret with its time of validity, milliseconds since 1970. */
export interface ClientSecret {
  /** The ID of the secret, which people paste by mistake in place of its value. */
  readonly keyId: string;
  readonly displayName: string;
  readonly value: string;
  readonly startsAt: number;
  endsAt: number;
}

/** A certificate of an app registration. */
export interface AppCertificate {
  readonly keyId: string;
  readonly displayName: string;
  readonly certificate: X509Certificate;
}

/** A permission that a registration asks for. */
export interface RequiredRole {
  readonly resourceAppId: string;
  readonly id: string;
  readonly type: string;
}

/** An enterprise application. */
export interface ServicePrincipal {
  readonly objectId: string;
  /** When Graph made it, milliseconds since 1970; 0 of what was there at the start. */
  readonly madeAt: number;
  /** The object ID given to `New-ServicePrincipal`; `undefined` where Exchange was told nothing. */
  exchangeObjectId: string | undefined;
}

/** An app registration in its tenant. */
export interface App {
  readonly clientId: string;
  /** Object ID of the registration: what Graph's paths want and Exchange does not. */
  readonly objectId: string;
  displayName: string;
  /** The key under which Graph finds it again; empty where none was given. */
  uniqueName: string;
  /** When Graph made it, milliseconds since 1970; 0 of what was there at the start. */
  readonly madeAt: number;
  requiredRoles: RequiredRole[];
  secrets: ClientSecret[];
  certificates: AppCertificate[];
  federatedCredentials: FederatedCredentialState[];
  readonly consent: Set<string>;
  /** Application permissions of Microsoft Graph with admin consent. */
  readonly graphConsent: Set<string>;
  disabled: boolean;
  servicePrincipal: ServicePrincipal | undefined;
  /** Lower-case addresses of the mailboxes it has FullAccess to. */
  readonly mailboxPermissions: Set<string>;
  /** Lower-case addresses it may send as. */
  readonly sendAs: Set<string>;
  /** Lower-case addresses of the mailboxes in the scope of its RBAC role. */
  readonly rbac: Set<string>;
}

/** A mailbox. */
export interface Mailbox {
  readonly address: string;
  /** Its address and aliases, lower-case. */
  readonly names: ReadonlySet<string>;
  smtpAuthDisabled: boolean | null;
  maxMessageBytes: number;
  maxRecipients: number;
  full: boolean;
  readonly password: string | undefined;
  readonly sendAs: Set<string>;
}

/** An organization. */
export interface Tenant {
  readonly id: string;
  readonly domains: readonly string[];
  smtpAuthDisabled: boolean;
  securityDefaults: boolean;
  basicAuth: BasicAuthPolicy;
  missingFullAccess: MissingFullAccess;
  /** What the tenant's policy for app credentials says. */
  secretPolicy: SecretPolicy;
  readonly apps: App[];
  readonly mailboxes: Mailbox[];
}

const YEAR_MS = 365 * 24 * 3_600_000;
const DEFAULT_MAX_MESSAGE_BYTES = 35 * 1024 * 1024;
const DEFAULT_MAX_RECIPIENTS = 500;

/** A random secret of the form Entra gives out: 40 characters, `8Q~` in fourth place. */
function randomSecret(): string {
  const noise = randomBytes(60).toString('base64').replaceAll('+', '~').replaceAll('/', '.').replaceAll('=', '_');
  return `${noise.slice(0, 3)}8Q~${noise.slice(3, 37)}`;
}

/** A secret as the state describes it, with what was left out filled in. */
export function makeSecret(state: SecretState, now: number): ClientSecret {
  return {
    keyId: randomUUID(),
    displayName: '',
    value: state.value ?? randomSecret(),
    startsAt: state.startsAt === undefined ? 0 : Date.parse(state.startsAt),
    endsAt: state.endsAt === undefined ? now + YEAR_MS : Date.parse(state.endsAt),
  };
}

/** A certificate with an ID of its own. */
export function makeCertificate(certificate: X509Certificate, displayName = ''): AppCertificate {
  return { keyId: randomUUID(), displayName, certificate };
}

/** An app registration as Graph makes it: without secrets, consent and enterprise application. */
export function newApp(input: Pick<App, 'displayName' | 'uniqueName' | 'requiredRoles'>, now: number): App {
  const empty = makeApp({ displayName: input.displayName, secrets: [], consent: [], servicePrincipal: null }, now);
  return { ...empty, ...input, madeAt: now };
}

function lowerCased(texts: readonly string[] | undefined): Set<string> {
  return new Set((texts ?? []).map((text) => text.toLowerCase()));
}

function makeServicePrincipal(state: AppState['servicePrincipal']): ServicePrincipal | undefined {
  if (state === null) return undefined;
  const objectId = state?.objectId ?? randomUUID();
  const registered = state?.registeredInExchange ?? true;
  const given = state?.wrongObjectId === true ? randomUUID() : objectId;
  return { objectId, madeAt: 0, exchangeObjectId: registered ? given : undefined };
}

function makeApp(state: AppState, now: number): App {
  return {
    clientId: state.clientId?.toLowerCase() ?? randomUUID(),
    objectId: randomUUID(),
    displayName: state.displayName ?? 'Application',
    uniqueName: state.uniqueName ?? '',
    madeAt: 0,
    requiredRoles: [],
    secrets: (state.secrets ?? [{}]).map((secret) => makeSecret(secret, now)),
    certificates: (state.certificates ?? []).map((pem) => makeCertificate(new X509Certificate(pem))),
    federatedCredentials: [...(state.federatedCredentials ?? [])],
    consent: new Set(state.consent ?? ['SMTP.SendAsApp']),
    graphConsent: new Set(state.graphConsent ?? []),
    disabled: state.disabled ?? false,
    servicePrincipal: makeServicePrincipal(state.servicePrincipal),
    mailboxPermissions: lowerCased(state.mailboxPermissions),
    sendAs: lowerCased(state.sendAs),
    rbac: lowerCased(state.rbac),
  };
}

/** A mailbox as the state describes it, with what was left out filled in. */
export function makeMailbox(state: MailboxState): Mailbox {
  return {
    address: state.address,
    names: lowerCased([state.address, ...(state.aliases ?? [])]),
    smtpAuthDisabled: state.smtpAuthDisabled ?? null,
    maxMessageBytes: state.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES,
    maxRecipients: state.maxRecipients ?? DEFAULT_MAX_RECIPIENTS,
    full: state.full ?? false,
    password: state.password,
    sendAs: lowerCased(state.sendAs),
  };
}

function makeTenant(state: TenantState, now: number): Tenant {
  return {
    id: state.id?.toLowerCase() ?? randomUUID(),
    domains: state.domains.map((domain) => domain.toLowerCase()),
    smtpAuthDisabled: state.smtpAuthDisabled ?? false,
    securityDefaults: state.securityDefaults ?? false,
    basicAuth: state.basicAuth ?? 'allowed',
    missingFullAccess: state.missingFullAccess ?? 'refuse-sign-in',
    secretPolicy: state.secretPolicy ?? 'allowed',
    apps: state.apps.map((app) => makeApp(app, now)),
    mailboxes: state.mailboxes.map((mailbox) => makeMailbox(mailbox)),
  };
}

/** All tenants of one emulator. */
export class Directory {
  readonly tenants: Tenant[];

  constructor(state: EmulatorState, clock: Clock) {
    this.tenants = state.tenants.map((tenant) => makeTenant(tenant, clock.now()));
  }

  /** The tenant with this id or domain. */
  findTenant(idOrDomain: string): Tenant | undefined {
    const wanted = idOrDomain.toLowerCase();
    return this.tenants.find((tenant) => tenant.id === wanted || tenant.domains.includes(wanted));
  }

  /** The mailbox with this address or alias, in whatever tenant. */
  findMailbox(address: string): { readonly tenant: Tenant; readonly mailbox: Mailbox } | undefined {
    for (const tenant of this.tenants) {
      const mailbox = findMailboxIn(tenant, address);
      if (mailbox !== undefined) return { tenant, mailbox };
    }
    return undefined;
  }

  /** The app whose registration has this object ID, in whatever tenant. */
  findAppByObjectId(objectId: string): { readonly tenant: Tenant; readonly app: App } | undefined {
    for (const tenant of this.tenants) {
      const app = tenant.apps.find((each) => each.objectId === objectId.toLowerCase());
      if (app !== undefined) return { tenant, app };
    }
    return undefined;
  }

  /** The app with this client ID, in whatever tenant. */
  findApp(clientId: string): { readonly tenant: Tenant; readonly app: App } | undefined {
    for (const tenant of this.tenants) {
      const app = findAppIn(tenant, clientId);
      if (app !== undefined) return { tenant, app };
    }
    return undefined;
  }
}

/** The app with this client ID in a tenant. */
export function findAppIn(tenant: Tenant, clientId: string): App | undefined {
  return tenant.apps.find((app) => app.clientId === clientId.toLowerCase());
}

/** The mailbox with this address or alias in a tenant. */
export function findMailboxIn(tenant: Tenant, address: string): Mailbox | undefined {
  return tenant.mailboxes.find((mailbox) => mailbox.names.has(address.toLowerCase()));
}
