/** What a token endpoint can do, each with its right fault: over real sockets. */
import { createServer } from 'node:http';
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { renderJson, renderText, systemClock, type Fault, type TokenEvidence } from '@postbearer/core';
import { createTokenSource, requestToken, type AccessToken } from './index.ts';
import { httpClient, json, requestTo, text, valueOf, withSecret, World, type Answer } from './testing/world.ts';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.close());

const http = httpClient();
// Characters that form, URL and base64 encoding treat specially.
const secret = 'cnr8Q~Client+Secret/Yellow=Bird.7dQxZp';
const token = 'eyJhbGciOiJub25lIn0.eyJtYXJrIjoiY25yOC10b2tlbi1tYXJrIn0.c2lnbmF0dXJl';

/** Everything a fault shows: as JSON, as a log line, as a program prints an object. */
function shown(fault: Fault): string {
  const event = { name: 'token.failed', endpoint: 'x', clientId: 'y', fault } as const;
  return [inspect(fault, { depth: 9 }), renderText(event), renderJson(event, 0)].join('\n');
}

function expectFit(fault: Fault): void {
  const all = shown(fault);
  const forms = [secret, encodeURIComponent(secret), new URLSearchParams({ secret }).toString().slice(7), token];
  for (const offset of [0, 1, 2]) {
    const inner = Buffer.from('x'.repeat(offset) + secret).toString('base64');
    forms.push(inner.slice(4, 40));
  }
  expect(forms.filter((form) => all.includes(form))).toEqual([]);
  // Every value that the wording of the fault names was given.
  expect([fault.message, fault.cause, ...fault.remedy.steps].filter((line) => /<[a-zA-Z0-9]+>/.test(line))).toEqual([]);
}

async function ask(
  answer: Answer,
  method?: 'client_secret_post' | 'client_secret_basic',
  timeoutMs = 5000,
): Promise<AccessToken | Fault> {
  const endpoint = await world.endpoint(answer);
  const result = await requestToken(requestTo(endpoint.url, withSecret(secret, method)), { http, timeoutMs });
  if (!result.ok) {
    expect(result.fault.during).toBe('getting a token for client 11111111-2222-3333-4444-555555555555');
    expectFit(result.fault);
  }
  return result.ok ? result.value : result.fault;
}

async function codeOf(answer: Answer, timeoutMs?: number): Promise<string> {
  const outcome = await ask(answer, 'client_secret_post', timeoutMs);
  return 'code' in outcome
    ? outcome.code
    : `token for ${Math.round((outcome.expiresAt - outcome.obtainedAt) / 1000)} s`;
}

const good = { token_type: 'Bearer', expires_in: 3599, access_token: token };
const page = '<!doctype html><title>Sign in</title>';

function entraError(error: string, code: number, words: string): Readonly<Record<string, unknown>> {
  return {
    error,
    error_description: `AADSTS${code}: ${words} Trace ID: 0a Correlation ID: 0b Timestamp: 2026-11-24 10:00:00Z`,
    error_codes: [code],
    timestamp: '2026-11-24 10:00:00Z',
    trace_id: '0a',
    correlation_id: '0b',
  };
}

