import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { failure, systemClock, type Clock, type Fault, type PostbearerEvent, type Result } from '@postbearer/core';
import { databaseFaults, openDatabase, statement, type Database } from '@postbearer/database';
import type { Settings } from '@postbearer/settings';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DatabaseWatch } from './database-watch.ts';
import { openDayCounts, readToday } from './day-counts.ts';
import { DiskWatch } from './disk-watch.ts';
import { createHealth, type HealthSources } from './health.ts';
import { LastKnown } from './last-known.ts';
import { NodeWatch } from './node-watch.ts';
import { db, monitoringMigrations } from './schema.ts';
import { TraceFilter } from './trace.ts';

const fault: Fault = databaseFaults.make('DATABASE_DISK_FULL', { place: 'a.db' });

function must<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.fault.message);
  return result.value;
}

/** A clock whose time is set by hand, and whose timers never fire. */
function handClock(): Clock & { at: number } {
  return {
    at: 1_000_000,
    now() {
      return this.at;
    },
    monotonicMs() {
      return this.at;
    },
    setTimer: () => ({ cancel: () => undefined }),
  };
}

let folder: string;
let real: Database;
let events: PostbearerEvent[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postbearer-health-'));
  real = must(await openDatabase({ file: join(folder, 'a.db') }, { migrations: [monitoringMigrations] }));
  events = [];
});
afterEach(async () => {
  await real.close();
  await rm(folder, { recursive: true });
});

interface Breakable {
  readonly database: Database;
  batchFails: boolean;
  queryFails: boolean;
}

/** The database, which fails where it is told to. */
function breakable(): Breakable {
  const world: Breakable = {
    batchFails: false,
    queryFails: false,
    database: {
      ...real,
      kind: real.kind,
      query: async (asked) => (world.queryFails ? failure(fault) : await real.query(asked)),
      batch: async (asked) => (world.batchFails ? failure(fault) : await real.batch(asked)),
    },
  };
  return world;
}

const read = statement(db.selectFrom('day_count').select('day'));

describe('the watch of a database', () => {
  it('tells once that it cannot store, and that it can again only after it did', async () => {
    const clock = handClock();
    const [seconds, codes]: [number[], string[]] = [[], []];
    const world = breakable();
    const watch = new DatabaseWatch(world.database, {
      clock,
      onEvent: (event) => events.push(event),
      onBatch: (taken) => seconds.push(taken),
      onFailure: (code) => codes.push(code),
    });
    await watch.database.batch([]);
    expect(watch.state).toMatchObject({ isUp: true, storedAt: 1_000_000 });
    world.batchFails = true;
    await watch.database.batch([]);
    await watch.database.batch([]);
    // A full disk can still be read, which shows nothing.
    await watch.database.query(read);
    expect(watch.state).toMatchObject({ isUp: false, fault: { code: 'DATABASE_DISK_FULL' } });
    world.batchFails = false;
    clock.at += 5000;
    await watch.database.batch([]);
    expect(watch.state.isUp).toBe(true);
    expect(events).toEqual([
      { name: 'database.unavailable', fault },
      { name: 'database.available', downMs: 5000 },
    ]);
    expect(codes).toEqual(['DATABASE_DISK_FULL', 'DATABASE_DISK_FULL']);
    expect(seconds).toHaveLength(2);
  });

  it('believes a reading after a reading failed', async () => {
    const world = breakable();
    const watch = new DatabaseWatch(world.database, {
      clock: handClock(),
      onEvent: (event) => events.push(event),
      onBatch: () => undefined,
      onFailure: () => undefined,
    });
    world.queryFails = true;
    await watch.database.query(read);
    world.queryFails = false;
    await watch.database.query(read);
    expect(events.map(({ name }) => name)).toEqual(['database.unavailable', 'database.available']);
  });
});

describe('the watch of a disk', () => {
  it('tells when there is too little room, and when there is some again', async () => {
    let free = 100;
    const watch = new DiskWatch({
      folder: '/data',
      neededBytes: () => 50,
      clock: handClock(),
      onEvent: (event) => events.push(event),
      freeBytes: () => Promise.resolve(free),
    });
    await watch.start();
    for (const next of [49, 48, 50]) {
      free = next;
      await watch.look();
    }
    await watch.close();
    expect(events).toEqual([
      { name: 'disk.nearly-full', folder: '/data', freeBytes: 49, neededBytes: 50 },
      { name: 'disk.room-again', folder: '/data', freeBytes: 50 },
    ]);
  });

  it('knows nothing of a disk that cannot be looked at, and refuses nothing for it', async () => {
    const freeBytes = async (): Promise<number> => await Promise.reject(new Error('no'));
    const options = { folder: '/data', neededBytes: () => 50, clock: handClock(), freeBytes };
    const watch = new DiskWatch({ ...options, onEvent: (event) => events.push(event) });
    await watch.look();
    expect([watch.state, events]).toEqual([{ isNearlyFull: false, since: 1_000_000 }, []]);
  });
});

