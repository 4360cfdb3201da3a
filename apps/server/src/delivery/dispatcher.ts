/**
 * Sends what is in the queue: one worker for each lane that this node owns.
 *
 * Workers are woken by the queue, by their own timers, and once in a while by nobody's reason, so that a notice which was lost
 * costs seconds and not messages.
 */
import { success, type Clock, type ClockTimer, type EventSink, type Result } from '@postbearer/core';
import type { Database, Subscription } from '@postbearer/database';
import type { Queue } from '@postbearer/queue';
import { LaneWorker, type ProbeTimes, type SettledStatements } from './lane-worker.ts';
import type { LaneBook } from './lanes.ts';
import type { NoticeMaker } from './notices.ts';
import { Pace } from './pace.ts';
import { readUsage } from './usage.ts';
import type { SendingMailer } from './way-mailer.ts';
import { otherLaneOf } from './ways.ts';

const LOOK_ANYWAY_MS = 5000;

/** What a dispatcher works with. */
export interface DispatcherOptions {
  readonly database: Database;
  readonly queue: Queue;
  readonly lanes: LaneBook;
  readonly mailer: Pick<SendingMailer, 'sendMessage'>;
  readonly clock: Clock;
  readonly probeTimes: ProbeTimes;
  readonly noticesFor: NoticeMaker;
  readonly settledStatements?: SettledStatements;
  readonly onEvent: EventSink;
  readonly onError: (error: unknown) => void;
}

interface RunningLane {
  readonly worker: LaneWorker;
  readonly pace: Pace;
}

/** Everything that sends. */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #running = new Map<string, RunningLane>();
  /** One lane begins at a time. */
  #beginning: Promise<unknown> = Promise.resolve();
  #wakes: Subscription | undefined;
  #timer: ClockTimer | undefined;
  #isStopped = false;

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** Begins to send: for the lanes of the book and for those that messages in the queue are in. */
  async start(): Promise<Result<void>> {
    const { queue, lanes } = this.#options;
    const counts = await queue.counts();
    if (!counts.ok) return counts;
    for (const { lane } of counts.value.lanes) if (lane.includes('/')) lanes.byName(lane);
    await this.#follow(lanes.names);
    this.#wakes = queue.onWake((lane) => this.#wake(lane));
    this.#again();
    return success(undefined);
  }

  /** Sends for lanes that came into the book, and looks at all of them again. */
  followLanes(): void {
    const { lanes, onError } = this.#options;
    this.#beginning = this.#beginning.then(async () => await this.#follow(lanes.names)).catch(onError);
    this.#wake('');
  }

  /** Tries what set-up faults hold again now. */
  tryHolds(): void {
    for (const { worker } of this.#running.values()) worker.tryHolds();
  }

  /** Milliseconds until `messages` of a lane are sent at its pace; `undefined` where this node does not send for it. */
  drainMs(lane: string, messages: number): number | undefined {
    return this.#running.get(lane)?.pace.drainMs(messages);
  }

  /** Sends no more; see {@link LaneWorker.stop}. Safe to repeat. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#wakes?.close();
    await this.#beginning;
    await Promise.all([...this.#running.values()].map(async ({ worker }) => await worker.stop(graceMs)));
  }

  #again(): void {
    for (const { worker } of this.#running.values()) worker.wake();
    this.#timer = this.#options.clock.setTimer(() => this.#again(), LOOK_ANYWAY_MS);
  }

  #wake(lane: string): void {
    if (this.#isStopped) return;
    if (lane === '') for (const { worker } of this.#running.values()) worker.wake();
    else if (this.#running.has(lane)) this.#running.get(lane)?.worker.wake();
    else if (lane.includes('/')) this.#beginLane(lane);
  }

  /** The first message of a lane that came up after the start. */
  #beginLane(lane: string): void {
    this.#options.lanes.byName(lane);
    this.followLanes();
  }

  async #follow(names: readonly string[]): Promise<void> {
    const { database, queue, lanes, clock } = this.#options;
    await queue.setLanes(names);
    for (const name of names) {
      if (this.#running.has(name)) continue;
      const lane = lanes.byName(name);
      // Both ways of a migration are one mailbox's, which has one pace.
      const other = otherLaneOf(lane.upstream, lane.mailbox);
      const pace = this.#running.get(other ?? '')?.pace ?? new Pace(lane.pace, clock);
      const both = other === undefined ? [name] : [name, other];
      const usage = async (): ReturnType<typeof readUsage> => await readUsage(database, both, clock.now());
      const worker = new LaneWorker({ ...this.#options, lane, pace, usage });
      this.#running.set(name, { worker, pace });
      worker.wake();
    }
  }
}