/** Row by row: what the endpoint does, how, and what comes of it. */
const shapes: readonly (readonly [string, Answer, string])[] = [
  ['resets the connection', (response) => response.socket?.resetAndDestroy(), 'NETWORK_RESET'],
  ['closes without a word', (response) => response.socket?.end(), 'NETWORK_RESET'],
  [
    'cuts its reply',
    (response) => response.writeHead(200, { 'content-length': 900 }).write('{"access_', () => response.destroy()),
    'NETWORK_RESET',
  ],
  ['ends its JSON early', text(JSON.stringify(good).slice(0, -5)), 'OAUTH_REPLY_NOT_JSON'],
  ['answers with a web page', text(page, 200, { 'content-type': 'text/html' }), 'OAUTH_REPLY_NOT_JSON'],
  ['answers with a web page and an error', text(page, 403), 'OAUTH_REPLY_UNEXPECTED'],
  ['answers with nothing', text(''), 'OAUTH_REPLY_EMPTY'],
  ['answers with an error and nothing', text('', 400), 'OAUTH_REPLY_EMPTY'],
  ['answers 204', text('', 204), 'OAUTH_REPLY_UNEXPECTED'],
  ['answers with a list', json([good]), 'OAUTH_REPLY_NOT_JSON'],
  ['answers with null', json(null), 'OAUTH_REPLY_NOT_JSON'],
  ['answers with a text', json('token'), 'OAUTH_REPLY_NOT_JSON'],
  ['answers without a token', json({ ...good, access_token: undefined }), 'OAUTH_TOKEN_MISSING'],
  ['answers with an empty token', json({ ...good, access_token: '' }), 'OAUTH_TOKEN_MISSING'],
  ['answers with a number as token', json({ ...good, access_token: 5 }), 'OAUTH_TOKEN_MISSING'],
  ['leaves expires_in out', json({ ...good, expires_in: undefined }), 'OAUTH_EXPIRY_INVALID'],
  ['gives null as expires_in', json({ ...good, expires_in: null }), 'OAUTH_EXPIRY_INVALID'],
  ['gives expires_in as text', json({ ...good, expires_in: '3599' }), 'token for 3599 s'],
  ['gives expires_in with a fraction', json({ ...good, expires_in: 3599.9 }), 'token for 3600 s'],
  ['gives 60 as expires_in', json({ ...good, expires_in: 60 }), 'token for 60 s'],
  ['gives 59.9 as expires_in', json({ ...good, expires_in: 59.9 }), 'OAUTH_EXPIRY_INVALID'],
  ['gives 0 as expires_in', json({ ...good, expires_in: 0 }), 'OAUTH_EXPIRY_INVALID'],
  ['gives -1 as expires_in', json({ ...good, expires_in: -1 }), 'OAUTH_EXPIRY_INVALID'],
  ['gives "-3599" as expires_in', json({ ...good, expires_in: '-3599' }), 'OAUTH_EXPIRY_INVALID'],
  ['gives words as expires_in', json({ ...good, expires_in: '1 hour' }), 'OAUTH_EXPIRY_INVALID'],
  ['gives an object as expires_in', json({ ...good, expires_in: {} }), 'OAUTH_EXPIRY_INVALID'],
  ['gives false as expires_in', json({ ...good, expires_in: false }), 'OAUTH_EXPIRY_INVALID'],
  [
    'gives no number at all',
    text('{"token_type":"Bearer","access_token":"a","expires_in":1e400}'),
    'OAUTH_EXPIRY_INVALID',
  ],
  ['gives 10^12 as expires_in', json({ ...good, expires_in: 1e12 }), 'OAUTH_EXPIRY_INVALID'],
  ['gives a week as expires_in', json({ ...good, expires_in: 604_800 }), 'token for 86400 s'],
  ['leaves token_type out', json({ ...good, token_type: undefined }), 'OAUTH_TOKEN_TYPE_WRONG'],
  ['gives another token_type', json({ ...good, token_type: 'DPoP' }), 'OAUTH_TOKEN_TYPE_WRONG'],
  ['writes the token_type small', json({ ...good, token_type: 'bearer' }), 'token for 3599 s'],
  ['puts CR LF into the token', json({ ...good, access_token: 'a\r\nMAIL FROM:<x>' }), 'OAUTH_TOKEN_UNUSABLE'],
  ['puts NUL into the token', json({ ...good, access_token: 'a\0b' }), 'OAUTH_TOKEN_UNUSABLE'],
  ['puts ^A into the token', json({ ...good, access_token: 'a\u0001\u0001b' }), 'OAUTH_TOKEN_UNUSABLE'],
  ['puts a space into the token', json({ ...good, access_token: 'a b' }), 'OAUTH_TOKEN_UNUSABLE'],
  ['puts ä into the token', json({ ...good, access_token: 'ä' }), 'OAUTH_TOKEN_UNUSABLE'],
  [
    'refuses the client',
    json(entraError('invalid_client', 7000215, 'Invalid client secret provided.'), 401),
    'OAUTH_CLIENT_REFUSED',
  ],
  [
    'refuses the client with a challenge',
    json(entraError('invalid_client', 7000222, 'Expired.'), 401, { 'www-authenticate': 'Basic realm="x"' }),
    'OAUTH_CLIENT_REFUSED',
  ],
  ['refuses with a challenge alone', text('', 401, { 'www-authenticate': 'Basic realm="x"' }), 'OAUTH_CLIENT_REFUSED'],
  [
    'does not know the client',
    json(entraError('unauthorized_client', 700016, 'Application not found.'), 400),
    'OAUTH_CLIENT_NOT_ALLOWED',
  ],
  [
    'does not know the resource',
    json(entraError('invalid_resource', 500011, 'Not found.'), 400),
    'OAUTH_SCOPE_REFUSED',
  ],
  ['does not know the scope', json(entraError('invalid_scope', 70011, 'Not valid.'), 400), 'OAUTH_SCOPE_REFUSED'],
  [
    'does not know the tenant',
    json(entraError('invalid_request', 90002, 'Tenant not found.'), 400),
    'OAUTH_REQUEST_REFUSED',
  ],
  [
    'does not know the grant',
    json(entraError('unsupported_grant_type', 70003, 'Unsupported.'), 400),
    'OAUTH_GRANT_UNSUPPORTED',
  ],
  ['refuses by policy', json(entraError('invalid_grant', 53003, 'Blocked.'), 400), 'OAUTH_GRANT_REFUSED'],
  ['says an error that nobody knows', json({ error: 'odd\r\nerror' }, 400), 'OAUTH_REQUEST_REFUSED'],
  ['says an error and success', json({ ...good, error: 'invalid_client' }), 'OAUTH_CLIENT_REFUSED'],
  ['is temporarily unavailable', json({ error: 'temporarily_unavailable' }, 400), 'OAUTH_SERVER_UNAVAILABLE'],
  ['throttles', json(entraError('invalid_request', 90055, 'Too many requests.'), 429), 'OAUTH_THROTTLED'],
  ['is out of order', text(page, 503), 'OAUTH_SERVER_UNAVAILABLE'],
  ['fails', json({ error: 'server_error' }, 500), 'OAUTH_SERVER_UNAVAILABLE'],
  ['gives up on us', text('', 408), 'OAUTH_SERVER_UNAVAILABLE'],
  ['is somewhere else', text(page, 404), 'OAUTH_ENDPOINT_NOT_FOUND'],
  ['takes no POST', text('', 405), 'OAUTH_ENDPOINT_NOT_FOUND'],
  ['answers with 10 MB', text('{'.repeat(10_000_000)), 'NETWORK_REPLY_TOO_LARGE'],
  [
    'answers with a gzip bomb',
    text(gzipSync(Buffer.alloc(20_000_000)), 200, { 'content-encoding': 'gzip' }),
    'NETWORK_REPLY_COMPRESSED',
  ],
];

