/**
 * Looks at the bytes of a message before they go out.
 *
 * Every line ends with CR LF. A CR without LF or an LF without CR is refused: servers disagree whether such a byte ends a
 * line, and a text that one takes for the end of a message and the other for a part of it smuggles a second message (CVE-2023-51764
 * and its kin). Lines of any length pass unchanged: RFC 5321 section 4.5.3.1.6 lets a server refuse those over 1000 octets,
 * Exchange Online takes them, and cutting them would change the message. NUL passes too, for the server to judge.
 */
import { isAscii } from 'node:buffer';

/** The first wrong line ending of a message. */
export interface BareEnding {
  /** From 1. */
  readonly line: number;
  readonly ending: 'a CR without LF' | 'an LF without CR';
}

const LF = 0x0a;
const CR = 0x0d;
const DOT = 0x2e;

/** Any byte that is neither CR nor LF. */
const PLAIN = 0;
const WORD_BYTES = 4;
const NO_WORDS = new Int32Array(0);
/** In each byte of a word: the smallest value that is not looked at closely, and the highest bit. */
const CONTROL_LIMIT = 0x10_10_10_10;
const HIGH_BITS = 0x80_80_80_80 | 0;

/** Where a view of whole words begins in `bytes`. */
function wordShift(bytes: Uint8Array): number {
  return (WORD_BYTES - (bytes.byteOffset % WORD_BYTES)) % WORD_BYTES;
}

function wordsOf(bytes: Uint8Array, shift: number): Int32Array {
  const count = Math.trunc((bytes.length - shift) / WORD_BYTES);
  return count > 0 ? new Int32Array(bytes.buffer, bytes.byteOffset + shift, count) : NO_WORDS;
}

/**
 * The first word from `from` on that may hold a control character. Most of a message is text without any, so this is where
 * the time goes: four bytes at once. It may stop too early, never too late; who stops looks closer.
 */
function passPlainWords(words: Int32Array, from: number): number {
  let at = from;
  for (; at < words.length; at += 1) {
    const word = words[at] ?? 0;
    if (((word - CONTROL_LIMIT) & ~word & HIGH_BITS) !== 0) break;
  }
  return at;
}

/** Scans a message that comes in pieces; the same bytes give the same findings however they are cut. */
export class ContentScanner {
  #line = 1;
  #previous = LF;
  #isEightBit = false;
  #bare: BareEnding | undefined;

  /** The first wrong ending so far. */
  get bareEnding(): BareEnding | undefined {
    return this.#bare;
  }

  /** Whether any byte so far is outside ASCII. */
  get isEightBit(): boolean {
    return this.#isEightBit;
  }

  /** Whether what came so far ends with a complete line. An empty message does. */
  get isAtLineStart(): boolean {
    return this.#previous === LF;
  }

  /** Looks at the next piece. Returns whether a line in it begins with a dot, which has to be doubled. */
  scan(bytes: Uint8Array): boolean {
    const shift = wordShift(bytes);
    const words = wordsOf(bytes, shift);
    let previous = this.#previous;
    let line = this.#line;
    let hasDot = false;
    for (let index = 0; index < bytes.length; index += 1) {
      if (previous !== CR && previous !== LF && (index - shift) % WORD_BYTES === 0) {
        const next = shift + passPlainWords(words, (index - shift) / WORD_BYTES) * WORD_BYTES;
        if (next > index) previous = PLAIN;
        if (next >= bytes.length) break;
        index = next;
      }
      const byte = bytes[index] ?? 0;
      if (byte === LF) {
        if (previous !== CR) return this.#refuse(line, 'an LF without CR');
        line += 1;
      } else if (previous === CR) {
        return this.#refuse(line, 'a CR without LF');
      } else if (byte === DOT && previous === LF) {
        hasDot = true;
      }
      previous = byte;
    }
    this.#previous = previous;
    this.#line = line;
    this.#isEightBit ||= !isAscii(bytes);
    return hasDot;
  }

  /** The message ends here: a CR at its very end has no LF. */
  end(): BareEnding | undefined {
    if (this.#bare === undefined && this.#previous === CR) this.#refuse(this.#line, 'a CR without LF');
    return this.#bare;
  }

  #refuse(line: number, ending: BareEnding['ending']): false {
    this.#bare ??= { line, ending };
    return false;
  }
}
