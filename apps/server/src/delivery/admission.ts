/**
 * Whether one more message may come in at all, before anybody sends its bytes.
 *
 * The rules of this file:
 * - nothing is taken while the disk has less room than one and a half times the largest message (as Postfix does);
 * - nothing more of an app is taken while as much of it waits as it may have waiting, in messages or in bytes;
 * - an app hands in no more messages and recipients in a minute than it may; what it did not use is not saved up beyond a minute;
 * - a limit of one app is felt by no other.
 * Each of them passes by itself, so the client is asked to come again.
 */
import { failure, success, type Clock, type Result } from '@postbearer/core';
import type { AppLoad, Queue } from '@postbearer/queue';
import type { App } from '../access/app.ts';
import { deliveryFaults } from './faults.ts';

/** What each app may have and do; 0 for as much as it likes. */
export interface AppLimits {
  readonly messagesPerMinute: number;
  readonly recipientsPerMinute: number;
  /** Messages that wait. */
  readonly queuedMessages: number;
  /** Bytes of messages that wait. */
  readonly queuedBytes: number;
}

/** Where nothing is said. */
export const NO_APP_LIMITS: AppLimits = {
  messagesPerMinute: 0,
  recipientsPerMinute: 0,
  queuedMessages: 0,
  queuedBytes: 0,
};

/** Says whether more may come in. */
export interface Admission {
  /** Counts a message of an app. Fails with `SERVICE_NO_ROOM`, `MESSAGE_QUOTA_REACHED`, `MESSAGE_RATE_REACHED` or what the database reports. */
  message(app: App): Promise<Result<void>>;
  /** Counts recipients of an app. Fails with `MESSAGE_RATE_REACHED`. */
  recipients(app: App, count: number): Result<void>;
}

/** What an admission works with; its limits are looked up for each message, because settings change. */
export interface AdmissionOptions {
  readonly queue: Pick<Queue, 'queuedOf'>;
  readonly limits: AppLimits;
  readonly maxMessageBytes: number;
  /** How much room the disk of the data has; where it cannot be known, or is not ours, nothing is refused for it. */
  readonly freeBytes?: () => Promise<number>;
  readonly clock: Clock;
}

const MINUTE_MS = 60_000;
/** How long an answer about the disk holds. */
const ROOM_HOLDS_MS = 1000;
const ROOM_FOR_MESSAGES = 1.5;
const QUOTA_WAIT_MS = MINUTE_MS;
/** Counting what waits costs the database time. Of an app that has less than half of its quota it is asked no more often than this. */
const LOAD_HOLDS_MS = 10_000;

/** How much of a minute's allowance is left, refilled as time passes. */
class Allowance {
  readonly perMinute: number;
  #left: number;
  #atMs: number;

  constructor(perMinute: number, nowMs: number) {
    this.perMinute = perMinute;
    this.#left = perMinute;
    this.#atMs = nowMs;
  }

  /** Takes so much; gives 0, or how long to wait where there is not so much, and takes nothing then. */
  take(count: number, nowMs: number): number {
    this.#left = Math.min(this.perMinute, this.#left + ((nowMs - this.#atMs) * this.perMinute) / MINUTE_MS);
    this.#atMs = nowMs;
    // More than a minute's worth at once is taken when nothing else was.
    const needed = Math.min(count, this.perMinute);
    if (this.#left < needed) return Math.ceil(((needed - this.#left) * MINUTE_MS) / this.perMinute);
    this.#left -= count;
    return 0;
  }
}

/** What each app has left of one limit. */
class Allowances {
  readonly #what: string;
  readonly #clock: Clock;
  readonly #byApp = new Map<string, Allowance>();

  constructor(what: string, clock: Clock) {
    this.#what = what;
    this.#clock = clock;
  }

