/** A clock that runs as the real one does, and can be moved on: timers that are due then come in their order. */
import type { Clock, ClockTimer } from '@postbearer/core';

interface Waiting {
  readonly atMs: number;
  readonly callback: () => void;
}

const LOOK_MS = 5;
/** What is due within one step comes at once; between steps the program gets to work. */
const SHORTEST_STEP_MS = 250;
const STEPS = 40;

/** The clock of a service under test. */
export class MovableClock implements Clock {
  #movedMs = 0;
  #jumpedMs = 0;
  readonly #waiting = new Set<Waiting>();
  #timer: NodeJS.Timeout | undefined;

  now(): number {
    return Date.now() + this.#movedMs + this.#jumpedMs;
  }

  monotonicMs(): number {
    return performance.now() + this.#movedMs;
  }

  setTimer(callback: () => void, delayMs: number): ClockTimer {
    const waiting = { atMs: this.monotonicMs() + Math.max(0, delayMs), callback };
    this.#waiting.add(waiting);
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS);
    return {
      cancel: () => {
        this.#waiting.delete(waiting);
        this.#rest();
      },
    };
  }

  /** Moves the wall clock alone, as a person or a time server does. */
  jump(ms: number): void {
    this.#jumpedMs += ms;
  }

  /** Lets time pass: both clocks go on, in steps, so that what is due in between happens in between. */
  async pass(ms: number, stepMs: number = Math.max(SHORTEST_STEP_MS, ms / STEPS)): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) {
      this.#movedMs += Math.min(stepMs, left);
      this.#look();
      // oxlint-disable-next-line promise/avoid-new -- lets sockets and threads answer between two steps
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  #look(): void {
    const nowMs = this.monotonicMs();
    const due = [...this.#waiting].filter(({ atMs }) => atMs <= nowMs).toSorted((a, b) => a.atMs - b.atMs);
    for (const waiting of due) if (this.#waiting.delete(waiting)) waiting.callback();
    this.#rest();
  }

  /** Keeps nothing alive where nobody waits. */
  #rest(): void {
    if (this.#waiting.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
