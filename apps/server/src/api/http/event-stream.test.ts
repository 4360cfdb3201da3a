import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setImmediate as soon } from 'node:timers/promises';
import type { Clock, PostbearerEvent } from '@postbearer/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ApiKey } from '../../access/key.ts';
import type { KeyRegistry } from '../../access/key-registry.ts';
import { eventRoutes } from './event-stream.ts';
import type { ApiParts, EventEntry, EventFeed, Monitoring } from './parts.ts';

/** Other work on the machine may make anything slow. */
const WAIT = { timeout: 10_000 };

/** Keeps the last `most` events. */
class Ring implements EventFeed {
  readonly #most: number;
  readonly #listeners = new Set<(entry: EventEntry) => void>();
  #kept: EventEntry[] = [];
  lastId = 0;

  constructor(most: number) {
    this.#most = most;
  }

  get followers(): number {
    return this.#listeners.size;
  }

  add(event: PostbearerEvent): void {
    this.lastId += 1;
    const entry = { id: this.lastId, at: 0, event };
    this.#kept = [...this.#kept, entry].slice(-this.#most);
    for (const listener of this.#listeners) listener(entry);
  }

  after(id: number): { isGap: boolean; events: readonly EventEntry[] } {
    const events = this.#kept.filter((entry) => entry.id > id);
    return { isGap: id > this.lastId || this.lastId - id > events.length, events };
  }

  subscribe(listener: (entry: EventEntry) => void): { close(): void } {
    this.#listeners.add(listener);
    return { close: () => this.#listeners.delete(listener) };
  }
}

let ring: Ring;
let server: Server;
let beats: (() => void)[] = [];
let isValid = true;
let key: ApiKey;
let outgoings: ServerResponse[] = [];

const clock: Clock = {
  now: () => 0,
  monotonicMs: () => 0,
  setTimer(callback) {
    beats.push(callback);
    return { cancel: () => (beats = beats.filter((each) => each !== callback)) };
  },
};

beforeEach(async () => {
  ring = new Ring(100);
  [beats, isValid, outgoings] = [[], true, []];
  key = { name: 'k', scopes: new Set(['read']), mailboxes: [], requestsPerMinute: 1 };
  const parts = {
    clock,
    keys: { isValid: (_key: ApiKey) => isValid } as KeyRegistry,
    laneOf: (mailbox: string) => ({ name: `default/${mailbox}`, mailbox }),
    monitoring: { events: ring } as Partial<Monitoring> as Monitoring,
  } satisfies Partial<ApiParts>;
  const [route] = eventRoutes(parts as Partial<ApiParts> as ApiParts);
  server = createServer((incoming, outgoing) => {
    outgoings.push(outgoing);
    const query = new URL(incoming.url ?? '/', 'http://x').searchParams;
    void route?.run({ incoming, outgoing, params: {}, query, key, address: '127.0.0.1', endless: () => undefined });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
});

afterEach(async () => {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
});

async function follow(headers: Record<string, string> = {}, path = '/'): Promise<IncomingMessage> {
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  const asked = request({ host: '127.0.0.1', port, path, headers, agent: false }).end();
  asked.on('error', () => undefined);
  const [incoming] = (await once(asked, 'response')) as [IncomingMessage];
  incoming.on('error', () => undefined);
  return incoming.setEncoding('utf8');
}

/** What a follower hears; the object goes on listening. */
function heardBy(incoming: IncomingMessage): { text: string; isOver: boolean } {
  const heard = { text: '', isOver: false };
  incoming.on('data', (text: string) => {
    heard.text += text;
  });
  incoming.on('close', () => {
    heard.isOver = true;
  });
  return heard;
}

const held = (lane: string): PostbearerEvent => ({ name: 'lane.released', lane, sender: '' });

/** `id name` of each event that was heard. */
function eventsIn({ text }: { readonly text: string }): string[] {
  return [...text.matchAll(/id: (\d+)\nevent: (\S+)\ndata: .*\n\n/g)].map(([, id = '', name = '']) => `${id} ${name}`);
}

describe('a follower', () => {
  test('hears what comes from now on, each event once and in order', async () => {
    ring.add(held('before'));
    const heard = heardBy(await follow());
    ring.add(held('a'));
    ring.add(held('b'));
    await expect.poll(() => eventsIn(heard), WAIT).toEqual(['2 lane.released', '3 lane.released']);
    expect(heard.text).toContain(
      'data: {"at":"1970-01-01T00:00:00.000Z","name":"lane.released","lane":"a","sender":""}',
    );
  });

  test.each([
    ['the field Last-Event-ID', { 'last-event-id': '1' }, '/'],
    ['a parameter', {}, '/?after=1'],
  ])('goes on where it was by %s', async (_what, headers, path) => {
    for (const lane of ['a', 'b', 'c']) ring.add(held(lane));
    const heard = heardBy(await follow(headers, path));
    ring.add(held('d'));
    const after = ['2 lane.released', '3 lane.released', '4 lane.released'];
    await expect.poll(() => eventsIn(heard), WAIT).toEqual(after);
  });

  test('is told where events in between are no longer kept, and goes on with those that are', async () => {
    for (let at = 0; at < 150; at += 1) ring.add(held(`lane ${at}`));
    const heard = heardBy(await follow({ 'last-event-id': '10' }));
    await expect.poll(() => eventsIn(heard).length, WAIT).toBe(101);
    expect(eventsIn(heard).slice(0, 2)).toEqual(['50 reset', '51 lane.released']);
    const ahead = heardBy(await follow({ 'last-event-id': '999' }));
    await expect.poll(() => eventsIn(ahead), WAIT).toEqual(['150 reset']);
  });

  test('that is bound to mailboxes hears of their lanes alone', async () => {
    key = { ...key, mailboxes: ['a@example.com' as never] };
    const heard = heardBy(await follow());
    ring.add(held('default/b@example.com'));
    ring.add({ name: 'token.acquired', endpoint: 'x', clientId: 'y', scope: 'z', expiresAt: 0 });
    ring.add(held('default/a@example.com'));
    await expect.poll(() => eventsIn(heard), WAIT).toEqual(['3 lane.released']);
  });

  test('hears a sign of life, and no more once its key is revoked', async () => {
    const heard = heardBy(await follow());
    await expect.poll(() => heard.text, WAIT).toBe(': still here\n\n');
    for (const beat of beats.splice(0)) beat();
    await expect.poll(() => heard.text, WAIT).toBe(': still here\n\n: still here\n\n');
    isValid = false;
    ring.add(held('secret'));
    await expect.poll(() => heard.isOver, WAIT).toBe(true);
    expect(heard.text).not.toContain('secret');
    await expect.poll(() => ring.followers, WAIT).toBe(0);
  });

  test('that went away is forgotten', async () => {
    const incoming = await follow();
    await expect.poll(() => ring.followers, WAIT).toBe(1);
    incoming.destroy();
    await expect.poll(() => [ring.followers, beats.length], WAIT).toEqual([0, 0]);
  });

  test('that reads nothing costs no memory, and is closed between two heartbeats', async () => {
    const slow = await follow();
    slow.pause();
    const other = heardBy(await follow());
    const large = 'x'.repeat(10_000);
    let most = 0;
    for (let at = 0; at < 3000; at += 1) {
      ring.add(held(large));
      most = Math.max(most, outgoings[0]?.writableLength ?? 0);
      if (at % 20 === 0) await soon();
    }
    // The control: 30 MB were told, and whoever reads has the last of them.
    await expect.poll(() => eventsIn(other).at(-1), WAIT).toBe('3000 lane.released');
    expect(most).toBeLessThan(200_000);
    expect(outgoings[0]?.writableNeedDrain).toBe(true);
    for (const beat of beats.splice(0)) beat();
    expect(outgoings[0]?.destroyed).toBe(false);
    for (const beat of beats.splice(0)) beat();
    expect(outgoings.map(({ destroyed }) => destroyed)).toEqual([true, false]);
    await expect.poll(() => ring.followers, WAIT).toBe(1);
    slow.destroy();
  });
});
