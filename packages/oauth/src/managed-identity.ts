/**
 * A token from the identity that Azure gives to this machine.
 *
 * App Service and Container Apps name their own service in IDENTITY_ENDPOINT and IDENTITY_HEADER; a virtual machine asks the
 * instance metadata service at 169.254.169.254. Either gives a token for the resource of the scope directly; no secret of
 * ours is involved. Plain http is right here: the address is this machine or its own link.
 *
 * Sources: learn.microsoft.com/azure/app-service/overview-managed-identity (REST endpoint reference) and
 * learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token, read 2026-11-24.
 */
import { failure, type Fault, type Result } from '@postbearer/core';
import type { HttpClient, HttpRequest } from '@postbearer/network';
import { oauthFaults, type OAuthFaultCode } from './faults.ts';
import { createCleaner } from './reply-text.ts';
import { readTokenReply, type GrantedToken } from './token-reply.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What is asked for. */
export interface ManagedIdentityRequest {
  readonly scope: string;
  /** Of a user-assigned identity; absent means the one that the system assigned. */
  readonly identityClientId: string | undefined;
}

/** What asking works with. */
export interface ManagedIdentitySources {
  readonly http: HttpClient;
  readonly environment: Environment;
  readonly now: number;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly signal: AbortSignal | undefined;
}

const METADATA_SERVICE = 'http://169.254.169.254';
// Outside Azure nothing answers there, not even with a refusal.
const METADATA_TIMEOUT_MS = 10_000;

/** The resource of a scope: `https://outlook.office365.com/.default` asks for `https://outlook.office365.com`. */
function resourceOf(scope: string): string {
  return scope.replace(/\/\.default$/, '');
}

interface Place {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The credentials among the headers. */
  readonly credentials: readonly string[];
  readonly longestMs: number;
}

function placeOf({ scope, identityClientId }: ManagedIdentityRequest, environment: Environment): Place {
  const query = (version: string): string => {
    const fields = new URLSearchParams({ 'api-version': version, resource: resourceOf(scope) });
    if (identityClientId !== undefined) fields.set('client_id', identityClientId);
    return fields.toString();
  };
  const { IDENTITY_ENDPOINT: endpoint, IDENTITY_HEADER: header } = environment;
  if (endpoint !== undefined && endpoint !== '' && header !== undefined && header !== '') {
    const url = `${endpoint}?${query('2019-08-01')}`;
    return { url, headers: { 'x-identity-header': header }, credentials: [header], longestMs: Infinity };
  }
  // The variable that Azure's own libraries read where the service stands elsewhere.
  const base = (environment['AZURE_POD_IDENTITY_AUTHORITY_HOST'] ?? METADATA_SERVICE).replace(/\/+$/, '');
  const url = `${base}/metadata/identity/oauth2/token?${query('2018-02-01')}`;
  return { url, headers: { metadata: 'true' }, credentials: [], longestMs: METADATA_TIMEOUT_MS };
}

/** The services name their errors otherwise than a token endpoint. 404 and 410 say that the service is being updated. */
function classify(status: number): OAuthFaultCode | undefined {
  if (status === 404 || status === 410) return 'OAUTH_SERVER_UNAVAILABLE';
  return status >= 400 && status < 500 && status !== 408 && status !== 429
    ? 'OAUTH_MANAGED_IDENTITY_REFUSED'
    : undefined;
}

function absent(endpoint: string, fault: Fault): Fault {
  const { evidence, retryAfterMs } = fault;
  return oauthFaults.make(
    'OAUTH_MANAGED_IDENTITY_ABSENT',
    { endpoint },
    {
      reported: fault.code,
      ...(evidence === undefined ? {} : { evidence }),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    },
  );
}

/** Asks the platform of this machine for a token, once. */
export async function requestManagedIdentityToken(
  wanted: ManagedIdentityRequest,
  sources: ManagedIdentitySources,
): Promise<Result<GrantedToken>> {
  const { http, environment, now, maxBytes, signal } = sources;
  const { url, headers, credentials, longestMs } = placeOf(wanted, environment);
  const endpoint = url.replace(/\?.*$/s, '');
  const timeoutMs = Math.min(sources.timeoutMs, longestMs);
  const request: HttpRequest = { url, headers, timeoutMs, maxBytes, allowLinkLocal: true };
  const result = await http.request(signal === undefined ? request : { ...request, signal });
  if (!result.ok && result.incomplete === undefined) return failure(absent(endpoint, result.fault));
  return readTokenReply(result, {
    endpoint,
    clientId: wanted.identityClientId ?? 'of this machine',
    scope: wanted.scope,
    clean: createCleaner(credentials),
    now,
    classify,
  });
}
