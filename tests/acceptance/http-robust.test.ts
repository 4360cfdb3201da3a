/**
 * The HTTP API against clients that mean ill or know no better (S31): odd JSON, two lengths, names with underscores, large
 * headers, hundreds of slow clients. No answer is 5xx, nothing hangs, and others are served meanwhile.
 */
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiWorld } from '../setup/api-world.ts';

let world: ApiWorld;
let key = '';
let admin = '';
/** What clients heard that began a request at the start of this file and never ended it. */
let unended: readonly Promise<string>[] = [];

beforeAll(async () => {
  world = await ApiWorld.start({ maxMessageBytes: 2_000_000 });
  key = await world.addKey({ requestsPerMinute: 1_000_000 });
  admin = await world.addKey({ name: 'admin', scopes: ['admin'], mailboxes: [], requestsPerMinute: 1_000_000 });
  unended = ['', 'GET /docs HTT', 'GET /docs HTTP/1.1\r\nHost: x\r\nX'].map(raw);
});

afterAll(async () => {
  await world.close();
  expect(world.errors).toEqual([]);
});

const port = (): number => Number(new URL(world.url).port);

/** Writes bytes as they are, and gives everything that comes until the other side ends it. */
async function raw(bytes: string | Buffer): Promise<string> {
  const socket = connect({ port: port(), host: '127.0.0.1' });
  const { promise, resolve } = Promise.withResolvers<string>();
  let heard = '';
  socket.setEncoding('latin1');
  socket.on('data', (text: string) => {
    heard += text;
  });
  // A reset after the answer is an end as well.
  socket.on('error', () => undefined);
  socket.on('close', () => resolve(heard));
  socket.write(bytes);
  return await promise;
}

const HEAD = (more: string): string =>
  `POST /v1/messages HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${key}\r\nContent-Type: application/json\r\n${more}\r\n`;

const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1] ?? 0);

async function messages(): Promise<number> {
  const found = await world.server.control.listMessages({ filter: {}, page: { limit: 500 } });
  return found.ok ? found.value.messages.length : -1;
}

describe('JSON that is odd', () => {
  const SURROGATE = String.raw`"\ud800"`;
  const cases: readonly (readonly [string, string | Buffer])[] = [
    ['nothing', ''],
    ['a space', ' '],
    ['half an object', '{"to":'],
    ['two objects', '{}{}'],
    ['a trailing comma', '{"to":"a@example.com",}'],
    ['a comment', '{/**/}'],
    ['single quotes', "{'to':'a@example.com'}"],
    ['a number', '1e9999'],
    ['a huge number', `{"to":${'9'.repeat(100_000)}}`],
    ['NaN', '{"to":NaN}'],
    ['a text', '"to"'],
    ['an array nested 100,000 deep', '['.repeat(100_000)],
    ['an array nested 100,000 deep and closed', '['.repeat(100_000) + ']'.repeat(100_000)],
    ['an object nested 20,000 deep', '{"to":'.repeat(20_000) + '1' + '}'.repeat(20_000)],
    ['a field that is nested deep', `{"headers":{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}}`],
    ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0xfe, 0x22])],
    ['an overlong slash', Buffer.from([0x22, 0xc0, 0xaf, 0x22])],
    ['UTF-16', Buffer.from('{"to":"a@example.com"}', 'utf16le')],
    ['half a surrogate pair in an address', `{"to":${SURROGATE}}`],
    ['half a surrogate pair in a subject', `{"to":"a@example.com","subject":${SURROGATE}}`],
    ['a control character in a text', '{"to":"a\u0001@example.com"}'],
    ['a key __proto__', '{"to":"a@example.com","__proto__":{"polluted":1}}'],
    ['a key __proto__ in headers', '{"to":"a@example.com","headers":{"__proto__":"x"}}'],
    ['an escaped key __proto__', String.raw`{"to":"a@example.com","\u005f_proto__":{"polluted":1}}`],
    ['a key constructor', '{"to":"a@example.com","constructor":{"prototype":{"polluted":1}}}'],
    ['a thousand fields', JSON.stringify(Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`f${at}`, at])))],
    ['a thousand recipients too many', JSON.stringify({ to: Array.from({ length: 2001 }, () => 'a@example.com') })],
  ];

  test.each(cases)('%s is refused with a problem and pollutes nothing', async (_what, body) => {
    const before = await messages();
    for (const path of ['/v1/messages', '/v1/messages/batch']) {
      const answer = await world.ask(path, {
        key,
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json' },
      });
      expect([400, 413, 422]).toContain(answer.status);
      await answer.json();
    }
    for (const path of ['/v1/apps', '/v1/keys', '/v1/lanes/hold']) {
      const answer = await world.ask(path, {
        key: admin,
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json' },
      });
      expect([400, 413, 422]).toContain(answer.status);
      await answer.json();
    }
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(await messages()).toBe(before);
  });

  test.each([
    ['a byte order mark', Buffer.from('\ufeff{"to":"a@example.com"}')],
    ['white space around it', ' \r\n\t{ "to" : "a@example.com" } \n'],
    ['the same field twice, of which the last counts', '{"to":"nobody","to":"a@example.com"}'],
  ])('%s is taken', async (_what, body) => {
    const answer = await world.ask('/v1/messages', {
      key,
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    });
    expect([answer.status, await answer.json()]).toMatchObject([202, { recipients: ['a@example.com'] }]);
  });

  test.each([
    '',
    'text/plain',
    'application/jsonx',
    'application/x-www-form-urlencoded',
    'multipart/mixed; boundary=a',
    'message/rfc822x',
  ])('of the kind "%s" is not guessed at', async (type) => {
    const answer = await world.ask('/v1/messages', {
      key,
      method: 'POST',
      body: Buffer.from('{}'),
      headers: { 'content-type': type },
    });
    expect([answer.status, await answer.json()]).toMatchObject([415, { code: 'SERVICE_MEDIA_TYPE_UNKNOWN' }]);
  });
});

