/** Several nodes on one PostgreSQL: nothing is sent twice or lost, whoever races, hangs, is cut off, dies or is replaced (R17, R18). */
import { DEFAULT_NODE_TIMES } from '@postbearer/queue';
import { expect } from 'vitest';
import { itWithTool } from '../setup/foreign-tools.ts';
import { postgresqlForThisFile } from '../setup/postgresql.ts';
import { isLong, report, size } from './harness/rows.ts';
import { DatabaseLine } from './postgresql/database-line.ts';
import {
  NodesWorld,
  SHORT_TIMES,
  until,
  type NodeOptions,
  type NodesVerdict,
  type TestNode,
} from './postgresql/nodes-world.ts';

const server = postgresqlForThisFile();
const LIMIT_MS = isLong ? 40 * 60_000 : 180_000;
const LANES = 8;
/** Where nobody dies, a busy machine must not make a node seem dead. */
const PATIENT = { times: { ...SHORT_TIMES, stopMs: 30_000, takeOverMs: 45_000, leaseMs: 60_000 } };
/** Messages of a lane that a node has in hand: one on each of three connections, and one behind each. */
const IN_HAND = 6;

function tell(row: string, what: string, n: number, verdict: NodesVerdict, note: string): void {
  const { lost, altered, ...counts } = verdict;
  report({ row, what, n, ...counts, lost: lost.length, altered: altered.length, note });
  console.log(`${row}, ${n} times: ${what}`, verdict, note);
}

async function databaseUrl(path: string): Promise<string> {
  return (await (await server(path)).newDatabase()).reveal();
}

async function startNodes(
  world: NodesWorld,
  url: string,
  names: readonly string[],
  more: Partial<NodeOptions> = {},
): Promise<TestNode[]> {
  const nodes = names.map((name) => world.node({ name, databaseUrl: url, ...more }));
  for (const node of nodes) await node.start();
  await world.load(nodes, { total: LANES, sessions: 1 });
  await world.untilShared(nodes);
  return nodes;
}

for (const names of [
  ['a', 'b'],
  ['a', 'b', 'c', 'd'],
] as const) {
  itWithTool(
    'postgresql',
    `R17: ${names.length} nodes race, and send nothing twice`,
    async (path) => {
      await using world = await NodesWorld.make(LANES);
      const nodes = await startNodes(world, await databaseUrl(path), names, PATIENT);
      await world.load(nodes, { total: size(1500, 20_000), sessions: 16 });
      await world.drain();
      expect(world.verdict()).toMatchObject({ lost: [], altered: [], doubled: 0 });
      const all = nodes.reduce((sum, { delivered }) => sum + delivered, 0);
      const shares = nodes.map(({ delivered }) => delivered / all);
      console.log(
        `${names.length} nodes: ${world.accepted} messages, shares ${shares.map((share) => share.toFixed(2)).join(' ')}`,
      );
      if (names.length === 2) for (const share of shares) expect(Math.abs(share - 0.5)).toBeLessThanOrEqual(0.15);
      expect(Math.min(...shares)).toBeGreaterThan(0);
    },
    LIMIT_MS,
  );
}

itWithTool(
  'postgresql',
  'R17, control: a node that takes back what others have in hand is caught sending twice',
  async (path) => {
    await using world = await NodesWorld.make(LANES);
    const nodes = await startNodes(world, await databaseUrl(path), ['a', 'b'], {
      mutant: 'takes back what living nodes have in hand',
    });
    world.emulator.faults.add({ stage: 'final', action: { kind: 'delay', ms: 500 } });
    await world.load(nodes, { total: 200, sessions: 8 });
    world.emulator.faults.clear();
    await world.drain();
    expect(world.verdict().doubled).toBeGreaterThan(0);
  },
  LIMIT_MS,
);

/** Ways in which one node goes, each until the other has all lanes, and back. */
const troubles = {
  async 'hangs, and goes on'(world, [hit, other]) {
    hit.node.signal('SIGSTOP');
    const tookMs = await world.untilShared([other.node]);
    hit.node.signal('SIGCONT');
    return tookMs;
  },
  async 'is cut off its database, and comes back'(world, [hit, other]) {
    hit.line.cut();
    const tookMs = await world.untilShared([other.node]);
    hit.line.mend();
    return tookMs;
  },
  async 'is killed, and starts again'(world, [hit, other]) {
    await hit.node.end('SIGKILL');
    const tookMs = await world.untilShared([other.node]);
    await hit.node.start();
    return tookMs;
  },
} as const satisfies Readonly<Record<string, (world: NodesWorld, nodes: readonly [Wired, Wired]) => Promise<number>>>;

