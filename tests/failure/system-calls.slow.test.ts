/** R02: `kill -9` at system calls that a seed chooses, so at moments that nobody thought of. */
import { join } from 'node:path';
import { expect } from 'vitest';
import { itWithTool } from '../setup/foreign-tools.ts';
import { draws, drawBetween, seed } from './harness/random.ts';
import { report, size } from './harness/rows.ts';
import { ScriptedClient } from './harness/script.ts';
import { callCounts, killing, LEAVING_CALLS, recording } from './harness/system-calls.ts';
import { World } from './harness/world.ts';

const KILLS = size(60, 600);

interface Kill {
  readonly call: string;
  readonly at: number;
}

/** How often each call is made while the script runs once. */
async function countCalls(strace: string): Promise<ReadonlyMap<string, number>> {
  await using world = await World.make();
  const service = world.service();
  const record = join(world.folder, 'calls');
  // A first start makes files; the kills come on later ones.
  await service.start();
  await service.stop();
  await service.start(recording(strace, record));
  expect(await new ScriptedClient(world, 'count-').run(service)).toBe(20);
  await service.drain();
  await service.kill();
  return callCounts(record);
}

function chooseKills(counts: ReadonlyMap<string, number>): Kill[] {
  const random = draws();
  const calls = LEAVING_CALLS.filter((call) => counts.has(call));
  return Array.from({ length: KILLS }, () => {
    const call = calls[drawBetween(random, 0, calls.length - 1)] ?? 'pwrite64';
    // Commits that wait together become one, so a slower run makes fewer calls.
    return { call, at: drawBetween(random, 1, Math.ceil((counts.get(call) ?? 1) * 0.6)) };
  });
}

itWithTool(
  'strace',
  `${KILLS} kills at system calls lose and alter nothing (seed ${seed})`,
  async (strace) => {
    const counts = await countCalls(strace);
    expect(counts.get('pwrite64')).toBeGreaterThan(40);
    await using world = await World.make();
    const service = world.service();
    await service.start();
    await service.stop();
    const client = new ScriptedClient(world, 'call-');
    let killed = 0;
    for (const { call, at } of chooseKills(counts)) {
      if (!(await service.start(killing(strace, call, at)))) {
        killed += 1;
        continue;
      }
      await client.run(service);
      // The last calls are those of delivery.
      await service.drain(15_000).catch(() => undefined);
      if (service.ending === 'SIGKILL') killed += 1;
      await service.kill();
    }
    await service.start();
    expect(await service.drain()).toEqual([]);
    const { accepted, lost, doubled, altered } = world.ledger.verdict();
    report({
      row: 'R02',
      what: 'kill -9 at system calls chosen by a seed',
      n: killed,
      accepted,
      lost: lost.length,
      doubled: doubled.size,
      altered: altered.length,
      note: `seed ${seed}`,
    });
    expect(killed).toBeGreaterThan(KILLS / 2);
    expect([lost, altered]).toEqual([[], []]);
    // In flight at a kill: three on the way out, and one whose confirmation was not heard.
    expect(doubled.size).toBeLessThanOrEqual(killed * 4);
  },
  size(600_000, 7_200_000),
);

itWithTool(
  'strace',
  'control: a service that answers before its commit is caught losing',
  async (strace) => {
    await using world = await World.make();
    const service = world.service({ mutant: 'answers before the commit' });
    const client = new ScriptedClient(world, 'early-');
    for (const at of [12, 16, 20, 24, 28]) {
      if (await service.start(killing(strace, 'fsync', at))) await client.run(service);
      await service.kill();
    }
    await service.start();
    await service.drain();
    expect(world.ledger.verdict().lost.length).toBeGreaterThan(0);
  },
  60_000,
);
