/** Looking at messages over HTTP, changing them, and who may do what. */
import { connect } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { KeyInput, KeyScope } from '@postbearer/server';
import { DocumentCheck } from '../../apps/server/src/api/http/testing/document-check.ts';
import { ApiWorld } from '../setup/api-world.ts';

/** Other work on the machine may make anything slow. */
const WAIT = { timeout: 25_000 };
const OTHER = 'other@contoso.example';

let world: ApiWorld;
let mailbox = '';
let admin = '';

beforeAll(async () => {
  world = await ApiWorld.start();
  mailbox = world.emulator.defaults.mailbox;
  admin = await world.addKey({ name: 'admin', scopes: ['admin'], mailboxes: [] });
});

afterAll(async () => {
  await world.close();
  expect(world.errors).toEqual([]);
});

let made = 0;

/** A key of a name of its own. */
async function keyWith(scopes: readonly KeyScope[], more: Partial<KeyInput> = {}): Promise<string> {
  made += 1;
  return await world.addKey({ name: `key-${made}`, scopes, mailboxes: [mailbox], ...more });
}

/** Writes bytes as they are, and gives what comes until the other side ends it. */
async function raw(bytes: string): Promise<string> {
  const socket = connect({ port: Number(new URL(world.url).port), host: '127.0.0.1' });
  socket.write(bytes);
  return await textOf(socket);
}

interface Listed {
  readonly messages: readonly {
    readonly id: string;
    readonly state: string;
    readonly subject: string;
    readonly app: string;
  }[];
  readonly next?: string;
}

async function listed(query: string, key = admin): Promise<Listed> {
  const answer = await world.ask(`/v1/messages${query}`, { key });
  expect(answer.status).toBe(200);
  return (await answer.json()) as Listed;
}

/** Hands in a message that waits for its time, and gives its name. */
async function later(key: string, json: object = {}): Promise<string> {
  const sendAt = new Date(Date.now() + 3_600_000).toISOString();
  const answer = await world.ask('/v1/messages', { key, json: { to: 'ann@example.com', sendAt, ...json } });
  const body = (await answer.json()) as { id: string; sendAt: string };
  expect([answer.status, body.sendAt]).toEqual([202, sendAt]);
  return body.id;
}

async function codeOf(answer: Response): Promise<[number, string | undefined]> {
  const body = (await answer.json()) as { code?: string };
  return [answer.status, body.code];
}

