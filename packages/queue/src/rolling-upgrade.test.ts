/** During an upgrade a node of the older release and one of the newer work on one database. */
import { setTimeout } from 'node:timers/promises';
import { openDatabase, type Database, type MigrationSet } from '@postbearer/database';
import type { Secret } from '@postbearer/core';
import { expect } from 'vitest';
import { itWithTool } from '../../../tests/setup/foreign-tools.ts';
import { postgresqlForThisFile } from '../../../tests/setup/postgresql.ts';
import { BODY, codeOf, enqueue, LANE, lease, must, report, submission } from './conformance/world.ts';
import { createQueue, queueMigrations, type Queue } from './index.ts';

const server = postgresqlForThisFile();

/** What a next release may do: it only adds. */
const newer: MigrationSet = {
  owner: 'queue',
  migrations: [
    ...queueMigrations.migrations,
    {
      number: queueMigrations.migrations.length + 1,
      name: 'what a next release adds',
      statements: [
        `alter table message add column colour text default 'blue'`,
        `alter table lane add column speed bigint`,
        `create index message_colour on message (colour, id)`,
      ],
    },
  ],
};

async function withOpen(url: Secret, set: MigrationSet, work: (database: Database) => Promise<void>): Promise<void> {
  const database = must(await openDatabase({ url }, { migrations: [set] }));
  try {
    await work(database);
  } finally {
    await database.close();
  }
}

/** Takes messages in and delivers them for as long as it is let. */
async function keepWorking(
  queue: Queue,
  done: { accepted: number; delivered: number },
  over: AbortSignal,
): Promise<void> {
  while (!over.aborted || done.delivered < done.accepted) {
    if (!over.aborted) {
      await enqueue(queue);
      done.accepted += 1;
    }
    for (const leased of await lease(queue, 5)) {
      must(await queue.settle(leased, queue.decide(leased, report({ now: Date.now } as never, leased, 'accepted'))));
      done.delivered += 1;
    }
    must(await queue.list({ states: ['delivered'] }, { limit: 5 }));
    must(await queue.counts());
  }
}

itWithTool(
  'postgresql',
  'a node goes on while a newer one adds to the tables, and one of its release starts no more',
  async (path) => {
    const url = await (await server(path)).newDatabase();
    await withOpen(url, queueMigrations, async (older) => {
      const queue = must(await createQueue(older, { node: 'older' }));
      await queue.setLanes([LANE]);
      const over = new AbortController();
      const done = { accepted: 0, delivered: 0 };
      const working = keepWorking(queue, done, over.signal);
      const goesOn = async (): Promise<void> => {
        const before = done.delivered;
        while (done.delivered < before + 10) await setTimeout(1);
      };
      await goesOn();
      const { id } = must(await queue.enqueue(submission({ lane: 'default/later@example.com' }), BODY));
      await withOpen(url, newer, async (database) => {
        await goesOn();
        const next = must(await createQueue(database, { node: 'newer' }));
        await next.setLanes([LANE]);
        // Both know what the other took in.
        const taken = await enqueue(next, { lane: 'default/later@example.com' });
        expect(must(await queue.get(taken)).state).toBe('queued');
        expect(must(await next.get(id)).state).toBe('queued');
        expect(must(await queue.change('cancel', taken))).toBe('cancelled');
        await next.stop();
      });
      over.abort();
      await working;
      expect(done.delivered).toBe(done.accepted);
      const { messages } = must(await queue.list({ states: ['delivered'] }, { limit: 500 }));
      expect(messages).toHaveLength(done.accepted);
      await queue.stop();
      expect(codeOf(await openDatabase({ url }, { migrations: [queueMigrations] }))).toBe('DATABASE_SCHEMA_NEWER');
    });
  },
);
