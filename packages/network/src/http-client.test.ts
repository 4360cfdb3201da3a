import { getEventListeners, once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '@postbearer/core';
import {
  dialLoopback,
  clientFor,
  outcomeOf,
  trustIn,
  valueOf,
  withBody,
  World,
  type Listening,
} from './testing/world.ts';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.close());

const trust = trustIn();
const client = clientFor(trust);
const urlOf = (server: Listening, path = '/token'): string => `http://${server.authority}${path}`;

/** A clock whose timers wait until they are told. */
function handClock(): Clock & { ring(): void; readonly pending: number } {
  const timers = new Set<() => void>();
  return {
    now: () => 0,
    monotonicMs: () => 0,
    setTimer(callback) {
      timers.add(callback);
      return { cancel: () => void timers.delete(callback) };
    },
    ring: () => {
      for (const callback of timers) callback();
    },
    get pending() {
      return timers.size;
    },
  };
}

describe('a request', () => {
  it('goes out as asked and comes back whole', async () => {
    const listener = withBody((request, response, body) => {
      response.setHeader('X-Twice', ['one', 'two']);
      response.writeHead(201);
      response.end(JSON.stringify([request.method, request.url, request.headers['x-own'], body]));
    });
    const server = await world.http(listener);
    const reply = valueOf(
      await client.request({
        url: urlOf(server, '/a?b=c#d'),
        method: 'POST',
        headers: { 'x-own': 'yes' },
        body: 'grant=é',
      }),
    );
    expect([reply.status, reply.headers['x-twice']]).toEqual([201, 'one, two']);
    expect(JSON.parse(Buffer.from(reply.body).toString())).toEqual(['POST', '/a?b=c', 'yes', 'grant=é']);
  });

  it('says how long its body is and asks for no compression', async () => {
    const server = await world.http((request, response) => response.end(JSON.stringify(request.headers)));
    const headers = async (method: 'GET' | 'POST', body = ''): Promise<Record<string, string>> => {
      const reply = valueOf(await client.request({ url: urlOf(server), method, body }));
      return JSON.parse(Buffer.from(reply.body).toString()) as Record<string, string>;
    };
    const expected = { host: server.authority, 'accept-encoding': 'identity', connection: 'close' };
    expect(await headers('GET')).toEqual(expected);
    expect(await headers('POST')).toEqual({ ...expected, 'content-length': '0' });
    expect(await headers('POST', 'ü')).toEqual({ ...expected, 'content-length': '2' });
  });

  it('cannot carry a second header inside one', async () => {
    let requests = 0;
    const server = await world.http((_request, response) => {
      requests += 1;
      response.end();
    });
    const values = ['a\r\nx-evil: 1', 'a\nb', 'a\0b', 'a\u0100'];
    for (const value of values) {
      const reply = await client.request({ url: urlOf(server), headers: { 'x-own': value } });
      expect(!reply.ok && reply.fault.code).toBe('NETWORK_REQUEST_INVALID');
      expect(JSON.stringify(reply)).not.toContain('evil');
    }
    expect(await outcomeOf(client.request({ url: urlOf(server), headers: { 'x own': 'a' } }))).toBe(
      'NETWORK_REQUEST_INVALID',
    );
    expect(requests).toBe(0);
  });

  it('never follows a redirect', async () => {
    const seen: string[] = [];
    const listener = withBody((_request, response, body) => {
      seen.push(body);
      response.end();
    });
    const other = await world.http(listener);
    for (const status of [301, 302, 303, 307, 308]) {
      const server = await world.http((_request, response) => {
        response.writeHead(status, { location: urlOf(other) }).end();
      });
      expect(await outcomeOf(client.request({ url: urlOf(server), method: 'POST', body: 'secret' }))).toBe(
        `HTTP ${status}`,
      );
    }
    expect(seen).toEqual([]);
    // The control: a client that follows takes the secret along.
    const server = await world.http((_request, response) => {
      response.writeHead(307, { location: urlOf(other) }).end();
    });
    await fetch(urlOf(server), { method: 'POST', body: 'secret' });
    expect(seen).toEqual(['secret']);
  });
});

