/**
 * What is asked of a token endpoint, and the rules for the endpoint itself.
 *
 * An endpoint is an https URL without user name and fragment (RFC 6749 section 3.2). Plain http goes to this machine only:
 * that is how a test speaks to an emulator.
 */
import { failure, success, type Failure, type Result, type Secret } from '@postbearer/core';
import { isLoopbackHost } from '@postbearer/network';
import { oauthFaults } from './faults.ts';
import type { TokenClaims } from './token-claims.ts';

/** How a client proves who it is. Each credential is asked for at each request, so that a renewed one is taken up. */
export type ClientAuthentication =
  /** A client secret in the form (post) or as HTTP Basic (RFC 6749 section 2.3.1). */
  | {
      readonly method: 'client_secret_post' | 'client_secret_basic';
      readonly secret: () => Promise<Result<Secret>>;
    }
  /** An assertion signed with the key of a certificate (RFC 7523), with the certificate's thumbprints in its header. */
  | {
      readonly method: 'private_key_jwt';
      readonly credential: () => Promise<Result<{ readonly certificatePem: string; readonly privateKeyPem: Secret }>>;
    }
  /** A token of another issuer as assertion (workload identity federation). */
  | { readonly method: 'federated'; readonly assertion: () => Promise<Result<Secret>> }
  /** The identity that Azure gives to this machine; `clientId` picks one of several user-assigned identities. */
  | { readonly method: 'managed_identity'; readonly clientId?: string };

/** One token, precisely. */
export interface TokenRequest {
  /** The token endpoint. With a managed identity it is a name only: the token comes from the machine's own platform. */
  readonly endpoint: string;
  readonly clientId: string;
  readonly scope: string;
  readonly authentication: ClientAuthentication;
}

/** A bearer token that may be used now. */
export interface AccessToken {
  readonly value: Secret;
  /** By the wall clock as it is now, milliseconds since 1970. */
  readonly expiresAt: number;
  /** When it was asked for, milliseconds since 1970. */
  readonly obtainedAt: number;
  /** It was not obtained for this call. */
  readonly fromCache: boolean;
  /** What the token says about itself, where it is a JWT. For diagnosis only. */
  readonly claims?: TokenClaims;
}

/** Two requests with the same key can share a token. */
export function keyOf({ endpoint, clientId, scope, authentication }: TokenRequest): string {
  const identity = authentication.method === 'managed_identity' ? authentication.clientId : undefined;
  return JSON.stringify([endpoint, clientId, scope, authentication.method, identity ?? '']);
}

function refuse(reason: string): Failure {
  return failure(oauthFaults.make('OAUTH_ENDPOINT_INVALID', { reason }));
}

/** The URL of the endpoint, or `OAUTH_ENDPOINT_INVALID` or `OAUTH_ENDPOINT_INSECURE`. */
export function checkEndpoint(text: string): Result<URL> {
  const url = URL.parse(text);
  if (url === null) return refuse('it is not a URL');
  if (url.username !== '' || url.password !== '') return refuse('it carries a user name or password');
  if (text.includes('#')) return refuse('it carries a fragment');
  if (url.protocol === 'https:') return success(url);
  if (url.protocol !== 'http:') return refuse('it is not https');
  if (isLoopbackHost(url.hostname)) return success(url);
  return failure(oauthFaults.make('OAUTH_ENDPOINT_INSECURE', { endpoint: shownEndpoint(url) }));
}

/** An endpoint as it may be shown: without query, which may carry anything. */
export function shownEndpoint(url: URL): string {
  return `${url.origin}${url.pathname}`;
}