describe('a request that says things twice', () => {
  const JSON_BODY = '{"to":"a@example.com"}';
  test.each([
    ['two lengths', HEAD(`Content-Length: ${JSON_BODY.length}\r\nContent-Length: 5\r\n`) + JSON_BODY],
    ['two lengths in one field', HEAD(`Content-Length: ${JSON_BODY.length}, 5\r\n`) + JSON_BODY],
    ['a length and chunks', HEAD('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n') + '0\r\n\r\n'],
    ['chunks and a length', HEAD('Transfer-Encoding: chunked\r\nContent-Length: 5\r\n') + '0\r\n\r\n'],
    ['an encoding of its own', HEAD('Transfer-Encoding: xchunked\r\n') + '0\r\n\r\n'],
    ['chunks twice', HEAD('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n') + '0\r\n\r\n'],
    ['a space before the colon', HEAD(`Content-Length : ${JSON_BODY.length}\r\n`) + JSON_BODY],
    ['a folded field', HEAD(`X: a\r\n b\r\nContent-Length : ${JSON_BODY.length}\r\n`) + JSON_BODY],
    ['a negative length', HEAD('Content-Length: -1\r\n')],
    ['a length that is no number', HEAD('Content-Length: 0x16\r\n') + JSON_BODY],
    ['a chunk without a size', HEAD('Transfer-Encoding: chunked\r\n') + 'zz\r\n'],
    ['two keys', HEAD(`Authorization: Bearer ${admin}\r\nContent-Length: ${JSON_BODY.length}\r\n`) + JSON_BODY],
    ['two kinds', HEAD(`Content-Type: message/rfc822\r\nContent-Length: ${JSON_BODY.length}\r\n`) + JSON_BODY],
    [
      'two idempotency keys',
      HEAD(`Idempotency-Key: a\r\nIdempotency-Key: b\r\nContent-Length: ${JSON_BODY.length}\r\n`) + JSON_BODY,
    ],
    ['two hosts', HEAD(`Host: y\r\nContent-Length: ${JSON_BODY.length}\r\n`) + JSON_BODY],
    ['a bare LF', HEAD('').replaceAll('\r\n', '\n') + JSON_BODY],
    ['a NUL in a field', HEAD('X: a\0b\r\n')],
    ['no HTTP at all', 'EHLO client.example\r\n'],
    ['TLS', Buffer.from('16030100', 'hex')],
  ])('%s is refused, and nothing is sent', async (_what, bytes) => {
    const before = await messages();
    const answer = await raw(bytes);
    expect(statusOf(answer)).toBe(400);
    expect(answer).toContain('application/problem+json');
    expect(await messages()).toBe(before);
  });

  test('the control: the same request without that is taken', async () => {
    expect(statusOf(await raw(HEAD(`Content-Length: ${JSON_BODY.length}\r\n`) + JSON_BODY))).toBe(202);
  });

  test('names with underscores are other names', async () => {
    const bytes =
      HEAD(`Content-Length: ${JSON_BODY.length}\r\n`).replace('Authorization:', 'Authorization_:') + JSON_BODY;
    expect(statusOf(await raw(bytes))).toBe(401);
    const twice = HEAD(`Idempotency_Key: u\r\nContent-Length: ${JSON_BODY.length}\r\n`) + JSON_BODY;
    const before = await messages();
    expect([statusOf(await raw(twice)), statusOf(await raw(twice))]).toEqual([202, 202]);
    expect(await messages()).toBe(before + 2);
  });

  test('the name of the host decides nothing', async () => {
    for (const host of ['evil.example', 'x'.repeat(200), 'a b', '[::1', '@', 'localhost:99999', 'user:pass@host']) {
      const answer = await raw(`GET /v1/nothing HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      expect([400, 404]).toContain(statusOf(answer));
      expect(answer).not.toContain(host === 'a b' ? 'evil' : `/${host}`);
    }
    expect(
      statusOf(await raw('GET http://evil.example/v1/lanes HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')),
    ).toBe(401);
    expect(statusOf(await raw('GET //evil.example/v1/lanes HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'))).toBe(
      404,
    );
    expect([400, 404]).toContain(
      statusOf(await raw('GET \\\\evil\\docs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')),
    );
  });
});

describe('what is too large', () => {
  test('a header of 10 MB is refused after 16 KiB', async () => {
    const answer = await raw(`GET /docs HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(10_000_000)}\r\n\r\n`);
    // What comes after the refusal may reset the connection before the answer was read.
    expect([431, 0]).toContain(statusOf(answer));
    expect(statusOf(await raw(`GET /docs HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(17_000)}\r\n\r\n`))).toBe(431);
  });

  test.each([
    ['JSON', 'application/json', 413, 'SERVICE_BODY_TOO_LARGE', 20_000_000],
    ['a whole message', 'message/rfc822', 413, 'MESSAGE_SIZE_OVER_LIMIT', 4_000_000],
  ])(
    '%s beyond the limit is refused, said in advance or not, and the connection goes on',
    async (_what, type, status, code, bytes) => {
      const block = Buffer.from(`Subject: a\r\n\r\n${'x'.repeat(98)}\r\n`.repeat(600));
      const blocks = Array.from({ length: Math.ceil(bytes / block.length) }, () => block);
      const body = type === 'message/rfc822' ? blocks : blocks.map(() => Buffer.alloc(block.length, ' '));
      const streamed = await world.ask(
        '/v1/messages?recipient=a@example.com'.slice(0, type === 'message/rfc822' ? undefined : 12),
        {
          key,
          body: body,
          headers: { 'content-type': type },
        },
      );
      expect([streamed.status, await streamed.json()]).toMatchObject([status, { code }]);
      const next = await world.ask('/v1/lanes', { key: admin });
      expect(next.status).toBe(200);
      await next.json();
    },
  );
});

describe('clients that are slow', () => {
  async function timeOfOne(): Promise<number> {
    const begun = performance.now();
    const answer = await world.ask('/v1/lanes', { key: admin });
    await answer.json();
    return performance.now() - begun;
  }

  async function p99(): Promise<number> {
    const times: number[] = [];
    for (let at = 0; at < 100; at += 1) times.push(await timeOfOne());
    return times.toSorted((a, b) => a - b)[98] ?? 0;
  }

  test('five hundred of them keep nobody waiting', async () => {
    await p99();
    const alone = await p99();
    const openings = [
      '',
      'POST /v1/mess',
      HEAD('Content-Length: 1000\r\n') + '{"to"',
      HEAD('Transfer-Encoding: chunked\r\n') + '5\r\n{"t',
    ];
    const sockets: Socket[] = [];
    for (let at = 0; at < 500; at += 1) {
      const socket = connect({ port: port(), host: '127.0.0.1' });
      socket.on('error', () => undefined);
      socket.write(openings[at % openings.length] ?? '');
      sockets.push(socket);
    }
    // What they cost is their connecting; that they stay costs nothing.
    await p99();
    const beside = await p99();
    for (const socket of sockets) socket.destroy();
    // Generous: this machine does other things as well.
    expect(beside).toBeLessThan(Math.max(100, alone * 10));
  });

  test('and never end their header are told so after 15 seconds, and closed', async () => {
    for (const heard of await Promise.all(unended)) expect(statusOf(heard)).toBe(408);
  });
});
