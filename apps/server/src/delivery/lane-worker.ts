/**
 * Sends what is queued in one lane, as fast as its mailbox may.
 *
 * The rules of this file:
 * - no more messages are in hand than twice the connections, one on each and one ready behind it, unless they are sent faster than
 *   the database gives out more: then as many more as last it a moment. Those in hand go before an urgent one that comes now;
 * - a message begins only when the pace of the mailbox has room for it; what was leased too early is given back;
 * - a server that asks to go slowly, or cannot be reached, pauses the lane: 5 seconds, then twice as long each time, at most 5
 *   minutes, until something is accepted again;
 * - a lane or sender that a set-up fault holds is tried with one message after half a minute, then twice as long each time, at
 *   most 5 minutes, and at once where a person asks for it;
 * - what became of an attempt is written down until the database has it.
 */
import type { Clock, ClockTimer, EventSink, Result } from '@postbearer/core';
import { passPoint } from '@postbearer/database';
import type { Statement } from '@postbearer/database';
import { BodyUnreadable } from '@postbearer/queue';
import type { AttemptReport, Decision, Hold, HoldScope, LeasedMessage, LeaseOptions, Queue } from '@postbearer/queue';
import { asksToSlowDown, reportOf } from './attempt-report.ts';
import type { Lane } from './lanes.ts';
import type { NoticeMaker, PreparedNotice } from './notices.ts';
import type { Pace, SentBefore } from './pace.ts';
import { usageStatement } from './usage.ts';
import type { SendingMailer, WayOutcome } from './way-mailer.ts';
import type { Way } from './ways.ts';

/** How long a held lane waits before it is tried. */
export interface ProbeTimes {
  readonly firstMs: number;
  readonly longestMs: number;
}

/** The times that hold where nothing else is set. */
export const DEFAULT_PROBE_TIMES: ProbeTimes = { firstMs: 30_000, longestMs: 5 * 60_000 };

const FIRST_PAUSE_MS = 5000;
const LONGEST_PAUSE_MS = 5 * 60_000;
/** After a database that does not answer. */
const DATABASE_PAUSE_MS = 1000;
/** A lease lasts half an hour. */
const RENEW_MS = 5 * 60_000;
const IN_HAND_PER_CONNECTION = 2;
/** How often a lane that is never empty looks for holds that a person wants to be tried. */
const LOOK_AT_HOLDS_MS = 1000;
/** The most in hand where more are; they become more while each is sent within this time of being leased, its wait included. */
const MOST_IN_HAND = 128;
const SHORT_MS = 50;

/** Gives statements that are stored in the batch that settles an attempt, or not at all; `way` is how it was signed in for. */
export type SettledStatements = (leased: LeasedMessage, decision: Decision, way?: Way) => readonly Statement[];

/** What a worker works with. */
export interface LaneWorkerOptions {
  readonly lane: Lane;
  readonly pace: Pace;
  /** What was sent in the lane in the last day, by whichever node; the oldest first. */
  readonly usage: () => Promise<Result<readonly SentBefore[]>>;
  readonly queue: Queue;
  readonly mailer: Pick<SendingMailer, 'sendMessage'>;
  readonly clock: Clock;
  readonly probeTimes: ProbeTimes;
  readonly noticesFor: NoticeMaker;
  /** What else is stored in the batch that settles an attempt; nothing where left out. */
  readonly settledStatements?: SettledStatements;
  readonly onEvent: EventSink;
  /** Hears what a worker did not expect; the worker goes on. */
  readonly onError: (error: unknown) => void;
}

interface ProbePlan {
  waitMs: number;
  atMs: number;
}

type Probe = NonNullable<LeaseOptions['probe']>;

/** The sender of the hold that a message tries: empty for that of the whole lane. */
function probedSender(probe: HoldScope, from: string): string {
  return probe === 'lane' ? '' : from;
}

/** One lane's worker. */
export class LaneWorker {
  readonly #options: LaneWorkerOptions;
  readonly #inHand = new Map<LeasedMessage, Promise<void>>();
  readonly #stopping = new AbortController();
  /** When each hold is tried next; by sender. */
  readonly #probes = new Map<string, ProbePlan>();
  #isStopped = false;
  /** Whether this node owned the lane when it was last looked at. */
  #isOurs = false;
  #leasing: Promise<void> | undefined;
  #isWokenMeanwhile = false;
  #timer: ClockTimer | undefined;
  #pauseMs = 0;
  #pausedUntilMs = -Infinity;
  #lookAtHoldsMs = -Infinity;
  /** How many may be in hand. */
  #mostInHand: number;
  /** How long the last message took from its lease to the answer, where it was accepted. */
  #lastTookMs = Infinity;

