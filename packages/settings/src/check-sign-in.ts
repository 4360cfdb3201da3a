/** Checks of how an upstream is signed in to: password or token, and everything that a token needs. */
import {
  cloudOfScope,
  cloudOfSmtpHost,
  CLOUDS,
  kindOfTenant,
  parseTokenEndpoint,
  tokenEndpointOf,
  type CloudName,
  type TokenEndpoint,
} from '@postbearer/microsoft365/clouds';
import { checkSecret } from './check-secret.ts';
import { clientAuthenticationsOf, cloudOf } from './derive.ts';
import type { Draft } from './draft.ts';
import { DEFAULT_UPSTREAM } from './entry.ts';
import { mistake, nameOf, remark } from './place.ts';
import { isPlaceholder } from './placeholder.ts';
import { meaningOf, UPSTREAM_SETTINGS, type UpstreamKey } from './schema.ts';
import type { Finding } from './settings.ts';
import { shown } from './shown.ts';

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** What somebody has to do for a missing setting, with the name it has in each form. */
export function missing(draft: Draft, key: UpstreamKey, need: string): Finding[] {
  if (!draft.isMissing(key)) return [];
  const state = draft.isEmpty(key) ? 'empty' : 'missing';
  return [mistake('CONFIG_VALUE_MISSING', draft.place(key), { state, need, advice: adviceToSet(draft, key) })];
}

/** How to set what is missing: in the form at hand, and by the name in the form that goes with any. */
function adviceToSet(draft: Draft, key: UpstreamKey): string {
  const { key: name, form } = draft.place(key);
  const other = draft.nameIn(form === 'environment' ? 'json' : 'environment', key);
  if (draft.name !== DEFAULT_UPSTREAM) return `Set ${name} in the file`;
  if (form !== 'environment') return `Set ${name} (in the environment ${other})`;
  const file = UPSTREAM_SETTINGS[key].type === 'secret' ? `, or name a file that holds it in ${name}_FILE` : '';
  return `Set ${name}${file} (in a JSON file ${other})`;
}

/** A value that was copied from a manual and not replaced. */
export function placeholder(draft: Draft, key: UpstreamKey): Finding[] {
  const text = draft.held(key)?.origin === 'given' ? draft.text(key) : undefined;
  if (text === undefined || !isPlaceholder(text)) return [];
  return [mistake('CONFIG_PLACEHOLDER', draft.place(key), { shown: shown(text), meaning: meaningOf(key) })];
}

/** A secret that stands in the settings themselves; one in a file is looked at with the files. */
function checkSecretValue(draft: Draft, key: UpstreamKey): Finding[] {
  const secret = draft.secret(key);
  return secret?.kind === 'value' ? checkSecret(draft.place(key), key, secret.value.reveal()) : [];
}

/** The way of signing in with a password, or with nothing. */
export function* checkPassword(draft: Draft): Generator<Finding> {
  const forgotten = isFlagForgotten(draft);
  // Who meant OAuth has no password to add.
  if (draft.has('username') && !forgotten)
    yield* missing(draft, 'password', 'OAuth is off, so the user signs in with a password');
  if (draft.has('password')) yield* missing(draft, 'username', 'a password needs the name it belongs to');
  yield* checkSecretValue(draft, 'password');
  const server = draft.text('server');
  if (draft.has('password') && server !== undefined && cloudOfSmtpHost(server) !== undefined)
    yield remark('CONFIG_BASIC_AUTHENTICATION', draft.place('server'), {
      server,
      key: draft.place('oauth.enabled').key,
    });
  if (forgotten) yield flagForgotten(draft);
}

/** Whether there are OAuth settings without the flag that makes them count. */
function isFlagForgotten(draft: Draft): boolean {
  if (draft.isGiven('oauth.enabled')) return false;
  return (['oauth.clientId', 'oauth.tokenEndpoint', 'oauth.tenant'] as const).some((key) => draft.has(key));
}

function flagForgotten(draft: Draft): Finding {
  const place = draft.place('oauth.enabled');
  if (draft.has('password')) return remark('CONFIG_OAUTH_NOT_ENABLED', place, { effect: 'the password is used' });
  return mistake('CONFIG_OAUTH_NOT_ENABLED', place, { effect: 'there is nothing to sign in with' });
}

