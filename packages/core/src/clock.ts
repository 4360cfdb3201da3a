/**
 * Time as a parameter.
 *
 * The wall clock says when something happened; it may jump. Waiting and measuring use the monotonic clock only.
 */

/** A pending call of {@link Clock.setTimer}. */
export interface ClockTimer {
  /** Forgets the call; safe to repeat and after it happened. */
  cancel(): void;
}

/** The time, as every part that needs it takes it in. */
export interface Clock {
  /** Wall clock, milliseconds since 1970-01-01 UTC. */
  now(): number;
  /** Monotonic clock, milliseconds from an arbitrary start. */
  monotonicMs(): number;
  /** Calls `callback` once after `delayMs`. A background timer does not keep the process alive. */
  setTimer(callback: () => void, delayMs: number, options?: { readonly background?: boolean }): ClockTimer;
}

// The globals of every JavaScript platform; declared here because this package sees no platform's types.
declare const performance: { now(): number };
declare function setTimeout(callback: () => void, delayMs: number): { unref?(): void };
declare function clearTimeout(timer: unknown): void;

/** The real clock of this machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer(callback, delayMs, options) {
    // A deadline that passed a moment ago is due now; Node warns of a negative delay.
    const timer = setTimeout(callback, Math.max(0, delayMs));
    if (options?.background === true) timer.unref?.();
    return { cancel: () => clearTimeout(timer) };
  },
};
