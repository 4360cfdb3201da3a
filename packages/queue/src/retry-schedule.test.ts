import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LONGEST_WAIT_MS, waitAfter } from './index.ts';

const MINUTE = 60_000;
const draw = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('the wait for the next attempt', () => {
  it('is from 5 to 67 minutes, whatever is drawn and asked for', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), draw, fc.nat(1e12), (attempts, drawn, asked) => {
        const wait = waitAfter(attempts, () => drawn, asked);
        expect(wait).toBeGreaterThanOrEqual(5 * MINUTE);
        expect(wait).toBeLessThanOrEqual(LONGEST_WAIT_MS);
        expect(wait).toBeGreaterThanOrEqual(Math.min(asked, LONGEST_WAIT_MS));
      }),
    );
  });

  it('grows', () => {
    const waits = Array.from({ length: 12 }, (_, index) => waitAfter(index + 1, () => 0.5));
    expect(waits).toEqual(waits.toSorted((a, b) => a - b));
    expect(waits[0]).toBeLessThan(6 * MINUTE);
    expect(waits.at(-1)).toBeGreaterThan(60 * MINUTE);
  });

  it('spreads what was deferred together', () => {
    const spread = (attempts: number): number => waitAfter(attempts, () => 0.999) - waitAfter(attempts, () => 0);
    expect(spread(1)).toBeGreaterThan(50_000);
    expect(spread(50)).toBeGreaterThan(10 * MINUTE);
  });
});