/** The way of signing in with a token. */
export function* checkOAuth(draft: Draft): Generator<Finding> {
  yield* missing(draft, 'username', 'the mailbox to send as has to be named');
  if (draft.has('password')) yield remark('CONFIG_PASSWORD_BESIDE_OAUTH', draft.place('password'));
  if (draft.text('oauth.tokenMethod')?.toUpperCase() !== 'POST')
    yield* wrongWord(draft, 'oauth.tokenMethod', 'CONFIG_TOKEN_METHOD');
  if (draft.text('oauth.grantType')?.toLowerCase() !== 'client_credentials')
    yield* wrongWord(draft, 'oauth.grantType', 'CONFIG_GRANT_TYPE');
  yield* checkScope(draft);
  yield* checkCloudsAgree(draft);
  yield* checkClientAuthentication(draft);
  if (draft.text('oauth.clientAuthentication') === 'managed_identity') return;
  yield* checkEndpoint(draft);
  yield* checkClientId(draft);
}

function* wrongWord(
  draft: Draft,
  key: UpstreamKey,
  code: 'CONFIG_TOKEN_METHOD' | 'CONFIG_GRANT_TYPE',
): Generator<Finding> {
  if (draft.has(key)) yield mistake(code, draft.place(key));
}

function* checkEndpoint(draft: Draft): Generator<Finding> {
  const text = draft.text('oauth.tokenEndpoint');
  if (text === undefined) {
    const tenant = draft.place('oauth.tenant').key;
    yield* missing(draft, 'oauth.tokenEndpoint', `a token is asked for there; a tenant in ${tenant} will do as well`);
    return;
  }
  const endpoint = parseTokenEndpoint(text);
  const written = draft.held('oauth.tokenEndpoint')?.origin === 'given' ? 'oauth.tokenEndpoint' : 'oauth.tenant';
  if (endpoint === undefined) return;
  if (!endpoint.isHttps && !endpoint.isLoopback)
    yield mistake('CONFIG_ENDPOINT_NOT_HTTPS', draft.place('oauth.tokenEndpoint'));
  if (endpoint.cloud !== undefined && endpoint.version !== 'v2') {
    const isTenant = endpoint.tenantKind === 'id' || endpoint.tenantKind === 'domain';
    const tenant = isTenant ? endpoint.tenant : undefined;
    const expected = tokenEndpointOf({ tenant: tenant ?? 'TENANT', cloud: endpoint.cloud });
    yield mistake('CONFIG_ENDPOINT_FORM', draft.place('oauth.tokenEndpoint'), { host: endpoint.host, expected });
  }
  yield* checkTenant(draft, written, endpoint);
}

function* checkTenant(draft: Draft, key: UpstreamKey, endpoint: TokenEndpoint): Generator<Finding> {
  const { tenant, tenantKind } = endpoint;
  if (tenant === undefined) return;
  const place = draft.place(key);
  if (tenantKind === 'placeholder' || isPlaceholder(tenant))
    yield mistake('CONFIG_PLACEHOLDER', place, {
      shown: shown(tenant),
      meaning: 'what it is with the Directory (tenant) ID in place of that',
    });
  else if (tenantKind === 'shared') yield mistake('CONFIG_TENANT_SHARED', place, { tenant });
  else if (tenantKind === 'other' && endpoint.cloud !== undefined)
    yield mistake('CONFIG_TENANT_FORM', place, { tenant: shown(tenant) });
  yield* checkTenantsAgree(draft, tenant);
}

/** A tenant beside an endpoint that names another one; an ID beside a domain cannot be compared. */
function* checkTenantsAgree(draft: Draft, tenant: string): Generator<Finding> {
  const other = draft.text('oauth.tenant');
  if (other === undefined || draft.held('oauth.tokenEndpoint')?.origin !== 'given') return;
  if (kindOfTenant(other) !== kindOfTenant(tenant) || other.toLowerCase() === tenant.toLowerCase()) return;
  yield mistake('CONFIG_CONFLICT', draft.place('oauth.tenant'), {
    one: nameOf(draft.place('oauth.tokenEndpoint')),
    other: nameOf(draft.place('oauth.tenant')),
  });
}

function* checkClientId(draft: Draft): Generator<Finding> {
  yield* missing(draft, 'oauth.clientId', 'the app that asks for the token has to be named');
  yield* placeholder(draft, 'oauth.clientId');
  const clientId = draft.text('oauth.clientId');
  if (clientId === undefined || GUID.test(clientId) || isPlaceholder(clientId)) return;
  if (cloudOf(draft) !== undefined) yield remark('CONFIG_CLIENT_ID_FORM', draft.place('oauth.clientId'));
}

