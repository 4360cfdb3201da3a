/** PostgreSQL restarts, hangs, is full and fails over under load: what was confirmed is delivered (R15, R16). */
import pg from 'pg';
import { expect } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import { itWithTool } from '../setup/foreign-tools.ts';
import { startPostgresql, type TestServer } from '../setup/postgresql-server.ts';
import { isLong, report, size } from './harness/rows.ts';
import type { MutantName } from './harness/mutants.ts';
import { DatabaseLine } from './postgresql/database-line.ts';
import { NodesWorld, until } from './postgresql/nodes-world.ts';

const LIMIT_MS = isLong ? 40 * 60_000 : 180_000;
const PER_SECOND = 50;
/** So few connections that a test can take them all. */
const CONNECTIONS = 24;

/** Ways in which a server goes away, each until it is there again. */
const outages = {
  async 'stopped at once'(server) {
    await server.stop('SIGQUIT');
    await sleep(300);
    await server.start();
  },
  async killed(server) {
    await server.stop('SIGKILL');
    await server.start();
  },
  async hangs(server) {
    server.pause();
    await sleep(3000);
    server.resume();
  },
  async 'has no connection left'(server) {
    const taken: pg.Client[] = [];
    const take = async (): Promise<boolean> => {
      const client = new pg.Client({ host: server.folder, user: 'postbearer', database: 'postgres' });
      client.on('error', () => undefined);
      try {
        await client.connect();
      } catch {
        await client.end().catch(() => undefined);
        return false;
      }
      taken.push(client);
      return true;
    };
    while (await take());
    await taken[0]?.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'postbearer'`,
    );
    for (let count = 0; count < 100; count += 1) if (!(await take())) await sleep(10);
    for (const client of taken) await client.end();
  },
} as const satisfies Readonly<Record<string, (server: TestServer) => Promise<void>>>;

/** So slow that messages wait in the queue, where alone they can be lost. */
const SLOW = { stage: 'final', action: { kind: 'delay', ms: 300 } } as const;

/** Nothing more is waited for after this long without a delivery. */
const QUIET_MS = 8000;

interface Outcome {
  readonly world: NodesWorld;
  /** How long after the end of each outage mail was taken again, milliseconds. */
  readonly backMs: readonly number[];
}

async function throughOutages(
  world: NodesWorld,
  server: TestServer,
  ways: readonly (keyof typeof outages)[],
  mutant?: MutantName,
): Promise<Outcome> {
  const node = world.node({
    name: 'a',
    databaseUrl: (await server.newDatabase()).reveal(),
    ...(mutant === undefined ? {} : { mutant }),
  });
  await node.start();
  world.emulator.faults.add(SLOW);
  const over = new AbortController();
  const load = world.load([node], { perSecond: PER_SECOND, signal: over.signal });
  const backMs: number[] = [];
  for (const way of ways) {
    const before = world.accepted;
    await until('mail taken before the outage', () => world.accepted > before + PER_SECOND / 5);
    await outages[way](server);
    const endedMs = performance.now();
    await until('mail taken after the outage', () => world.lastAcceptedMs > endedMs);
    backMs.push(world.lastAcceptedMs - endedMs);
  }
  over.abort();
  await load;
  world.emulator.faults.clear();
  await world.drain(QUIET_MS);
  return { world, backMs };
}

itWithTool(
  'postgresql',
  'R15: PostgreSQL stops, is killed, hangs and is full under load, and nothing that was confirmed is lost',
  async (path) => {
    const ways = Object.keys(outages) as (keyof typeof outages)[];
    await using server = await startPostgresql(path, { max_connections: String(CONNECTIONS) });
    await using world = await NodesWorld.make(2);
    const order = Array.from({ length: size(10, 100) }, (_, index) => ways[index % ways.length] ?? 'killed');
    const { backMs } = await throughOutages(world, server, order);
    const verdict = world.verdict();
    const note = `taken again after ${Math.max(...backMs).toFixed(0)} ms at most; replies ${JSON.stringify([...world.refused])}`;
    report({
      row: 'R15',
      what: 'restarts of PostgreSQL',
      n: order.length,
      ...verdict,
      lost: verdict.lost.length,
      altered: verdict.altered.length,
      note,
    });
    console.log(order.length, verdict, note);
    expect(verdict).toMatchObject({ lost: [], altered: [] });
    // Window W2: delivered while the database was away, at most what was in hand in each lane at each outage.
    expect(verdict.doubled).toBeLessThanOrEqual(6 * 2 * order.length);
    expect([...world.refused.keys()].filter((code) => code !== 451 && code !== 0)).toEqual([]);
    expect(world.refused.get(451)).toBeGreaterThan(0);
    expect(Math.max(...backMs)).toBeLessThan(5000);
  },
  LIMIT_MS,
);

itWithTool(
  'postgresql',
  'R15, control: a node that does not wait for the disk of PostgreSQL loses mail',
  async (path) => {
    await using server = await startPostgresql(path, { wal_writer_delay: '10s' });
    await using world = await NodesWorld.make(2);
    await throughOutages(world, server, ['killed', 'killed'], 'does not wait for the disk of PostgreSQL');
    expect(world.verdict().lost.length).toBeGreaterThan(0);
  },
  LIMIT_MS,
);

/** Two servers, the second following the first, behind one address that moves. Gives what was lost by failovers. */
async function failOver(
  path: string,
  isSynchronous: boolean,
  times: number,
): Promise<{ world: NodesWorld; close: () => Promise<void> }> {
  const stack = new AsyncDisposableStack();
  const world = stack.use(await NodesWorld.make(2));
  let primary = stack.use(await startPostgresql(path));
  const url = (await primary.newDatabase()).reveal();
  const line = stack.use(await DatabaseLine.open(primary.folder));
  const node = world.node({ name: 'a', databaseUrl: line.urlOf(url) });
  await node.start();
  world.emulator.faults.add(SLOW);
  for (let count = 0; count < times; count += 1) {
    const standby = stack.use(await primary.makeStandby());
    await until('a standby that follows', async () => {
      const [row] = await primary.ask('select count(*)::int as n from pg_stat_replication');
      return row?.['n'] === 1;
    });
    if (isSynchronous) {
      await primary.ask(`alter system set synchronous_standby_names = 'standby'`);
      await primary.ask('select pg_reload_conf()');
      await until('a synchronous standby', async () => {
        const [row] = await primary.ask('select sync_state from pg_stat_replication');
        return row?.['sync_state'] === 'sync';
      });
    }
    const over = new AbortController();
    const load = world.load([node], { perSecond: 4 * PER_SECOND, signal: over.signal });
    const before = world.accepted;
    await until('mail', () => world.accepted > before + PER_SECOND);
    // What a slow line to the standby leaves behind.
    standby.pause();
    await sleep(500);
    await primary.stop('SIGKILL');
    standby.resume();
    await standby.promote();
    await standby.ask('alter system reset synchronous_standby_names');
    await standby.ask('select pg_reload_conf()');
    line.leadTo(standby.folder);
    const promotedMs = performance.now();
    await until('mail after the failover', () => world.lastAcceptedMs > promotedMs);
    over.abort();
    await load;
    primary = standby;
  }
  world.emulator.faults.clear();
  await world.drain(QUIET_MS);
  return { world, close: async () => await stack.disposeAsync() };
}

itWithTool(
  'postgresql',
  'R16: a synchronous standby is promoted, and nothing that was confirmed is lost',
  async (path) => {
    const times = size(3, 20);
    const { world, close } = await failOver(path, true, times);
    try {
      const verdict = world.verdict();
      report({
        row: 'R16',
        what: 'failovers to a synchronous standby',
        n: times,
        ...verdict,
        lost: verdict.lost.length,
        altered: verdict.altered.length,
      });
      console.log(times, verdict);
      expect(verdict).toMatchObject({ lost: [], altered: [] });
      expect(verdict.doubled).toBeLessThanOrEqual(6 * 2 * times);
    } finally {
      await close();
    }
  },
  LIMIT_MS,
);

itWithTool(
  'postgresql',
  'R16, control: an asynchronous standby that is half a second behind loses what was confirmed in it',
  async (path) => {
    const { world, close } = await failOver(path, false, 1);
    try {
      const verdict = world.verdict();
      console.log(`asynchronous: ${verdict.lost.length} of ${verdict.accepted} lost`);
      expect(verdict.lost.length).toBeGreaterThan(0);
    } finally {
      await close();
    }
  },
  LIMIT_MS,
);
