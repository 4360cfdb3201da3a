/** Nothing that was accepted is lost by `kill -9`; the judge is what the program said, not what it stored. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { openDatabase } from '@postbearer/database';
import { afterAll, expect, it } from 'vitest';
import { runs } from '../../../tests/setup/quick.ts';
import { bytesOf, LANE, must, readAll } from './conformance/world.ts';
import { createQueue, queueMigrations, type Queue } from './index.ts';

const WORKER = fileURLToPath(new URL('testing/worker.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'queue-kill-'));
const seed = Date.now() % 1_000_000;
const kills = runs(10);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ledger {
  /** The seed of the bytes of each accepted message. */
  readonly accepted: Map<string, number>;
  /** How often each message was sent. */
  readonly sent: Map<string, number>;
}

async function runUntilKilled(
  file: string,
  way: string,
  first: number,
  answers: number,
  ledger: Ledger,
): Promise<void> {
  const child = spawn(process.execPath, [WORKER, file, way, String(first)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let heard = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const [word, id = '', of = ''] = line.split(' ');
    if (word === 'accepted') ledger.accepted.set(id, Number(of));
    else ledger.sent.set(id, (ledger.sent.get(id) ?? 0) + 1);
    heard += 1;
    if (heard === answers) child.kill('SIGKILL');
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

async function killAgainAndAgain(file: string, way: string, times: number): Promise<Ledger> {
  const ledger: Ledger = { accepted: new Map(), sent: new Map() };
  let state = seed;
  for (let kill = 0; kill < times; kill += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    await runUntilKilled(file, way, (kill + 1) * 100_000, 1 + (state % 400), ledger);
  }
  return ledger;
}

async function withQueue(file: string, look: (queue: Queue) => Promise<void>): Promise<void> {
  const database = must(await openDatabase({ file }, { migrations: [queueMigrations] }));
  try {
    const queue = must(await createQueue(database));
    await queue.setLanes([LANE]);
    await look(queue);
    await queue.stop();
  } finally {
    await database.close();
  }
}

async function lost(queue: Queue, { accepted }: Ledger): Promise<string[]> {
  const missing: string[] = [];
  for (const id of accepted.keys()) if (!(await queue.get(id)).ok) missing.push(id);
  return missing;
}

it(`loses and alters nothing in ${kills} kills (seed ${seed})`, { timeout: 180_000 }, async () => {
  const file = join(folder, 'ours.db');
  const ledger = await killAgainAndAgain(file, 'ours', kills);
  expect(ledger.accepted.size).toBeGreaterThan(kills * 20);
  await withQueue(file, async (queue) => {
    expect(await lost(queue, ledger)).toEqual([]);
    for (const [id, of] of ledger.accepted) {
      const stored = await readAll(must(await queue.openBody(id)));
      expect(Buffer.compare(stored, bytesOf(of % 9 === 0 ? 300_000 : 3000, of)), id).toBe(0);
    }
    // Nothing half is left, nothing is in hand, and what is delivered was sent.
    const { states } = must(await queue.counts());
    expect(Object.keys(states).filter((state) => !['queued', 'deferred', 'held'].includes(state))).toEqual([]);
    const delivered = must(await queue.list({ states: ['delivered'] }, { limit: 500 })).messages;
    expect(delivered.filter(({ id }) => !ledger.sent.has(id))).toEqual([]);
    // A message is sent twice only where a kill met it between sending and writing that down: three at a time.
    const twice = [...ledger.sent.values()].filter((times) => times > 1);
    expect(twice.length).toBeLessThanOrEqual(kills * 3);
  });
});

it('would find a queue that answers before the database does', { timeout: 60_000 }, async () => {
  const file = join(folder, 'early.db');
  const ledger = await killAgainAndAgain(file, 'early', 2);
  await withQueue(file, async (queue) => {
    expect((await lost(queue, ledger)).length).toBeGreaterThan(0);
  });
});
