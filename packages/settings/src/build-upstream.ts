/** From a checked draft to an {@link Upstream}. Called only where no check found a mistake. */
import { parseMailboxAddress, Secret, type SecretRef } from '@postbearer/core';
import { cloudOf } from './derive.ts';
import type { Draft } from './draft.ts';
import type { UpstreamKey } from './schema.ts';
import type { ClientAuthentication, OAuthSettings, Upstream } from './settings.ts';

/** Keeps the members that have a value. */
function present<K extends string, V>(members: Readonly<Record<K, V | undefined>>): { [P in K]?: V } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as { [P in K]?: V };
}

const EMPTY_SECRET: SecretRef = { kind: 'value', value: Secret.of('') };

/** Only of an upstream that is switched off is anything absent here. */
function textOf(draft: Draft, key: UpstreamKey): string {
  return draft.text(key) ?? '';
}

function clientAuthentication(draft: Draft): ClientAuthentication {
  const method = draft.text('oauth.clientAuthentication');
  switch (method) {
    case 'private_key_jwt': {
      const privateKey = draft.secret('oauth.privateKey') ?? EMPTY_SECRET;
      return { method, certificateFile: textOf(draft, 'oauth.certificateFile'), privateKey };
    }
    case 'federated_token_file':
      return { method, path: textOf(draft, 'oauth.federatedTokenFile') };
    case 'managed_identity':
      return { method, ...present({ clientId: draft.text('oauth.managedIdentityClientId') }) };
    case undefined:
    default: {
      const secret = draft.secret('oauth.clientSecret') ?? EMPTY_SECRET;
      return { method: method === 'client_secret_basic' ? method : 'client_secret_post', secret };
    }
  }
}

function oauthOf(draft: Draft): OAuthSettings {
  const authentication = clientAuthentication(draft);
  const isManaged = authentication.method === 'managed_identity';
  return {
    enabled: true,
    tokenEndpoint: isManaged ? '' : textOf(draft, 'oauth.tokenEndpoint'),
    clientId: isManaged ? '' : textOf(draft, 'oauth.clientId'),
    scope: textOf(draft, 'oauth.scope'),
    clientAuthentication: authentication,
    ...present({ tenant: draft.text('oauth.tenant') }),
    ...present({ cloud: cloudOf(draft) }),
  };
}

function securityOf(draft: Draft): Upstream['security'] {
  if (!draft.isOn('enableSsl')) return 'none';
  return draft.text('port') === '465' ? 'tls' : 'starttls';
}

function authenticationOf(draft: Draft): Upstream['authentication'] {
  if (draft.isOn('oauth.enabled')) return 'oauth';
  return draft.has('password') ? 'password' : 'none';
}

function placeOfEnabled(draft: Draft): Upstream['enabledFrom'] {
  const { key, label } = draft.place('enabled');
  return { key, source: label };
}

/** The upstream that a draft describes. */
export function buildUpstream(draft: Draft): Upstream {
  const from = parseMailboxAddress(textOf(draft, 'fromAddress'));
  const authentication = authenticationOf(draft);
  return {
    name: draft.name,
    enabled: draft.isOn('enabled'),
    enabledFrom: placeOfEnabled(draft),
    server: textOf(draft, 'server'),
    port: Number(textOf(draft, 'port')),
    security: securityOf(draft),
    authentication,
    ...present({ username: draft.text('username'), caFile: draft.text('caFile') }),
    ...(from.ok ? { fromAddress: from.value } : {}),
    ...present({ password: draft.secret('password') }),
    ...(authentication === 'oauth' ? { oauth: oauthOf(draft) } : {}),
  };
}