function* checkScope(draft: Draft): Generator<Finding> {
  yield* missing(draft, 'oauth.scope', 'the provider of the token endpoint names the scope that SMTP needs');
  yield* placeholder(draft, 'oauth.scope');
  const scope = draft.text('oauth.scope');
  const cloud = cloudOf(draft);
  if (scope === undefined || cloud === undefined || isPlaceholder(scope)) return;
  const expected = CLOUDS[cloud].scope.value;
  if (!/^\S+\/\.default$/.test(scope)) yield mistake('CONFIG_SCOPE_FORM', draft.place('oauth.scope'), { expected });
  // Other services of Microsoft take mail as well, with scopes of their own.
  else if (cloudOfScope(scope) === undefined && cloudOfSmtpHost(draft.text('server') ?? '') !== undefined)
    yield remark('CONFIG_SCOPE_OF_OTHER_SERVICE', draft.place('oauth.scope'), { expected });
}

/** Cloud, endpoint, scope and server, each compared with what they have to agree with. */
function* checkCloudsAgree(draft: Draft): Generator<Finding> {
  const endpoint = parseTokenEndpoint(draft.text('oauth.tokenEndpoint') ?? '')?.cloud;
  const main = endpoint === undefined ? 'oauth.cloud' : 'oauth.tokenEndpoint';
  const cloud = endpoint ?? cloudOf(draft);
  if (cloud === undefined) return;
  const others: readonly (readonly [UpstreamKey, CloudName | undefined, string])[] = [
    ['oauth.cloud', cloudOf(draft), cloud],
    ['oauth.scope', cloudOfScope(draft.text('oauth.scope') ?? ''), CLOUDS[cloud].scope.value],
    ['server', cloudOfSmtpHost(draft.text('server') ?? ''), CLOUDS[cloud].smtpHost.value],
  ];
  for (const [key, otherCloud, value] of others)
    if (otherCloud !== undefined && otherCloud !== cloud)
      yield mistake('CONFIG_CLOUD_MISMATCH', draft.place(key), {
        one: draft.place(main).key,
        cloud,
        other: draft.place(key).key,
        otherCloud,
        advice: `If the tenant is in the cloud ${cloud}, set ${draft.place(key).key} to ${value}`,
      });
}

function* checkClientAuthentication(draft: Draft): Generator<Finding> {
  const [one, other] = clientAuthenticationsOf(draft);
  if (one !== undefined && other !== undefined && !draft.isGiven('oauth.clientAuthentication')) {
    yield mistake('CONFIG_CLIENT_AUTHENTICATION', draft.place(other.key), {
      one: draft.place(one.key).key,
      other: draft.place(other.key).key,
      key: draft.place('oauth.clientAuthentication').key,
    });
    return;
  }
  if (draft.isUnknown('oauth.clientAuthentication')) return;
  switch (draft.text('oauth.clientAuthentication')) {
    case 'private_key_jwt':
      yield* missing(draft, 'oauth.certificateFile', 'the app proves itself with a certificate');
      yield* missing(draft, 'oauth.privateKey', 'the app proves itself with the key of its certificate');
      yield* checkSecretValue(draft, 'oauth.privateKey');
      return;
    case 'federated_token_file':
      yield* missing(draft, 'oauth.federatedTokenFile', 'the app proves itself with the token in this file');
      return;
    case 'managed_identity':
      yield* besideManagedIdentity(draft);
      return;
    case undefined:
    default:
      yield* checkClientSecret(draft);
  }
}

const NOT_OF_MANAGED_IDENTITY: readonly UpstreamKey[] = [
  'oauth.tokenEndpoint',
  'oauth.clientId',
  'oauth.clientSecret',
  'oauth.certificateFile',
  'oauth.privateKey',
  'oauth.federatedTokenFile',
];

function* besideManagedIdentity(draft: Draft): Generator<Finding> {
  for (const key of NOT_OF_MANAGED_IDENTITY) {
    if (draft.held(key)?.origin !== 'given') continue;
    const { key: name } = draft.place(key);
    const identity = draft.place('oauth.managedIdentityClientId').key;
    const advice =
      key === 'oauth.clientId'
        ? `Put the client ID of a user-assigned identity into ${identity}; for that of the system remove ${name}`
        : `Remove ${name}`;
    yield remark('CONFIG_BESIDE_MANAGED_IDENTITY', draft.place(key), { advice });
  }
}

function* checkClientSecret(draft: Draft): Generator<Finding> {
  if (draft.isMissing('oauth.clientSecret') && draft.isEmpty('oauth.clientSecret')) {
    const advice = adviceToSet(draft, 'oauth.clientSecret');
    yield mistake('CONFIG_CLIENT_SECRET_EMPTY', draft.place('oauth.clientSecret'), { advice });
  } else yield* missing(draft, 'oauth.clientSecret', 'OAuth is on and the app proves itself with a client secret');
  yield* checkSecretValue(draft, 'oauth.clientSecret');
}
