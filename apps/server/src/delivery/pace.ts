/**
 * How fast one mailbox may send.
 *
 * Rule: in any 60 seconds no more messages begin than the mailbox may send in a minute, and in any 24 hours no more recipients
 * are sent to than it may have in a day, the day counted in hours. Time is the monotonic clock's; only what was sent before the
 * service started is placed by the wall clock.
 */
import type { Clock } from '@postbearer/core';
import type { LanePace } from './lanes.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_HOURS = 24;

/** What may begin now, and when more may. */
export interface Allowance {
  readonly messages: number;
  readonly recipients: number;
  /** Milliseconds until there is more of what is used up; 0 where nothing is. */
  readonly waitMs: number;
}

/** What was sent before, by this node or another. */
export interface SentBefore {
  /** How long ago. */
  readonly ageMs: number;
  readonly recipients: number;
}

interface Sent {
  readonly atMs: number;
  recipients: number;
}

/** Counts what one mailbox sent. */
export class Pace {
  readonly #limits: LanePace;
  readonly #clock: Clock;
  /** When each message of the last minute began. */
  readonly #begun: number[] = [];
  /** Recipients by hour, the oldest first. */
  readonly #hours: Sent[] = [];
  #recipients = 0;

  constructor(limits: LanePace, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Counts what was sent before, the oldest first, in place of what was counted until now. */
  remember(sent: readonly SentBefore[]): void {
    const nowMs = this.#clock.monotonicMs();
    this.#hours.length = 0;
    this.#recipients = 0;
    for (const { ageMs, recipients } of sent) {
      // A clock that went back since then must not make what was sent count longer than a day.
      this.#hours.push({ atMs: nowMs - Math.max(0, ageMs), recipients });
      this.#recipients += recipients;
    }
  }

  /** What may begin now. */
  allowance(): Allowance {
    const nowMs = this.#clock.monotonicMs();
    this.#forget(nowMs);
    const messages = Math.max(0, this.#limits.messagesPerMinute - this.#begun.length);
    const recipients = Math.max(0, this.#limits.recipientsPerDay - this.#recipients);
    const minuteWait = messages > 0 ? 0 : (this.#begun[0] ?? nowMs) + MINUTE_MS - nowMs;
    const dayWait = recipients > 0 ? 0 : this.#untilNextHourMs(nowMs);
    return { messages, recipients, waitMs: Math.max(minuteWait, dayWait) };
  }

  /** Milliseconds until recipients of the oldest hour no longer count. */
  get untilMoreRecipientsMs(): number {
    return this.#untilNextHourMs(this.#clock.monotonicMs());
  }

  /** Whether nothing of the day is used up. */
  get isDayUnused(): boolean {
    return this.#recipients === 0;
  }

  /** Counts a message that begins now. */
  begin(recipients: number): void {
    const nowMs = this.#clock.monotonicMs();
    this.#begun.push(nowMs);
    const last = this.#hours.at(-1);
    if (last !== undefined && nowMs - last.atMs < HOUR_MS) last.recipients += recipients;
    else this.#hours.push({ atMs: nowMs, recipients });
    this.#recipients += recipients;
  }

  /** Milliseconds until the last of `messages` more begins, if nothing but the limit of messages in a minute slows them. */
  drainMs(messages: number): number {
    const nowMs = this.#clock.monotonicMs();
    const { messages: free } = this.allowance();
    const later = messages - free;
    if (later <= 0) return 0;
    // Each begins a minute after the one that stands a minute's worth of messages before it.
    const begins = [...this.#begun, ...Array.from({ length: free }, () => nowMs)];
    const before = begins[(later - 1) % begins.length] ?? nowMs;
    return before - nowMs + Math.ceil(later / begins.length) * MINUTE_MS;
  }

  #untilNextHourMs(nowMs: number): number {
    const oldest = this.#hours[0];
    return oldest === undefined ? 0 : Math.max(1, oldest.atMs + (DAY_HOURS + 1) * HOUR_MS - nowMs);
  }

  #forget(nowMs: number): void {
    while ((this.#begun[0] ?? nowMs) <= nowMs - MINUTE_MS) this.#begun.shift();
    // An hour counts until the last moment of it is a day ago.
    while ((this.#hours[0]?.atMs ?? nowMs) <= nowMs - (DAY_HOURS + 1) * HOUR_MS) {
      this.#recipients -= this.#hours.shift()?.recipients ?? 0;
    }
  }
}
