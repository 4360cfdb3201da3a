import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { firstIdAt, messageIds } from './message-id.ts';

describe('names of messages', () => {
  it('grow with each message, however the clock goes', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 2 ** 45 }), { minLength: 2, maxLength: 50 }), (times) => {
        let index = 0;
        const next = messageIds(() => times[index] ?? 0);
        const ids = times.map((_, at) => {
          index = at;
          return next();
        });
        expect(ids).toEqual(ids.toSorted());
        expect(new Set(ids).size).toBe(ids.length);
        for (const id of ids) expect(id).toMatch(/^[0-9a-hjkmnp-tv-z]{26}$/);
      }),
    );
  });

  it('carry when the random part runs over', () => {
    const next = messageIds(
      () => 1,
      (into) => into.fill(31).fill(30, 0, 1),
    );
    next();
    expect(next().slice(10)).toBe('z'.padEnd(16, '0'));
  });

  it('are found by time', () => {
    const at = Date.UTC(2026, 10, 24);
    const id = messageIds(() => at)();
    expect(id >= firstIdAt(at)).toBe(true);
    expect(id < firstIdAt(at + 1)).toBe(true);
    expect(firstIdAt(-5)).toBe('0'.repeat(26));
  });

  it('of two nodes at the same moment differ', () => {
    const now = (): number => 1_800_000_000_000;
    const ids = Array.from({ length: 1000 }, () => messageIds(now)());
    expect(new Set(ids).size).toBe(1000);
  });
});
