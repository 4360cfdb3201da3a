import { describe, expect, it } from 'vitest';
import { ClockWatch } from './clock-watch.ts';
import { ManualClock } from './conformance/world.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

describe('the cautious clock', () => {
  it('goes with the wall clock as long as that goes as it should', () => {
    const clock = new ManualClock();
    const watch = new ClockWatch(clock);
    for (let hour = 0; hour < 100; hour += 1) {
      clock.pass(HOUR);
      // An NTP client slews it a little.
      clock.jump(500);
      expect(watch.cautiousNow()).toBe(clock.now());
    }
  });

  it('does not believe a jump ahead for a day', () => {
    const clock = new ManualClock();
    const watch = new ClockWatch(clock);
    const before = clock.now();
    clock.jump(40 * DAY);
    expect(watch.cautiousNow()).toBe(before);
    clock.pass(23 * HOUR);
    expect(watch.cautiousNow()).toBe(before + 23 * HOUR);
    clock.pass(HOUR);
    expect(watch.cautiousNow()).toBe(before + 41 * DAY);
  });

  it('follows a clock that is set right again', () => {
    const clock = new ManualClock();
    const watch = new ClockWatch(clock);
    const before = clock.now();
    clock.jump(40 * DAY);
    watch.cautiousNow();
    clock.jump(-30 * DAY);
    expect(watch.cautiousNow()).toBe(before);
    clock.jump(-10 * DAY);
    expect(watch.cautiousNow()).toBe(before);
  });

  it('never runs ahead of the wall clock, and goes back with it', () => {
    const clock = new ManualClock();
    const watch = new ClockWatch(clock);
    clock.jump(-2 * DAY);
    expect(watch.cautiousNow()).toBe(clock.now());
  });
});