describe('a message', () => {
  test('is shown with its recipients and what was tried, and its bytes may be had', async () => {
    const key = await keyWith(['send']);
    const sent = await world.ask('/v1/messages', {
      key,
      json: { to: 'ann@example.com', subject: 'Seen', text: 'Here.' },
    });
    const { id } = (await sent.json()) as { id: string };
    const shown = async (): Promise<unknown> => await (await world.ask(`/v1/messages/${id}`, { key })).json();
    await expect.poll(shown, WAIT).toMatchObject({ state: 'delivered' });
    expect(await shown()).toMatchObject({
      id,
      subject: 'Seen',
      origin: 'http 127.0.0.1',
      recipients: [{ address: 'ann@example.com', state: 'delivered' }],
      history: [{ replies: [{ recipients: ['ann@example.com'], outcome: 'accepted', reply: { code: 250 } }] }],
    });
    const source = await world.ask(`/v1/messages/${id}/source`, { key });
    expect([source.status, source.headers.get('content-type')]).toEqual([200, 'message/rfc822']);
    expect(await source.text()).toMatch(/^Received: by relay\.example[\s\S]*\r\nSubject: Seen\r\n[\s\S]*Here\.\r?\n?$/);
    const head = await world.ask(`/v1/messages/${id}/source`, { key, method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
  });

  test('that waits for its time may be called back by whoever handed it in, once', async () => {
    const key = await keyWith(['send']);
    const id = await later(key);
    const cancel = async (): Promise<Response> => await world.ask(`/v1/messages/${id}/cancel`, { key, method: 'POST' });
    const first = await cancel();
    expect([first.status, await first.json()]).toEqual([200, { id, state: 'cancelled' }]);
    expect(await codeOf(await cancel())).toEqual([409, 'QUEUE_NOT_POSSIBLE']);
  });

  test('is retried, released and discarded by a key that manages, and by no other', async () => {
    const [send, read, manage] = [await keyWith(['send']), await keyWith(['send', 'read']), await keyWith(['manage'])];
    const id = await later(send);
    for (const verb of ['retry', 'release', 'discard']) {
      for (const key of [send, read])
        expect(await codeOf(await world.ask(`/v1/messages/${id}/${verb}`, { key, method: 'POST' }))).toEqual([
          403,
          'ACCESS_KEY_SCOPE',
        ]);
    }
    // It sees the message, and it may call back what is its own; this is not.
    expect(await codeOf(await world.ask(`/v1/messages/${id}/cancel`, { key: read, method: 'POST' }))).toEqual([
      403,
      'ACCESS_KEY_SCOPE',
    ]);
    const discarded = await world.ask(`/v1/messages/${id}/discard`, { key: manage, method: 'POST' });
    expect([discarded.status, await discarded.json()]).toEqual([200, { id, state: 'discarded' }]);
    const retried = await world.ask(`/v1/messages/${id}/retry`, { key: manage, method: 'POST' });
    expect([retried.status, await retried.json()]).toEqual([200, { id, state: 'queued' }]);
  });

  test.each([
    ['/v1/messages/01m87xf7spddc22eexa49kygh2', 'QUEUE_MESSAGE_UNKNOWN'],
    ['/v1/messages/01m87xf7spddc22eexa49kygh2/source', 'QUEUE_MESSAGE_UNKNOWN'],
    ['/v1/messages/..%2f..%2fetc', 'QUEUE_MESSAGE_UNKNOWN'],
    ['/v1/messages/%00', 'SERVICE_PATH_UNKNOWN'],
    ['/v1/messages/%c3%28', 'QUEUE_MESSAGE_UNKNOWN'],
    ['/v1/messages/%ed%a0%80', 'QUEUE_MESSAGE_UNKNOWN'],
  ])('that is not there is no message: %s', async (path, code) => {
    expect(await codeOf(await world.ask(path, { key: admin }))).toEqual([404, code]);
  });
});

describe('a list', () => {
  test('goes page by page, and is narrowed by what is asked for', async () => {
    const key = await keyWith(['send']);
    const ids: string[] = [];
    for (const subject of ['alpha one', 'Alpha two', 'beta', 'alpha three']) ids.unshift(await later(key, { subject }));
    await later(key, { subject: 'gone', to: 'bob@example.com' });
    const app = `key:key-${made}`;
    const own = `app=${encodeURIComponent(app)}`;
    const first = await listed(`?${own}&limit=2`);
    const second = await listed(`?${own}&limit=2&cursor=${first.next ?? ''}`);
    const third = await listed(`?${own}&limit=2&cursor=${second.next ?? ''}`);
    expect([first, second, third].map(({ messages }) => messages.length)).toEqual([2, 2, 1]);
    expect(third.next).toBeUndefined();
    expect((await listed(`?${own}&q=ALPHA`)).messages.map(({ subject }) => subject)).toEqual([
      'alpha three',
      'Alpha two',
      'alpha one',
    ]);
    expect((await listed(`?${own}&recipient=BOB@example.com`)).messages.map(({ subject }) => subject)).toEqual([
      'gone',
    ]);
    expect((await listed(`?${own}&state=scheduled&state=held&from=${mailbox}`)).messages).toHaveLength(5);
    expect((await listed(`?${own}&state=delivered`)).messages).toEqual([]);
    expect((await listed(`?${own}&until=2020-01-01T00:00:00Z`)).messages).toEqual([]);
    expect((await listed(`?${own}&since=2020-01-01T00:00:00Z`)).messages).toHaveLength(5);
  });

  test.each([
    ['state=none', '/state/0'],
    ['limit=0', '/limit'],
    ['limit=501', '/limit'],
    ['limit=ten', '/limit'],
    ['limit=1&limit=2', '/limit'],
    ['cursor=x', '/cursor'],
    ['since=yesterday', '/since'],
    ['recipient=nobody', '/recipient'],
    ['sort=subject', '/sort'],
    ['__proto__=1', '/__proto__'],
    ['q=%00', '/q'],
    ['lane=a%0ab', '/lane'],
    ['app=%00', '/app'],
  ])('with %s is refused', async (query, pointer) => {
    const answer = await world.ask(`/v1/messages?${query}`, { key: admin });
    expect([answer.status, await answer.json()]).toMatchObject([
      422,
      { code: 'SERVICE_FIELDS_INVALID', errors: [{ pointer }] },
    ]);
  });

  test('shows a key what it may see: its own, that of its mailboxes, or everything', async () => {
    const [here, there] = [await keyWith(['send']), await keyWith(['send'], { mailboxes: [OTHER] })];
    const [one, two] = [await later(here, { subject: 'sight' }), await later(there, { subject: 'sight' })];
    const seen = async (key: string): Promise<string[]> => (await listed('?q=sight', key)).messages.map(({ id }) => id);
    expect(await seen(here)).toEqual([one]);
    expect(await seen(there)).toEqual([two]);
    expect(await seen(await keyWith(['read']))).toEqual([one]);
    expect(await seen(await keyWith(['read'], { mailboxes: [mailbox, OTHER] }))).toEqual([two, one]);
    expect(await seen(await keyWith(['read'], { mailboxes: [] }))).toEqual([two, one]);
    const bound = await keyWith(['manage']);
    for (const path of [`/v1/messages/${two}`, `/v1/messages/${two}/source`])
      expect(await codeOf(await world.ask(path, { key: bound }))).toEqual([404, 'QUEUE_MESSAGE_UNKNOWN']);
    expect(await codeOf(await world.ask(`/v1/messages/${two}/discard`, { key: bound, method: 'POST' }))).toEqual([
      404,
      'QUEUE_MESSAGE_UNKNOWN',
    ]);
  });

  test('of several mailboxes is merged in order, page by page, without a gap', async () => {
    const [here, there] = [await keyWith(['send']), await keyWith(['send'], { mailboxes: [OTHER] })];
    const ids: string[] = [];
    for (let at = 0; at < 9; at += 1) ids.unshift(await later(at % 3 === 0 ? there : here, { subject: 'merged' }));
    const both = await keyWith(['read'], { mailboxes: [mailbox, OTHER] });
    const seen: string[] = [];
    for (let next: string | undefined = ''; next !== undefined;) {
      const page: Listed = await listed(`?q=merged&limit=2${next === '' ? '' : `&cursor=${next}`}`, both);
      seen.push(...page.messages.map(({ id }) => id));
      next = page.next;
    }
    expect(seen).toEqual(ids);
  });
});

describe('lanes', () => {
  test('are listed, held and released, by a key that sees them', async () => {
    const [read, manage] = [await keyWith(['read']), await keyWith(['manage'])];
    const lane = `default/${OTHER}`;
    await later(await keyWith(['send'], { mailboxes: [OTHER] }));
    const hold = async (key: string, name: string): Promise<Response> =>
      await world.ask('/v1/lanes/hold', { key, json: { lane: name } });
    expect(await codeOf(await hold(read, lane))).toEqual([403, 'ACCESS_KEY_SCOPE']);
    expect(await codeOf(await hold(manage, lane))).toEqual([403, 'ACCESS_SENDER_NOT_ALLOWED']);
    expect((await hold(admin, lane)).status).toBe(204);
    const lanes = async (key: string): Promise<unknown> =>
      ((await (await world.ask('/v1/lanes', { key })).json()) as { lanes: unknown }).lanes;
    expect(await lanes(admin)).toContainEqual(
      expect.objectContaining({ lane, holds: [expect.objectContaining({ sender: '', kind: 'person' }) as unknown] }),
    );
    expect(JSON.stringify(await lanes(read))).not.toContain(OTHER);
    const released = await world.ask('/v1/lanes/release', { key: admin, json: { lane } });
    expect(released.status).toBe(204);
    const status = (await (await world.ask('/v1/status', { key: admin })).json()) as { states: Record<string, number> };
    expect(status.states['scheduled']).toBeGreaterThan(0);
    expect(await (await world.ask('/v1/status', { key: read })).json()).not.toHaveProperty('states');
  });
});

describe('apps and keys', () => {
  test('are added, listed and removed by an administrator', async () => {
    const added = await world.ask('/v1/apps', {
      key: admin,
      json: { name: 'scanner', mailboxes: [mailbox], networks: ['192.0.2.0/24'] },
    });
    expect([added.status, await added.json()]).toMatchObject([
      201,
      { app: { name: 'scanner' }, password: expect.stringMatching(/^[0-9a-z]{32}$/) as unknown },
    ]);
    expect(
      await codeOf(await world.ask('/v1/apps', { key: admin, json: { name: 'scanner', mailboxes: [mailbox] } })),
    ).toEqual([409, 'ACCESS_APP_EXISTS']);
    expect(await (await world.ask('/v1/apps', { key: admin })).json()).toMatchObject({ apps: [{ name: 'scanner' }] });
    expect((await world.ask('/v1/apps/scanner', { key: admin, method: 'DELETE' })).status).toBe(204);
    expect(await codeOf(await world.ask('/v1/apps/scanner', { key: admin, method: 'DELETE' }))).toEqual([
      404,
      'ACCESS_APP_UNKNOWN',
    ]);
  });

  test('a key that was added works at once, and one that was revoked no more', async () => {
    const added = await world.ask('/v1/keys', {
      key: admin,
      json: { name: 'ci', scopes: ['read'], expiresAt: '2099-01-01T00:00:00+01:00' },
    });
    const { secret } = (await added.json()) as { secret: string };
    expect(added.status).toBe(201);
    expect((await listed('?limit=1', secret)).messages.length).toBeLessThanOrEqual(1);
    const keys = (await (await world.ask('/v1/keys', { key: admin })).json()) as {
      keys: readonly { name: string; lastUsedAt?: string; expiresAt?: string }[];
    };
    expect(keys.keys.find(({ name }) => name === 'ci')).toMatchObject({
      expiresAt: '2098-12-31T23:00:00.000Z',
      lastUsedAt: expect.stringMatching(/:00\.000Z$/) as unknown,
    });
    expect(JSON.stringify(keys)).not.toContain(secret);
    expect((await world.ask('/v1/keys/ci', { key: admin, method: 'DELETE' })).status).toBe(204);
    expect(await codeOf(await world.ask('/v1/messages', { key: secret }))).toEqual([401, 'ACCESS_KEY_WRONG']);
  });
});

describe('who may do what', () => {
  interface Operation {
    readonly security: readonly object[];
    readonly description: string;
  }
  const SCOPES: readonly KeyScope[] = ['send', 'read', 'manage', 'admin'];

  test('is for every route what it says, for every scope, and nothing without a key', async () => {
    const document = (await (await world.ask('/v1/openapi.json')).json()) as {
      paths: Record<string, Record<string, Operation>>;
    };
    const keys = new Map<KeyScope, string>();
    for (const scope of SCOPES) keys.set(scope, await keyWith([scope], scope === 'send' ? {} : { mailboxes: [] }));
    let cells = 0;
    for (const [path, methods] of Object.entries(document.paths)) {
      if (path === '/v1/events') continue;
      for (const [method, { security, description }] of Object.entries(methods)) {
        const address = path.replace('{id}', '01m87xf7spddc22eexa49kygh2').replace('{name}', 'nobody');
        const statusFor = async (key: string | undefined): Promise<number> => {
          const answer = await world.ask(address, {
            method: method.toUpperCase(),
            ...(key === undefined ? {} : { key }),
          });
          await answer.arrayBuffer();
          return answer.status;
        };
        const isOpen = security.some((scheme) => Object.keys(scheme).length === 0);
        const named = new Set([...description.matchAll(/`(send|read|manage|admin)`/g)].map(([, scope]) => scope));
        expect((await statusFor(undefined)) === 401, `${method} ${path} without a key`).toBe(!isOpen);
        expect(await statusFor('pb_wrong'), `${method} ${path} with a wrong key`).toBe(401);
        for (const scope of SCOPES) {
          const may = isOpen || scope === 'admin' || named.has(scope) || (scope === 'manage' && named.has('read'));
          expect((await statusFor(keys.get(scope))) === 403, `${method} ${path} with ${scope}`).toBe(!may);
          cells += 1;
        }
      }
    }
    expect(cells).toBeGreaterThan(80);
  });

  test.each([
    ['Basic cGI6cGI=', 401],
    ['Bearer', 401],
    ['Bearer pb_0000000000000000000000000000000', 401],
    [`Bearer ${'x'.repeat(5000)}`, 401],
    ['bearer KEY', 200],
    ['Bearer   KEY', 200],
    ['Bearer KEY KEY', 401],
  ])('the field Authorization "%s" is answered with %i', async (field, status) => {
    const answer = await world.ask('/v1/lanes', { headers: { authorization: field.replaceAll('KEY', admin) } });
    expect(answer.status).toBe(status);
    if (status === 401) expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="Postbearer"');
    await answer.json();
  });

  test('a key makes as many requests in a minute as it may, and is told how many are left', async () => {
    const key = await keyWith(['read'], { requestsPerMinute: 3 });
    const left: (string | null)[] = [];
    for (let at = 0; at < 3; at += 1) {
      const answer = await world.ask('/v1/lanes', { key });
      left.push(answer.headers.get('ratelimit'));
      await answer.json();
    }
    expect(left.map((text) => /;r=(\d+);/.exec(text ?? '')?.[1])).toEqual(['2', '1', '0']);
    const over = await world.ask('/v1/lanes', { key });
    expect(over.headers.get('ratelimit-policy')).toBe('"minute";q=3;w=60');
    expect(Number(over.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await codeOf(over)).toEqual([429, 'SERVICE_TOO_MANY_REQUESTS']);
    // Nobody else waits for it.
    expect((await listed('?limit=1')).messages).toHaveLength(1);
  });
});

describe('every answer', () => {
  test.each(['/v1/lanes', '/docs', '/health/ping', '/nothing'])('keeps browsers from mischief: %s', async (path) => {
    const answer = await world.ask(path, { key: admin, headers: { origin: 'https://evil.example' } });
    await answer.arrayBuffer();
    const field = (name: string): string | null => answer.headers.get(name);
    expect(field('content-security-policy')).toMatch(/^default-src 'none';.*frame-ancestors 'none'/);
    expect([field('x-content-type-options'), field('x-frame-options'), field('referrer-policy')]).toEqual([
      'nosniff',
      'DENY',
      'no-referrer',
    ]);
    expect([field('access-control-allow-origin'), field('set-cookie'), field('x-powered-by'), field('server')]).toEqual(
      [null, null, null, null],
    );
  });

  test.each([
    ['GET', '/', 404, 'SERVICE_PATH_UNKNOWN'],
    ['GET', '/v1/nothing', 404, 'SERVICE_PATH_UNKNOWN'],
    ['PUT', '/v1/messages', 405, 'SERVICE_METHOD_UNKNOWN'],
    ['DELETE', '/v1/lanes', 405, 'SERVICE_METHOD_UNKNOWN'],
    ['OPTIONS', '/v1/messages', 405, 'SERVICE_METHOD_UNKNOWN'],
  ])('to %s %s is a problem: %i', async (method, path, status, code) => {
    const answer = await world.ask(path, { method, key: admin });
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    if (status === 405) expect(answer.headers.get('allow')).toMatch(/GET/);
    expect(await codeOf(answer)).toEqual([status, code]);
  });

  test('that is not what the document says is caught', async () => {
    const document = (await (await world.ask('/v1/openapi.json')).json()) as never;
    const check = new DocumentCheck(document);
    const wrong = Response.json({ messages: [{ id: 7 }] });
    expect(await check.problemWith('GET', '/v1/messages', wrong)).toMatch(/GET \/v1\/messages 200/);
    expect(await check.problemWith('GET', '/v1/messages', Response.json({ messages: [], extra: 1 }))).toMatch(
      /extra|nrecognized/,
    );
    expect(await check.problemWith('GET', '/v1/messages', Response.json({ messages: [] }))).toBeUndefined();
    expect(await check.problemWith('GET', '/v1/messages', Response.json({}, { status: 418 }))).toMatch(/not described/);
  });
});

describe('how the service is', () => {
  test('may be asked by anybody; why, by those with a key and by this machine', async () => {
    for (const path of ['/health/ping', '/health', '/ready']) {
      const near = await world.ask(path);
      expect([near.status, await near.json()]).toMatchObject([200, { isHealthy: true }]);
      const passedOn = await world.ask(path, { headers: { 'x-forwarded-for': '203.0.113.9' } });
      expect(await passedOn.json()).not.toHaveProperty('parts');
    }
    expect(await (await world.ask('/health')).json()).toHaveProperty('parts');
    const metrics = await world.ask('/metrics');
    expect([metrics.status, await metrics.text()]).toMatchObject([200, expect.stringContaining('postbearer_')]);
    const far = await world.ask('/metrics', { headers: { forwarded: 'for=203.0.113.9' } });
    expect(await codeOf(far)).toEqual([401, 'SERVICE_LOCAL_ONLY']);
    const rebound = await raw(`GET /metrics HTTP/1.1\r\nHost: page.example\r\nConnection: close\r\n\r\n`);
    expect(rebound).toMatch(/^HTTP\/1\.1 401 /);
    const keyed = await world.ask('/metrics', { key: admin, headers: { forwarded: 'for=203.0.113.9' } });
    expect([keyed.status, (await keyed.text()).includes(mailbox)]).toEqual([200, false]);
  });
});