describe('where a request may go', () => {
  it('is https, or this machine', async () => {
    const refused = [
      'http://login.example.com/token',
      'http://10.0.0.1/',
      'http://169.254.169.254/',
      'http://127.0.0.1.example.com/',
      'ftp://127.0.0.1/',
      'file:///etc/passwd',
      'https://user:canary-password@login.example.com/',
      'canary-password',
      '',
    ];
    for (const url of refused) {
      const reply = await client.request({ url });
      expect(!reply.ok && reply.fault.code).toBe('NETWORK_URL_REFUSED');
      expect(JSON.stringify(reply)).not.toContain('canary-password');
    }
  });

  it('is the link of a cloud machine only when asked', async () => {
    const server = await world.http((_request, response) => response.end());
    const reached: string[] = [];
    const astray = clientFor(trust, {
      dial: (target) => {
        reached.push(target.host);
        return dialLoopback({ ...target, port: server.port });
      },
    });
    expect(await outcomeOf(astray.request({ url: 'http://169.254.169.254/', allowLinkLocal: true }))).toBe('HTTP 200');
    expect(await outcomeOf(astray.request({ url: 'http://10.0.0.1/', allowLinkLocal: true }))).toBe(
      'NETWORK_URL_REFUSED',
    );
    expect(reached).toEqual(['169.254.169.254']);
  });

  it('is checked again where the name really led', async () => {
    let requests = 0;
    const server = await world.http((_request, response) => {
      requests += 1;
      response.end();
    });
    const dial = (): Socket => {
      const socket = dialLoopback({ host: 'localhost', port: server.port });
      Object.defineProperty(socket, 'remoteAddress', { value: '192.0.2.1' });
      return socket;
    };
    expect(await outcomeOf(clientFor(trust, { dial }).request({ url: 'http://localhost/' }))).toBe(
      'NETWORK_URL_REFUSED',
    );
    expect(requests).toBe(0);
  });
});

describe('a reply', () => {
  it('is read up to its limit and no further', async () => {
    let written = 0;
    const endless = (_request: IncomingMessage, response: ServerResponse): void => {
      const chunk = Buffer.alloc(16_384, 'a');
      const more = (): void => {
        while (!response.destroyed && response.write(chunk)) written += chunk.length;
      };
      response.on('drain', more);
      more();
    };
    const server = await world.http(endless);
    const reply = await client.request({ url: urlOf(server), maxBytes: 100_000 });
    expect(!reply.ok && [reply.fault.code, reply.fault.message]).toEqual([
      'NETWORK_REPLY_TOO_LARGE',
      'The reply of 127.0.0.1 is larger than 100000 bytes and was not read further.',
    ]);
    // What lies in the buffers of two sockets, not a flood.
    expect(written).toBeLessThan(20_000_000);
  });

  it('may be exactly as large as its limit', async () => {
    const server = await world.http((_request, response) => response.end('a'.repeat(1000)));
    expect(await outcomeOf(client.request({ url: urlOf(server), maxBytes: 1000 }))).toBe('HTTP 200');
    expect(await outcomeOf(client.request({ url: urlOf(server), maxBytes: 999 }))).toBe('NETWORK_REPLY_TOO_LARGE');
  });

  it('that is compressed is refused before it unfolds', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    const bodies = { gzip: bomb, br: brotliCompressSync('x'), 'x-unknown': Buffer.from('x') };
    for (const [encoding, body] of Object.entries(bodies)) {
      const server = await world.http((_request, response) => {
        response.writeHead(200, { 'content-encoding': encoding }).end(body);
      });
      expect(await outcomeOf(client.request({ url: urlOf(server) }))).toBe('NETWORK_REPLY_COMPRESSED');
    }
    // The control: a client that unfolds gets a thousand times what was sent.
    const server = await world.http((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
    });
    const unfolded = await (await fetch(urlOf(server))).arrayBuffer();
    expect(unfolded.byteLength).toBeGreaterThan(bomb.length * 500);
  });

  it('whose body cannot be read keeps its status and headers beside the fault', async () => {
    const withBodyOf = async (write: (response: ServerResponse) => void): Promise<unknown> => {
      const server = await world.http((_request, response) => {
        response.statusCode = 503;
        response.setHeader('retry-after', '120');
        write(response);
      });
      const reply = await client.request({ url: urlOf(server), maxBytes: 100, timeoutMs: 2000 });
      if (reply.ok) return reply;
      const { status, headers, body = [] } = reply.incomplete ?? {};
      return [reply.fault.code, status, headers?.['retry-after'], body.length <= 100];
    };
    expect(await withBodyOf((response) => response.setHeader('content-encoding', 'gzip').end(gzipSync('x')))).toEqual([
      'NETWORK_REPLY_COMPRESSED',
      503,
      '120',
      true,
    ]);
    expect(await withBodyOf((response) => response.end('a'.repeat(1000)))).toEqual([
      'NETWORK_REPLY_TOO_LARGE',
      503,
      '120',
      true,
    ]);
    const cut = (response: ServerResponse): void =>
      void response.setHeader('content-length', 50).write('a', () => response.destroy());
    expect(await withBodyOf(cut)).toEqual(['NETWORK_RESET', 503, '120', true]);
    // Nothing came before this one failed.
    const silent = await client.request({ url: 'http://127.0.0.1:1/' });
    expect(!silent.ok && silent.incomplete).toBeUndefined();
  });

  it('that is not HTTP is told so', async () => {
    const cases: readonly (readonly [string, string])[] = [
      ['220 mail.example.com ESMTP\r\n', 'NETWORK_REPLY_NOT_HTTP'],
      ['\0\u0001\u0002', 'NETWORK_REPLY_NOT_HTTP'],
      [`HTTP/1.1 200 OK\r\nx: ${'a'.repeat(100_000)}\r\n\r\n`, 'NETWORK_REPLY_TOO_LARGE'],
      ['HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nabcde', 'NETWORK_REPLY_NOT_HTTP'],
      ['HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n', 'NETWORK_RESET'],
      ['HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n', 'NETWORK_RESET'],
    ];
    for (const [bytes, code] of cases) {
      const server = await world.tcp((socket) => void socket.once('data', () => socket.end(bytes)));
      expect([bytes.slice(0, 40), await outcomeOf(client.request({ url: urlOf(server) }))]).toEqual([
        bytes.slice(0, 40),
        code,
      ]);
    }
  });
});