  take({ name }: App, count: number, perMinute: number): Result<void> {
    if (perMinute === 0) return success(undefined);
    const nowMs = this.#clock.monotonicMs();
    const waitMs = this.#of(name, perMinute, nowMs).take(count, nowMs);
    if (waitMs === 0) return success(undefined);
    const values = { app: name, limit: perMinute, what: this.#what };
    return failure(deliveryFaults.make('MESSAGE_RATE_REACHED', values, { retryAfterMs: waitMs }));
  }

  #of(name: string, perMinute: number, nowMs: number): Allowance {
    const known = this.#byApp.get(name);
    if (known?.perMinute === perMinute) return known;
    const fresh = new Allowance(perMinute, nowMs);
    this.#byApp.set(name, fresh);
    return fresh;
  }
}

/** What waits of each app, as far as it is far from its quota. */
class KnownLoads {
  readonly #options: AdmissionOptions;
  readonly #byApp = new Map<string, { readonly load: AppLoad; readonly untilMs: number; taken: number }>();

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Fails with what the database reports. */
  async of(app: string): Promise<Result<AppLoad>> {
    const { clock, queue, limits } = this.#options;
    const known = this.#byApp.get(app);
    const half = { messages: limits.queuedMessages / 2, bytes: limits.queuedBytes / 2 };
    if (known !== undefined && clock.monotonicMs() < known.untilMs) {
      known.taken += 1;
      const load = { messages: known.load.messages + known.taken, bytes: known.load.bytes };
      if (isBelow(load, half.messages, half.bytes)) return success(load);
    }
    const asked = await queue.queuedOf(app);
    if (asked.ok) this.#byApp.set(app, { load: asked.value, untilMs: clock.monotonicMs() + LOAD_HOLDS_MS, taken: 0 });
    return asked;
  }
}

/** Whether a load is below its limits, of which 0 is none. */
function isBelow({ messages, bytes }: AppLoad, mostMessages: number, mostBytes: number): boolean {
  return (mostMessages === 0 || messages < mostMessages) && (mostBytes === 0 || bytes < mostBytes);
}

/** Looks at the disk at most once a second. */
class Room {
  readonly #options: AdmissionOptions;
  #isEnough = true;
  #untilMs = -Infinity;
  #looking: Promise<void> | undefined;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  async isEnough(): Promise<boolean> {
    const { clock, freeBytes } = this.#options;
    if (freeBytes === undefined || clock.monotonicMs() < this.#untilMs) return this.#isEnough;
    this.#looking ??= this.#look(freeBytes).finally(() => {
      this.#looking = undefined;
    });
    await this.#looking;
    return this.#isEnough;
  }

  async #look(freeBytes: () => Promise<number>): Promise<void> {
    const free = await freeBytes().catch(() => Infinity);
    this.#isEnough = free >= ROOM_FOR_MESSAGES * this.#options.maxMessageBytes;
    this.#untilMs = this.#options.clock.monotonicMs() + ROOM_HOLDS_MS;
  }
}

/** Makes the admission of a service. */
export function createAdmission(options: AdmissionOptions): Admission {
  const { clock } = options;
  const room = new Room(options);
  const loads = new KnownLoads(options);
  const messages = new Allowances('messages', clock);
  const recipients = new Allowances('recipients', clock);

  const hasQuota = async ({ name }: App): Promise<Result<void>> => {
    const { queuedMessages, queuedBytes } = options.limits;
    if (queuedMessages === 0 && queuedBytes === 0) return success(undefined);
    const load = await loads.of(name);
    if (!load.ok) return load;
    if (isBelow(load.value, queuedMessages, queuedBytes)) return success(undefined);
    const { messages: waiting, bytes } = load.value;
    const values = { app: name, messages: waiting, megabytes: Math.ceil(bytes / 1_000_000) };
    return failure(deliveryFaults.make('MESSAGE_QUOTA_REACHED', values, { retryAfterMs: QUOTA_WAIT_MS }));
  };

  return {
    async message(app) {
      if (!(await room.isEnough())) return failure(deliveryFaults.make('SERVICE_NO_ROOM'));
      const quota = await hasQuota(app);
      return quota.ok ? messages.take(app, 1, options.limits.messagesPerMinute) : quota;
    },
    recipients: (app, count) => recipients.take(app, count, options.limits.recipientsPerMinute),
  };
}