describe('an endpoint that', () => {
  it.each(shapes)('%s', async (_what, answer, outcome) => {
    expect(await codeOf(answer)).toBe(outcome);
  });

  it('refuses the connection', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
    const result = await requestToken(requestTo(`http://127.0.0.1:${port}/`, withSecret(secret)), { http });
    expect(!result.ok && result.fault.code).toBe('NETWORK_CONNECTION_REFUSED');
  });

  it('says nothing, or one byte after the other, meets the deadline', async () => {
    expect(await codeOf(() => {}, 50)).toBe('NETWORK_TIMEOUT');
    const dripping: Answer = (response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write(' '), 10);
      response.once('close', () => clearInterval(timer));
    };
    expect(await codeOf(dripping, 100)).toBe('NETWORK_TIMEOUT');
  });

  it('asks to wait is obeyed, in seconds and by date, for 24 hours at most', async () => {
    const wait = async (header: string): Promise<number | undefined> => {
      const fault = await ask(json({ error: 'x' }, 429, { 'retry-after': header }));
      return 'code' in fault ? fault.retryAfterMs : -1;
    };
    expect(await wait('120')).toBe(120_000);
    expect(await wait('0')).toBe(0);
    expect(await wait('86400')).toBe(86_400_000);
    expect(await wait('86401')).toBe(86_400_000);
    expect(await wait('999999999999')).toBe(86_400_000);
    const byDate = await wait(new Date(Date.now() + 600_000).toUTCString());
    expect(byDate).toBeGreaterThan(500_000);
    expect(byDate).toBeLessThanOrEqual(600_000);
    expect(await wait(new Date(Date.now() - 600_000).toUTCString())).toBe(0);
    for (const odd of ['soon', '-5', '1.5', '3 days', 'Tue']) expect(await wait(odd)).toBeUndefined();
  });
});

