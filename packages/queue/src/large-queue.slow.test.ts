/**
 * A hundred thousand messages: the first page, any other page, counts, leases and taking in are as quick as in a small queue.
 *
 * Bounds are at least five times what was measured (see `MEASURED`); what was measured is printed.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase, type Database } from '@postbearer/database';
import { afterAll, describe, expect, it } from 'vitest';
import { itWithTool } from '../../../tests/setup/foreign-tools.ts';
import { postgresqlForThisFile } from '../../../tests/setup/postgresql.ts';
import { BODY, enqueue, GREYLISTED, lease, must, report, submission } from './conformance/world.ts';
import { createQueue, queueMigrations, type Queue } from './index.ts';

const MANY = 100_000;
const LANES = Array.from({ length: 20 }, (_, index) => `default/lane${index}@example.com`);
const LIMIT_MS = 240_000;

/** Milliseconds on two cores of a virtual machine, 2026-11-24, the slower of both databases. */
const MEASURED = {
  start: 60,
  firstPage: 5,
  deepPage: 50,
  ofRecipient: 5,
  counts: 80,
  lease: 55,
  takeIn: 8,
  search: 150,
  load: 50,
} as const;

async function fill(database: Database, queue: Queue): Promise<void> {
  for (let start = 0; start < MANY; start += 2000) {
    const statements = Array.from({ length: 2000 }, (_, index) => {
      const lane = LANES[(start + index) % LANES.length] ?? '';
      return queue.prepareMessage(submission({ lane, to: [`user${start + index}@example.net`] }), BODY).statements;
    });
    must(await database.batch(statements.flat()));
  }
}

async function look(open: () => Promise<Database>): Promise<void> {
  let database = await open();
  const first = must(await createQueue(database));
  await fill(database, first);
  await first.stop();
  await database.close();
  const took: Record<string, number> = {};
  const timed = async <T>(name: keyof typeof MEASURED, work: () => Promise<T>): Promise<T> => {
    const start = performance.now();
    const value = await work();
    took[name] = Math.max(took[name] ?? 0, performance.now() - start);
    return value;
  };
  database = await open();
  try {
    const queue = await timed('start', async () => {
      const opened = must(await createQueue(database));
      await opened.setLanes(LANES);
      return opened;
    });
    const clock = {
      now: () => Date.now(),
      monotonicMs: () => performance.now(),
      setTimer: () => ({ cancel: () => undefined }),
    };
    // Some wait for another reason, and some are done.
    for (const lane of LANES) {
      const leased = await timed('lease', () => lease(queue, 20, lane));
      for (const [index, each] of leased.entries()) {
        const met = report(clock, each, index % 2 === 0 ? 'accepted' : { outcome: 'deferred', fault: GREYLISTED });
        must(await queue.settle(each, queue.decide(each, met)));
      }
    }
    const page = await timed('firstPage', async () => must(await queue.list({}, { limit: 100 })));
    expect(page.messages).toHaveLength(100);
    const middle = must(await queue.list({}, { limit: 1 })).messages[0]?.id.slice(0, 10) ?? '';
    for (const filter of [{}, { states: ['queued', 'deferred'] }, { lane: LANES[3] ?? '' }, { app: 'crm' }] as const) {
      const deep = await timed('deepPage', async () =>
        must(await queue.list(filter, { limit: 100, after: `${middle}h` })),
      );
      expect(deep.messages.length).toBeGreaterThan(0);
    }
    const found = await timed('ofRecipient', async () =>
      must(await queue.list({ recipient: 'user50000@example.net' })),
    );
    expect(found.messages).toHaveLength(1);
    for (const filter of [
      { states: ['held'], lane: LANES[3] ?? '' },
      { search: 'no such words' },
      { subject: 'no such words' },
      { from: 'nobody@example.com' },
      { faultCode: 'SMTP_REFUSED', app: 'crm' },
      { search: 'user12345@example.net', since: 1 },
    ] as const) {
      await timed('search', async () => must(await queue.list(filter, { limit: 100 })));
    }
    await timed('load', async () => must(await queue.queuedOf('crm')));
    const { states, lanes, stuck } = await timed('counts', async () => must(await queue.counts()));
    expect([states.queued, states.deferred, lanes.length, stuck.length]).toEqual([MANY - 400, 200, 20, 20]);
    for (let count = 0; count < 50; count += 1) await timed('takeIn', () => enqueue(queue, { lane: LANES[0] ?? '' }));
    await queue.stop();
  } finally {
    await database.close();
  }
  const figures = Object.entries(took).map(([name, ms]) => `${name} ${ms.toFixed(1)} ms`);
  console.log(`${database.kind}, ${MANY} messages: ${figures.join(', ')}`);
  for (const [name, ms] of Object.entries(MEASURED)) expect(took[name], name).toBeLessThan(ms * 10 + 200);
}

const opened = async (opening: ReturnType<typeof openDatabase>): Promise<Database> => must(await opening);

describe('a hundred thousand messages', () => {
  const folder = mkdtempSync(join(tmpdir(), 'queue-large-'));
  const server = postgresqlForThisFile();
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('are no burden on SQLite', { timeout: LIMIT_MS }, () =>
    look(() => opened(openDatabase({ file: join(folder, 'large.db') }, { migrations: [queueMigrations] }))),
  );

  itWithTool(
    'postgresql',
    'are no burden on PostgreSQL',
    async (path) => {
      const url = await (await server(path)).newDatabase();
      await look(() => opened(openDatabase({ url }, { migrations: [queueMigrations] })));
    },
    LIMIT_MS,
  );
});
