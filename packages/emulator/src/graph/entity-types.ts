/**
 * The properties of the objects that Microsoft Graph takes in, with their kinds.
 *
 * Names and kinds are those of Microsoft's OpenAPI description of Graph v1.0 (microsoftgraph/msgraph-sdk-powershell,
 * openApiDocs/v1.0/Applications.yml of 2025-01-27). A property that is not in the table is refused, as Graph refuses it.
 */
import type { Json } from './graph-error.ts';

/** How a value has to look. `*` is an object or a list that is taken as it is; a name leads to another table. */
type Kind = 'text' | 'guid' | 'moment' | 'flag' | 'base64' | 'texts' | '*' | { readonly listOf: EntityName };

type EntityName = 'passwordCredential' | 'keyCredential' | 'requiredResourceAccess' | 'resourceAccess';

/** The table of one object. */
export type EntityType = Readonly<Record<string, Kind>>;

const PASSWORD_CREDENTIAL: EntityType = {
  customKeyIdentifier: 'base64',
  displayName: 'text',
  endDateTime: 'moment',
  hint: 'text',
  keyId: 'guid',
  secretText: 'text',
  startDateTime: 'moment',
};

const NESTED: Readonly<Record<EntityName, EntityType>> = {
  passwordCredential: PASSWORD_CREDENTIAL,
  keyCredential: {
    customKeyIdentifier: 'base64',
    displayName: 'text',
    endDateTime: 'moment',
    key: 'base64',
    keyId: 'guid',
    startDateTime: 'moment',
    type: 'text',
    usage: 'text',
  },
  requiredResourceAccess: { resourceAccess: { listOf: 'resourceAccess' }, resourceAppId: 'text' },
  resourceAccess: { id: 'guid', type: 'text' },
};

/** What may be said of an application. */
export const APPLICATION: EntityType = {
  addIns: '*',
  api: '*',
  appRoles: '*',
  defaultRedirectUri: 'text',
  description: 'text',
  displayName: 'text',
  groupMembershipClaims: 'text',
  identifierUris: 'texts',
  info: '*',
  isDeviceOnlyAuthSupported: 'flag',
  isFallbackPublicClient: 'flag',
  keyCredentials: { listOf: 'keyCredential' },
  logo: 'base64',
  nativeAuthenticationApisEnabled: '*',
  notes: 'text',
  oauth2RequirePostResponse: 'flag',
  optionalClaims: '*',
  parentalControlSettings: '*',
  passwordCredentials: { listOf: 'passwordCredential' },
  publicClient: '*',
  requestSignatureVerification: '*',
  requiredResourceAccess: { listOf: 'requiredResourceAccess' },
  samlMetadataUrl: 'text',
  serviceManagementReference: 'text',
  servicePrincipalLockConfiguration: '*',
  signInAudience: 'text',
  spa: '*',
  tags: 'texts',
  tokenEncryptionKeyId: 'guid',
  uniqueName: 'text',
  web: '*',
};

/** What may be said of a service principal. */
export const SERVICE_PRINCIPAL: EntityType = {
  accountEnabled: 'flag',
  addIns: '*',
  alternativeNames: 'texts',
  appId: 'text',
  appRoleAssignmentRequired: 'flag',
  appRoles: '*',
  customSecurityAttributes: '*',
  description: 'text',
  displayName: 'text',
  homepage: 'text',
  info: '*',
  keyCredentials: { listOf: 'keyCredential' },
  loginUrl: 'text',
  logoutUrl: 'text',
  notes: 'text',
  notificationEmailAddresses: 'texts',
  oauth2PermissionScopes: '*',
  passwordCredentials: { listOf: 'passwordCredential' },
  preferredSingleSignOnMode: 'text',
  replyUrls: 'texts',
  samlSingleSignOnSettings: '*',
  servicePrincipalNames: 'texts',
  servicePrincipalType: 'text',
  tags: 'texts',
  tokenEncryptionKeyId: 'guid',
};

/** What may be said of a role assignment. */
export const APP_ROLE_ASSIGNMENT: EntityType = {
  appRoleId: 'guid',
  principalDisplayName: 'text',
  principalId: 'guid',
  principalType: 'text',
  resourceDisplayName: 'text',
  resourceId: 'guid',
};

/** What may be said of a federated credential. */
export const FEDERATED_CREDENTIAL: EntityType = {
  audiences: 'texts',
  description: 'text',
  issuer: 'text',
  name: 'text',
  subject: 'text',
};

/** What may be said of a secret. */
export { PASSWORD_CREDENTIAL };

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,12})?)?(?:Z|[+-]\d\d:\d\d)$/;
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

/** A value as an object, or nothing. */
export function asObject(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}

function isOfKind(value: unknown, kind: Exclude<Kind, { readonly listOf: EntityName }>): boolean {
  switch (kind) {
    case 'text':
      return typeof value === 'string';
    case 'guid':
      return typeof value === 'string' && GUID.test(value);
    case 'moment':
      return typeof value === 'string' && MOMENT.test(value) && !Number.isNaN(Date.parse(value));
    case 'flag':
      return typeof value === 'boolean';
    case 'base64':
      return typeof value === 'string' && BASE64.test(value);
    case 'texts':
      return Array.isArray(value) && value.every((item) => typeof item === 'string');
    case '*':
      return typeof value === 'object';
  }
}

/** What is wrong with a body, as Graph says it; nothing where it is as it should be. `null` is a value everywhere. */
export function mistakeIn(body: Json, type: EntityType, resource: string): string | undefined {
  for (const [name, value] of Object.entries(body)) {
    // Annotations of OData are no properties.
    if (name.includes('@')) continue;
    const kind = Object.hasOwn(type, name) ? type[name] : undefined;
    if (kind === undefined) return `Property '${name}' does not exist as a declared property or extension property.`;
    if (value === null) continue;
    const wrong = `Invalid value specified for property '${name}' of resource '${resource}'.`;
    if (typeof kind === 'string') {
      if (!isOfKind(value, kind)) return wrong;
      continue;
    }
    if (!Array.isArray(value)) return wrong;
    for (const item of value) {
      const object = asObject(item);
      if (object === undefined) return wrong;
      const mistake = mistakeIn(object, NESTED[kind.listOf], kind.listOf);
      if (mistake !== undefined) return mistake;
    }
  }
  return undefined;
}
