/**
 * The durable queue of messages: everything that may be done with it, in one place.
 *
 * `enqueue` takes a message in, `lease` gives it out to be sent, `decide` and `settle` write down what became of it. The
 * rest happens by itself once a second while it runs. Each verb's rules stand at the head of its own file.
 */
import {
  failure,
  success,
  systemClock,
  type Clock,
  type ClockTimer,
  type MessageContent,
  type MessageSource,
  type Result,
} from '@postbearer/core';
import type { Database, Statement, Subscription } from '@postbearer/database';
import { AppLoads, type AppLoad } from './app-load.ts';
import { bodySource } from './body.ts';
import { ClockWatch } from './clock-watch.ts';
import { changeMessage, type ChangeOptions, type MessageVerb } from './commands.ts';
import { DEFAULT_NODE_TIMES, type NodeTimes, type QueueContext, type UncertainPolicy } from './context.ts';
import { decide, type AttemptReport, type Decision } from './decide.ts';
import { queueFaults } from './faults.ts';
import { holdStatement, listHolds, releaseStatements, type Hold } from './holds.ts';
import { Intake, prepareMessage, type AcceptOptions, type Enqueued, type PreparedMessage } from './intake.ts';
import { LaneOwner } from './lane-owner.ts';
import { LaneRows } from './lane-rows.ts';
import type { LeasedMessage } from './leased-message.ts';
import { Leases } from './leases.ts';
import {
  getMessage,
  listDetails,
  listMessages,
  type DetailsPage,
  type MessageDetails,
  type MessageFilter,
  type MessagePage,
  type PageRequest,
} from './lookup.ts';
import { messageIds } from './message-id.ts';
import { registerNode } from './node-row.ts';
import { DEFAULT_RETENTION, removeHalfMessages, tidyUp, type Retention } from './retention.ts';
import { DEFAULT_RETRY_TIMES, type RetryTimes } from './retry-schedule.ts';
import { settleMessage, type SettleOptions } from './settle.ts';
import type { MessageState } from './states.ts';
import { countMessages, type QueueCounts } from './statistics.ts';
import type { Submission } from './submission.ts';
import { Upkeep } from './upkeep.ts';
import { WakeBoard } from './wake-board.ts';

/** What a queue is made with; everything has a default. */
export interface QueueOptions {
  readonly clock?: Clock;
  /** Draws from 0 up to 1, for jitter. */
  readonly random?: () => number;
  /** The name of this node: the same after a restart, another on each machine. */
  readonly node?: string;
  readonly retryTimes?: Partial<RetryTimes>;
  readonly nodeTimes?: Partial<NodeTimes>;
  /** Looked up at each use, as `uncertain` is: an object with getters may change them. */
  readonly retention?: Partial<Retention>;
  /** What becomes of a message whose outcome is uncertain; `retry` where it is left out. */
  readonly uncertain?: UncertainPolicy;
  /** Hears of a bug met by what happens by itself, which then goes on; thrown where it is left out. */
  readonly onError?: (error: unknown) => void;
}

/** Which messages to lease. */
export interface LeaseOptions {
  /** At most so many. */
  readonly limit: number;
  /** Tries whether a hold is mended, with one message: of the lane, or of this From. */
  readonly probe?: { readonly scope: 'lane' } | { readonly scope: 'sender'; readonly sender: string };
}

const TICK_MS = 1000;
/** How often what needs no haste is done, milliseconds. */
const SLOW_TICK_MS = 60_000;

/**
 * Opens the queue in a database that has its tables.
 *
 * Half-received messages of former runs are removed, and messages that a former run had in hand go back. Fails with what the
 * database reports.
 */
