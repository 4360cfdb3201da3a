/** The types of `@postbearer/network` as its users see them. Compiled by `tsconfig.tests.json`, never run. */
import type { Result } from '@postbearer/core';
import {
  createHttpClient,
  createTrust,
  isLinkLocalHost,
  isLoopbackHost,
  type HttpClient,
  type HttpClientOptions,
  type HttpReply,
  type HttpRequest,
  type HttpResult,
  type Trust,
  type TrustOptions,
} from '@postbearer/network';
import {
  createCertificateAuthority,
  type CertificateAuthority,
  type CertificatePair,
  type IssuedCertificate,
} from '@postbearer/network/certificates';
import { expectTypeOf } from 'vitest';

expectTypeOf(createTrust).toEqualTypeOf<(options?: TrustOptions) => Result<Trust>>();
expectTypeOf(createHttpClient).toEqualTypeOf<(options: HttpClientOptions) => HttpClient>();
expectTypeOf<HttpClient['request']>().toEqualTypeOf<(request: HttpRequest) => Promise<HttpResult>>();
expectTypeOf<Result<HttpReply>>().toExtend<HttpResult>();
expectTypeOf<HttpReply['body']>().toEqualTypeOf<Uint8Array>();
expectTypeOf(isLoopbackHost).toEqualTypeOf<(host: string) => boolean>();
expectTypeOf(isLinkLocalHost).toEqualTypeOf<(host: string) => boolean>();
expectTypeOf(createCertificateAuthority).returns.resolves.toEqualTypeOf<CertificateAuthority>();
expectTypeOf<CertificateAuthority['issue']>().returns.resolves.toEqualTypeOf<IssuedCertificate>();
expectTypeOf<IssuedCertificate>().toExtend<CertificatePair>();

// There is no switch that turns a check off.
// @ts-expect-error -- no such option
createTrust({ rejectUnauthorized: false });
// @ts-expect-error -- trust has to be said
createHttpClient({});
