/**
 * How many requests a key may make: so many in a minute, which begins with its first one.
 *
 * What is left is told with every answer in the fields RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-10,
 * read 2026-11-24).
 */
import type { Clock } from '@postbearer/core';
import type { ApiKey } from '../../access/key.ts';

const WINDOW_MS = 60_000;

interface Window {
  readonly untilMs: number;
  used: number;
}

/** Where a key stands. */
export interface Allowance {
  readonly isOver: boolean;
  /** Until the next minute begins. */
  readonly waitMs: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** Counts the requests of keys. */
export class RateLimit {
  readonly #clock: Clock;
  readonly #windows = new Map<string, Window>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Counts a request. */
  count({ name, requestsPerMinute }: Pick<ApiKey, 'name' | 'requestsPerMinute'>): Allowance {
    const nowMs = this.#clock.monotonicMs();
    let window = this.#windows.get(name);
    if (window === undefined || window.untilMs <= nowMs) window = { untilMs: nowMs + WINDOW_MS, used: 0 };
    this.#windows.set(name, window);
    window.used += 1;
    const waitMs = window.untilMs - nowMs;
    const left = Math.max(0, requestsPerMinute - window.used);
    return {
      isOver: window.used > requestsPerMinute,
      waitMs,
      headers: {
        'ratelimit-policy': `"minute";q=${requestsPerMinute};w=60`,
        ratelimit: `"minute";r=${left};t=${Math.ceil(waitMs / 1000)}`,
      },
    };
  }
}
