/**
 * When an event is sent again that a webhook did not take.
 *
 * Rule: 5 seconds, 1, 5 and 30 minutes, 2, 4, 8 and 10 hours after the attempt before, a tenth more or less; a webhook that asks
 * for more time (Retry-After) gets it, up to a day. After the ninth attempt, a day after the first, the event is set aside.
 */

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const WAITS_MS: readonly number[] = [
  5000,
  MINUTE_MS,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  4 * HOUR_MS,
  8 * HOUR_MS,
  10 * HOUR_MS,
];
const JITTER = 0.1;

/** The longest that an event waits for its next attempt, milliseconds. */
export const LONGEST_WAIT_MS: number = 24 * HOUR_MS;

/** How long after so many attempts the next one is made; `undefined` where there is none. */
export function waitAfter(attempts: number, random: () => number, askedMs = 0): number | undefined {
  const wait = WAITS_MS[attempts - 1];
  if (wait === undefined) return undefined;
  return Math.max(wait * (1 - JITTER + 2 * JITTER * random()), Math.min(askedMs, LONGEST_WAIT_MS));
}
