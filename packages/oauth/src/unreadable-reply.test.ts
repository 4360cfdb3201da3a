/** Replies whose body cannot be read, compressed, too large or cut: they hide neither the status nor Retry-After. */
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Fault } from '@postbearer/core';
import { requestToken, type ClientAuthentication } from './index.ts';
import { httpClient, json, requestTo, text, withSecret, World, type Answer } from './testing/world.ts';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.close());

const SECRET = 'canary-secret-7dQxZp';
const ERROR = JSON.stringify({ error: 'invalid_client', error_description: 'AADSTS7000222: Expired.' });

type Headers = Readonly<Record<string, string>>;
type Damage = (status: number, headers?: Headers) => Answer;

const compressed: Damage = (status, headers) =>
  text(gzipSync(ERROR), status, { ...headers, 'content-encoding': 'gzip' });
const large: Damage = (status, headers) => text(`<html>${'a'.repeat(200_000)}`, status, headers);
const cut: Damage = (status, headers) => (response) => {
  response.writeHead(status, { ...headers, 'content-length': 900 }).write('{"err', () => response.destroy());
};
const damages = { compressed, large, cut } as const;

async function ask(answer: Answer, authentication?: ClientAuthentication): Promise<Fault> {
  const endpoint = await world.endpoint(answer);
  const http = httpClient();
  const request = requestTo(endpoint.url, authentication ?? withSecret(SECRET));
  const environment = { AZURE_POD_IDENTITY_AUTHORITY_HOST: `http://127.0.0.1:${endpoint.port}` };
  const result = await requestToken(request, { http, environment });
  if (result.ok) throw new Error('a token came');
  expect(JSON.stringify(result.fault)).not.toMatch(/canary|<[a-zA-Z]+>(?!a)/);
  return result.fault;
}

const seen = ({ code, next, retryAfterMs, evidence }: Fault): unknown => ({
  code,
  next,
  retryAfterMs,
  status: evidence?.kind === 'token' ? evidence.status : undefined,
});

describe.each(Object.entries(damages))('a reply that is %s', (name, damage) => {
  it.each([
    [429, 'OAUTH_THROTTLED'],
    [503, 'OAUTH_SERVER_UNAVAILABLE'],
    [500, 'OAUTH_SERVER_UNAVAILABLE'],
    [408, 'OAUTH_SERVER_UNAVAILABLE'],
  ])('with status %i is tried again when Retry-After says', async (status, code) => {
    const expected = { code, next: 'retry', retryAfterMs: 120_000, status };
    expect(seen(await ask(damage(status, { 'retry-after': '120' })))).toEqual(expected);
    const identity = await ask(damage(status, { 'retry-after': '120' }), { method: 'managed_identity' });
    expect(seen(identity)).toEqual(expected);
  });

  it('with status 302 is a redirect', async () => {
    const fault = await ask(damage(302, { location: 'https://other.example.com/x' }));
    expect(seen(fault)).toMatchObject({ code: 'OAUTH_REDIRECTED', status: 302 });
    expect(fault.message).toContain('https://other.example.com');
  });

  it('with status 404 is no token endpoint', async () => {
    expect(seen(await ask(damage(404)))).toMatchObject({ code: 'OAUTH_ENDPOINT_NOT_FOUND', status: 404 });
  });

  it('with status 401 and a challenge is a refused client', async () => {
    const fault = await ask(damage(401, { 'www-authenticate': 'Basic realm="x"' }));
    expect(seen(fault)).toMatchObject({ code: 'OAUTH_CLIENT_REFUSED', status: 401 });
  });

  it('with status 200 brings no token', async () => {
    const codes = { compressed: 'NETWORK_REPLY_COMPRESSED', large: 'NETWORK_REPLY_TOO_LARGE', cut: 'NETWORK_RESET' };
    expect((await ask(damage(200))).code).toBe(codes[name as keyof typeof codes]);
  });
});

describe('a refusal whose words cannot be read', () => {
  it.each([400, 401, 403])('(HTTP %i) keeps its status and says why', async (status) => {
    const packed = await ask(compressed(status));
    expect(seen(packed)).toMatchObject({ code: 'OAUTH_REPLY_UNREADABLE', next: 'fix-configuration', status });
    expect(packed.message).toContain(`(HTTP ${status}), but its reason could not be read`);
    expect(packed.message).toContain('it is compressed (Content-Encoding: gzip)');
    expect(packed.reported).toBe('NETWORK_REPLY_COMPRESSED');
    const big = await ask(large(status));
    expect(seen(big)).toMatchObject({ code: 'OAUTH_REPLY_UNREADABLE', status });
    expect(big.message).toContain('it is too large');
    expect(big.evidence).toMatchObject({ excerpt: expect.stringMatching(/^<html>a+…$/) as unknown });
    // A connection that was cut may bring them the next time.
    expect(await ask(cut(status))).toMatchObject({ code: 'NETWORK_RESET', next: 'retry' });
  });

  it('has more to say where they can be read', async () => {
    // The control: the same words uncompressed.
    const fault = await ask(json(JSON.parse(ERROR), 401));
    expect(fault).toMatchObject({ code: 'OAUTH_CLIENT_REFUSED', evidence: { errorCodes: [7_000_222] } });
  });
});
