/** R20: killed before and after each step that makes its tables, the service comes up whole; a newer schema it leaves alone. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { itWithTool } from '../setup/foreign-tools.ts';
import { postgresqlForThisFile } from '../setup/postgresql.ts';
import { testMessage } from './harness/messages.ts';
import { report } from './harness/rows.ts';
import { submitOnce, World } from './harness/world.ts';

const server = postgresqlForThisFile();
const MOST_STEPS = 100;

/** Kills around each step on one database, which so comes one step further at a time; gives how many kills there were. */
async function killAroundEachStep(world: World, databaseUrl?: string): Promise<number> {
  const service = world.service(databaseUrl === undefined ? {} : { databaseUrl });
  let kills = 0;
  for (; kills < MOST_STEPS; kills += 1) {
    service.killAt(kills % 2 === 0 ? 'migration:before' : 'migration:after');
    if (await service.start()) break;
  }
  service.killAt();
  const reply = await submitOnce(
    service.smtpPort,
    testMessage(`migrated-${databaseUrl === undefined ? 'a' : 'b'}`),
    world.ledger,
  );
  expect(reply?.code).toBe(250);
  expect(await service.drain()).toEqual([]);
  await service.stop();
  return kills;
}

async function judge(database: string, databaseUrl?: string): Promise<void> {
  await using world = await World.make();
  const kills = await killAroundEachStep(world, databaseUrl);
  const { accepted, lost, doubled, altered } = world.ledger.verdict();
  report({
    row: 'R20',
    what: `kill -9 before and after each migration step, ${database}`,
    n: kills,
    accepted,
    lost: lost.length,
    doubled: doubled.size,
    altered: altered.length,
  });
  expect(kills).toBeGreaterThanOrEqual(10);
  expect(kills).toBeLessThan(MOST_STEPS);
  expect([lost, altered, [...doubled]]).toEqual([[], [], []]);
}

test('on SQLite', { timeout: 360_000 }, async () => {
  await judge('sqlite');
});

itWithTool(
  'postgresql',
  'on PostgreSQL',
  async (postgres) => {
    await judge('postgresql', (await (await server(postgres)).newDatabase()).reveal());
  },
  120_000,
);

test('a newer schema is refused by name, and nothing in it is changed', { timeout: 180_000 }, async () => {
  await using world = await World.make();
  const service = world.service();
  await service.start();
  await submitOnce(service.smtpPort, testMessage('kept'), world.ledger);
  await service.drain();
  await service.stop();
  const change = (sql: string): unknown[] => {
    const connection = new DatabaseSync(join(service.dataFolder, 'postbearer.db'));
    try {
      return connection.prepare(sql).all();
    } finally {
      connection.close();
    }
  };
  change("insert into schema_step (owner, number, name) values ('queue', 999, 'of the future')");
  const before = change('select * from message');
  await expect(service.start()).rejects.toThrow(/DATABASE_SCHEMA_NEWER/);
  expect(change('select * from message')).toEqual(before);
  // The way back: the version that made it, or a backup from before.
  change('delete from schema_step where number = 999');
  expect(await service.start()).toBe(true);
});

test(
  'control: a service that notes a step before it is done does not come up after a kill between the two',
  { timeout: 180_000 },
  async () => {
    await using world = await World.make();
    const service = world.service({ mutant: 'notes a step before it is done' });
    service.killAt('migration:half');
    expect(await service.start()).toBe(false);
    service.killAt();
    await expect(service.start()).rejects.toThrow();
  },
);
