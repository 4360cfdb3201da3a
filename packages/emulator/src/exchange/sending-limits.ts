/**
 * Exchange Online's limits for one mailbox: three connections that send at a time, 30 messages in a minute, 10,000
 * recipients in 24 hours.
 *
 * A connection sends from MAIL to the end of its message. Messages over the pace are not refused: their final reply comes
 * later, when the window of a minute has room (Microsoft, "Improvements to SMTP submission", 2024-01-24).
 */
import type { Clock } from '@postbearer/core';

/** The limits, for those who need others. */
export interface LimitSettings {
  /** 3 at Exchange Online. */
  readonly concurrentConnections?: number;
  /** 30 at Exchange Online. */
  readonly messagesPerMinute?: number;
  /** 10,000 at Exchange Online. */
  readonly recipientsPerDay?: number;
}

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 3_600_000;

interface Usage {
  readonly sending: Set<string>;
  /** When the last messages were let through, oldest first. */
  passedAt: number[];
  recipients: { readonly at: number; readonly count: number }[];
}

/** Counts what each mailbox sends. */
export class SendingLimits {
  readonly #clock: Clock;
  readonly #concurrent: number;
  readonly #perMinute: number;
  readonly #perDay: number;
  readonly #windowMs: number;
  readonly #usage = new Map<string, Usage>();

  /** @param pace - how many times faster than real the minute passes; Infinity for no waiting at all. */
  constructor(clock: Clock, settings: LimitSettings, pace: number) {
    this.#clock = clock;
    this.#concurrent = settings.concurrentConnections ?? 3;
    this.#perMinute = settings.messagesPerMinute ?? 30;
    this.#perDay = settings.recipientsPerDay ?? 10_000;
    this.#windowMs = MINUTE_MS / pace;
  }

  #of(mailbox: string): Usage {
    let usage = this.#usage.get(mailbox);
    if (usage === undefined) {
      usage = { sending: new Set(), passedAt: [], recipients: [] };
      this.#usage.set(mailbox, usage);
    }
    return usage;
  }

  /** Lets a connection begin to send; false where three others of this mailbox are at it. */
  begin(mailbox: string, connection: string): boolean {
    const { sending } = this.#of(mailbox);
    if (sending.size >= this.#concurrent && !sending.has(connection)) return false;
    sending.add(connection);
    return true;
  }

  /** A connection has ended its message, or itself; safe to repeat. */
  end(mailbox: string, connection: string): void {
    this.#of(mailbox).sending.delete(connection);
  }

  /** Takes a place in the window of a minute. @returns how long the message has to wait for it, milliseconds. */
  waitForPace(mailbox: string): number {
    const usage = this.#of(mailbox);
    const now = this.#clock.monotonicMs();
    const first = usage.passedAt.at(-this.#perMinute);
    const passes = first === undefined ? now : Math.max(now, first + this.#windowMs);
    usage.passedAt = [...usage.passedAt.slice(-this.#perMinute + 1), passes];
    return passes - now;
  }

  /** Counts recipients against the day; false, and nothing counted, where they would be too many. */
  countRecipients(mailbox: string, count: number): boolean {
    const usage = this.#of(mailbox);
    const now = this.#clock.monotonicMs();
    usage.recipients = usage.recipients.filter((entry) => entry.at > now - DAY_MS);
    const used = usage.recipients.reduce((sum, entry) => sum + entry.count, 0);
    if (used + count > this.#perDay) return false;
    usage.recipients.push({ at: now, count });
    return true;
  }
}