export async function createQueue(database: Database, options: QueueOptions = {}): Promise<Result<Queue>> {
  const clock = options.clock ?? systemClock;
  const node = options.node ?? 'node';
  const registered = await registerNode(database, node);
  if (!registered.ok) return registered;
  const wakes = new WakeBoard(database, clock);
  const context: QueueContext = {
    database,
    clock,
    watch: new ClockWatch(clock),
    loads: new AppLoads(database, clock),
    random: options.random ?? Math.random,
    newId: messageIds(() => clock.now()),
    node,
    run: `${node}/${registered.value}`,
    retryTimes: { ...DEFAULT_RETRY_TIMES, ...options.retryTimes },
    nodeTimes: { ...DEFAULT_NODE_TIMES, ...options.nodeTimes },
    // Looked up at each use, because settings change while a node runs.
    get uncertain() {
      return options.uncertain ?? 'retry';
    },
    wake: (lane) => wakes.wake(lane, queue.owns(lane)),
  };
  const retention = (): Retention => ({ ...DEFAULT_RETENTION, ...options.retention });
  const queue = new Queue(context, registered.value, wakes, retention, options.onError ?? thrown);
  await removeHalfMessages(context);
  return success(queue);
}

function thrown(error: unknown): never {
  throw error;
}

/** The queue of one node. Made by {@link createQueue}. */
export class Queue {
  readonly #context: QueueContext;
  readonly #wakes: WakeBoard;
  readonly #retention: () => Retention;
  readonly #onError: (error: unknown) => void;
  readonly #rows = new LaneRows();
  readonly #leases: Leases;
  readonly #owner: LaneOwner;
  readonly #upkeep: Upkeep;
  #timer: ClockTimer | undefined;
  #ticking: Promise<void> | undefined;
  #tidying: Promise<void> | undefined;
  #nextBeatMs = -Infinity;
  #nextSlowMs = -Infinity;

  constructor(
    context: QueueContext,
    incarnation: number,
    wakes: WakeBoard,
    retention: () => Retention,
    onError: (error: unknown) => void,
  ) {
    this.#context = context;
    this.#onError = onError;
    this.#wakes = wakes;
    this.#retention = retention;
    this.#leases = new Leases(context);
    this.#owner = new LaneOwner(context, incarnation, this.#rows, (lane) => this.#leases.inFlight(lane));
    this.#upkeep = new Upkeep(context);
  }

