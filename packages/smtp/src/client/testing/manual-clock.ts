/** A clock that stands still until a test moves it. */
import type { Clock, ClockTimer } from '@postbearer/core';

interface Pending {
  readonly at: number;
  readonly callback: () => void;
}

/** See the head of this file. */
export class ManualClock implements Clock {
  #now = 0;
  readonly #pending = new Set<Pending>();

  /** Timers that were neither cancelled nor fired. */
  get pendingTimers(): number {
    return this.#pending.size;
  }

  now(): number {
    return Date.UTC(2026, 10, 24) + this.#now;
  }

  monotonicMs(): number {
    return this.#now;
  }

  setTimer(callback: () => void, delayMs: number): ClockTimer {
    const pending = { at: this.#now + delayMs, callback };
    this.#pending.add(pending);
    return { cancel: () => void this.#pending.delete(pending) };
  }

  /** Moves time on, firing what is due, in order. */
  advance(byMs: number): void {
    const end = this.#now + byMs;
    for (;;) {
      const [due] = [...this.#pending].filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at);
      if (due === undefined) break;
      this.#pending.delete(due);
      this.#now = Math.max(this.#now, due.at);
      due.callback();
    }
    this.#now = end;
  }
}
