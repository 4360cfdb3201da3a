/** R05: a write or a flush of the database fails once: no 250 for what was not stored, and the service goes on without a restart. */
import { join } from 'node:path';
import { expect } from 'vitest';
import { itWithTool } from '../setup/foreign-tools.ts';
import { draws, drawBetween, seed } from './harness/random.ts';
import { report, size } from './harness/rows.ts';
import { ScriptedClient } from './harness/script.ts';
import { callCounts, failing, recording } from './harness/system-calls.ts';
import { World } from './harness/world.ts';

const INJECTIONS = size(40, 200);
/** SQLite flushes with either, as it was built. */
const FLUSHES = 'fsync,fdatasync';
const CALLS = ['pwrite64', FLUSHES] as const;
const ERRORS = ['EIO', 'ENOSPC', 'EINTR'] as const;
const MESSAGES = 10;

interface Injection {
  readonly call: string;
  readonly error: string;
  readonly at: number;
}

/** How often each call is made until the service is ready, and until the script is done. */
async function countCalls(strace: string): Promise<readonly ReadonlyMap<string, number>[]> {
  await using world = await World.make();
  const counts: ReadonlyMap<string, number>[] = [];
  for (const messages of [0, MESSAGES]) {
    const service = world.service();
    const file = join(world.folder, `calls-${messages}`);
    await service.start(recording(strace, file, ['pwrite64', 'fsync', 'fdatasync']));
    // The first start of a folder makes its tables; the injections come on later ones.
    await service.stop();
    await service.start(recording(strace, file, ['pwrite64', 'fsync', 'fdatasync']));
    await new ScriptedClient(world, `count-${messages}-`).run(service, messages);
    await service.drain();
    await service.kill();
    counts.push(callCounts(file));
  }
  return counts;
}

function countOf(counts: ReadonlyMap<string, number> | undefined, call: string): number {
  return call.split(',').reduce((sum, each) => sum + (counts?.get(each) ?? 0), 0);
}

itWithTool(
  'strace',
  `${INJECTIONS} errors of the disk lose nothing, and are survived without a restart (seed ${seed})`,
  async (strace) => {
    const [idle, busy] = await countCalls(strace);
    const random = draws();
    const injections = Array.from({ length: INJECTIONS }, (_, index): Injection => {
      const call = CALLS[index % CALLS.length] ?? 'pwrite64';
      const error = ERRORS[drawBetween(random, 0, ERRORS.length - 1)] ?? 'EIO';
      return { call, error, at: drawBetween(random, countOf(idle, call) + 1, countOf(busy, call)) };
    });
    await using world = await World.make();
    const service = world.service();
    await service.start();
    await service.stop();
    const client = new ScriptedClient(world, 'error-');
    const ended: string[] = [];
    for (const { call, error, at } of injections) {
      await service.start(failing(strace, call, error, at));
      await client.run(service, MESSAGES);
      const open = await service.drain(20_000);
      if (service.hasEnded || open.length > 0) ended.push(`${error} at ${call} ${at}: ${open.length} stay`);
      await service.stop();
    }
    const { accepted, lost, doubled, altered } = world.ledger.verdict();
    const refusals = [...client.refusals.values()].reduce((sum, count) => sum + count, 0);
    const told = service.events.filter(({ event }) => event === 'submission.refused').length;
    report({
      row: 'R05',
      what: 'EIO, ENOSPC and EINTR at a write or flush of the database',
      n: INJECTIONS,
      accepted,
      lost: lost.length,
      doubled: doubled.size,
      altered: altered.length,
      note: `${refusals} refused with ${[...client.refusals.keys()].join(' and ')}; seed ${seed}`,
    });
    expect(ended).toEqual([]);
    expect([lost, altered]).toEqual([[], []]);
    // Each was told of, and none was refused for good.
    expect(told).toBe(refusals);
    expect([...client.refusals.keys()].every((code) => code === 451 || code === 452)).toBe(true);
    expect(refusals).toBeGreaterThan(INJECTIONS / 5);
  },
  size(600_000, 2_400_000),
);

itWithTool(
  'strace',
  'control: a service that takes a failed commit for done is caught losing',
  async (strace) => {
    await using world = await World.make();
    const service = world.service({ mutant: 'takes a failed commit for done' });
    await service.start();
    await service.stop();
    await service.start(failing(strace, 'pwrite64', 'EIO', '20+9'));
    await new ScriptedClient(world, 'failed-').run(service, 20);
    await service.kill();
    await service.start();
    await service.drain();
    expect(world.ledger.verdict().lost.length).toBeGreaterThan(0);
  },
  60_000,
);
