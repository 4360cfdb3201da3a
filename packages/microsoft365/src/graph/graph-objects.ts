/**
 * The objects of Microsoft Graph that the set-up works with, and how they are read from its answers.
 *
 * Properties: learn.microsoft.com/graph/api/resources/application, serviceprincipal, approleassignment, passwordcredential (read 2026-11-25).
 */

/** A secret or a certificate of an app, without its value. */
export interface CredentialFacts {
  readonly keyId: string;
  readonly displayName: string;
  /** The first three characters of a secret; empty of a certificate. */
  readonly hint: string;
  /** Milliseconds since 1970. */
  readonly startsAt: number;
  /** Milliseconds since 1970. */
  readonly endsAt: number;
}

/** A permission that a registration asks for. */
export interface RequiredRole {
  /** appId of the API. */
  readonly resourceAppId: string;
  readonly roleId: string;
}

/** An app registration. */
export interface Application {
  /** Object ID: what Graph's paths want, and Exchange does not. */
  readonly id: string;
  /** Application (client) ID. */
  readonly appId: string;
  readonly displayName: string;
  /** The key that makes a repeated set-up find what it made; empty of an app that somebody else made. */
  readonly uniqueName: string;
  readonly secrets: readonly CredentialFacts[];
  readonly certificates: readonly CredentialFacts[];
  readonly requiredRoles: readonly RequiredRole[];
}

/** A role that an API offers to apps. */
export interface AppRole {
  readonly id: string;
  readonly value: string;
}

/** An enterprise application. */
export interface ServicePrincipal {
  /** Object ID: what Exchange's New-ServicePrincipal wants. */
  readonly id: string;
  readonly appId: string;
  readonly displayName: string;
  /** The roles it offers to apps, enabled ones only. */
  readonly roles: readonly AppRole[];
}

/** A permission that was granted. */
export interface RoleAssignment {
  readonly id: string;
  readonly principalId: string;
  readonly resourceId: string;
  readonly resourceName: string;
  readonly roleId: string;
}

/** A federated credential: tokens of an issuer and subject stand for the app. */
export interface FederatedCredential {
  readonly id: string;
  readonly name: string;
  readonly issuer: string;
  readonly subject: string;
}

/** A JSON object as it came. */
export type Json = Readonly<Record<string, unknown>>;

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function objects(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value.filter((each): each is Json => typeof each === 'object' && each !== null) : [];
}

function time(value: unknown): number {
  const ms = Date.parse(text(value));
  return Number.isNaN(ms) ? 0 : ms;
}

function readCredential(json: Json): CredentialFacts {
  return {
    keyId: text(json['keyId']),
    displayName: text(json['displayName']),
    hint: text(json['hint']),
    startsAt: time(json['startDateTime']),
    endsAt: time(json['endDateTime']),
  };
}

/** The objects of a list reply. */
export function readList(body: Json): readonly Json[] {
  return objects(body['value']);
}

/** An application; `undefined` where the answer is none. */
export function readApplication(json: Json): Application | undefined {
  const [id, appId] = [text(json['id']), text(json['appId'])];
  if (id === '' || appId === '') return undefined;
  return {
    id,
    appId,
    displayName: text(json['displayName']),
    uniqueName: text(json['uniqueName']),
    secrets: objects(json['passwordCredentials']).map(readCredential),
    certificates: objects(json['keyCredentials']).map(readCredential),
    requiredRoles: objects(json['requiredResourceAccess']).flatMap((resource) =>
      objects(resource['resourceAccess'])
        .filter((access) => access['type'] === 'Role')
        .map((access) => ({ resourceAppId: text(resource['resourceAppId']), roleId: text(access['id']) })),
    ),
  };
}

/** A service principal; `undefined` where the answer is none. */
export function readServicePrincipal(json: Json): ServicePrincipal | undefined {
  const [id, appId] = [text(json['id']), text(json['appId'])];
  if (id === '' || appId === '') return undefined;
  const roles = objects(json['appRoles']).filter(
    (role) =>
      role['isEnabled'] !== false &&
      Array.isArray(role['allowedMemberTypes']) &&
      role['allowedMemberTypes'].includes('Application'),
  );
  return {
    id,
    appId,
    displayName: text(json['displayName']),
    roles: roles.map((role) => ({ id: text(role['id']), value: text(role['value']) })),
  };
}

/** A role assignment; `undefined` where the answer is none. */
export function readRoleAssignment(json: Json): RoleAssignment | undefined {
  const id = text(json['id']);
  if (id === '') return undefined;
  return {
    id,
    principalId: text(json['principalId']),
    resourceId: text(json['resourceId']),
    resourceName: text(json['resourceDisplayName']),
    roleId: text(json['appRoleId']),
  };
}

/** A federated credential; `undefined` where the answer is none. */
export function readFederatedCredential(json: Json): FederatedCredential | undefined {
  const id = text(json['id']);
  return id === ''
    ? undefined
    : { id, name: text(json['name']), issuer: text(json['issuer']), subject: text(json['subject']) };
}

/** A secret that was just made, with its value. */
export function readNewSecret(
  json: Json,
): { readonly facts: CredentialFacts; readonly secretText: string } | undefined {
  const facts = readCredential(json);
  const secretText = text(json['secretText']);
  return facts.keyId === '' || secretText === '' ? undefined : { facts, secretText };
}