  constructor(options: LaneWorkerOptions) {
    this.#options = options;
    this.#mostInHand = options.lane.pace.connections * IN_HAND_PER_CONNECTION;
  }

  /** Looks for something to send; safe to call at any time. */
  wake(): void {
    if (this.#isStopped) return;
    this.#isWokenMeanwhile = true;
    this.#leasing ??= this.#work().finally(() => {
      this.#leasing = undefined;
      if (this.#isWokenMeanwhile) this.wake();
    });
  }

  /** Tries what a set-up fault holds again now: settings changed, and may have mended it. */
  tryHolds(): void {
    const { clock, probeTimes } = this.#options;
    for (const plan of this.#probes.values())
      Object.assign(plan, { waitMs: probeTimes.firstMs, atMs: clock.monotonicMs() });
    this.wake();
  }

  /** Leases nothing more, lets what is being sent end for `graceMs`, and gives back what has not begun to end then. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopped = true;
    this.#isWokenMeanwhile = false;
    this.#timer?.cancel();
    await this.#leasing;
    const timer = this.#options.clock.setTimer(
      () => this.#stopping.abort(new Error('the service is stopping')),
      graceMs,
    );
    await Promise.allSettled(this.#inHand.values());
    timer.cancel();
  }

  async #work(): Promise<void> {
    try {
      while (this.#isWokenMeanwhile && !this.#isStopped) {
        this.#isWokenMeanwhile = false;
        if (await this.#leaseOnce()) this.#isWokenMeanwhile = true;
      }
    } catch (error) {
      this.#options.onError(error);
      this.#wakeIn(DATABASE_PAUSE_MS);
    }
  }

  /** Leases and begins what may begin; gives whether it is worth looking again at once. */
  async #leaseOnce(): Promise<boolean> {
    const { lane, queue, clock, pace } = this.#options;
    // A few at a time: each lease is a batch of its own.
    if (this.#inHand.size > this.#mostInHand / 2) return false;
    this.#followSpeed();
    const room = this.#mostInHand - this.#inHand.size;
    this.#isOurs &&= queue.owns(lane.name);
    if (!this.#isOurs) return await this.#takeOver();
    const pausedMs = this.#pausedUntilMs - clock.monotonicMs();
    const allowance = pace.allowance();
    const waitMs = Math.max(pausedMs, allowance.waitMs);
    if (waitMs > 0) return this.#wakeIn(waitMs);
    // A lane that never runs empty must try its held senders too.
    const lookMs = Math.min(this.#lookAtHoldsMs, this.#nextProbeMs());
    if (lookMs <= clock.monotonicMs() && (await this.#probeHolds())) return true;
    const leased = await queue.lease(lane.name, { limit: Math.min(room, allowance.messages) });
    if (!leased.ok) return this.#wakeIn(DATABASE_PAUSE_MS);
    if (leased.value.length > 0) return await this.#beginAll(leased.value);
    return await this.#probeHolds();
  }

  /** A lane that comes to this node brings what others sent in it today; gives whether it is ours and may be looked at. */
  async #takeOver(): Promise<boolean> {
    const { lane, queue, pace, usage } = this.#options;
    if (!queue.owns(lane.name)) return false;
    const sent = await usage();
    if (!sent.ok) return this.#wakeIn(DATABASE_PAUSE_MS);
    pace.remember(sent.value);
    this.#pausedUntilMs = -Infinity;
    this.#isOurs = true;
    return true;
  }

  /** Begins messages in order until the pace of the day is used up; the rest goes back. */
  async #beginAll(leased: readonly LeasedMessage[]): Promise<boolean> {
    const { pace, queue, clock } = this.#options;
    for (const [index, message] of leased.entries()) {
      // A message with more recipients than a whole day allows goes once nothing else of the day is used.
      if (message.recipients.length > pace.allowance().recipients && !pace.isDayUnused) {
        // Giving back wakes the lane, which must not lease the same again before there is room.
        this.#pausedUntilMs = clock.monotonicMs() + pace.untilMoreRecipientsMs;
        await this.#untilStored(() => queue.giveBack(leased.slice(index)));
        return true;
      }
      this.#begin(message);
    }
    return true;
  }

  #begin(leased: LeasedMessage): void {
    this.#options.pace.begin(leased.recipients.length);
    const renewing = this.#renewEach(leased);
    const done = this.#send(leased)
      .catch((error: unknown) => {
        // The lease stays, and runs out: the queue counts it as a crash, and a third sets the message aside.
        this.#options.onError(error);
      })
      .finally(() => {
        renewing.cancel();
        this.#inHand.delete(leased);
        this.wake();
      });
    this.#inHand.set(leased, done);
  }

  /** A message in hand may wait long for a connection or for its final reply: its lease must not run out meanwhile. */
  #renewEach(leased: LeasedMessage): Pick<ClockTimer, 'cancel'> {
    const { clock, queue } = this.#options;
    const again = (): ClockTimer =>
      clock.setTimer(
        () => {
          queue.renew(leased);
          timer = again();
        },
        RENEW_MS,
        { background: true },
      );
    let timer = again();
    return { cancel: () => timer.cancel() };
  }

  async #send(leased: LeasedMessage): Promise<void> {
    const { lane, queue, mailer, clock } = this.#options;
    if (!queue.mayStillSend(leased)) {
      await this.#untilStored(() => queue.giveBack([leased]));
      return;
    }
    const startedAt = clock.now();
    const startedMs = clock.monotonicMs();
    passPoint('send:before');
    const outcome = await this.#tryToSend(leased, mailer, lane);
    passPoint('send:after');
    this.#lastTookMs = outcome?.ok === true ? clock.monotonicMs() - startedMs : Infinity;
    if (outcome === undefined) {
      await this.#untilStored(() => queue.giveBack([leased]));
      return;
    }
    const report = reportOf(leased, outcome, { startedAt, endedAt: clock.now() });
    this.#followPace(report);
    const decision = queue.decide(leased, report);
    const notices = this.#options.noticesFor(leased, decision);
    const isStored = await this.#settle(leased, decision, notices, outcome.way);
    if (!isStored) return;
    this.#tell(leased, decision);
    for (const { id, kind, lane: noticeLane } of notices)
      this.#options.onEvent({ name: 'notice.queued', id, about: leased.id, kind, lane: noticeLane });
  }

