/**
 * Tokens for programs: OAuth 2.0 client credentials with secret, certificate, federated token or managed identity.
 *
 * @packageDocumentation
 */
export { oauthFaults, type OAuthFaultCode } from './faults.ts';
export { requestToken, type TokenRequestSources } from './request-token.ts';
export { decodeTokenClaims, type TokenClaims } from './token-claims.ts';
export type { AccessToken, ClientAuthentication, TokenRequest } from './token-request.ts';
export { createTokenSource, type TokenNeed, type TokenSource, type TokenSourceOptions } from './token-source.ts';
