/**
 * Which priority goes next in a lane.
 *
 * Each priority has a pass, which grows with every message of it that is leased: slowly for urgent ones, quickly for bulk.
 * The least pass goes next (stride scheduling, Waldspurger and Weihl 1995). So an urgent message goes before any number
 * of others, sixteen urgent ones let one of bulk through, and nobody starves. No clock has a part in it.
 */

/** By how much the pass of a priority grows: urgent, normal, bulk. */
export const STRIDES = [1, 4, 16] as const;

/** The next pass of each priority. */
export type Passes = readonly [urgent: number, normal: number, bulk: number];

/** The passes of a lane from which nothing was leased yet. */
export const FIRST_PASSES: Passes = [0, 0, 0];

/**
 * The passes after a lease.
 *
 * @param taken - how many messages of each priority were leased.
 */
export function passesAfter(passes: Passes, taken: readonly [number, number, number]): Passes {
  const grown = STRIDES.map((stride, index) => (passes[index] ?? 0) + stride * (taken[index] ?? 0));
  // Who had nothing to send gains no right to send much later on.
  const served = grown.filter((_, index) => (taken[index] ?? 0) > 0);
  const floor = served.length === 0 ? 0 : Math.min(...served) - Math.max(...STRIDES);
  const [urgent = 0, normal = 0, bulk = 0] = grown.map((pass) => Math.max(pass, floor));
  // Only differences count: begin at zero again before the numbers grow large.
  const least = Math.min(urgent, normal, bulk);
  return [urgent - least, normal - least, bulk - least];
}
