/** Tokens from oidc-provider, which nobody here wrote: each way to authenticate that it knows, and its refusals. */
import { createPublicKey } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import { Secret, success } from '@postbearer/core';
import { createHttpClient, createTrust, type HttpClient } from '@postbearer/network';
import { createSelfSignedCertificate, type CertificatePair } from '@postbearer/network/certificates';
import { createTokenSource, requestToken, type AccessToken, type ClientAuthentication } from '@postbearer/oauth';
import { Provider } from 'oidc-provider';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canaryClientSecret } from '../setup/canaries.ts';
import { makeCertificates } from '../setup/certificates.ts';

// Every printable character of ASCII that is no letter or digit, and what looks encoded; the provider takes only ASCII in a secret.
const ODD_SECRET = 'x !"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~ %2B%20+&client_id=other';

let server: Server;
let http: HttpClient;
let endpoint = '';
let oidc: Provider;
let issued = 0;
let rsa: CertificatePair;
let ec: CertificatePair;

function clientOf(name: string, more: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return { client_id: name, grant_types: ['client_credentials'], redirect_uris: [], response_types: [], ...more };
}

function certificateClient(name: string, pair: CertificatePair, alg: string): Readonly<Record<string, unknown>> {
  const jwk = createPublicKey(pair.privateKeyPem).export({ format: 'jwk' });
  return clientOf(name, {
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: alg,
    jwks: { keys: [{ ...jwk, alg, use: 'sig' }] },
  });
}

beforeAll(async () => {
  const certificates = await makeCertificates();
  [rsa, ec] = await Promise.all([
    createSelfSignedCertificate({ commonName: 'app' }),
    createSelfSignedCertificate({ commonName: 'app', keyType: 'P-256' }),
  ]);
  const trust = createTrust({ caPem: [certificates.trusted], environment: {} });
  if (!trust.ok) throw new Error(trust.fault.message);
  http = createHttpClient({ trust: trust.value, environment: {} });
  server = createServer(certificates.good);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const issuer = `https://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  oidc = new Provider(issuer, {
    clients: [
      clientOf('post', {
        scope: 'mail.send',
        client_secret: ODD_SECRET,
        token_endpoint_auth_method: 'client_secret_post',
      }),
      clientOf('basic', { client_secret: ODD_SECRET, token_endpoint_auth_method: 'client_secret_basic' }),
      clientOf('odd:client +%&', { client_secret: ODD_SECRET, token_endpoint_auth_method: 'client_secret_basic' }),
      certificateClient('rsa', rsa, 'PS256'),
      certificateClient('ec', ec, 'ES256'),
    ],
    features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false } },
    scopes: ['mail.send', 'mail.read'],
    ttl: { ClientCredentials: () => 600 },
  });
  oidc.on('grant.success', () => {
    issued += 1;
  });
  const handle = oidc.callback();
  server.on('request', (request, response) => void handle(request, response));
  endpoint = `${issuer}/token`;
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => {
    server.close(resolve);
  });
});

const bySecret = (method: 'client_secret_post' | 'client_secret_basic', secret = ODD_SECRET): ClientAuthentication => ({
  method,
  secret: () => Promise.resolve(success(Secret.of(secret))),
});

const byCertificate = ({ certificatePem, privateKeyPem }: CertificatePair): ClientAuthentication => ({
  method: 'private_key_jwt',
  credential: () => Promise.resolve(success({ certificatePem, privateKeyPem: Secret.of(privateKeyPem) })),
});

function ask(
  clientId: string,
  authentication: ClientAuthentication,
  scope = 'mail.send',
): ReturnType<typeof requestToken> {
  return requestToken({ endpoint, clientId, scope, authentication }, { http });
}

/** The client that the provider says the token belongs to. */
async function ownerOf(token: AccessToken): Promise<string | undefined> {
  return (await oidc.ClientCredentials.find(token.value.reveal()))?.clientId;
}

describe('oidc-provider gives a token', () => {
  test.each<readonly [string, string, () => ClientAuthentication]>([
    ['a secret of odd characters in the form', 'post', () => bySecret('client_secret_post')],
    ['a secret of odd characters by Basic', 'basic', () => bySecret('client_secret_basic')],
    ['a client id of odd characters by Basic', 'odd:client +%&', () => bySecret('client_secret_basic')],
    ['an RSA certificate', 'rsa', () => byCertificate(rsa)],
    ['a P-256 certificate', 'ec', () => byCertificate(ec)],
  ])('for %s', async (_what, clientId, authentication) => {
    const result = await ask(clientId, authentication());
    if (!result.ok) throw new Error(`${result.fault.code} ${JSON.stringify(result.fault.evidence)}`);
    expect(await ownerOf(result.value)).toBe(clientId);
    expect(result.value.expiresAt - result.value.obtainedAt).toBe(600_000);
  });

  test('once for a thousand needs', async () => {
    const source = createTokenSource({ http });
    const request = { endpoint, clientId: 'rsa', scope: 'mail.send', authentication: byCertificate(rsa) };
    const before = issued;
    const results = await Promise.all(Array.from({ length: 1000 }, () => source.get(request)));
    expect([results.every(({ ok }) => ok), issued - before]).toEqual([true, 1]);
    source.close();
  });
});

describe('oidc-provider refuses', () => {
  test.each<readonly [string, string, () => ClientAuthentication, string]>([
    ['a wrong secret', 'post', () => bySecret('client_secret_post', canaryClientSecret), 'invalid_client'],
    ['a wrong secret by Basic', 'basic', () => bySecret('client_secret_basic', canaryClientSecret), 'invalid_client'],
    ['the certificate of another', 'ec', () => byCertificate(rsa), 'invalid_client'],
    ['an unknown client', 'nobody', () => bySecret('client_secret_post'), 'invalid_client'],
    ['the wrong way to authenticate', 'rsa', () => bySecret('client_secret_post'), 'invalid_client'],
  ])('%s', async (_what, clientId, authentication, error) => {
    const result = await ask(clientId, authentication());
    expect(!result.ok && [result.fault.code, result.fault.evidence]).toEqual([
      'OAUTH_CLIENT_REFUSED',
      expect.objectContaining({ kind: 'token', status: 401, error }),
    ]);
    expect(JSON.stringify(result)).not.toContain(canaryClientSecret.slice(0, 12));
  });

  test('a scope that the client may not have', async () => {
    const result = await ask('post', bySecret('client_secret_post'), 'mail.read');
    expect(!result.ok && [result.fault.code, result.fault.evidence]).toMatchObject([
      'OAUTH_SCOPE_REFUSED',
      { status: 400, error: 'invalid_scope' },
    ]);
  });

  test('a path that is no token endpoint', async () => {
    const elsewhere = endpoint.replace('/token', '/nothing');
    const request = { endpoint: elsewhere, clientId: 'post', scope: 'mail.send' };
    const result = await requestToken({ ...request, authentication: bySecret('client_secret_post') }, { http });
    expect(!result.ok && [result.fault.code, result.fault.evidence]).toMatchObject([
      expect.stringMatching(/^OAUTH_(?:ENDPOINT_NOT_FOUND|REQUEST_REFUSED)$/),
      { status: 404 },
    ]);
  });
});
