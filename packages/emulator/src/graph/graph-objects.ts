/** The objects of a tenant as Microsoft Graph shows them. */
import { createHash } from 'node:crypto';
import type { App, AppCertificate, ClientSecret, ServicePrincipal, Tenant } from '../state/directory.ts';
import type { FederatedCredentialState } from '../state/state.ts';
import type { Json } from './graph-error.ts';

/** appId of Office 365 Exchange Online. */
export const EXCHANGE_APP_ID = '00000002-0000-0ff1-ce00-000000000000';

function stableGuid(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** Object ID of Exchange Online's own service principal in a tenant. */
export function exchangeObjectId(tenant: Tenant): string {
  return stableGuid(`exchange ${tenant.id}`);
}

/** The ID of a role; at Microsoft it is the same in every tenant and published nowhere. */
export function roleId(value: string): string {
  return stableGuid(`role ${value}`);
}

/** The roles that Exchange Online offers to apps. */
export const EXCHANGE_ROLES: readonly string[] = ['SMTP.SendAsApp', 'Mail.Send', 'IMAP.AccessAsApp', 'POP.AccessAsApp'];

/** The ID of a granted permission. */
function assignmentId(app: App, role: string): string {
  return createHash('sha256').update(`${app.clientId} ${role}`).digest('base64url').slice(0, 43);
}

/** The role of an assignment's ID. */
export function roleOfAssignment(app: App, id: string): string | undefined {
  return [...app.consent].find((role) => assignmentId(app, role) === id);
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

/** A secret without its value. */
export function passwordCredential({ keyId, displayName, value, startsAt, endsAt }: ClientSecret): Json {
  return {
    customKeyIdentifier: null,
    displayName: displayName === '' ? null : displayName,
    endDateTime: iso(endsAt),
    hint: value.slice(0, 3),
    keyId,
    secretText: null,
    startDateTime: iso(startsAt),
  };
}

/** A certificate; its key only where it was asked for by name. */
export function keyCredential({ keyId, displayName, certificate }: AppCertificate, withKey: boolean): Json {
  return {
    customKeyIdentifier: certificate.fingerprint.replaceAll(':', ''),
    displayName: displayName === '' ? null : displayName,
    endDateTime: iso(Date.parse(certificate.validTo)),
    key: withKey ? certificate.raw.toString('base64') : null,
    keyId,
    startDateTime: iso(Date.parse(certificate.validFrom)),
    type: 'AsymmetricX509Cert',
    usage: 'Verify',
  };
}

/** An application. */
export function application(app: App, withKeys: boolean): Json {
  const byResource = Map.groupBy(app.requiredRoles, ({ resourceAppId }) => resourceAppId);
  return {
    id: app.objectId,
    deletedDateTime: null,
    appId: app.clientId,
    createdDateTime: iso(app.madeAt),
    displayName: app.displayName,
    identifierUris: [],
    keyCredentials: app.certificates.map((certificate) => keyCredential(certificate, withKeys)),
    passwordCredentials: app.secrets.map((secret) => passwordCredential(secret)),
    requiredResourceAccess: [...byResource].map(([resourceAppId, roles]) => ({
      resourceAppId,
      resourceAccess: roles.map(({ id, type }) => ({ id, type })),
    })),
    signInAudience: 'AzureADMyOrg',
    uniqueName: app.uniqueName === '' ? null : app.uniqueName,
  };
}

/** An enterprise application. */
export function servicePrincipal(app: App, principal: ServicePrincipal): Json {
  return {
    id: principal.objectId,
    deletedDateTime: null,
    accountEnabled: !app.disabled,
    appId: app.clientId,
    appDisplayName: app.displayName,
    displayName: app.displayName,
    appRoles: [],
    servicePrincipalType: 'Application',
    signInAudience: 'AzureADMyOrg',
  };
}

/** Exchange Online's own service principal. */
export function exchangeServicePrincipal(tenant: Tenant): Json {
  return {
    id: exchangeObjectId(tenant),
    deletedDateTime: null,
    accountEnabled: true,
    appId: EXCHANGE_APP_ID,
    appDisplayName: 'Office 365 Exchange Online',
    displayName: 'Office 365 Exchange Online',
    appRoles: EXCHANGE_ROLES.map((value) => ({
      allowedMemberTypes: ['Application'],
      description: value,
      displayName: value,
      id: roleId(value),
      isEnabled: true,
      origin: 'Application',
      value,
    })),
    servicePrincipalType: 'Application',
  };
}

/** A granted permission. */
export function appRoleAssignment(tenant: Tenant, app: App, principal: ServicePrincipal, role: string): Json {
  return {
    id: assignmentId(app, role),
    deletedDateTime: null,
    appRoleId: roleId(role),
    createdDateTime: iso(app.madeAt),
    principalDisplayName: app.displayName,
    principalId: principal.objectId,
    principalType: 'ServicePrincipal',
    resourceDisplayName: 'Office 365 Exchange Online',
    resourceId: exchangeObjectId(tenant),
  };
}

/** A federated credential; its ID follows from what it says. */
export function federatedCredential({ issuer, subject, audience, name }: FederatedCredentialState): Json {
  const id = stableGuid(`federated ${issuer} ${subject}`);
  return {
    id,
    name: name ?? id,
    issuer,
    subject,
    audiences: [audience ?? 'api://AzureADTokenExchange'],
    description: null,
  };
}
