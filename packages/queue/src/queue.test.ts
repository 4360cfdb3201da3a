import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase, type Database } from '@postbearer/database';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { enqueue, HOUR, LANE, lease, losingAnswers, ManualClock, must, submission } from './conformance/world.ts';
import { createQueue, queueMigrations, SMALL_MESSAGE_BYTES, type Queue } from './index.ts';

let folder: string;
let database: Database;
let clock: ManualClock;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'queue-'));
  database = must(await openDatabase({ file: join(folder, 'queue.db') }, { migrations: [queueMigrations] }));
  clock = new ManualClock();
});

afterEach(async () => {
  await database.close();
  rmSync(folder, { recursive: true });
});

/** Lets the queue do by itself what is due by now. */
async function settled(queue: Queue): Promise<void> {
  clock.pass(1000);
  await queue.counts();
  await queue.tick();
}

describe('what happens by itself', () => {
  it('begins with start and ends with stop, which may come twice or first', async () => {
    const queue = must(await createQueue(database, { clock }));
    await queue.stop();
    await queue.setLanes([LANE]);
    await queue.stop();
    const again = must(await createQueue(database, { clock }));
    await again.setLanes([LANE]);
    const id = await enqueue(again, { sendAt: clock.now() + HOUR });
    again.start();
    again.start();
    clock.pass(HOUR);
    while (must(await again.get(id)).state !== 'queued') await settled(again);
    await Promise.all([again.stop(), again.stop()]);
    // The control: nothing happens afterwards.
    const late = await enqueue(again, { sendAt: clock.now() + HOUR });
    clock.pass(2 * HOUR);
    expect(must(await again.get(late)).state).toBe('scheduled');
  });

  it('goes on after a bug, and says so', async () => {
    const errors: unknown[] = [];
    const bug = new Error('a bug');
    let isBroken = false;
    const broken: Database = {
      ...losingAnswers(database, () => false),
      query: (statement) => (isBroken ? Promise.reject(bug) : database.query(statement)),
    };
    const queue = must(await createQueue(broken, { clock, onError: (error) => errors.push(error) }));
    await queue.setLanes([LANE]);
    queue.start();
    isBroken = true;
    while (errors.length < 2) {
      clock.pass(1000);
      await database.batch([]);
    }
    isBroken = false;
    expect(errors[0]).toBe(bug);
    const id = await enqueue(queue, { sendAt: clock.now() + HOUR });
    clock.pass(HOUR);
    while (must(await queue.get(id)).state !== 'queued') await settled(queue);
    await queue.stop();
  });

  it('is answered with a fault while the database is away, and goes on when it is back', async () => {
    let isLost = false;
    const queue = must(
      await createQueue(
        losingAnswers(database, () => isLost),
        { clock },
      ),
    );
    await queue.setLanes([LANE]);
    isLost = true;
    await queue.tick();
    isLost = false;
    await enqueue(queue);
    expect(await lease(queue)).toHaveLength(1);
    await queue.stop();
  });
});

describe('a message made ready for another batch', () => {
  it('must be small', async () => {
    const queue = must(await createQueue(database, { clock }));
    expect(() => queue.prepareMessage(submission(), new Uint8Array(SMALL_MESSAGE_BYTES + 1))).toThrow(
      'needs an intake',
    );
    expect(queue.prepareMessage(submission(), new Uint8Array(SMALL_MESSAGE_BYTES)).statements.length).toBeGreaterThan(
      3,
    );
    await queue.stop();
  });
});

it('leases nothing where nothing is asked for', async () => {
  const queue = must(await createQueue(database, { clock }));
  expect(await lease(queue, 0)).toEqual([]);
  await queue.stop();
});
