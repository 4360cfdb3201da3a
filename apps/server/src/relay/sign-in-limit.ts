/**
 * How often a wrong password may be tried: ten times in 15 minutes from one address for one name.
 *
 * Only failures count, and they count for the pair of address and name, so that nobody who guesses elsewhere can lock an
 * honest device out.
 */
import type { Clock } from '@postbearer/core';

const WINDOW_MS = 15 * 60_000;
const MOST_FAILURES = 10;
/** Beyond this many pairs the oldest are forgotten: memory stays bounded whoever comes. */
const MOST_PAIRS = 10_000;

/** Counts failed sign-ins. */
export class SignInLimit {
  readonly #clock: Clock;
  readonly #failures = new Map<string, number[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether no further attempt is looked at now. */
  isReached(address: string, username: string): boolean {
    return this.#recent(keyOf(address, username)).length >= MOST_FAILURES;
  }

  /** Counts a failure. */
  failed(address: string, username: string): void {
    const key = keyOf(address, username);
    const recent = [...this.#recent(key), this.#clock.monotonicMs()];
    this.#failures.delete(key);
    this.#failures.set(key, recent);
    const [oldest] = this.#failures.keys();
    if (this.#failures.size > MOST_PAIRS && oldest !== undefined) this.#failures.delete(oldest);
  }

  #recent(key: string): readonly number[] {
    const since = this.#clock.monotonicMs() - WINDOW_MS;
    return (this.#failures.get(key) ?? []).filter((atMs) => atMs > since);
  }
}

function keyOf(address: string, username: string): string {
  return `${address} ${username.slice(0, 256).toLowerCase()}`;
}
