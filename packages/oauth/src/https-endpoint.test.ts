/** Token endpoints with TLS: a private authority that is trusted, and certificates that are not. */
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  createCertificateAuthority,
  createSelfSignedCertificate,
  type CertificateAuthority,
  type CertificateOptions,
} from '@postbearer/network/certificates';
import { createTokenSource, requestToken } from './index.ts';
import { httpClient, json, requestTo, withSecret, World } from './testing/world.ts';

const DAY_MS = 86_400_000;
const good = json({ token_type: 'Bearer', expires_in: 3599, access_token: 'token' });

let authority: CertificateAuthority;
let foreign: CertificateAuthority;
beforeAll(async () => {
  [authority, foreign] = await Promise.all([
    createCertificateAuthority(),
    createCertificateAuthority({ name: 'Foreign' }),
  ]);
});

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.close());

/** Asks a server with this certificate; what came, and how often the secret arrived. */
async function ask(pair: { certificatePem: string; privateKeyPem: string }): Promise<readonly [string, number]> {
  const endpoint = await world.endpoint(good, { cert: pair.certificatePem, key: pair.privateKeyPem });
  const http = httpClient(authority.certificatePem);
  const result = await requestToken(requestTo(endpoint.url, withSecret('secret')), { http });
  return [result.ok ? 'ok' : result.fault.code, endpoint.received.length];
}

const issue = (options: CertificateOptions): ReturnType<CertificateAuthority['issue']> =>
  authority.issue({ ipAddresses: ['127.0.0.1'], ...options });

describe('over TLS', () => {
  it('a private authority that is named is trusted', async () => {
    expect(await ask(await issue({}))).toEqual(['ok', 1]);
  });

  it('a bad certificate is refused before the secret goes out, each with its fault', async () => {
    const now = Date.now();
    const cases = {
      NETWORK_CERTIFICATE_EXPIRED: await issue({ notBefore: now - 9 * DAY_MS, notAfter: now - DAY_MS }),
      NETWORK_CERTIFICATE_NOT_YET_VALID: await issue({ notBefore: now + DAY_MS }),
      NETWORK_CERTIFICATE_WRONG_HOST: await issue({ ipAddresses: ['127.0.0.2'], dnsNames: ['localhost'] }),
      NETWORK_CERTIFICATE_SELF_SIGNED: await createSelfSignedCertificate({ ipAddresses: ['127.0.0.1'] }),
      NETWORK_CERTIFICATE_UNKNOWN_AUTHORITY: await foreign.issue({ ipAddresses: ['127.0.0.1'] }),
    };
    for (const [code, pair] of Object.entries(cases)) expect(await ask(pair)).toEqual([code, 0]);
  });

  it('a name only as common name is refused', async () => {
    const pair = await authority.issue({ commonName: 'localhost', subjectAltName: false });
    const endpoint = await world.endpoint(good, { cert: pair.certificatePem, key: pair.privateKeyPem });
    const request = requestTo(`https://localhost:${endpoint.port}/`, withSecret('secret'));
    const result = await requestToken(request, { http: httpClient(authority.certificatePem) });
    expect(!result.ok && result.fault.code).toBe('NETWORK_CERTIFICATE_COMMON_NAME_ONLY');
    expect(endpoint.received.length).toBe(0);
  });

  it('a thousand needs are one request', async () => {
    const { certificatePem, privateKeyPem } = await issue({});
    const endpoint = await world.endpoint(good, { cert: certificatePem, key: privateKeyPem });
    const source = createTokenSource({ http: httpClient(authority.certificatePem) });
    const request = requestTo(endpoint.url, withSecret('secret'));
    const results = await Promise.all(Array.from({ length: 1000 }, () => source.get(request)));
    expect(results.filter(({ ok }) => ok).length).toBe(1000);
    expect(endpoint.received.length).toBe(1);
  });
});