describe('any bytes for a reply', () => {
  it('end in a result, never in an exception and never in waiting', async () => {
    let next: Uint8Array = new Uint8Array();
    const server = await world.tcp((socket) => void socket.once('data', () => socket.end(next)));
    const start = fc.constantFrom(
      '',
      'HTTP/1.1 200 OK\r\n',
      'HTTP/1.1 304 No\r\n\r\n',
      'HTTP/1.1 100 Continue\r\n\r\n',
    );
    const header = fc.constantFrom(
      '',
      'content-length: 3\r\n\r\n',
      'transfer-encoding: chunked\r\n\r\n',
      '\r\n',
      ': \r\n',
    );
    const bytes = fc.tuple(start, header, fc.uint8Array({ maxLength: 60 }));
    await fc.assert(
      fc.asyncProperty(bytes, async ([line, fields, rest]) => {
        next = Buffer.concat([Buffer.from(line + fields), rest]);
        const result = await client.request({ url: urlOf(server), timeoutMs: 10_000 });
        expect(result.ok || result.fault.code.startsWith('NETWORK_')).toBe(true);
        expect(!result.ok && result.fault.code === 'NETWORK_TIMEOUT').toBe(false);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a connection that fails', () => {
  it.each<readonly [string, (socket: Socket) => void]>([
    ['waiting for the reply', (socket) => socket.resetAndDestroy()],
    ['waiting for the reply', (socket) => socket.end()],
    ['waiting for the reply', (socket) => socket.end('HTTP/1.1 200 O')],
    ['reading the reply', (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc')],
    ['reading the reply', (socket) => socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab')],
  ])('is told as cut while %s', async (phase, cut) => {
    const server = await world.tcp((socket) => void socket.once('data', () => cut(socket)));
    const reply = await client.request({ url: urlOf(server), method: 'POST', body: 'x' });
    expect(!reply.ok && [reply.fault.code, reply.fault.message]).toEqual([
      'NETWORK_RESET',
      `127.0.0.1:${server.port} cut the connection (${phase}).`,
    ]);
    expect(!reply.ok && reply.fault.evidence).toMatchObject({ kind: 'network', host: '127.0.0.1', port: server.port });
  });

  it('is told by the code of the system', async () => {
    const server = await world.http(() => {});
    await world.close();
    expect(await outcomeOf(client.request({ url: urlOf(server) }))).toBe('NETWORK_CONNECTION_REFUSED');
    const failing = (code: string): Promise<string> => {
      const dial = (): Socket => {
        const socket = dialLoopback({ host: '127.0.0.1', port: server.port });
        socket.destroy(Object.assign(new Error('x'), { code }));
        return socket;
      };
      return outcomeOf(clientFor(trust, { dial }).request({ url: 'https://login.example.com/' }));
    };
    expect(await failing('ENOTFOUND')).toBe('NETWORK_NAME_NOT_FOUND');
    expect(await failing('EAI_AGAIN')).toBe('NETWORK_NAME_SERVER_FAILED');
    expect(await failing('ENETUNREACH')).toBe('NETWORK_UNREACHABLE');
    expect(await failing('ETIMEDOUT')).toBe('NETWORK_TIMEOUT');
    expect(await failing('ESOMETHING')).toBe('NETWORK_RESET');
  });

  it('ends at the one deadline, in whatever phase it is', async () => {
    const clock = handClock();
    const timed = clientFor(trust, { clock, dial: dialLoopback });
    const phaseOf = async (url: string, isThere: Promise<unknown>): Promise<unknown> => {
      const reply = timed.request({ url, timeoutMs: 5000 });
      await isThere;
      clock.ring();
      const result = await reply;
      expect(!result.ok && result.fault.code).toBe('NETWORK_TIMEOUT');
      return !result.ok && result.fault.message;
    };
    let arrived = Promise.withResolvers<void>();
    const silent = await world.tcp((socket) => void socket.once('data', () => arrived.resolve()));
    expect(await phaseOf(`https://login.example.com:${silent.port}/`, arrived.promise)).toBe(
      `login.example.com:${silent.port} took longer than 5 s (securing the connection).`,
    );
    arrived = Promise.withResolvers();
    expect(await phaseOf(urlOf(silent), arrived.promise)).toBe(
      `127.0.0.1:${silent.port} took longer than 5 s (waiting for the reply).`,
    );
    const half = await world.http((_request, response) => response.write('{'));
    const reading = Promise.withResolvers<void>();
    const watched = clientFor(trust, {
      clock,
      dial: (target) =>
        dialLoopback(target).on('data', (chunk) => chunk.includes('{') && setImmediate(() => reading.resolve())),
    });
    const reply = watched.request({ url: urlOf(half), timeoutMs: 5000 });
    await reading.promise;
    clock.ring();
    const result = await reply;
    expect(!result.ok && result.fault.message).toContain('(reading the reply)');
    expect(clock.pending).toBe(0);
  });

  it('ends also when bytes keep coming, one by one', async () => {
    const server = await world.tcp((socket) => {
      const timer = setInterval(() => socket.write('HTTP/1.1 200 OK\r\nx: y\r\n'.slice(0, 1)), 5);
      socket.once('close', () => clearInterval(timer));
    });
    const slow = await world.http((_request, response) => {
      const timer = setInterval(() => response.write('a'), 5);
      response.once('close', () => clearInterval(timer));
    });
    expect(await outcomeOf(client.request({ url: urlOf(slow), timeoutMs: 60 }))).toBe('NETWORK_TIMEOUT');
    expect(await outcomeOf(client.request({ url: urlOf(server), timeoutMs: 60 }))).toMatch(
      /NETWORK_(?:TIMEOUT|REPLY_NOT_HTTP)/,
    );
  });
});

describe('cancelling', () => {
  it('throws the reason of the caller and closes the connection', async () => {
    const reason = new Error('changed my mind');
    expect(
      await client
        .request({ url: 'http://127.0.0.1:1/', signal: AbortSignal.abort(reason) })
        .catch((error: unknown) => error),
    ).toBe(reason);
    const arrived = Promise.withResolvers<Socket>();
    const server = await world.tcp((socket) => void socket.once('data', () => arrived.resolve(socket)));
    const controller = new AbortController();
    const reply = client.request({ url: urlOf(server), signal: controller.signal });
    const socket = await arrived.promise;
    const closed = once(socket, 'close');
    controller.abort(reason);
    expect(await reply.catch((error: unknown) => error)).toBe(reason);
    await closed;
  });

  it('leaves nothing behind on a signal that lives on', async () => {
    const server = await world.http((_request, response) => response.end());
    const { signal } = new AbortController();
    for (let count = 0; count < 5; count += 1) await client.request({ url: urlOf(server), signal });
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});
