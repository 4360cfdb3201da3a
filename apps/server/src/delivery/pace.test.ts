import type { Clock } from '@postbearer/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Pace } from './pace.ts';

const LIMITS = { connections: 3, messagesPerMinute: 3, recipientsPerDay: 10 };

function clockAt(at: { ms: number }): Clock {
  return { now: () => at.ms, monotonicMs: () => at.ms, setTimer: () => ({ cancel: () => undefined }) };
}

test('no more messages begin in any minute than may, and the next waits no longer than it must', () => {
  const at = { ms: 0 };
  const pace = new Pace(LIMITS, clockAt(at));
  for (const ms of [0, 10_000, 20_000]) {
    at.ms = ms;
    expect(pace.allowance().waitMs).toBe(0);
    pace.begin(1);
  }
  expect(pace.allowance()).toMatchObject({ messages: 0, waitMs: 40_000 });
  at.ms = 60_000;
  expect(pace.allowance()).toMatchObject({ messages: 1, waitMs: 0 });
});

test('no more recipients in a day than may, over a restart too', () => {
  const at = { ms: 0 };
  const hour = 3_600_000;
  const pace = new Pace(LIMITS, clockAt(at));
  pace.remember([{ ageMs: 20 * hour, recipients: 8 }]);
  expect(pace.allowance().recipients).toBe(2);
  pace.begin(2);
  expect(pace.allowance()).toMatchObject({ recipients: 0, waitMs: 5 * hour });
  at.ms = 5 * hour;
  expect(pace.allowance()).toMatchObject({ recipients: 8, waitMs: 0 });
});

/** The most messages that began within one minute, wherever that minute lies. */
function mostInAMinute(begun: readonly number[]): number {
  return Math.max(...begun.map((end) => begun.filter((ms) => ms > end - 60_000 && ms <= end).length));
}

/** When messages begin if one wants to begin after each pause and `mayBegin` decides. */
function begunAfter(pauses: readonly number[], mayBegin: (atMs: number) => boolean): number[] {
  const times = pauses.map((_, index) => pauses.slice(0, index + 1).reduce((sum, pause) => sum + pause, 0));
  return times.filter(mayBegin);
}

test('whatever is begun when it may be, no minute has too many', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(40_000), { minLength: 10, maxLength: 60 }), (pauses) => {
      const at = { ms: 0 };
      const pace = new Pace({ ...LIMITS, recipientsPerDay: 1000 }, clockAt(at));
      const begun = begunAfter(pauses, (ms) => {
        at.ms = ms;
        if (pace.allowance().messages === 0) return false;
        pace.begin(1);
        return true;
      });
      expect(mostInAMinute(begun)).toBeLessThanOrEqual(3);
    }),
  );
});

test('control: a counter that starts anew with each minute of the clock would let too many through', () => {
  const counts = new Map<number, number>();
  const begun = begunAfter([50_000, 0, 0, 15_000, 0, 0], (ms) => {
    const minute = Math.floor(ms / 60_000);
    const count = counts.get(minute) ?? 0;
    counts.set(minute, count + 1);
    return count < 3;
  });
  expect(mostInAMinute(begun)).toBe(6);
});

test('says honestly when so many will be sent', () => {
  const at = { ms: 0 };
  const pace = new Pace(LIMITS, clockAt(at));
  expect(pace.drainMs(3)).toBe(0);
  expect(pace.drainMs(9)).toBe(120_000);
  for (let index = 0; index < 3; index += 1) pace.begin(1);
  expect(pace.drainMs(3)).toBe(60_000);
  at.ms = 20_000;
  expect(pace.drainMs(3)).toBe(40_000);
});
