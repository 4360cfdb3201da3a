/** A clock that stands still until a test moves it. */
import type { Clock, ClockTimer } from '@postbearer/core';

interface Pending {
  readonly dueMs: number;
  readonly callback: () => void;
}

/** Time by hand: wall clock and monotonic clock move together, due timers run in order. */
export class ManualClock implements Clock {
  readonly #start: number;
  #elapsedMs = 0;
  #pending: readonly Pending[] = [];
  #onTimer: ((delayMs: number) => void) | undefined;

  constructor(start: number) {
    this.#start = start;
  }

  now(): number {
    return this.#start + this.#elapsedMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  setTimer(callback: () => void, delayMs: number): ClockTimer {
    const pending = { dueMs: this.#elapsedMs + delayMs, callback };
    this.#pending = [...this.#pending, pending];
    this.#onTimer?.(delayMs);
    return { cancel: () => (this.#pending = this.#pending.filter((other) => other !== pending)) };
  }

  /** How many timers are set. */
  get pendingTimers(): number {
    return this.#pending.length;
  }

  /** Resolves with the delay of the next timer that is set. */
  nextTimer(): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>();
    this.#onTimer = (delayMs) => {
      this.#onTimer = undefined;
      resolve(delayMs);
    };
    return promise;
  }

  /** Lets time pass. */
  advance(ms: number): void {
    this.#elapsedMs += ms;
    const due = this.#pending.filter((pending) => pending.dueMs <= this.#elapsedMs);
    this.#pending = this.#pending.filter((pending) => !due.includes(pending));
    for (const pending of due.toSorted((a, b) => a.dueMs - b.dueMs)) pending.callback();
  }
}