describe('a network that answers in place of the endpoint', () => {
  it.each<readonly [string, Answer, string]>([
    ['a sign-in page', text(page, 200, { 'content-type': 'text/html' }), '<!doctype html><title>Sign in</title>'],
    ['half of the JSON', text('{"token_type":"Bearer","expi'), '{"token_type":"Bearer","expi'],
  ])('with %s: it is tried again, and what came is kept', async (_what, answer, excerpt) => {
    const fault = await ask(answer);
    expect(fault).toMatchObject({ code: 'OAUTH_REPLY_NOT_JSON', next: 'retry', evidence: { status: 200, excerpt } });
  });

  it('with nothing, or with a page of a megabyte, is tried again', async () => {
    expect(await ask(text(''))).toMatchObject({ code: 'OAUTH_REPLY_EMPTY', next: 'retry' });
    expect(await ask(text(page + 'a'.repeat(1_000_000)))).toMatchObject({
      code: 'NETWORK_REPLY_TOO_LARGE',
      next: 'retry',
    });
    // The control: a page that comes as a refusal is not passing.
    expect(await ask(text(page, 403))).toMatchObject({ next: 'fix-configuration', evidence: { excerpt: page } });
  });
});

describe('the evidence of a refusal', () => {
  const evidenceOf = async (answer: Answer): Promise<TokenEvidence> => {
    const fault = await ask(answer);
    const evidence = 'code' in fault ? fault.evidence : undefined;
    if (evidence?.kind !== 'token') throw new Error('no evidence of a token endpoint');
    return evidence;
  };

  it('holds all that Entra says', async () => {
    const evidence = await evidenceOf(json(entraError('invalid_client', 7000215, 'Invalid client secret.'), 401));
    expect(evidence).toEqual({
      kind: 'token',
      endpoint: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/tenant\/token$/),
      status: 401,
      error: 'invalid_client',
      errorDescription:
        'AADSTS7000215: Invalid client secret. Trace ID: 0a Correlation ID: 0b Timestamp: 2026-11-24 10:00:00Z',
      errorCodes: [7000215],
      traceId: '0a',
      correlationId: '0b',
      timestamp: '2026-11-24 10:00:00Z',
    });
  });

  it('takes the numbers from the description where they stand nowhere else', async () => {
    const body = { error: 'invalid_request', error_description: 'AADSTS900023: No tenant. AADSTS90002 AADSTS1' };
    expect((await evidenceOf(json(body, 400))).errorCodes).toEqual([900_023, 90_002]);
    expect((await evidenceOf(json({ ...body, error_codes: ['x', 1.5, 7, null] }, 400))).errorCodes).toEqual([7]);
  });

  it('holds the beginning of what is not JSON, on one line', async () => {
    const evidence = await evidenceOf(text(`<html>\r\n\u001b[2J${'a'.repeat(1000)}`, 200));
    expect(evidence.excerpt).toMatch(/^<html>\\x0d\\x0a\\x1b\[2Ja+…$/);
    expect(evidence.excerpt?.length).toBeLessThan(340);
  });

  it('cannot break a log line with foreign words', async () => {
    const fault = await ask(json({ error: 'bad\r\n[Error] fake', error_description: 'x\u2028y' }, 400));
    const event = { name: 'token.failed', endpoint: 'x', clientId: 'y', fault: fault as Fault } as const;
    expect(
      renderText(event)
        .split(/[\r\n\u2028]/)
        .filter((line) => line.startsWith('[Error] fake')),
    ).toEqual([]);
  });
});

