/** Bad certificates and old TLS: each is refused with its own fault, and not a byte of the request goes out. */
import type { ServerOptions } from 'node:https';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  createCertificateAuthority,
  createSelfSignedCertificate,
  type CertificateAuthority,
  type CertificateOptions,
} from './certificates/index.ts';
import { clientFor, dialLoopback, outcomeOf, trustIn, World } from './testing/world.ts';

const HOST = 'login.example.com';
const DAY_MS = 86_400_000;

let authority: CertificateAuthority;
let foreign: CertificateAuthority;
let inspecting: CertificateAuthority;
beforeAll(async () => {
  [authority, foreign, inspecting] = await Promise.all([
    createCertificateAuthority({ name: 'Example CA' }),
    createCertificateAuthority({ name: 'Foreign CA' }),
    createCertificateAuthority({ name: 'Zscaler Intermediate Root CA' }),
  ]);
});

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.close());

async function issuedBy(
  issuer: CertificateAuthority,
  options: CertificateOptions = { dnsNames: [HOST] },
): Promise<ServerOptions> {
  const { chainPem, privateKeyPem } = await issuer.issue(options);
  return { cert: chainPem, key: privateKeyPem };
}

/** Sends a request to a server with this certificate and says what came, and how many requests arrived. */
async function tryServer(
  options: ServerOptions,
  host = HOST,
): Promise<{ outcome: string; requests: number; message: string }> {
  let requests = 0;
  const { port } = await world.https(options, (_request, response) => {
    requests += 1;
    response.end();
  });
  const client = clientFor(trustIn(authority.certificatePem), { dial: dialLoopback });
  const reply = client.request({ url: `https://${host}:${port}/token`, method: 'POST', body: 'secret' });
  const result = await reply;
  return { outcome: await outcomeOf(reply), requests, message: result.ok ? '' : result.fault.message };
}

async function expectRefusal(options: Promise<ServerOptions>, code: string, host?: string): Promise<string> {
  const { outcome, requests, message } = await tryServer(await options, host);
  expect({ outcome, requests }).toEqual({ outcome: code, requests: 0 });
  return message;
}

