/**
 * What this node has leased.
 *
 * How long a lease lasts is measured here, with the monotonic clock of the one process that may settle it; other nodes
 * never judge it by time, they wait until the node itself is dead.
 */
import { failure, type Result } from '@postbearer/core';
import { prepare, type Statement, type ValueNamed } from '@postbearer/database';
import { sql } from 'kysely';
import type { QueueContext } from './context.ts';
import { queueFaults } from './faults.ts';
import { FIRST_PASSES, passesAfter, type Passes } from './lease-order.ts';
import { leaseMessages, type LeaseRequest } from './lease.ts';
import type { LeasedMessage } from './leased-message.ts';
import { leasedById, recoverStatements } from './recover.ts';
import { db } from './schema.ts';
import { stateAfter } from './states.ts';

interface ActiveLease {
  readonly lane: string;
  readonly leaseNumber: number;
  untilMs: number;
  /** Its outcome is known and being written; it does not run out any more. */
  isSettling: boolean;
}

const leasedByThisRun = prepare((value: ValueNamed<{ run: string }>) =>
  db
    .selectFrom('message')
    .select(['id', 'lease_number', 'lease_call'])
    .where('state', '=', sql.lit('leased'))
    .where('leased_by', '=', value('run')),
);

const giveBack = prepare((value: ValueNamed<{ id: string; lease_number: number }>) =>
  db
    .updateTable('message')
    .set({ state: stateAfter('give-back'), leased_by: null })
    .where('id', '=', value('id'))
    .where('state', '=', sql.lit('leased'))
    .where('lease_number', '=', value('lease_number')),
);

/** The leases of one node. */
export class Leases {
  readonly #context: QueueContext;
  readonly #active = new Map<string, ActiveLease>();
  readonly #passes = new Map<string, Passes>();
  /** Calls whose answer is not here yet, with their lane. */
  readonly #calls = new Map<number, string>();
  #lastCall = 0;

  constructor(context: QueueContext) {
    this.#context = context;
  }

  /** How many messages of a lane are leased, or just being leased. */
  inFlight(lane: string): number {
    const active = [...this.#active.values()].filter((lease) => lease.lane === lane).length;
    return active + [...this.#calls.values()].filter((of) => of === lane).length;
  }

  /** Leases up to `limit` messages. Fails with `QUEUE_LANE_NOT_OURS` or what the database reports. */
  async lease(
    request: Pick<LeaseRequest, 'lane' | 'limit' | 'probe'>,
    fence: number | undefined,
  ): Promise<Result<readonly LeasedMessage[]>> {
    const { lane } = request;
    if (fence === undefined) {
      return failure(queueFaults.make('QUEUE_LANE_NOT_OURS', { lane, node: this.#context.node }));
    }
    this.#lastCall += 1;
    const call = this.#lastCall;
    this.#calls.set(call, lane);
    try {
      const passes = this.#passes.get(lane) ?? FIRST_PASSES;
      const leased = await leaseMessages(this.#context, { ...request, fence, passes, call });
      if (leased.ok) this.#remember(lane, leased.value);
      return leased;
    } finally {
      this.#calls.delete(call);
    }
  }

  /** Whether a lease has not run out. */
  isActive({ id, leaseNumber }: LeasedMessage): boolean {
    const lease = this.#active.get(id);
    return lease?.leaseNumber === leaseNumber && this.#context.clock.monotonicMs() < lease.untilMs;
  }

  /** Makes a lease last anew from now. */
  renew({ id, leaseNumber }: LeasedMessage): void {
    const lease = this.#active.get(id);
    if (lease?.leaseNumber === leaseNumber) lease.untilMs = this.#untilMs();
  }

  /** Says that a lease is being settled: from now on it does not run out. */
  beginSettling({ id, leaseNumber }: LeasedMessage): void {
    const lease = this.#active.get(id);
    if (lease?.leaseNumber === leaseNumber) lease.isSettling = true;
  }

  /** Forgets a lease. */
  forget({ id, leaseNumber }: Pick<LeasedMessage, 'id' | 'leaseNumber'>): void {
    if (this.#active.get(id)?.leaseNumber === leaseNumber) this.#active.delete(id);
  }

  /** The statement that puts back a message with which nothing was tried. */
  giveBackStatement({ id, leaseNumber }: LeasedMessage): Statement {
    return giveBack({ id, lease_number: leaseNumber });
  }

  /** Takes back what ran out, and what was leased by a call whose answer was lost. */
  async takeBack(): Promise<void> {
    await this.#takeBackExpired();
    await this.#takeBackUnknown();
  }

  #untilMs(): number {
    return this.#context.clock.monotonicMs() + this.#context.nodeTimes.leaseMs;
  }

  #remember(lane: string, leased: readonly LeasedMessage[]): void {
    const untilMs = this.#untilMs();
    for (const { id, leaseNumber } of leased) {
      this.#active.set(id, { lane, leaseNumber, untilMs, isSettling: false });
    }
    const taken = (['urgent', 'normal', 'bulk'] as const).map(
      (priority) => leased.filter((message) => message.priority === priority).length,
    );
    const [urgent = 0, normal = 0, bulk = 0] = taken;
    this.#passes.set(lane, passesAfter(this.#passes.get(lane) ?? FIRST_PASSES, [urgent, normal, bulk]));
  }

  async #takeBackExpired(): Promise<void> {
    const { database, clock, wake } = this.#context;
    const nowMs = clock.monotonicMs();
    for (const [id, { lane, leaseNumber, untilMs, isSettling }] of this.#active) {
      if (isSettling || nowMs < untilMs) continue;
      const found = await database.query(leasedById({ id, lease_number: leaseNumber }));
      if (!found.ok) return;
      const taken = await database.batch(found.value.flatMap(recoverStatements));
      if (!taken.ok) return;
      this.forget({ id, leaseNumber });
      wake(lane);
    }
  }

  async #takeBackUnknown(): Promise<void> {
    const { database, run } = this.#context;
    // Only calls that were answered before this question count: the rows of later ones are not remembered yet.
    const answered = (call: number): boolean => call <= lastCall && !pending.has(call);
    const [lastCall, pending] = [this.#lastCall, new Set(this.#calls.keys())];
    const found = await database.query(leasedByThisRun({ run }));
    if (!found.ok) return;
    const unknown = found.value.filter(
      ({ id, lease_number, lease_call }) => answered(lease_call) && this.#active.get(id)?.leaseNumber !== lease_number,
    );
    if (unknown.length === 0) return;
    await database.batch(unknown.map(({ id, lease_number }) => giveBack({ id, lease_number })));
  }
}
