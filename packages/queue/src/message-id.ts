/**
 * The names of messages in the queue: 26 characters that sort by the time of acceptance.
 *
 * Ten characters of milliseconds and sixteen drawn at random, in Crockford's base 32 without i, l, o and u. Within one process
 * each is greater than the one before, even where the clock stands still or goes back, so pages of a list never skip one.
 */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const TIME_CHARACTERS = 10;
const RANDOM_CHARACTERS = 16;

function timePart(ms: number): string {
  let rest = ms;
  let text = '';
  for (let index = 0; index < TIME_CHARACTERS; index += 1) {
    text = (ALPHABET[rest % 32] ?? '') + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

/** The next text of the same length in the order of the alphabet; carries to the left. */
function successor(text: string): string {
  const digits = Array.from(text, (character) => ALPHABET.indexOf(character));
  for (let index = digits.length - 1; index >= 0; index -= 1) {
    const digit = ((digits[index] ?? 0) + 1) % 32;
    digits[index] = digit;
    if (digit !== 0) break;
  }
  return digits.map((digit) => ALPHABET[digit]).join('');
}

/** Fills an array with random bytes. */
export type RandomBytes = (into: Uint8Array<ArrayBuffer>) => Uint8Array;

/**
 * Makes a source of names.
 *
 * @param now - wall clock, milliseconds since 1970.
 */
export function messageIds(
  now: () => number,
  randomBytes: RandomBytes = (into) => crypto.getRandomValues(into),
): () => string {
  let lastMs = -1;
  let lastRandom = '';
  return () => {
    const ms = Math.max(now(), lastMs);
    if (ms === lastMs) lastRandom = successor(lastRandom);
    else
      lastRandom = Array.from(randomBytes(new Uint8Array(RANDOM_CHARACTERS)), (byte) => ALPHABET[byte % 32]).join('');
    lastMs = ms;
    return timePart(ms) + lastRandom;
  };
}

/** The least name that a message accepted at `ms` or later can have. */
export function firstIdAt(ms: number): string {
  return timePart(Math.max(0, Math.floor(ms))) + ALPHABET.charAt(0).repeat(RANDOM_CHARACTERS);
}
