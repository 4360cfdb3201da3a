/**
 * What happens to messages by itself as time passes.
 *
 * A message that waits is queued when its time has come. One of uncertain outcome waits by the monotonic clock of the runs
 * that see it: no jump of the wall clock makes its wait shorter, and what is left of the wait is noted now and then, so that
 * the next run goes on with it. What a clock that went back would keep waiting for ever is found and waits no longer.
 */
import { passPoint, prepare, type Database, type Statement, type ValueNamed } from '@postbearer/database';
import { sql } from 'kysely';
import type { QueueContext } from './context.ts';
import { setAsideHeldSenders, takeBackMendedSenders } from './holds.ts';
import { leasedByOthers, recoverStatements } from './recover.ts';
import { LONGEST_WAIT_MS } from './retry-schedule.ts';
import { db } from './schema.ts';
import { stateAfter } from './states.ts';

/** How many messages one statement moves. */
const PART = 500;
/** A message that is queued is ready now; beyond this its time was written before the clock went back. */
const CLOCK_SLACK_MS = 60_000;

const queueDue = prepare(
  (value: ValueNamed<{ node: string; now: number; limit: number }>) =>
    sql<{
      lane: string;
    }>`update message set state = ${sql.lit(stateAfter('due'))} where state in ('scheduled', 'deferred') and id in (select id from message where state in ('scheduled', 'deferred') and ready_at <= ${value('now')} and exists (select 1 from lane where lane.name = message.lane and lane.owner = ${value('node')}) order by ready_at limit ${value('limit')}) returning lane`,
);

const uncertainOnes = prepare((value: ValueNamed<{ node: string }>) =>
  db
    .selectFrom('message')
    .innerJoin('lane', 'lane.name', 'message.lane')
    .select(['message.id', 'message.lane', 'message.lease_number', 'message.wait_left'])
    .where('message.state', '=', sql.lit('uncertain'))
    .where('message.state', '<>', sql.lit('delivered'))
    .where('lane.owner', '=', value('node')),
);

const queueUncertain = prepare((value: ValueNamed<{ id: string; lease_number: number }>) =>
  db
    .updateTable('message')
    .set({ state: stateAfter('due'), wait_left: null })
    .where('id', '=', value('id'))
    .where('state', '=', 'uncertain')
    .where('lease_number', '=', value('lease_number')),
);

const noteWait = prepare((value: ValueNamed<{ id: string; lease_number: number; left: number }>) =>
  db
    .updateTable('message')
    .set({ wait_left: value('left') })
    .where('id', '=', value('id'))
    .where('state', '=', 'uncertain')
    .where('lease_number', '=', value('lease_number')),
);

// The first condition is that of the index.
const waitNoLonger = prepare(
  (value: ValueNamed<{ now: number; latest: number }>) =>
    sql`update message set ready_at = ${value('now')} where state in ('scheduled', 'deferred') and state = 'deferred' and ready_at > ${value('latest')}`,
);

const readyNow = prepare((value: ValueNamed<{ now: number; latest: number }>) =>
  db
    .updateTable('message')
    .set({ ready_at: value('now') })
    .where('state', '=', sql.lit('queued'))
    .where('ready_at', '>', value('latest')),
);

/** What is left of a wait is noted after each such part of the whole. */
const NOTED_PARTS = 10;

/** A message whose outcome is uncertain. */
interface UncertainWait {
  readonly id: string;
  readonly lease_number: number;
  /** When it may go on, by the monotonic clock. */
  readonly untilMs: number;
  /** What was left of the wait when that was last noted. */
  notedMs: number;
}

/** Looks after the messages of this node's lanes. */
export class Upkeep {
  readonly #context: QueueContext;
  /** By message and lease. */
  #uncertain = new Map<string, UncertainWait>();

  constructor(context: QueueContext) {
    this.#context = context;
  }

  /** Queues what is due and takes back what other nodes left. */
  async run(): Promise<void> {
    const { clock, node } = this.#context;
    await this.#inParts(() => queueDue({ node, now: clock.now(), limit: PART }));
    await this.#queueUncertain();
    await this.takeBackLost();
  }

  /** Moves what a hold of a sender concerns, or does no longer. */
  async followHolds(): Promise<void> {
    await this.#inParts(() => setAsideHeldSenders({ limit: PART }));
    await this.#inParts(() => takeBackMendedSenders({ limit: PART }));
  }

  /** Undoes what a clock that went back has left. */
  async mendTimes(): Promise<void> {
    const now = this.#context.clock.now();
    await this.#context.database.batch([
      waitNoLonger({ now, latest: now + LONGEST_WAIT_MS }),
      readyNow({ now, latest: now + CLOCK_SLACK_MS }),
    ]);
  }

  /** Takes back the messages of this node's lanes that another run had leased. */
  async takeBackLost(): Promise<void> {
    const { database, node, run, wake } = this.#context;
    const lost = await database.query(leasedByOthers({ node, run }));
    if (!lost.ok || lost.value.length === 0) return;
    passPoint('recover:before');
    await database.batch(lost.value.flatMap(recoverStatements));
    passPoint('recover:after');
    for (const lane of new Set(lost.value.map((message) => message.lane))) wake(lane);
  }

  /** Notes what is left of every wait, before this run ends. */
  async noteWaits(): Promise<void> {
    await this.#note(0);
  }

  async #queueUncertain(): Promise<void> {
    const { database, clock, node, retryTimes, wake } = this.#context;
    const found = await database.query(uncertainOnes({ node }));
    if (!found.ok) return;
    const nowMs = clock.monotonicMs();
    const waiting = new Map<string, UncertainWait>();
    for (const { id, lane, lease_number, wait_left } of found.value) {
      const key = `${id} ${lease_number}`;
      const leftMs = Math.min(wait_left ?? Infinity, retryTimes.uncertainWaitMs);
      const wait = this.#uncertain.get(key) ?? { id, lease_number, untilMs: nowMs + leftMs, notedMs: leftMs };
      if (nowMs < wait.untilMs) waiting.set(key, wait);
      else {
        await database.batch([queueUncertain({ id, lease_number })]);
        wake(lane);
      }
    }
    this.#uncertain = waiting;
    await this.#note(retryTimes.uncertainWaitMs / NOTED_PARTS);
  }

  /** Notes what is left of the waits of which at least `stepMs` have passed since that was done last. */
  async #note(stepMs: number): Promise<void> {
    const nowMs = this.#context.clock.monotonicMs();
    const due = [...this.#uncertain.values()].filter(({ untilMs, notedMs }) => notedMs - (untilMs - nowMs) >= stepMs);
    if (due.length === 0) return;
    const left = ({ untilMs }: UncertainWait): number => Math.max(0, Math.ceil(untilMs - nowMs));
    const noted = await this.#context.database.batch(
      due.map((wait) => noteWait({ id: wait.id, lease_number: wait.lease_number, left: left(wait) })),
    );
    if (noted.ok) for (const wait of due) wait.notedMs = left(wait);
  }

  async #inParts(statementFor: () => Statement<{ lane: string }>): Promise<void> {
    for (let moved = PART; moved === PART;)
      moved = await movePart(this.#context.database, statementFor(), this.#context.wake);
  }
}

async function movePart(
  database: Database,
  statement: Statement<{ lane: string }>,
  wake: (lane: string) => void,
): Promise<number> {
  const outcome = await database.batch([statement]);
  if (!outcome.ok || !outcome.value.done) return 0;
  const [{ rows }] = outcome.value.results;
  for (const lane of new Set(rows.map((row) => row.lane))) wake(lane);
  return rows.length;
}
