/**
 * What happens to messages by itself as time passes.
 *
 * A message that waits is queued when its time has come. One of uncertain outcome waits by the monotonic clock, from the
 * moment this run first saw it, so neither a jump of the clock nor a restart makes its wait shorter. What a clock that went
 * back would keep waiting for ever is found and waits no longer.
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
    .select(['message.id', 'message.lane', 'message.lease_number'])
    .where('message.state', '=', sql.lit('uncertain'))
    .where('message.state', '<>', sql.lit('delivered'))
    .where('lane.owner', '=', value('node')),
);

const queueUncertain = prepare((value: ValueNamed<{ id: string; lease_number: number }>) =>
  db
    .updateTable('message')
    .set({ state: stateAfter('due') })
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

/** Looks after the messages of this node's lanes. */
export class Upkeep {
  readonly #context: QueueContext;
  /** When each message of uncertain outcome may go on, by the monotonic clock; by message and lease. */
  #uncertain = new Map<string, number>();

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
    await database.batch(lost.value.flatMap((message) => recoverStatements(this.#context, message)));
    passPoint('recover:after');
    for (const lane of new Set(lost.value.map((message) => message.lane))) wake(lane);
  }

  async #queueUncertain(): Promise<void> {
    const { database, clock, node, retryTimes, wake } = this.#context;
    const found = await database.query(uncertainOnes({ node }));
    if (!found.ok) return;
    const nowMs = clock.monotonicMs();
    const waiting = new Map<string, number>();
    for (const { id, lane, lease_number } of found.value) {
      const key = `${id} ${lease_number}`;
      const untilMs = this.#uncertain.get(key) ?? nowMs + retryTimes.uncertainWaitMs;
      if (nowMs < untilMs) waiting.set(key, untilMs);
      else {
        await database.batch([queueUncertain({ id, lease_number })]);
        wake(lane);
      }
    }
    this.#uncertain = waiting;
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
