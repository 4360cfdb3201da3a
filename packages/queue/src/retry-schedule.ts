/**
 * When a message that was not taken is tried again, and when it is given up.
 *
 * The waits are those of Postfix: from 5 minutes, each longer than the one before, up to 4,000 seconds (67 minutes), for
 * 5 days; after 4 hours the submitter is told that it is late. Each wait is drawn from a range, so that messages deferred
 * together do not come back together. A message is never given up by time alone: only an attempt that was just made and
 * not taken ends it, and only after several others, so a clock that jumps ahead expires nothing.
 */

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** Times of the schedule, milliseconds. */
export interface RetryTimes {
  /** How long a message is tried. */
  readonly lifetimeMs: number;
  /** After how long the submitter is told of the delay. */
  readonly delayNoticeMs: number;
  /** How long a message of uncertain outcome waits at least: as long as a server may take over the final reply (RFC 5321 section 4.5.3.2.6). */
  readonly uncertainWaitMs: number;
}

/** The times that hold where nothing else is set. */
export const DEFAULT_RETRY_TIMES: RetryTimes = {
  lifetimeMs: 5 * 24 * HOUR_MS,
  delayNoticeMs: 4 * HOUR_MS,
  uncertainWaitMs: 10 * MINUTE_MS,
};

/** Nothing waits longer than this for its next attempt, milliseconds. */
export const LONGEST_WAIT_MS: number = 4000 * SECOND_MS;

/** Before this many attempts nothing expires, however old it seems. */
export const FEWEST_ATTEMPTS = 6;

const FIRST_WAIT_MS = 5 * MINUTE_MS;
const GROWTH = 1.6;
const SPREAD = 0.2;

/**
 * How long to wait for the next attempt, milliseconds.
 *
 * @param attempts - how many attempts were made, the last among them; from 1.
 * @param random - draws from 0 up to 1.
 * @param askedMs - what the other side asked for (Retry-After); longer waits than the longest are not granted.
 *
 * @example
 * ```ts
 * import { waitAfter } from '@postbearer/queue';
 *
 * const minutes = [1, 2, 3, 4, 5, 6, 7].map((attempts) => Math.round(waitAfter(attempts, () => 0) / 60_000));
 * minutes; // => [5, 8, 13, 20, 33, 52, 56]
 * waitAfter(100, () => 0.999) <= 4_000_000; // => true
 * ```
 */
export function waitAfter(attempts: number, random: () => number, askedMs = 0): number {
  const base = Math.min(FIRST_WAIT_MS * GROWTH ** (attempts - 1), LONGEST_WAIT_MS / (1 + SPREAD));
  const wait = base * (1 + SPREAD * random());
  return Math.round(Math.min(Math.max(wait, askedMs), LONGEST_WAIT_MS));
}
