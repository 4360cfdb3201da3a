/** R03: `kill -9` at random moments under load, again and again on the same data. */
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { draws, drawBetween, seed } from './harness/random.ts';
import { report, size } from './harness/rows.ts';
import { ScriptedClient } from './harness/script.ts';
import { World } from './harness/world.ts';

const KILLS = size(8, 1000);
const CLIENTS = 4;
/** On their way at a kill: three to the upstream, and one of each client whose confirmation was not heard. */
const IN_FLIGHT = 3 + CLIENTS;

test(
  `R03: ${KILLS} kills under load lose and alter nothing (seed ${seed})`,
  { timeout: size(540_000, 5_400_000) },
  async () => {
    await using world = await World.make();
    const random = draws();
    const service = world.service();
    const clients = Array.from({ length: CLIENTS }, (_, number) => new ScriptedClient(world, `load-${number}-`));
    for (let kill = 0; kill < KILLS; kill += 1) {
      await service.start();
      const load = Promise.all(clients.map(async (client) => await client.run(service, 10_000)));
      await setTimeout(drawBetween(random, 200, size(1000, 3000)));
      await service.kill();
      await load;
    }
    await service.start();
    expect(await service.drain(size(60_000, 900_000))).toEqual([]);
    const { accepted, lost, doubled, altered } = world.ledger.verdict();
    report({
      row: 'R03',
      what: 'kill -9 at random moments under load',
      n: KILLS,
      accepted,
      lost: lost.length,
      doubled: doubled.size,
      altered: altered.length,
      note: `seed ${seed}`,
    });
    expect([lost, altered]).toEqual([[], []]);
    expect(doubled.size).toBeLessThanOrEqual(KILLS * IN_FLIGHT);
  },
);

test('R03: control: a service that answers before its commit is caught losing', { timeout: 180_000 }, async () => {
  await using world = await World.make();
  const service = world.service({ mutant: 'answers before the commit' });
  const clients = Array.from({ length: CLIENTS }, (_, number) => new ScriptedClient(world, `early-${number}-`));
  for (let kill = 0; kill < 3; kill += 1) {
    await service.start();
    const load = Promise.all(clients.map(async (client) => await client.run(service, 10_000)));
    await setTimeout(500);
    await service.kill();
    await load;
  }
  await service.start();
  await service.drain();
  expect(world.ledger.verdict().lost.length).toBeGreaterThan(0);
});
