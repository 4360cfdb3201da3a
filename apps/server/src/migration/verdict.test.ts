/** The rule by which a migration is judged. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chanceIfAlike, judge, largestLikelyShare, type WayCounts } from './verdict.ts';

const NOTHING: WayCounts = { delivered: 0, failed: 0 };

function verdictOf(oauth: WayCounts, password: WayCounts = NOTHING, isHeld = false): string {
  return judge({ oauth, password, isHeld }).verdict;
}

/** Draws the same numbers in each run. */
function drawer(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** How often a rule says a verdict of `n` messages on each side, with these true shares of failures. */
function howOften(
  rule: (oauth: WayCounts, password: WayCounts) => string,
  verdict: string,
  [n, share, otherShare]: readonly [n: number, share: number, otherShare: number],
): number {
  const draw = drawer(7);
  const side = (chance: number): WayCounts => {
    let failed = 0;
    for (let index = 0; index < n; index += 1) if (draw() < chance) failed += 1;
    return { delivered: n - failed, failed };
  };
  const runs = 400;
  let said = 0;
  for (let run = 0; run < runs; run += 1) if (rule(side(share), side(otherShare)) === verdict) said += 1;
  return said / runs;
}

/** What one might do without thinking: whoever has more failures fails. */
function naive(oauth: WayCounts, password: WayCounts): string {
  return oauth.failed > password.failed ? 'failing' : 'safe';
}

describe('the verdict on a migration', () => {
  it('is inconclusive while nothing went with OAuth, and says how many messages would tell', () => {
    expect(judge({ oauth: NOTHING, password: { delivered: 500, failed: 0 }, isHeld: false })).toMatchObject({
      verdict: 'inconclusive',
      needed: 29,
    });
  });

  it('is safe from 29 messages without a failure on, and not before', () => {
    expect(verdictOf({ delivered: 28, failed: 0 })).toBe('inconclusive');
    expect(judge({ oauth: { delivered: 28, failed: 0 }, password: NOTHING, isHeld: false }).needed).toBe(1);
    expect(verdictOf({ delivered: 29, failed: 0 })).toBe('safe');
  });

  it('is failing at once where a set-up fault stops OAuth, however many went before', () => {
    expect(verdictOf({ delivered: 10_000, failed: 0 }, NOTHING, true)).toBe('failing');
    expect(verdictOf(NOTHING, NOTHING, true)).toBe('failing');
  });

  it('is failing where OAuth clearly fails more often, and not where both fail alike', () => {
    expect(verdictOf({ delivered: 40, failed: 8 }, { delivered: 400, failed: 2 })).toBe('failing');
    expect(verdictOf({ delivered: 40, failed: 2 }, { delivered: 400, failed: 20 })).not.toBe('failing');
    expect(verdictOf({ delivered: 3, failed: 3 })).toBe('failing');
    expect(verdictOf({ delivered: 0, failed: 1 })).toBe('inconclusive');
  });

  it('rests on exact figures, which stand in tables', () => {
    // Rule of three, exactly: 1 - 0.05^(1/n).
    for (const n of [1, 10, 29, 59, 300]) expect(largestLikelyShare(0, n)).toBeCloseTo(1 - 0.05 ** (1 / n), 9);
    // Clopper-Pearson for 1 of 20, one-sided 95 %: 0.2161.
    expect(largestLikelyShare(1, 20)).toBeCloseTo(0.2161, 4);
    // Fisher's tea-tasting lady: 4 of 4 is 1 in 70, 3 or more is 17 in 70.
    expect(chanceIfAlike({ failed: 4, delivered: 0 }, { failed: 0, delivered: 4 })).toBeCloseTo(1 / 70, 9);
    expect(chanceIfAlike({ failed: 3, delivered: 1 }, { failed: 1, delivered: 3 })).toBeCloseTo(17 / 70, 9);
  });

  it('seldom cries wolf where both ways are alike; a rule without statistics does all the time', () => {
    for (const world of [
      [30, 0.05, 0.05],
      [200, 0.05, 0.05],
    ] as const) {
      expect(howOften(verdictOf, 'failing', world)).toBeLessThan(0.02);
      expect(howOften(naive, 'failing', world)).toBeGreaterThan(0.2);
    }
  });

  it('hardly ever calls a way safe that fails for a fifth; a rule without statistics does', () => {
    const world = [10, 0.2, 0] as const;
    expect(howOften(verdictOf, 'safe', world)).toBe(0);
    expect(howOften(naive, 'safe', world)).toBeGreaterThan(0.05);
    expect(howOften(verdictOf, 'safe', [100, 0.2, 0])).toBeLessThan(0.05);
    expect(howOften(verdictOf, 'failing', [100, 0.2, 0])).toBeGreaterThan(0.95);
  });

  it('never gets better by a failure nor worse by a delivery', () => {
    const rank = ['failing', 'inconclusive', 'safe'];
    const count = fc.nat({ max: 60 });
    fc.assert(
      fc.property(count, count, count, count, (delivered, failed, others, otherFailed) => {
        const password = { delivered: others, failed: otherFailed };
        const now = rank.indexOf(verdictOf({ delivered, failed }, password));
        expect(rank.indexOf(verdictOf({ delivered: delivered + 1, failed }, password))).toBeGreaterThanOrEqual(now);
        expect(rank.indexOf(verdictOf({ delivered, failed: failed + 1 }, password))).toBeLessThanOrEqual(now);
      }),
      { numRuns: 300 },
    );
  });
});
