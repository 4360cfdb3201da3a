/**
 * One timer for a connection.
 *
 * Each wait has its own deadline, but moving a deadline further away costs nothing: the running timer is left alone and, when
 * it fires too early, set again for the rest.
 */
import type { Clock, ClockTimer } from '@postbearer/core';

/** The deadline of whatever a connection waits for now. */
export class Deadline {
  readonly #clock: Clock;
  readonly #onExpired: () => void;
  #timer: ClockTimer | undefined;
  #timerAt = 0;
  #expiresAt: number | undefined;

  constructor(clock: Clock, onExpired: () => void) {
    this.#clock = clock;
    this.#onExpired = onExpired;
  }

  /** Calls back once at `monotonicMs` unless set anew or cleared. */
  set(monotonicMs: number): void {
    this.#expiresAt = monotonicMs;
    if (this.#timer !== undefined && this.#timerAt <= monotonicMs) return;
    this.#timer?.cancel();
    this.#start(monotonicMs);
  }

  /** Nothing is waited for. The timer itself may stay for the next deadline; {@link Deadline.stop} ends it. */
  clear(): void {
    this.#expiresAt = undefined;
  }

  /** Ends the timer. */
  stop(): void {
    this.#expiresAt = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #start(at: number): void {
    this.#timerAt = at;
    this.#timer = this.#clock.setTimer(() => this.#fire(), Math.max(0, at - this.#clock.monotonicMs()));
  }

  #fire(): void {
    this.#timer = undefined;
    const at = this.#expiresAt;
    if (at === undefined) return;
    // Timers may fire a fraction of a millisecond early.
    if (at > this.#clock.monotonicMs() + 1) return this.#start(at);
    this.#expiresAt = undefined;
    this.#onExpired();
  }
}
