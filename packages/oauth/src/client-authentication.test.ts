/** What goes out as credential, byte for byte, and what a stranger makes of it. */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  verify,
  X509Certificate,
  type KeyObject,
} from 'node:crypto';
import fc from 'fast-check';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Secret, success } from '@postbearer/core';
import {
  certificateThumbprint,
  createSelfSignedCertificate,
  type CertificatePair,
} from '@postbearer/network/certificates';
import { requestToken, type ClientAuthentication, type TokenRequestSources } from './index.ts';
import { granted, handClock, httpClient, json, requestTo, withSecret, World } from './testing/world.ts';

const CLIENT = '11111111-2222-3333-4444-555555555555';
const good = { token_type: 'Bearer', expires_in: 3599, access_token: 'token' };

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.close());

/** Sends one request in memory and gives back what went out. */
async function sent(
  authentication: ClientAuthentication,
  sources: Partial<TokenRequestSources> = {},
): Promise<{ code: string; headers: Readonly<Record<string, string>>; form: URLSearchParams }> {
  let headers: Readonly<Record<string, string>> = {};
  let form = new URLSearchParams();
  const http: TokenRequestSources['http'] = {
    request(outgoing) {
      headers = outgoing.headers ?? {};
      form = new URLSearchParams(String(outgoing.body));
      return Promise.resolve(granted('token'));
    },
  };
  const result = await requestToken(requestTo('https://login.example.com/token', authentication), { http, ...sources });
  return { code: result.ok ? 'ok' : result.fault.code, headers, form };
}

function basicOf(headers: Readonly<Record<string, string>>): readonly (string | null)[] {
  const [id = '', password = ''] = atob((headers['authorization'] ?? '').replace('Basic ', '')).split(':');
  const decode = (text: string): string | null => new URLSearchParams(`x=${text}`).get('x');
  return [decode(id), decode(password)];
}

describe('a client secret', () => {
  const odd = fc.oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }),
    fc.string({
      unit: fc.constantFrom(
        '%',
        '+',
        '&',
        '=',
        ' ',
        '~',
        ':',
        '/',
        '?',
        '#',
        '"',
        "'",
        '\\',
        '*',
        '!',
        'é',
        '\r',
        '\n',
        '\0',
        '🔑',
      ),
      minLength: 1,
    }),
  );

  it('arrives as it is in the form, whatever its characters', async () => {
    await fc.assert(
      fc.asyncProperty(odd, async (secret) => {
        const { headers, form } = await sent(withSecret(secret));
        expect(form.get('client_secret')).toBe(secret);
        expect([...form.keys()].toSorted()).toEqual(['client_id', 'client_secret', 'grant_type', 'scope']);
        expect(headers['authorization']).toBeUndefined();
      }),
    );
  });

  it('arrives as it is in Basic, and then nowhere else', async () => {
    await fc.assert(
      fc.asyncProperty(odd, async (secret) => {
        const { headers, form } = await sent(withSecret(secret, 'client_secret_basic'));
        expect(basicOf(headers)).toEqual([CLIENT, secret]);
        expect([...form.keys()].toSorted()).toEqual(['grant_type', 'scope']);
      }),
    );
  });

  it('is encoded as RFC 6749 appendix B shows', async () => {
    const { headers } = await sent(withSecret(' %&+£€', 'client_secret_basic'));
    expect(atob((headers['authorization'] ?? '').slice(6)).split(':')[1]).toBe('+%25%26%2B%C2%A3%E2%82%AC');
    // The control: without form encoding in Basic another secret would arrive.
    const naive = { authorization: `Basic ${btoa(`${CLIENT}:a+b%41`)}` };
    expect(basicOf(naive)[1]).not.toBe('a+b%41');
  });

  it('that cannot be sent as it is is not sent', async () => {
    expect((await sent(withSecret(''))).code).toBe('OAUTH_CREDENTIAL_UNUSABLE');
    expect((await sent(withSecret('a\uD800b'))).code).toBe('OAUTH_CREDENTIAL_UNUSABLE');
  });

  it('goes over a real connection unchanged', async () => {
    const endpoint = await world.endpoint(json(good));
    const secret = 'a+b&c=d %é~"\\';
    for (const method of ['client_secret_post', 'client_secret_basic'] as const)
      await requestToken(requestTo(endpoint.url, withSecret(secret, method)), { http: httpClient() });
    expect(endpoint.received[0]?.form.get('client_secret')).toBe(secret);
    expect(basicOf({ authorization: endpoint.received[1]?.headers.authorization ?? '' })).toEqual([CLIENT, secret]);
    expect(endpoint.received.map(({ method, path }) => [method, path])).toEqual([
      ['POST', '/tenant/token'],
      ['POST', '/tenant/token'],
    ]);
  });
});