describe('the secret', () => {
  it('is never sent on, whatever the redirect', async () => {
    const other = await world.endpoint(json(good));
    for (const status of [301, 302, 303, 307, 308]) {
      const fault = await ask(text('', status, { location: `${other.url}?x=${secret}` }));
      expect('code' in fault && [fault.code, fault.message]).toEqual([
        'OAUTH_REDIRECTED',
        expect.stringContaining(`sent the token request on to http://127.0.0.1:${other.port}; it was not followed`),
      ]);
    }
    expect(await codeOf(text('', 302, { location: '/elsewhere' }))).toBe('OAUTH_REDIRECTED');
    expect(await codeOf(text('', 302))).toBe('OAUTH_REDIRECTED');
    expect(other.received).toEqual([]);
    // The control: a client that follows hands it over.
    const endpoint = await world.endpoint(text('', 307, { location: other.url }));
    await fetch(endpoint.url, { method: 'POST', body: new URLSearchParams({ client_secret: secret }) });
    expect(other.received[0]?.form.get('client_secret')).toBe(secret);
  });

  it('stays out of every fault, also when the endpoint sends it back', async () => {
    const basic = Buffer.from(`11111111-2222-3333-4444-555555555555:${encodeURIComponent(secret)}`).toString('base64');
    const echoes: readonly Answer[] = [
      text(`<p>${secret}</p>`),
      text(new URLSearchParams({ client_secret: secret }).toString(), 400),
      json({ error: secret, error_description: `you sent ${secret}`, trace_id: encodeURIComponent(secret) }, 400),
      text(`Authorization: Basic ${basic}`, 400),
      (response, { headers }) => response.end(`Authorization: ${headers.authorization ?? ''}`),
      (response, { form }) => response.end(form.toString()),
      text(`{"access_token":"${token}`),
      text(`{"access_token":"opaque-canary-7dQ\\"xZp`),
      text(`before ${token} after`),
    ];
    for (const answer of echoes) {
      for (const method of ['client_secret_post', 'client_secret_basic'] as const) {
        const fault = await ask(answer, method);
        expect('code' in fault && !shown(fault).includes('canary-7dQ')).toBe(true);
      }
    }
  });

  it('would be found by these tests', async () => {
    const fault = await ask(text(page, 403));
    if (!('code' in fault)) throw new Error('a token came');
    for (const leak of [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64'), token])
      expect(() => expectFit({ ...fault, cause: `so: ${leak}` })).toThrow();
  });

  it('does not go to an endpoint that is not safe', async () => {
    const codes = await Promise.all(
      [
        'http://login.example.com/token',
        'http://127.0.0.1.example.com/token',
        'https://user:pass@login.example.com/token',
        'https://login.example.com/token#x',
        'https://login.example.com/token#',
        'ftp://login.example.com/token',
        'login.example.com/token',
        '',
      ].map(async (endpoint) => {
        const result = await requestToken(requestTo(endpoint, withSecret(secret)), {
          http: { request: () => Promise.reject(new Error('sent')) },
        });
        return result.ok ? 'ok' : result.fault.code;
      }),
    );
    expect(codes).toEqual([
      'OAUTH_ENDPOINT_INSECURE',
      'OAUTH_ENDPOINT_INSECURE',
      ...Array.from({ length: 6 }, () => 'OAUTH_ENDPOINT_INVALID'),
    ]);
  });
});

describe('a clock that is ten minutes off', () => {
  it.each([-600_000, 600_000])('by %i ms changes nothing about the life of a token', async (off) => {
    const endpoint = await world.endpoint(json(good));
    const clock = { ...systemClock, now: () => Date.now() + off };
    const source = createTokenSource({ http, clock });
    const request = requestTo(endpoint.url, withSecret(secret));
    const { obtainedAt, expiresAt } = valueOf(await source.get(request));
    expect(Math.round((expiresAt - obtainedAt) / 1000)).toBe(3599);
    expect(valueOf(await source.get(request)).fromCache).toBe(true);
    source.close();
  });
});

describe('many at once', () => {
  it.each([100, 1000])('%i needs are one request', async (count) => {
    let release: (() => void) | undefined;
    const endpoint = await world.endpoint((response) => {
      release = () => response.end(JSON.stringify(good));
    });
    const source = createTokenSource({ http });
    const request = requestTo(endpoint.url, withSecret(secret));
    const waiting = Array.from({ length: count }, () => source.get({ ...request }));
    await expect.poll(() => release, { timeout: 10_000 }).toBeDefined();
    release?.();
    const tokens = (await Promise.all(waiting)).map((result) => valueOf(result).value.reveal());
    expect([new Set(tokens).size, endpoint.received.length]).toEqual([1, 1]);
    expect(valueOf(await source.get(request)).fromCache).toBe(true);
    expect(endpoint.received.length).toBe(1);
    // The control: without a source each need is a request.
    const controller = new AbortController();
    const alone = [1, 2, 3].map(() => requestToken(request, { http, signal: controller.signal }));
    await expect.poll(() => endpoint.received.length, { timeout: 10_000 }).toBe(4);
    controller.abort();
    await Promise.allSettled(alone);
    source.close();
  });
});
