/** How much waits, where, since when and why: counted from indexes alone. */
import { success, type Result } from '@postbearer/core';
import { prepare, type Database } from '@postbearer/database';
import { sql } from 'kysely';
import { listHolds, type Hold } from './holds.ts';
import { db } from './schema.ts';
import { MESSAGE_STATES, type MessageState } from './states.ts';

/** What is queued in one lane. */
export interface LaneCount {
  readonly lane: string;
  /** The node that owns it; absent where none does. */
  readonly owner?: string;
  readonly queued: number;
  readonly leased: number;
  /** Since when the oldest that is queued could be sent, milliseconds since 1970. */
  readonly oldestReadyAt?: number;
  /** What holds it, or senders in it. */
  readonly holds: readonly Hold[];
}

/** Messages that are stuck for one reason. */
export interface StuckCount {
  readonly state: MessageState;
  /** Why; absent for what waits for its time. */
  readonly faultCode?: string;
  readonly lane: string;
  readonly count: number;
}

/** How a queue stands. */
export interface QueueCounts {
  /** Messages by state; what is delivered is not counted here. */
  readonly states: Readonly<Partial<Record<MessageState, number>>>;
  readonly lanes: readonly LaneCount[];
  /** Why what is not queued waits, the most frequent first. */
  readonly stuck: readonly StuckCount[];
}

/** What is queued is counted by lane; there is no need to walk through it twice. */
const COUNTED_BY_STATE = (Object.keys(MESSAGE_STATES) as MessageState[]).filter(
  (state) => !['receiving', 'queued', 'delivered'].includes(state),
);

const byState = prepare(
  () =>
    sql<{
      state: MessageState;
      count: number;
    }>`select state, count(*) as count from message where state in (${sql.join(COUNTED_BY_STATE.map((state) => sql.lit(state)))}) and state <> 'delivered' group by state`,
);

const allLanes = prepare(() => db.selectFrom('lane').select(['name', 'owner']).orderBy('name'));

// Counted by lane as the index has them; asked lane by lane, a planner may walk through everything the lane ever sent.
const queuedByLane = prepare(
  () =>
    sql<{
      lane: string;
      count: number;
      oldest: number;
    }>`select lane, count(*) as count, min(ready_at) as oldest from message where state = 'queued' group by lane`,
);

/** Few at a time; grouped here, because grouping by lane leads the planner through everything that the lanes ever sent. */
const lanesOfLeased = prepare(() => sql<{ lane: string }>`select lane from message where state = 'leased'`);

const byReason = prepare(
  () => sql<{
    state: MessageState;
    fault_code: string | null;
    lane: string;
    count: number;
  }>`select state, fault_code, lane, count(*) as count from message
    where state in ('scheduled', 'deferred', 'uncertain', 'held') group by state, fault_code, lane order by count(*) desc`,
);

/** Counts what is in the queue. */
export async function countMessages(database: Database): Promise<Result<QueueCounts>> {
  const [states, lanes, queued, leased, reasons, holds] = await Promise.all([
    database.query(byState({})),
    database.query(allLanes({})),
    database.query(queuedByLane({})),
    database.query(lanesOfLeased({})),
    database.query(byReason({})),
    listHolds(database),
  ]);
  if (!states.ok) return states;
  if (!lanes.ok) return lanes;
  if (!queued.ok) return queued;
  if (!leased.ok) return leased;
  if (!reasons.ok) return reasons;
  if (!holds.ok) return holds;
  const queuedOf = new Map(queued.value.map((row) => [row.lane, row]));
  const leasedOf = Map.groupBy(leased.value, ({ lane }) => lane);
  const holdsOf = Map.groupBy(holds.value, ({ lane }) => lane);
  const inQueue = queued.value.reduce((sum, { count }) => sum + count, 0);
  const counted = states.value.map(({ state, count }) => [state, count] as const);
  return success({
    states: Object.fromEntries(inQueue === 0 ? counted : [...counted, ['queued', inQueue] as const]),
    lanes: lanes.value.map(({ name, owner }) => {
      const oldest = queuedOf.get(name)?.oldest;
      return {
        lane: name,
        ...(owner === null ? {} : { owner }),
        queued: queuedOf.get(name)?.count ?? 0,
        leased: leasedOf.get(name)?.length ?? 0,
        ...(oldest === undefined ? {} : { oldestReadyAt: oldest }),
        holds: holdsOf.get(name) ?? [],
      };
    }),
    stuck: reasons.value.map(({ state, fault_code, lane, count }) => ({
      state,
      ...(fault_code === null ? {} : { faultCode: fault_code }),
      lane,
      count,
    })),
  });
}