describe('a certificate', () => {
  let rsa: CertificatePair;
  let ec: CertificatePair;
  beforeAll(async () => {
    [rsa, ec] = await Promise.all([
      createSelfSignedCertificate({ commonName: 'app' }),
      createSelfSignedCertificate({ commonName: 'app', keyType: 'P-256' }),
    ]);
  });

  const withCertificate = (certificatePem: string, privateKeyPem: string): ClientAuthentication => ({
    method: 'private_key_jwt',
    credential: () => Promise.resolve(success({ certificatePem, privateKeyPem: Secret.of(privateKeyPem) })),
  });

  const decode = (part = ''): Record<string, unknown> =>
    JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>;

  it.each([
    ['RSA', 'PS256'],
    ['P-256', 'ES256'],
  ])('with an %s key signs an assertion that its public key verifies', async (kind, alg) => {
    const pair = kind === 'RSA' ? rsa : ec;
    const clock = handClock();
    const { form } = await sent(withCertificate(pair.certificatePem, pair.privateKeyPem), { clock });
    expect(form.get('client_assertion_type')).toBe('urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
    expect(form.get('client_id')).toBe(CLIENT);
    const [header, payload, signature = ''] = (form.get('client_assertion') ?? '').split('.');
    const { sha1, sha256 } = certificateThumbprint(pair.certificatePem);
    expect(decode(header)).toEqual({ alg, typ: 'JWT', x5t: sha1, 'x5t#S256': sha256 });
    const now = clock.now() / 1000;
    expect(decode(payload)).toEqual({
      jti: expect.stringMatching(/^[\w-]{20,}$/),
      aud: 'https://login.example.com/token',
      iss: CLIENT,
      sub: CLIENT,
      iat: now - 300,
      nbf: now - 300,
      exp: now + 300,
    });
    const key = createPublicKey(
      new X509Certificate(pair.certificatePem).publicKey.export({ type: 'spki', format: 'pem' }),
    );
    const padding = kind === 'RSA' ? { padding: 6, saltLength: 32 } : { dsaEncoding: 'ieee-p1363' as const };
    const signed = Buffer.from(`${header}.${payload}`);
    expect(verify('sha256', signed, { key, ...padding }, Buffer.from(signature, 'base64url'))).toBe(true);
  });

  it('never signs the same assertion twice', async () => {
    const authentication = withCertificate(rsa.certificatePem, rsa.privateKeyPem);
    const ids = await Promise.all(
      [1, 2, 3].map(
        async () => decode((await sent(authentication)).form.get('client_assertion')?.split('.')[1])['jti'],
      ),
    );
    expect(new Set(ids).size).toBe(3);
  });

  it('holds through a clock that is 5 minutes off, and the endpoint allows for the rest', async () => {
    // The endpoint's clock is right; ours is off. Entra allows 5 minutes more on its side.
    for (const off of [-300, 0, 300]) {
      const clock = handClock();
      const right = clock.now() / 1000;
      clock.jump(off * 1000);
      const { form } = await sent(withCertificate(ec.certificatePem, ec.privateKeyPem), { clock });
      const { nbf, exp } = decode(form.get('client_assertion')?.split('.')[1]);
      expect([Number(nbf) <= right, Number(exp) >= right]).toEqual([true, true]);
    }
  });

  it('may come with its chain, and its key in an older form', async () => {
    const older = createPrivateKey(rsa.privateKeyPem).export({ type: 'pkcs1', format: 'pem' });
    expect(older).toContain('BEGIN RSA PRIVATE KEY');
    expect((await sent(withCertificate(rsa.certificatePem, older))).code).toBe('ok');
    const chain = rsa.certificatePem + ec.certificatePem;
    expect((await sent(withCertificate(chain, rsa.privateKeyPem))).code).toBe('ok');
    expect((await sent(withCertificate(`${rsa.privateKeyPem}${rsa.certificatePem}`, rsa.privateKeyPem))).code).toBe(
      'ok',
    );
  });

  it('that cannot be used says why, and shows no key', async () => {
    const encrypted = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' },
    }).privateKey;
    const pemOf = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' });
    const weak = pemOf(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey);
    const curve = pemOf(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey);
    const edwards = pemOf(generateKeyPairSync('ed25519').privateKey);
    const cases: readonly (readonly [string, string, string])[] = [
      ['', rsa.privateKeyPem, 'OAUTH_CERTIFICATE_UNREADABLE'],
      ['not a certificate', rsa.privateKeyPem, 'OAUTH_CERTIFICATE_UNREADABLE'],
      [rsa.privateKeyPem, rsa.privateKeyPem, 'OAUTH_CERTIFICATE_UNREADABLE'],
      [rsa.certificatePem, '', 'OAUTH_PRIVATE_KEY_UNREADABLE'],
      [rsa.certificatePem, rsa.certificatePem, 'OAUTH_PRIVATE_KEY_UNREADABLE'],
      [rsa.certificatePem, encrypted, 'OAUTH_PRIVATE_KEY_UNREADABLE'],
      [rsa.certificatePem, weak, 'OAUTH_PRIVATE_KEY_UNSUPPORTED'],
      [rsa.certificatePem, curve, 'OAUTH_PRIVATE_KEY_UNSUPPORTED'],
      [rsa.certificatePem, edwards, 'OAUTH_PRIVATE_KEY_UNSUPPORTED'],
      [rsa.certificatePem, ec.privateKeyPem, 'OAUTH_CERTIFICATE_KEY_MISMATCH'],
    ];
    for (const [certificate, key, code] of cases) {
      const http = { request: () => Promise.reject(new Error('sent')) };
      const request = requestTo('https://login.example.com/token', withCertificate(certificate, key));
      const result = await requestToken(request, { http });
      expect(!result.ok && result.fault.code).toBe(code);
      expect(JSON.stringify(result)).not.toContain('BEGIN');
      if (key === encrypted) expect(!result.ok && result.fault.message).toContain('it is encrypted');
    }
  });
});

describe('a federated token', () => {
  it('is read at each request and sent as assertion', async () => {
    let token = 'first';
    const authentication: ClientAuthentication = {
      method: 'federated',
      assertion: () => Promise.resolve(success(Secret.of(token))),
    };
    const { form } = await sent(authentication);
    expect(Object.fromEntries(form)).toEqual({
      client_id: CLIENT,
      client_assertion: 'first',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      grant_type: 'client_credentials',
      scope: 'https://outlook.office365.com/.default',
    });
    token = 'second';
    expect((await sent(authentication)).form.get('client_assertion')).toBe('second');
  });
});
