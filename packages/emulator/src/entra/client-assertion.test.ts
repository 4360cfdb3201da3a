/** Clients that sign in with a certificate or a token of another issuer. */
import {
  constants,
  generateKeyPairSync,
  sign,
  X509Certificate,
  createHash,
  createPrivateKey,
  type KeyObject,
} from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSelfSignedCertificate, type CertificatePair } from '@postbearer/network/certificates';
import { startEmulator, type Emulator } from '../index.ts';
import { askToken, type TestAnswer } from '../testing/https-client.ts';

const TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

interface AssertionParts {
  readonly header?: Readonly<Record<string, unknown>>;
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly key: KeyObject;
}

function segment(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function jwt({ header, claims, key }: AssertionParts): string {
  const signed = `${segment({ alg: 'RS256', typ: 'JWT', ...header })}.${segment({ ...claims })}`;
  const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  const how = header?.['alg'] === 'PS256' ? { key, ...padding } : key;
  return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), how).toString('base64url')}`;
}

function thumbprint(pem: string, algorithm: string): string {
  return createHash(algorithm).update(new X509Certificate(pem).raw).digest('base64url');
}

let emulator: Emulator;
let certificate: CertificatePair;
let stranger: CertificatePair;
beforeAll(async () => {
  emulator = await startEmulator();
  [certificate, stranger] = await Promise.all([createSelfSignedCertificate(), createSelfSignedCertificate()]);
  emulator.state.addCertificate(emulator.defaults.clientId, certificate.certificatePem);
});
afterAll(() => emulator.close());

interface Change {
  readonly header?: Readonly<Record<string, unknown>>;
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly key?: KeyObject;
}

function prove(change: Change = {}): Promise<TestAnswer> {
  const { clientId } = emulator.defaults;
  const now = Math.floor(Date.now() / 1000);
  const assertion = jwt({
    header: { 'x5t#S256': thumbprint(certificate.certificatePem, 'sha256'), ...change.header },
    claims: {
      iss: clientId,
      sub: clientId,
      aud: emulator.tokenEndpoint(),
      nbf: now - 5,
      exp: now + 300,
      ...change.claims,
    },
    key: change.key ?? createPrivateKey(certificate.privateKeyPem),
  });
  return askToken(emulator, { client_secret: undefined, client_assertion_type: TYPE, client_assertion: assertion });
}

describe('an assertion signed with a certificate', () => {
  it.each([
    [
      'SHA-1 thumbprint and RS256',
      (): Change => ({ header: { x5t: thumbprint(certificate.certificatePem, 'sha1'), 'x5t#S256': undefined } }),
    ],
    ['SHA-256 thumbprint and PS256', (): Change => ({ header: { alg: 'PS256' } })],
  ])('is taken with %s, and the token says so', async (_, change) => {
    const answer = await prove(change());
    expect(answer.status).toBe(200);
    const claims: unknown = JSON.parse(
      Buffer.from(String(answer.json['access_token']).split('.')[1] ?? '', 'base64url').toString(),
    );
    expect(claims).toMatchObject({ appidacr: '2' });
  });

  it.each([
    [
      'a certificate that is not registered',
      700027,
      'The key was not found.',
      (): Change => ({
        header: { 'x5t#S256': thumbprint(stranger.certificatePem, 'sha256') },
        key: createPrivateKey(stranger.privateKeyPem),
      }),
    ],
    [
      'the key of another certificate',
      700027,
      'The signature does not match the key.',
      (): Change => ({ key: createPrivateKey(stranger.privateKeyPem) }),
    ],
    [
      'a time that is over',
      700024,
      'not within its valid time range',
      (): Change => ({ claims: { nbf: 1_700_000_000, exp: 1_700_000_300 } }),
    ],
    [
      'no time at all',
      700024,
      'expiry time of assertion 1970-01-01T00:00:00.0000000Z',
      (): Change => ({ claims: { exp: 'tomorrow' } }),
    ],
    ['another audience', 700023, 'audience', (): Change => ({ claims: { aud: 'https://login.example/token' } })],
    ['another subject', 700021, "doesn't match 'client_id'", (): Change => ({ claims: { sub: 'somebody' } })],
  ])('is refused with %s as AADSTS%d', async (_, code, says, change) => {
    const answer = await prove(change());
    expect(answer).toMatchObject({ status: 401, json: { error: 'invalid_client', error_codes: [code] } });
    expect(answer.json['error_description']).toContain(says);
  });

  it('is refused with an expired certificate', async () => {
    const own = await createSelfSignedCertificate({ notBefore: Date.now() - 2000, notAfter: Date.now() - 1000 });
    emulator.state.addCertificate(emulator.defaults.clientId, own.certificatePem);
    const answer = await prove({
      header: { 'x5t#S256': thumbprint(own.certificatePem, 'sha256') },
      key: createPrivateKey(own.privateKeyPem),
    });
    expect(answer.json['error_description']).toContain('The key used is expired.');
  });

  it('is refused where it is no JSON Web Token, or its type is not said', async () => {
    const malformed = { client_secret: undefined, client_assertion_type: TYPE, client_assertion: 'a.b' };
    expect(await askToken(emulator, malformed)).toMatchObject({ status: 400, json: { error_codes: [50027] } });
    const untyped = { client_secret: undefined, client_assertion: 'a.b.c' };
    expect(await askToken(emulator, untyped)).toMatchObject({ status: 400, json: { error_codes: [900144] } });
  });
});

describe('a federated token', () => {
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const other = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const trusted = { issuer: 'https://issuer.example', subject: 'system:serviceaccount:mail:relay' };

  const offer = (claims: Readonly<Record<string, unknown>>, key: KeyObject = pair.privateKey): Promise<TestAnswer> => {
    const exp = Math.floor(Date.now() / 1000) + 300;
    const token = jwt({
      claims: { iss: trusted.issuer, sub: trusted.subject, aud: 'api://AzureADTokenExchange', exp, ...claims },
      key,
    });
    return askToken(emulator, { client_secret: undefined, client_assertion_type: TYPE, client_assertion: token });
  };

  beforeAll(() => {
    const keys = [{ ...pair.publicKey.export({ format: 'jwk' }) }];
    emulator.state.addFederatedCredential(emulator.defaults.clientId, { ...trusted, keys });
  });

  it('is taken from the issuer that the app trusts', async () => {
    expect((await offer({})).status).toBe(200);
    expect((await offer({ aud: ['https://other.example', 'api://AzureADTokenExchange'] })).status).toBe(200);
  });

  it.each([
    ['issuer', 700211, { iss: 'https://stranger.example' }],
    ['subject', 700213, { sub: 'system:serviceaccount:mail:other' }],
    ['audience', 700212, { aud: 'https://other.example' }],
    ['time', 700024, { exp: 1 }],
  ])('is refused for another %s as AADSTS%d', async (_, code, claims) => {
    expect(await offer(claims)).toMatchObject({ status: 401, json: { error: 'invalid_client', error_codes: [code] } });
  });

  it('is refused when another key signed it', async () => {
    expect((await offer({}, other.privateKey)).json).toMatchObject({ error_codes: [700027] });
  });
});
