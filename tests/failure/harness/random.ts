/** Chance that can be repeated: everything random in this folder follows from one seed, which every run prints. */

/** The seed of this run; `POSTBEARER_SEED` gives the one of another. */
export const seed: number = Number(process.env['POSTBEARER_SEED'] ?? Date.now() % 1_000_000);

/** Draws from 0 up to 1, the same for the same start. */
export function draws(start: number = seed): () => number {
  let state = start >>> 0;
  return () => {
    // mulberry32
    state = (state + 0x6d_2b_79_f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A whole number from `least` to `most`. */
export function drawBetween(random: () => number, least: number, most: number): number {
  return least + Math.floor(random() * (most - least + 1));
}
