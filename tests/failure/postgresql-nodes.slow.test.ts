/** Several nodes on one PostgreSQL: nothing is sent twice or lost, whoever races, hangs, is cut off, dies or is replaced (R17, R18). */
import { expect } from 'vitest';
import { itWithTool } from '../setup/foreign-tools.ts';
import { postgresqlForThisFile } from '../setup/postgresql.ts';
import { size } from './harness/rows.ts';
import { NodesWorld, type TestNode } from './postgresql/nodes-world.ts';

const server = postgresqlForThisFile();
const LIMIT_MS = 180_000;
const LANES = 8;

async function databaseUrl(path: string): Promise<string> {
  return (await (await server(path)).newDatabase()).reveal();
}

async function startNodes(world: NodesWorld, url: string, names: readonly string[]): Promise<TestNode[]> {
  const nodes = names.map((name) => world.node({ name, databaseUrl: url }));
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
      const nodes = await startNodes(world, await databaseUrl(path), names);
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
