/**
 * How often a password may be tried.
 *
 * The rules of this file, each for 15 minutes:
 * - ten wrong ones for a name, from wherever they come, so that many addresses guess no more than one;
 * - from an address from which this name signed in well before, ten of its own: nobody who guesses elsewhere can lock an honest
 *   device out;
 * - fifty from one address, whatever the names;
 * - an attempt counts when it begins, so that a hundred at once are not a hundred guesses; the same password for the same name
 *   at the same time is one attempt, because a device may open many connections. What was right counts no more.
 */
import type { Clock } from '@postbearer/core';

const WINDOW_MS = 15 * 60_000;
const MOST_FAILURES = 10;
const MOST_FROM_ADDRESS = 50;
/** Beyond this many names or addresses the oldest are forgotten: memory stays bounded whoever comes. */
const MOST_KEYS = 10_000;

/** An attempt to sign in. */
export interface SignInAttempt {
  readonly username: string;
  /** Where it comes from: see `placeOf`. */
  readonly place: string;
  readonly isKnownAddress: boolean;
  /** Says nothing of the password but whether it is the same. */
  readonly digest: string;
}

/** An attempt that may be looked at; says then how it ended. */
export interface OpenAttempt {
  end(isRight: boolean): void;
}

class Failures {
  readonly #most: number;
  readonly #times = new Map<string, number[]>();

  constructor(most: number) {
    this.#most = most;
  }

  isReached(key: string, nowMs: number): boolean {
    return this.#recent(key, nowMs).length >= this.#most;
  }

  add(key: string, nowMs: number): void {
    const recent = [...this.#recent(key, nowMs), nowMs];
    this.#times.delete(key);
    this.#times.set(key, recent);
    const [oldest] = this.#times.keys();
    if (this.#times.size > MOST_KEYS && oldest !== undefined) this.#times.delete(oldest);
  }

  takeBack(key: string, atMs: number): void {
    const times = this.#times.get(key);
    const index = times?.indexOf(atMs) ?? -1;
    if (times === undefined || index < 0) return;
    times.splice(index, 1);
    if (times.length === 0) this.#times.delete(key);
  }

  #recent(key: string, nowMs: number): readonly number[] {
    return (this.#times.get(key) ?? []).filter((atMs) => atMs > nowMs - WINDOW_MS);
  }
}

/** See the head of this file. One for all listeners. */
export class SignInLimit {
  readonly #clock: Clock;
  readonly #names = new Failures(MOST_FAILURES);
  readonly #known = new Failures(MOST_FAILURES);
  readonly #places = new Failures(MOST_FROM_ADDRESS);
  readonly #open = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Begins an attempt; `undefined` where none is looked at now. */
  begin({ username, place, isKnownAddress, digest }: SignInAttempt): OpenAttempt | undefined {
    const name = username.slice(0, 256).toLowerCase();
    const [counter, key] = isKnownAddress ? [this.#known, `${place} ${name}`] : [this.#names, name];
    const attempt = `${key} ${digest}`;
    const beside = this.#open.get(attempt) ?? 0;
    const nowMs = this.#clock.monotonicMs();
    const isCounted = beside === 0;
    if (isCounted) {
      if (counter.isReached(key, nowMs) || (!isKnownAddress && this.#places.isReached(place, nowMs))) return undefined;
      counter.add(key, nowMs);
      this.#places.add(place, nowMs);
    }
    this.#open.set(attempt, beside + 1);
    return {
      end: (isRight) => {
        const left = (this.#open.get(attempt) ?? 1) - 1;
        if (left > 0) this.#open.set(attempt, left);
        else this.#open.delete(attempt);
        if (!isRight || !isCounted) return;
        counter.takeBack(key, nowMs);
        this.#places.takeBack(place, nowMs);
      },
    };
  }
}