  /** Sends; `undefined` where the server did not get the whole message, for a reason of ours. */
  async #tryToSend(
    leased: LeasedMessage,
    mailer: LaneWorkerOptions['mailer'],
    { upstream, mailbox }: Lane,
  ): Promise<WayOutcome | undefined> {
    const { signal } = this.#stopping;
    try {
      return await mailer.sendMessage(leased.message, { upstream, mailbox, messageId: leased.messageId, signal });
    } catch (error) {
      if (signal.aborted) return undefined;
      // The database failed while the body was read, and the line was dropped before the end of the message.
      if (error instanceof BodyUnreadable && error.fault.next === 'retry') {
        this.#pausedUntilMs = this.#options.clock.monotonicMs() + DATABASE_PAUSE_MS;
        return undefined;
      }
      throw error;
    }
  }

  async #settle(
    leased: LeasedMessage,
    decision: Decision,
    messages: readonly PreparedNotice[],
    way: Way | undefined,
  ): Promise<boolean> {
    const { lane, queue, clock, settledStatements } = this.#options;
    const accepted = decision.report.verdicts.filter(({ outcome }) => outcome === 'accepted').length;
    const statements = [
      ...(accepted === 0 ? [] : [usageStatement(lane.name, accepted, clock.now())]),
      ...(settledStatements?.(leased, decision, way) ?? []),
    ];
    return (await this.#untilStored(() => queue.settle(leased, decision, { messages, statements }))) ?? false;
  }

  /** Does it again until the database has it: the outcome of an attempt must not be lost. */
  async #untilStored<T>(store: () => Promise<{ ok: true; value: T } | { ok: false }>): Promise<T | undefined> {
    for (;;) {
      const stored = await store();
      if (stored.ok) return stored.value;
      // Whoever is stopping cannot wait for a database that is down; the next start finds the lease.
      if (this.#stopping.signal.aborted) return undefined;
      await new Promise<void>((resolve) => {
        this.#options.clock.setTimer(resolve, DATABASE_PAUSE_MS);
      });
    }
  }

  /** Has more in hand, or fewer, by how long the last one took. */
  #followSpeed(): void {
    const least = this.#options.lane.pace.connections * IN_HAND_PER_CONNECTION;
    const factor = this.#lastTookMs < SHORT_MS ? 2 : 0.5;
    this.#mostInHand = Math.max(least, Math.min(this.#mostInHand * factor, MOST_IN_HAND));
  }

  #followPace(report: AttemptReport): void {
    if (report.verdicts.some(({ outcome }) => outcome === 'accepted')) this.#pauseMs = 0;
    if (!asksToSlowDown(report)) return;
    const nowMs = this.#options.clock.monotonicMs();
    // Messages that were in hand together count as one.
    if (nowMs < this.#pausedUntilMs) return;
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, this.#pauseMs * 2));
    this.#pausedUntilMs = nowMs + this.#pauseMs;
  }

  #tell(leased: LeasedMessage, decision: Decision): void {
    const { lane, clock, onEvent } = this.#options;
    const { id, messageId, app, acceptedAt, probe } = leased;
    const { state, fault, hold, readyAt } = decision;
    onEvent({
      name: 'message.settled',
      id,
      messageId,
      app,
      lane: lane.name,
      state,
      ...(fault === undefined ? {} : { faultCode: fault.code }),
      ...(state === 'deferred' || state === 'uncertain' ? { readyAt } : {}),
      ageMs: clock.now() - acceptedAt,
    });
    if (hold !== undefined) {
      const sender = hold.scope === 'lane' ? '' : leased.from;
      this.#planProbe(sender);
      onEvent({ name: 'lane.held', lane: lane.name, sender, fault: hold.fault });
    } else if (probe !== undefined) {
      const sender = probedSender(probe, leased.from);
      this.#probes.delete(sender);
      onEvent({ name: 'lane.released', lane: lane.name, sender });
    }
  }

  /** Tries the holds whose time has come, with one message each; gives whether one was leased. */
  async #probeHolds(): Promise<boolean> {
    const { lane, queue, clock } = this.#options;
    this.#lookAtHoldsMs = clock.monotonicMs() + LOOK_AT_HOLDS_MS;
    const found = await queue.holds();
    if (!found.ok) return this.#wakeIn(DATABASE_PAUSE_MS);
    const holds = found.value.filter((hold) => hold.lane === lane.name && hold.kind === 'fault');
    for (const sender of this.#probes.keys())
      if (!holds.some((hold) => hold.sender === sender)) this.#probes.delete(sender);
    for (const hold of holds) {
      // One at a time: a slow answer must not bring a second message to the same fault.
      if (this.#isProbing(hold.sender) || !this.#isProbeDue(hold)) continue;
      const probe: Probe = hold.sender === '' ? { scope: 'lane' } : { scope: 'sender', sender: hold.sender };
      const leased = await queue.lease(lane.name, { limit: 1, probe });
      if (leased.ok && leased.value.length > 0) return await this.#beginAll(leased.value);
    }
    const nextMs = this.#nextProbeMs();
    return nextMs < Infinity && this.#wakeIn(nextMs - clock.monotonicMs());
  }

  #isProbing(sender: string): boolean {
    return [...this.#inHand.keys()].some(
      ({ probe, from }) => probe !== undefined && probedSender(probe, from) === sender,
    );
  }

  /** When the next hold is to be tried, by the monotonic clock; one that is being tried is not: its end wakes. */
  #nextProbeMs(): number {
    const waiting = [...this.#probes].filter(([sender]) => !this.#isProbing(sender));
    return Math.min(Infinity, ...waiting.map(([, { atMs }]) => atMs));
  }

  #planProbe(sender: string): ProbePlan {
    const { clock, probeTimes } = this.#options;
    const known = this.#probes.get(sender);
    if (known !== undefined) return known;
    const plan = { waitMs: probeTimes.firstMs, atMs: clock.monotonicMs() + probeTimes.firstMs };
    this.#probes.set(sender, plan);
    return plan;
  }

  #isProbeDue({ sender, isProbeAsked }: Hold): boolean {
    const nowMs = this.#options.clock.monotonicMs();
    const plan = this.#planProbe(sender);
    if (nowMs < plan.atMs) return isProbeAsked;
    plan.waitMs = Math.min(this.#options.probeTimes.longestMs, plan.waitMs * 2);
    plan.atMs = nowMs + plan.waitMs;
    return true;
  }

  /** Looks again after a while, or earlier where something wakes it. */
  #wakeIn(delayMs: number): false {
    this.#timer?.cancel();
    if (!this.#isStopped)
      this.#timer = this.#options.clock.setTimer(() => this.wake(), Math.max(1, Math.ceil(delayMs)));
    return false;
  }
}
