/**
 * One token request, without cache.
 *
 * oauth4webapi writes the request; our own HTTP client sends it, so that trust, proxy, limits and the ban on redirects are
 * those of the whole product; our own reader keeps the raw reply for diagnosis before anything judges it.
 */
import { failure, oneLine, success, systemClock, type Clock, type Result } from '@postbearer/core';
import type { HttpClient, HttpRequest, HttpResult } from '@postbearer/network';
import { allowInsecureRequests, clientCredentialsGrantRequest, customFetch, type ClientAuth } from 'oauth4webapi';
import { clientAuthentication } from './client-authentication.ts';
import { requestManagedIdentityToken } from './managed-identity.ts';
import { createCleaner, credentialsIn } from './reply-text.ts';
import { decodeTokenClaims } from './token-claims.ts';
import { readTokenReply, type GrantedToken } from './token-reply.ts';
import { checkEndpoint, shownEndpoint, type AccessToken, type TokenRequest } from './token-request.ts';

/** What a token request works with. */
export interface TokenRequestSources {
  readonly http: HttpClient;
  readonly clock?: Clock;
  /** Environment variables that name the managed identity service. By default those of the process. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** For one request from connecting to the end of the reply, 30 s by default. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** Token replies are a few kilobytes; a page of a web site may come instead. */
const MAX_REPLY_BYTES = 131_072;
const DEFAULT_TIMEOUT_MS = 30_000;

interface SentRequest {
  readonly result: HttpResult;
  readonly credentials: readonly string[];
}

async function send(
  request: TokenRequest,
  authentication: ClientAuth,
  sources: TokenRequestSources,
): Promise<SentRequest> {
  const { http, timeoutMs = DEFAULT_TIMEOUT_MS, signal } = sources;
  let sent: SentRequest | undefined;
  await clientCredentialsGrantRequest(
    { issuer: request.endpoint, token_endpoint: request.endpoint },
    { client_id: request.clientId },
    authentication,
    { scope: request.scope },
    {
      headers: { 'user-agent': 'Postbearer' },
      // The endpoint was checked before: plain http leads to this machine only.
      [allowInsecureRequests]: true,
      [customFetch]: async (url, { method, headers, body }) => {
        const outgoing: HttpRequest = {
          url,
          method,
          headers,
          body: body.toString(),
          timeoutMs,
          maxBytes: MAX_REPLY_BYTES,
        };
        const result = await http.request(signal === undefined ? outgoing : { ...outgoing, signal });
        sent = { result, credentials: credentialsIn(headers, body) };
        // Our own reader judges the reply; the library only wants a response.
        return new Response(null);
      },
    },
  );
  if (sent === undefined) throw new Error('the token request was not sent');
  return sent;
}

async function requestFromEndpoint(request: TokenRequest, sources: TokenRequestSources): Promise<Result<GrantedToken>> {
  const { authentication, clientId, scope } = request;
  const { http, clock = systemClock, environment = process.env, timeoutMs = DEFAULT_TIMEOUT_MS, signal } = sources;
  if (authentication.method === 'managed_identity')
    return requestManagedIdentityToken(
      { scope, identityClientId: authentication.clientId },
      { http, environment, now: clock.now(), timeoutMs, maxBytes: MAX_REPLY_BYTES, signal },
    );
  const url = checkEndpoint(request.endpoint);
  if (!url.ok) return url;
  const prepared = await clientAuthentication(authentication, request, clock);
  if (!prepared.ok) return prepared;
  const { result, credentials } = await send(request, prepared.value, sources);
  const clean = createCleaner(credentials);
  return readTokenReply(result, { endpoint: shownEndpoint(url.value), clientId, scope, clean, now: clock.now() });
}

/** What is being done, for the fault. */
function purposeOf({ authentication, clientId }: TokenRequest): string {
  if (authentication.method !== 'managed_identity') return `getting a token for client ${clientId}`;
  const { clientId: identity } = authentication;
  return `getting a token from the managed identity ${identity ?? 'of this machine'}`;
}

/**
 * Asks for a token once.
 *
 * @returns the token, or an `OAUTH_…` fault with what the endpoint said, a `NETWORK_…` fault, or the fault of whoever reads the
 * credential. No fault holds a credential or a token. Throws only `signal.reason`, when the caller cancels.
 */
export async function requestToken(request: TokenRequest, sources: TokenRequestSources): Promise<Result<AccessToken>> {
  const { clock = systemClock } = sources;
  // The lifetime began at the endpoint, at some moment after this one.
  const obtainedAt = clock.now();
  const granted = await requestFromEndpoint(request, sources);
  if (!granted.ok) return failure({ ...granted.fault, during: oneLine(purposeOf(request), 200) });
  const { value, lifetimeMs } = granted.value;
  const claims = decodeTokenClaims(value.reveal());
  return success({
    value,
    obtainedAt,
    expiresAt: obtainedAt + lifetimeMs,
    fromCache: false,
    ...(claims === undefined ? {} : { claims }),
  });
}