describe('a server certificate', () => {
  it('that is right is accepted, by name, by wildcard and by address', async () => {
    expect(await tryServer(await issuedBy(authority))).toMatchObject({ outcome: 'HTTP 200', requests: 1 });
    const wildcard = await issuedBy(authority, { commonName: 'x', dnsNames: ['*.example.com'] });
    expect((await tryServer(wildcard)).outcome).toBe('HTTP 200');
    const address = await issuedBy(authority, { ipAddresses: ['127.0.0.1', '::1'] });
    expect((await tryServer(address, '127.0.0.1')).outcome).toBe('HTTP 200');
    expect((await tryServer(address, '[::1]')).outcome).toBe('HTTP 200');
  });

  it('that has expired is refused', async () => {
    const now = Date.now();
    const expired = issuedBy(authority, { dnsNames: [HOST], notBefore: now - 9 * DAY_MS, notAfter: now - DAY_MS });
    await expectRefusal(expired, 'NETWORK_CERTIFICATE_EXPIRED');
  });

  it('that is not valid yet is refused', async () => {
    const later = issuedBy(authority, { dnsNames: [HOST], notBefore: Date.now() + DAY_MS });
    await expectRefusal(later, 'NETWORK_CERTIFICATE_NOT_YET_VALID');
  });

  it('of another host is refused', async () => {
    await expectRefusal(issuedBy(authority, { dnsNames: ['example.com'] }), 'NETWORK_CERTIFICATE_WRONG_HOST');
    await expectRefusal(issuedBy(authority, { dnsNames: ['*.login.example.com'] }), 'NETWORK_CERTIFICATE_WRONG_HOST');
    await expectRefusal(issuedBy(authority), 'NETWORK_CERTIFICATE_WRONG_HOST', '127.0.0.1');
  });

  it('that names its host only as common name is refused', async () => {
    const options = { commonName: HOST, subjectAltName: false };
    await expectRefusal(issuedBy(authority, options), 'NETWORK_CERTIFICATE_COMMON_NAME_ONLY');
  });

  it('that vouches for itself is refused', async () => {
    const { certificatePem, privateKeyPem } = await createSelfSignedCertificate({ dnsNames: [HOST], keyType: 'P-256' });
    const itself = Promise.resolve({ cert: certificatePem, key: privateKeyPem });
    await expectRefusal(itself, 'NETWORK_CERTIFICATE_SELF_SIGNED');
  });

  it('of an unknown authority is refused, with the name of the authority', async () => {
    const message = await expectRefusal(issuedBy(foreign), 'NETWORK_CERTIFICATE_UNKNOWN_AUTHORITY');
    expect(message).toContain('Foreign CA');
    const { certificatePem, privateKeyPem } = await foreign.issue({ dnsNames: [HOST] });
    const withoutChain = Promise.resolve({ cert: certificatePem, key: privateKeyPem });
    expect(await expectRefusal(withoutChain, 'NETWORK_CERTIFICATE_UNKNOWN_AUTHORITY')).toContain('Foreign CA');
  });

  it('of a product that opens TLS on the way is refused and told so', async () => {
    const message = await expectRefusal(issuedBy(inspecting), 'NETWORK_CERTIFICATE_INSPECTED');
    expect(message).toContain('Zscaler Intermediate Root CA');
  });

  it('of an impostor with the name of a trusted authority is refused', async () => {
    const impostor = await createCertificateAuthority({ name: 'Example CA' });
    const { certificatePem, privateKeyPem } = await impostor.issue({ dnsNames: [HOST] });
    const { outcome, requests } = await tryServer({ cert: certificatePem, key: privateKeyPem });
    expect(outcome).toMatch(/^NETWORK_CERTIFICATE_(?:INVALID|UNKNOWN_AUTHORITY)$/);
    expect(requests).toBe(0);
  });
});

describe('TLS', () => {
  it('before 1.2 is refused', async () => {
    const old = await issuedBy(authority);
    const legacy = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    await expectRefusal(Promise.resolve({ ...old, ...legacy }), 'NETWORK_TLS_FAILED');
    expect((await tryServer({ ...old, maxVersion: 'TLSv1.2' })).outcome).toBe('HTTP 200');
  });

  it('that is not spoken at all is told so', async () => {
    const { port } = await world.tcp((socket) => void socket.write('220 mail.example.com ESMTP\r\n'));
    const client = clientFor(trustIn(), { dial: dialLoopback });
    const reply = await client.request({ url: `https://${HOST}:${port}/` });
    expect(!reply.ok && [reply.fault.code, reply.fault.evidence]).toMatchObject([
      'NETWORK_TLS_FAILED',
      { kind: 'network', host: HOST, port },
    ]);
    const silent = await world.tcp((socket) => void socket.once('data', () => socket.end()));
    expect(await outcomeOf(client.request({ url: `https://${HOST}:${silent.port}/` }))).toBe('NETWORK_RESET');
  });

  it('that wants a certificate of ours is told as a failure of TLS', async () => {
    const options = { ...(await issuedBy(authority)), requestCert: true, rejectUnauthorized: true };
    await expectRefusal(Promise.resolve(options), 'NETWORK_TLS_FAILED');
  });
});

describe('with NODE_TLS_REJECT_UNAUTHORIZED=0 set after the start', () => {
  afterAll(() => vi.unstubAllEnvs());

  it('certificates are checked all the same', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    await expectRefusal(issuedBy(foreign), 'NETWORK_CERTIFICATE_UNKNOWN_AUTHORITY');
    // The control: a client that asks for nothing gets no check.
    const { port } = await world.https(await issuedBy(foreign), (_request, response) => response.end());
    expect((await fetch(`https://127.0.0.1:${port}/`)).status).toBe(200);
  });
});