  /** Begins to take a message in whose bytes arrive piece by piece. */
  intake(): Intake {
    return new Intake(this.#context, this.#rows);
  }

  /**
   * Takes a message in; when this resolves well, it is on disk.
   *
   * Fails as {@link Intake.accept} does. Throws what reading the content throws.
   */
  async enqueue(
    submission: Submission,
    content: MessageContent,
    options: AcceptOptions = {},
  ): Promise<Result<Enqueued>> {
    const intake = this.intake();
    let isAccepted = false;
    try {
      for await (const bytes of content instanceof Uint8Array ? [content] : content.open()) {
        const written = await intake.write(bytes);
        if (!written.ok) return written;
      }
      const accepted = await intake.accept(submission, options);
      isAccepted = accepted.ok;
      return accepted;
    } finally {
      if (!isAccepted) await intake.abandon();
    }
  }

  /**
   * Makes a message ready to be stored with something else: in the `messages` of {@link Queue.settle}.
   *
   * @throws Error for more than 256 KiB.
   */
  prepareMessage(submission: Submission, content: Uint8Array): PreparedMessage {
    return prepareMessage(this.#context, this.#rows, submission, content);
  }

  /** The bytes of a message. Fails with `QUEUE_MESSAGE_UNKNOWN`, `QUEUE_BODY_GONE` or what the database reports. */
  async openBody(id: string): Promise<Result<MessageSource>> {
    const found = await getMessage(this.#context.database, id);
    if (!found.ok) return found;
    if (!found.value.hasBody) return failure(queueFaults.make('QUEUE_BODY_GONE', { id }));
    return success(bodySource(this.#context.database, id, found.value.sizeBytes));
  }

  /** Leases messages of a lane, the most urgent first. Fails with `QUEUE_LANE_NOT_OURS` or what the database reports. */
  async lease(lane: string, { limit, probe }: LeaseOptions): Promise<Result<readonly LeasedMessage[]>> {
    if (limit < 1) return success([]);
    const asked = probe === undefined ? { lane, limit } : { lane, limit: 1, probe };
    return this.#leases.lease(asked, this.#owner.fenceOf(lane));
  }

  /** Whether a leased message may still be sent: look before its first byte goes out. */
  mayStillSend(leased: LeasedMessage): boolean {
    return this.#leases.isActive(leased) && this.#owner.maySend(leased.lane);
  }

  /** Makes a lease last anew from now, for a transfer that takes long. */
  renew(leased: LeasedMessage): void {
    this.#leases.renew(leased);
  }

  /** What is to become of a leased message after an attempt; nothing is written yet. */
  decide(leased: LeasedMessage, report: AttemptReport): Decision {
    const { clock, random, retryTimes, uncertain } = this.#context;
    return decide(leased, report, { now: clock.now(), random, retryTimes, uncertain });
  }

  /**
   * Stores a decision, and gives whether the lease still held; else nothing was stored.
   *
   * Fails with what the database reports; then do it again until there is an answer. That is safe: what was stored is found.
   */
  async settle(leased: LeasedMessage, decision: Decision, options: SettleOptions = {}): Promise<Result<boolean>> {
    this.#leases.beginSettling(leased);
    const settled = await settleMessage(this.#context, leased, decision, options);
    if (!settled.ok) return settled;
    this.#leases.forget(leased);
    if (settled.value) await this.#afterSettling(leased, decision, options);
    return settled;
  }

  /** Puts back messages with which nothing was tried, as when a node ends. */
  async giveBack(leased: readonly LeasedMessage[]): Promise<Result<void>> {
    const outcome = await this.#context.database.batch(leased.map((each) => this.#leases.giveBackStatement(each)));
    if (!outcome.ok) return outcome;
    for (const each of leased) this.#leases.forget(each);
    for (const lane of new Set(leased.map((each) => each.lane))) this.#context.wake(lane);
    return success(undefined);
  }

  /** Changes a message as a person or an app asks. Fails with `QUEUE_MESSAGE_UNKNOWN`, `QUEUE_NOT_POSSIBLE`, `QUEUE_BODY_GONE` or what the database reports. */
  async change(verb: MessageVerb, id: string, options: ChangeOptions = {}): Promise<Result<MessageState>> {
    const values = { id, now: this.#context.clock.now() };
    const changed = await changeMessage(this.#context.database, verb, values, options);
    if (changed.ok && changed.value.state === 'queued') this.#context.wake(changed.value.lane);
    return changed.ok ? success(changed.value.state) : changed;
  }

  /** Holds a lane, or one From in it, until a person releases it. */
  async hold(lane: string, sender = '', options: ChangeOptions = {}): Promise<Result<void>> {
    const held = holdStatement(lane, sender.toLowerCase(), this.#context.clock.now());
    return this.#change(lane, [held, ...(options.statements ?? [])]);
  }

  /** Releases a lane, or one From in it. After a set-up fault one attempt is asked for first: see `isProbeAsked` of {@link Hold}. */
  async release(lane: string, sender = '', options: ChangeOptions = {}): Promise<Result<void>> {
    return this.#change(lane, [...releaseStatements(lane, sender.toLowerCase()), ...(options.statements ?? [])]);
  }

  /** Every hold of lanes and senders. */
  holds(): Promise<Result<readonly Hold[]>> {
    return listHolds(this.#context.database);
  }

  /** Messages, the newest first, page by page. A page of a search may hold fewer than asked, or none, and still say where to go on. */
  list(filter: MessageFilter = {}, page: PageRequest = {}): Promise<Result<MessagePage>> {
    return listMessages(this.#context, filter, page);
  }

  /** The same with recipients and attempts: for a copy of everything, page by page. */
  listDetails(filter: MessageFilter = {}, page: PageRequest = {}): Promise<Result<DetailsPage>> {
    return listDetails(this.#context, filter, page);
  }

  /** One message with its recipients and everything that was tried. Fails with `QUEUE_MESSAGE_UNKNOWN` or what the database reports. */
  get(id: string): Promise<Result<MessageDetails>> {
    return getMessage(this.#context.database, id);
  }

  /** How much waits, where, since when and why. */
  counts(): Promise<Result<QueueCounts>> {
    return countMessages(this.#context.database);
  }

  /** How much of an app has not ended; may be a second old, but never forgets what this node took in. Fails with what the database reports. */
  queuedOf(app: string): Promise<Result<AppLoad>> {
    return this.#context.loads.of(app);
  }

  /** Says for which lanes this node has settings; it owns those that fall to it. */
  async setLanes(lanes: readonly string[]): Promise<void> {
    await this.#owner.setLanes(lanes);
    await this.#upkeep.takeBackLost();
  }

  /** The lanes that this node sends for. */
  get lanes(): readonly string[] {
    return this.#owner.lanes;
  }

  /** Whether this node sends for a lane. */
  owns(lane: string): boolean {
    return this.#owner.fenceOf(lane) !== undefined;
  }

  /** The other nodes of the same database that show signs of life. */
  get otherNodes(): readonly string[] {
    return this.#owner.others;
  }

  /** Whether another process has started under this node's name; then this one must end. */
  get isReplaced(): boolean {
    return this.#owner.isReplaced;
  }

  /** Calls `listener` when there may be something to do in a lane: a message to lease, a lane that came or went. The lane is empty where it may be any. */
  onWake(listener: (lane: string) => void): Subscription {
    return this.#wakes.listen(listener);
  }

  /** Begins to do by itself what time asks for. */
  start(): void {
    this.#wakes.start();
    this.#timer ??= this.#context.clock.setTimer(() => this.#again(), 0);
  }

  /** Ends that, and hands over the lanes of which nothing is in flight. Safe to repeat and before `start`. */
  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#wakes.stop();
    await Promise.all([this.#ticking, this.#tidying]);
    await this.#upkeep.noteWaits();
    await this.#owner.stop();
  }

  /** Does what time asks for, once, and waits for the end of it; `start` does this every second. */
  async tick(): Promise<void> {
    await this.#tick();
    await this.#tidying;
  }

  #again(): void {
    void this.#tick()
      .catch(this.#onError)
      .finally(() => {
        if (this.#timer === undefined) return;
        const { clock, nodeTimes } = this.#context;
        this.#timer = clock.setTimer(() => this.#again(), Math.min(TICK_MS, nodeTimes.beatMs));
      });
  }

  #tick(): Promise<void> {
    this.#ticking ??= this.#doTick().finally(() => {
      this.#ticking = undefined;
    });
    return this.#ticking;
  }

  async #doTick(): Promise<void> {
    const { clock, watch, nodeTimes } = this.#context;
    watch.cautiousNow();
    const nowMs = clock.monotonicMs();
    if (nowMs >= this.#nextBeatMs) {
      this.#nextBeatMs = nowMs + nodeTimes.beatMs;
      await this.#owner.beat();
    }
    await this.#leases.takeBack();
    await this.#upkeep.run();
    if (nowMs < this.#nextSlowMs) return;
    this.#nextSlowMs = nowMs + SLOW_TICK_MS;
    // Beside the ticks: however long it takes, this node goes on giving signs of life.
    this.#tidying ??= this.#tidy()
      .catch(this.#onError)
      .finally(() => {
        this.#tidying = undefined;
      });
  }

  async #tidy(): Promise<void> {
    await this.#upkeep.followHolds();
    await this.#upkeep.mendTimes();
    await tidyUp(this.#context, this.#retention());
  }

  async #afterSettling(leased: LeasedMessage, decision: Decision, { messages = [] }: SettleOptions): Promise<void> {
    for (const { lane } of messages) {
      this.#rows.isStored(lane);
      this.#context.wake(lane);
    }
    if (decision.hold?.scope === 'sender' || leased.probe === 'sender') await this.#upkeep.followHolds();
    if (leased.probe !== undefined) this.#context.wake(leased.lane);
  }

  async #change(lane: string, statements: readonly Statement[]): Promise<Result<void>> {
    const outcome = await this.#context.database.batch(statements);
    if (!outcome.ok) return outcome;
    await this.#upkeep.followHolds();
    this.#context.wake(lane);
    return success(undefined);
  }
}
