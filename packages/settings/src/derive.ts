/**
 * What follows from what: tenant and cloud give the token endpoint, the cloud gives scope and server, and so on.
 *
 * Rule: derived values never replace a written one, and each says what it was derived from.
 */
import {
  cloudOfSmtpHost,
  CLOUDS,
  parseCloudName,
  parseTokenEndpoint,
  tokenEndpointOf,
  type CloudName,
} from '@postbearer/microsoft365/clouds';
import { parseMailboxAddress } from '@postbearer/core';
import type { Draft } from './draft.ts';
import type { UpstreamKey } from './schema.ts';

/** The cloud of an upstream, where it is known. */
export function cloudOf(draft: Draft): CloudName | undefined {
  return parseCloudName(draft.text('oauth.cloud') ?? '');
}

function deriveOAuthEnabled(draft: Draft): void {
  const endpoint = draft.held('oauth.tokenEndpoint');
  if (endpoint?.rank === 'xmpro') draft.derive('oauth.enabled', 'true', endpoint.place.key);
  if (draft.brokenAt('oauth.tokenEndpoint')?.rank === 'xmpro') draft.follows('oauth.enabled', 'oauth.tokenEndpoint');
  draft.useDefault('oauth.enabled');
}

function deriveCloud(draft: Draft): void {
  const endpoint = parseTokenEndpoint(draft.text('oauth.tokenEndpoint') ?? '');
  draft.derive('oauth.cloud', endpoint?.cloud, draft.jsonKey('oauth.tokenEndpoint'));
  if (endpoint !== undefined) return;
  draft.derive('oauth.cloud', cloudOfSmtpHost(draft.text('server') ?? ''), draft.jsonKey('server'));
  draft.follows('oauth.cloud', 'oauth.tokenEndpoint', 'oauth.tenant', 'server');
  if (draft.has('oauth.tenant') || isManaged(draft)) draft.useDefault('oauth.cloud', 'global');
}

function deriveEndpoint(draft: Draft): void {
  const tenant = draft.text('oauth.tenant');
  const cloud = cloudOf(draft);
  if (tenant !== undefined && cloud !== undefined)
    draft.derive('oauth.tokenEndpoint', tokenEndpointOf({ tenant, cloud }), draft.jsonKey('oauth.tenant'));
  draft.follows('oauth.tokenEndpoint', 'oauth.tenant');
  if (tenant !== undefined) draft.follows('oauth.tokenEndpoint', 'oauth.cloud');
  // A managed identity needs neither of the two.
  draft.follows('oauth.tokenEndpoint', 'oauth.clientAuthentication');
  draft.follows('oauth.clientId', 'oauth.clientAuthentication');
  const endpoint = parseTokenEndpoint(draft.text('oauth.tokenEndpoint') ?? '');
  if (endpoint?.tenantKind === 'id' || endpoint?.tenantKind === 'domain')
    draft.derive('oauth.tenant', endpoint.tenant, draft.jsonKey('oauth.tokenEndpoint'));
}

/** Scope and server are those of the cloud. The default scope also holds for an endpoint that has the form of Entra's: an emulator. */
function deriveFromCloud(draft: Draft): void {
  const cloud = cloudOf(draft);
  const endpoint = parseTokenEndpoint(draft.text('oauth.tokenEndpoint') ?? '');
  if (cloud !== undefined) {
    if (cloud !== 'global') draft.derive('oauth.scope', CLOUDS[cloud].scope.value, draft.jsonKey('oauth.cloud'));
    draft.derive('server', CLOUDS[cloud].smtpHost.value, draft.jsonKey('oauth.cloud'));
  }
  draft.follows('oauth.scope', 'oauth.cloud');
  draft.follows('server', 'oauth.cloud');
  if (cloud !== undefined || endpoint?.version === 'v2' || isManaged(draft)) draft.useDefault('oauth.scope');
}

function isManaged(draft: Draft): boolean {
  return draft.text('oauth.clientAuthentication') === 'managed_identity';
}

function deriveClientAuthentication(draft: Draft): void {
  const ways = clientAuthenticationsOf(draft);
  const [only] = ways;
  if (ways.length === 1 && only !== undefined && only.method !== 'client_secret_post')
    draft.derive('oauth.clientAuthentication', only.method, draft.jsonKey(only.key));
  draft.useDefault('oauth.clientAuthentication');
}

/** The ways to prove the app that are set, each with the setting that shows it. */
export function clientAuthenticationsOf(draft: Draft): readonly {
  readonly method: string;
  readonly key: UpstreamKey;
}[] {
  // A key alone says as well that a certificate was meant.
  const ofCertificate = draft.isGiven('oauth.certificateFile') ? 'oauth.certificateFile' : 'oauth.privateKey';
  const ways = [
    { method: 'client_secret_post', key: 'oauth.clientSecret' },
    { method: 'private_key_jwt', key: ofCertificate },
    { method: 'federated_token_file', key: 'oauth.federatedTokenFile' },
  ] as const;
  return ways.filter(({ key }) => draft.isGiven(key));
}

function deriveAddresses(draft: Draft): void {
  const from = draft.text('fromAddress');
  if (draft.isOn('oauth.enabled')) draft.derive('username', from, draft.jsonKey('fromAddress'));
  draft.follows('username', 'fromAddress');
  const username = draft.text('username') ?? '';
  if (parseMailboxAddress(username).ok) draft.derive('fromAddress', username, draft.jsonKey('username'));
}

/** Fills what is left out. */
export function deriveSettings(draft: Draft): void {
  if (draft.isOfTerraform) draft.useTerraformDefault('enabled', 'false');
  else draft.useDefault('enabled');
  draft.useDefault('port');
  draft.useDefault('enableSsl');
  deriveOAuthEnabled(draft);
  deriveAddresses(draft);
  draft.follows('server', 'oauth.enabled');
  if (!draft.isOn('oauth.enabled')) return;
  draft.useDefault('oauth.tokenMethod');
  draft.useDefault('oauth.grantType');
  deriveClientAuthentication(draft);
  deriveCloud(draft);
  deriveEndpoint(draft);
  deriveFromCloud(draft);
}