/** A node and its line to the database. */
interface Wired {
  readonly node: TestNode;
  readonly line: DatabaseLine;
}

for (const [name, trouble] of Object.entries(troubles)) {
  itWithTool(
    'postgresql',
    `R18: one of two nodes ${name}: the other takes over, nothing is lost, and twice comes only what was in hand`,
    async (path) => {
      const times = size(name.startsWith('hangs') ? 5 : 2, 50);
      const running = await server(path);
      const url = (await running.newDatabase()).reveal();
      await using stack = new AsyncDisposableStack();
      const world = stack.use(await NodesWorld.make(LANES));
      const wire = async (nodeName: string): Promise<Wired> => {
        const line = stack.use(await DatabaseLine.open(running.folder));
        return { line, node: world.node({ name: nodeName, databaseUrl: line.urlOf(url) }) };
      };
      const [a, b] = [await wire('a'), await wire('b')];
      // The nodes go before the lines that they hang on.
      stack.defer(async () => {
        for (const { node } of [a, b]) await node.end('SIGKILL');
      });
      for (const { node } of [a, b]) await node.start();
      await world.load([a.node], { total: LANES, sessions: 1 });
      await world.untilShared([a.node, b.node]);
      // So slow that something is always in hand.
      world.emulator.faults.add({ stage: 'final', action: { kind: 'delay', ms: 200 } });
      const tookMs: number[] = [];
      for (let count = 0; count < times; count += 1) {
        const over = new AbortController();
        const [hit, other] = count % 2 === 0 ? ([a, b] as const) : ([b, a] as const);
        const load = world.load([other.node], { perSecond: 60, signal: over.signal });
        const before = world.deliveries;
        await until('deliveries', () => world.deliveries > before + 30);
        tookMs.push(await trouble(world, [hit, other]));
        over.abort();
        await load;
        await world.untilShared([other.node, hit.node]);
      }
      world.emulator.faults.clear();
      await world.drain();
      const verdict = world.verdict();
      const note = `lanes moved after ${Math.max(...tookMs).toFixed(0)} ms at most, at times a twentieth of the real ones`;
      tell('R18', `one of two nodes ${name}`, times, verdict, note);
      expect(verdict).toMatchObject({ lost: [], altered: [] });
      expect(verdict.doubled).toBeLessThanOrEqual((times * IN_HAND * LANES) / 2);
      expect(Math.max(...tookMs)).toBeLessThan(5 * (SHORT_TIMES.takeOverMs + SHORT_TIMES.beatMs));
    },
    LIMIT_MS,
  );
}

itWithTool(
  'postgresql',
  'nodes that are restarted one after the other under load lose and double nothing',
  async (path) => {
    await using world = await NodesWorld.make(LANES);
    const nodes = await startNodes(world, await databaseUrl(path), ['a', 'b'], PATIENT);
    const over = new AbortController();
    const load = world.load(nodes, { perSecond: 100, signal: over.signal });
    const times = size(1, 20);
    for (let count = 0; count < times; count += 1) {
      for (const node of nodes) {
        const before = world.deliveries;
        await until('deliveries', () => world.deliveries > before + 50);
        await node.end('SIGTERM');
        await node.start();
        await world.untilShared(nodes);
      }
    }
    over.abort();
    await load;
    await world.drain();
    const verdict = world.verdict();
    tell(
      'R20',
      'nodes restarted one after the other',
      2 * times,
      verdict,
      `replies ${JSON.stringify([...world.refused])}`,
    );
    expect(verdict).toMatchObject({ lost: [], altered: [], doubled: 0 });
  },
  LIMIT_MS,
);

if (isLong) {
  itWithTool(
    'postgresql',
    'R18: the lanes of a node that is killed move within a minute at the times that hold by default',
    async (path) => {
      await using world = await NodesWorld.make(LANES);
      const [hit, other] = await startNodes(world, await databaseUrl(path), ['a', 'b'], { times: DEFAULT_NODE_TIMES });
      if (hit === undefined || other === undefined) throw new Error('two nodes were started');
      await hit.end('SIGKILL');
      const tookMs = await world.untilShared([other], 2 * LIMIT_MS);
      const note = `after ${(tookMs / 1000).toFixed(1)} s`;
      await world.drain();
      tell('R18', 'lanes of a killed node move, at real times', 1, world.verdict(), note);
      expect(tookMs).toBeLessThan(60_000);
    },
    LIMIT_MS,
  );
}