describe('the counts of a day', () => {
  const queued = { name: 'message.queued', origin: 'smtp 192.0.2.7' } as PostbearerEvent;
  const settled = (state: string, app = 'scanner'): PostbearerEvent =>
    ({ name: 'message.settled', state, app }) as PostbearerEvent;

  it('outlive a restart, are those of all nodes, and begin anew with a day', async () => {
    const clock = handClock();
    const first = must(await openDayCounts(real, clock, 'one'));
    for (const event of [queued, queued, settled('delivered'), settled('deferred'), settled('expired')])
      first.onEvent(event);
    // What the service itself writes is not counted.
    first.onEvent(settled('delivered', 'postbearer'));
    await first.close();
    const [again, other] = [
      must(await openDayCounts(real, clock, 'one')),
      must(await openDayCounts(real, clock, 'two')),
    ];
    other.onEvent(queued);
    await other.close();
    again.onEvent(queued);
    expect(must(await again.today())).toEqual({ accepted: 4, delivered: 1, refused: 1, deferred: 1 });
    await again.close();
    expect(must(await readToday(real, clock.now()))).toMatchObject({ accepted: 4 });
    clock.at += 86_400_000;
    expect(must(await readToday(real, clock.now()))).toMatchObject({ accepted: 0 });
  });
});

function sources(changes: Partial<HealthSources> = {}): HealthSources {
  return {
    clock: systemClock,
    node: 'one',
    database: real,
    databaseState: () => ({ isUp: true, since: 0 }),
    counts: () => Promise.resolve({ states: {}, lanes: [], stuck: [] }),
    tokens: () => [],
    disk: () => ({ freeBytes: 1e9, isNearlyFull: false, since: 0 }),
    listeners: () => ['127.0.0.1:2525 (starttls)'],
    webhooks: () => [],
    logTrouble: () => undefined,
    isClosing: () => false,
    ...changes,
  };
}

describe('health', () => {
  it.each<[string, Partial<HealthSources>, string, boolean]>([
    ['ok where all is', {}, 'ok', true],
    [
      'unknown where no token was needed yet',
      { tokens: () => [{ upstream: 'default', state: 'unproven' }] },
      'unknown',
      true,
    ],
    [
      'warning where a token cannot be had',
      { tokens: () => [{ upstream: 'default', state: 'failing', fault }] },
      'warning',
      true,
    ],
    [
      'warning where the log loses records',
      { logTrouble: () => ({ count: 1, since: 0, reason: 'ENOSPC' }) },
      'warning',
      true,
    ],
    [
      'warning where events were set aside',
      { webhooks: () => [{ name: 'a', waiting: 0, parked: 1 }] },
      'warning',
      true,
    ],
    [
      'failed where the disk is full',
      { disk: () => ({ freeBytes: 1, isNearlyFull: true, since: 0 }) },
      'failed',
      false,
    ],
    ['failed where the database is', { databaseState: () => ({ isUp: false, since: 0, fault }) }, 'failed', false],
    ['failed while it is stopped', { isClosing: () => true }, 'failed', false],
  ])('is %s', async (_title, changes, state, isHealthy) => {
    const report = await createHealth(sources(changes)).health();
    expect([report.state, report.isHealthy]).toEqual([state, isHealthy]);
    for (const part of report.parts)
      expect(part).toMatchObject({ basis: expect.stringMatching(/./), message: expect.stringMatching(/\.$/) });
  });

  it('is ready with a held lane and without a token, and not without a database or room', async () => {
    const ready = async (changes: Partial<HealthSources>): Promise<boolean> =>
      (await createHealth(sources(changes)).ready()).isHealthy;
    expect(await ready({ tokens: () => [{ upstream: 'default', state: 'failing', fault }] })).toBe(true);
    expect(await ready({ databaseState: () => ({ isUp: false, since: 0, fault }) })).toBe(false);
    expect(await ready({ disk: () => ({ freeBytes: 1, isNearlyFull: true, since: 0 }) })).toBe(false);
    expect(await ready({ isClosing: () => true })).toBe(false);
  });

  it('writes to the database to know, and not more often than once a second', async () => {
    let writes = 0;
    const counted = { ...real, batch: async (asked) => await ((writes += 1), real.batch(asked)) } as Database;
    const health = createHealth(sources({ database: counted, clock: handClock() }));
    for (let index = 0; index < 10; index += 1) await health.ready();
    expect(writes).toBe(1);
    expect(must(await real.query(statement(db.selectFrom('write_probe').select('node'))))).toEqual([{ node: 'one' }]);
  });

  it('does not wait for a database that hangs', async () => {
    const hanging = { ...real, batch: async () => await new Promise(() => undefined) } as Database;
    const clock: Clock = { ...systemClock, setTimer: (callback) => systemClock.setTimer(callback, 0) };
    const report = await createHealth(sources({ database: hanging, clock })).ready();
    expect(report.parts[0]).toMatchObject({
      name: 'database',
      state: 'failed',
      message: expect.stringContaining('3 s'),
    });
  });

  it('lets the process answer whatever else is wrong', () => {
    expect(createHealth(sources({ databaseState: () => ({ isUp: false, since: 0 }) })).live().isHealthy).toBe(true);
  });
});

