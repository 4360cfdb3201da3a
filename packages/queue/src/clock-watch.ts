/**
 * How much of the wall clock may be believed.
 *
 * Ages are counted with the wall clock, because it is the only one that two runs of a program share; but it may jump. Between
 * two looks the wall clock must advance as the monotonic clock does. What it gains beyond that is a jump, and is not believed
 * for a day: by then the clock is right, or everything that could be thrown away too early has had its time.
 */
import type { Clock } from '@postbearer/core';

/** Differences below this are drift or slewing, milliseconds. */
const NOTICED_MS = 60_000;
const DOUBTED_FOR_MS = 24 * 60 * 60_000;

/** Watches a clock for jumps. */
export class ClockWatch {
  readonly #clock: Clock;
  #lastWallMs: number;
  #lastMonotonicMs: number;
  #jumps: { readonly gainedMs: number; readonly doubtedUntilMs: number }[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lastWallMs = clock.now();
    this.#lastMonotonicMs = clock.monotonicMs();
  }

  /** Wall time, milliseconds since 1970, less what the clock gained by jumps within the last day. For ages only; use it often. */
  cautiousNow(): number {
    const [wallMs, monotonicMs] = [this.#clock.now(), this.#clock.monotonicMs()];
    const gainedMs = wallMs - this.#lastWallMs - (monotonicMs - this.#lastMonotonicMs);
    this.#lastWallMs = wallMs;
    this.#lastMonotonicMs = monotonicMs;
    if (gainedMs > NOTICED_MS) this.#jumps.push({ gainedMs, doubtedUntilMs: monotonicMs + DOUBTED_FOR_MS });
    // A clock that goes back takes back what it gained.
    if (gainedMs < -NOTICED_MS) this.#takeBack(-gainedMs);
    this.#jumps = this.#jumps.filter(({ doubtedUntilMs }) => doubtedUntilMs > monotonicMs);
    return wallMs - this.#jumps.reduce((sum, jump) => sum + jump.gainedMs, 0);
  }

  #takeBack(lostMs: number): void {
    let left = lostMs;
    this.#jumps = this.#jumps.flatMap((jump) => {
      const taken = Math.min(left, jump.gainedMs);
      left -= taken;
      return taken === jump.gainedMs ? [] : [{ ...jump, gainedMs: jump.gainedMs - taken }];
    });
  }
}
