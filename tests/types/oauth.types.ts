/** The types of `@postbearer/oauth` as its users see them. Compiled by `tsconfig.tests.json`, never run. */
import { success, type Result, type Secret } from '@postbearer/core';
import type { HttpClient } from '@postbearer/network';
import {
  createTokenSource,
  decodeTokenClaims,
  requestToken,
  type AccessToken,
  type ClientAuthentication,
  type TokenClaims,
  type TokenNeed,
  type TokenRequest,
  type TokenRequestSources,
  type TokenSource,
  type TokenSourceOptions,
} from '@postbearer/oauth';
import { expectTypeOf } from 'vitest';

expectTypeOf(requestToken).toEqualTypeOf<
  (request: TokenRequest, sources: TokenRequestSources) => Promise<Result<AccessToken>>
>();
expectTypeOf(createTokenSource).toEqualTypeOf<(options: TokenSourceOptions) => TokenSource>();
expectTypeOf<Parameters<TokenSource['get']>[1]>().toEqualTypeOf<TokenNeed | undefined>();
expectTypeOf<TokenSource['get']>().returns.resolves.toEqualTypeOf<Result<AccessToken>>();
expectTypeOf(decodeTokenClaims).returns.extract<TokenClaims>().toEqualTypeOf<TokenClaims>();
expectTypeOf<TokenSourceOptions['http']>().toEqualTypeOf<HttpClient>();
expectTypeOf<ClientAuthentication['method']>().toEqualTypeOf<
  'client_secret_post' | 'client_secret_basic' | 'private_key_jwt' | 'federated' | 'managed_identity'
>();

// A token is a secret, and secrets come in as functions that are called when they are used.
expectTypeOf<AccessToken['value']>().toEqualTypeOf<Secret>();
declare const secret: Secret;
const later: ClientAuthentication = {
  method: 'client_secret_post',
  secret: async (): Promise<Result<Secret>> => success(secret),
};
void later;
// @ts-expect-error -- a secret that lies about in the settings
const now: ClientAuthentication = { method: 'client_secret_post', secret: 'value' };
void now;