describe('the watch of nodes', () => {
  it('tells who came and who went, each once', () => {
    let others: readonly string[] = ['a'];
    const watch = new NodeWatch(
      () => others,
      handClock(),
      (event) => events.push(event),
    );
    watch.start();
    for (const next of [['a'], ['a', 'b'], ['b']]) {
      others = next;
      watch.look();
    }
    watch.close();
    expect(events).toEqual([
      { name: 'node.joined', node: 'a' },
      { name: 'node.joined', node: 'b' },
      { name: 'node.lost', node: 'a' },
    ]);
  });
});

describe('what is known of tokens', () => {
  const oauth = { enabled: true, tokenEndpoint: 'https://login.example.com/token', clientId: 'one' };
  const settings: Settings = {
    upstreams: {
      default: { name: 'default', enabled: true, oauth },
      second: { name: 'second', enabled: true, oauth },
      other: { name: 'other', enabled: true, oauth: { ...oauth, clientId: 'two' } },
      none: { name: 'none', enabled: true },
    },
  } as never;

  it('is nothing after a start, and of each upstream that shares one the same', () => {
    const known = new LastKnown(handClock());
    const states = (): string[] => known.tokens(settings).map(({ upstream, state }) => `${upstream} ${state}`);
    expect(states()).toEqual(['default unproven', 'second unproven', 'other unproven']);
    const of = { endpoint: oauth.tokenEndpoint, clientId: 'one' };
    known.onEvent({ name: 'token.acquired', ...of, scope: 's', expiresAt: 5 });
    expect(states()).toEqual(['default valid', 'second valid', 'other unproven']);
    known.onEvent({ name: 'token.failed', ...of, fault });
    expect(known.tokens(settings)[0]).toMatchObject({ state: 'failing', expiresAt: 5, failingSince: 1_000_000 });
    known.onEvent({ name: 'token.acquired', ...of, scope: 's', expiresAt: 9 });
    expect(known.tokens(settings)[0]).toEqual({
      upstream: 'default',
      state: 'valid',
      acquiredAt: 1_000_000,
      expiresAt: 9,
    });
  });
});

describe('a trace of one app', () => {
  const line = (connection: string, text: string, more: object = {}): PostbearerEvent => ({
    name: 'smtp.dialogue',
    connection,
    from: 'client',
    text,
    client: '192.0.2.7',
    ...more,
  });

  it('shows the lines from before it signed in, and nothing of others', () => {
    const shown: string[] = [];
    const filter = new TraceFilter('Scanner', ({ event }) => shown.push('text' in event ? event.text : event.name));
    const take = (event: PostbearerEvent): void => filter.take({ at: 0, event });
    take(line('s1', 'EHLO a'));
    take(line('s2', 'EHLO b'));
    take(line('s2', 'MAIL b', { app: 'other' }));
    take(line('s1', 'MAIL a', { app: 'scanner' }));
    take({ name: 'message.queued', app: 'other', messageId: '<2>', lane: 'x/y' } as PostbearerEvent);
    take({ name: 'message.queued', app: 'scanner', messageId: '<1>', lane: 'x/y' } as PostbearerEvent);
    // What becomes of its message belongs to it, and of another's not.
    take({ name: 'message.accepted', messageId: '<1>', recipient: 'a@x', reply: '250' });
    take({ name: 'message.accepted', messageId: '<2>', recipient: 'a@x', reply: '250' });
    expect(shown).toEqual(['EHLO a', 'MAIL a', 'message.queued', 'message.accepted']);
  });

  it('keeps a bounded number of lines of those who never sign in', () => {
    const shown: string[] = [];
    const filter = new TraceFilter('scanner', ({ event }) => shown.push('text' in event ? event.text : event.name));
    for (let index = 0; index < 1000; index += 1) filter.take({ at: 0, event: line('s1', `NOOP ${index}`) });
    filter.take({ at: 0, event: line('s1', 'MAIL', { app: 'scanner' }) });
    expect(shown).toHaveLength(41);
    expect(shown.at(-2)).toBe('NOOP 999');
  });
});
