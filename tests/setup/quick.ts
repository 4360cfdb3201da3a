/** The quick run (`npm test -- --quick`): leaves out `*.slow.test.ts` and makes random tests shorter. */

/** The environment variable by which `scripts/test.ts` says that this is a quick run. */
export const QUICK_VARIABLE = 'POSTBEARER_QUICK_TESTS';

/** Whether this is a quick run. */
export const isQuick: boolean = process.env[QUICK_VARIABLE] === '1';

/**
 * How often a random test repeats.
 *
 * @example
 * ```ts no-run
 * fc.assert(fc.property(fc.string(), holds), { numRuns: runs(50_000) });
 * ```
 */
export function runs(whole: number): number {
  return isQuick ? Math.min(whole, Math.max(100, Math.floor(whole / 50))) : whole;
}
