/**
 * A program that takes messages in and sends them for ever, and says on standard output what it has promised.
 *
 * `node worker.ts FILE WAY FIRST`: `accepted ID SEED` after a message is stored, `sent ID` before a delivery is settled. The way
 * `early` answers before the database does, which a test has to catch.
 */
import { openDatabase, type Database } from '@postbearer/database';
import { bytesOf, LANE, must, readAll, submission } from '../conformance/world.ts';
import { createQueue, queueMigrations, type LeasedMessage, type Queue } from '../index.ts';

const CLIENTS = 12;

/** Answers that it is stored while it is still being stored. */
function answeringEarly(database: Database): Database {
  return {
    kind: database.kind,
    query: (asked) => database.query(asked),
    batch: (statements) => {
      const stored = database.batch(statements);
      if (!statements.some(({ text }) => text.startsWith('insert into "message"'))) return stored;
      const results = statements.map(() => ({ rows: [], changed: 1 }));
      return Promise.resolve({ ok: true, value: { done: true, results } }) as typeof stored;
    },
    notify: (channel, payload) => database.notify(channel, payload),
    subscribe: (channel, listener) => database.subscribe(channel, listener),
    backup: (file) => database.backup(file),
    close: () => database.close(),
  };
}

function say(line: string): Promise<void> {
  // oxlint-disable-next-line promise/avoid-new -- not faster than somebody reads
  return new Promise((resolve) => {
    process.stdout.write(`${line}\n`, () => resolve());
  });
}

async function accept(queue: Queue, seed: number): Promise<void> {
  // Most are small; every ninth goes ahead in pieces.
  const content = bytesOf(seed % 9 === 0 ? 300_000 : 3000, seed);
  const { id } = must(await queue.enqueue(submission({ messageId: `<${seed}@example.com>` }), content));
  await say(`accepted ${id} ${seed}`);
}

async function send(queue: Queue, leased: LeasedMessage): Promise<void> {
  await readAll(leased.message.content);
  await say(`sent ${leased.id}`);
  const verdicts = leased.recipients.map(({ address: recipient }) => ({
    outcome: 'accepted' as const,
    recipient,
    reply: { kind: 'smtp', stage: 'final', host: 'sink', code: 250, lines: ['OK'] } as const,
  }));
  const now = Date.now();
  must(await queue.settle(leased, queue.decide(leased, { startedAt: now, endedAt: now, verdicts })));
}

async function main(): Promise<void> {
  const [, , file = '', way = 'ours', first = '0'] = process.argv;
  const opened = must(await openDatabase({ file }, { migrations: [queueMigrations] }));
  const queue = must(await createQueue(way === 'early' ? answeringEarly(opened) : opened));
  await queue.setLanes([LANE]);
  queue.start();
  let seed = Number(first);
  const takeIn = async (): Promise<void> => {
    for (;;) {
      seed += 1;
      await accept(queue, seed);
    }
  };
  const sendOut = async (): Promise<void> => {
    for (;;) {
      const leased = must(await queue.lease(LANE, { limit: 3 }));
      await Promise.all(leased.map((each) => send(queue, each)));
      // oxlint-disable-next-line promise/avoid-new -- lets the others run
      if (leased.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  await Promise.all([...Array.from({ length: CLIENTS }, takeIn), sendOut()]);
}

await main();
