/**
 * Finds the end of DATA and takes the stuffed dots out (RFC 5321 section 4.5.2).
 *
 * Rule: the content ends at CRLF.CRLF, those five bytes and no others (at the very beginning .CRLF is enough). A bare CR, a
 * bare LF or a NUL anywhere before makes the content malformed: it is read to that same end, but none of it counts.
 *
 * Blocks are changed in place: where no dot was stuffed nothing is copied, where one was the bytes behind it move up. One
 * comparison for each byte, for all bytes but those below 14 and the first of each line.
 */

/** Why content is malformed. */
export type ContentDefect = 'bare-cr' | 'bare-lf' | 'nul';

/** What became of one block. */
export interface DecodedBlock {
  /** A view of the block; empty once a defect was seen. */
  readonly content: Buffer;
  /** How many bytes of the block belong to the content; fewer than its length only where the end was found. */
  readonly usedBytes: number;
}

const NUL = 0x00;
const LF = 0x0a;
const CR = 0x0d;
const DOT = 0x2e;

// Where in a line the next byte stands.
const LINE_START = 0;
const IN_LINE = 1;
const AFTER_CR = 2;
const AFTER_DOT = 3;
const AFTER_DOT_CR = 4;
const DONE = 5;

/** Decodes one message; see the head of this file. */
export class DotDecoder {
  #state: number = LINE_START;
  #defect: ContentDefect | undefined;

  /** Whether the end was found. */
  get isDone(): boolean {
    return this.#state === DONE;
  }

  /** The first thing that was wrong. */
  get defect(): ContentDefect | undefined {
    return this.#defect;
  }

  /** Reads the next block, which the decoder may change. */
  decode(block: Buffer): DecodedBlock {
    const { length } = block;
    let state = this.#state;
    let read = 0;
    // Content is block[0..written) and then, not yet moved, block[runStart..read).
    let written = 0;
    let runStart = 0;
    while (read < length && state !== DONE) {
      const byte = block[read] as number;
      if (state === IN_LINE && byte > CR) {
        read += 1;
        continue;
      }
      if (state === LINE_START && byte === DOT) {
        if (runStart === written) written = read;
        else written += block.copy(block, written, runStart, read);
        runStart = read + 1;
        state = AFTER_DOT;
      } else if (state === AFTER_DOT && byte === CR) {
        // Either the end or a bare CR: no content in both cases.
        runStart = read + 1;
        state = AFTER_DOT_CR;
      } else if (state === AFTER_DOT_CR && byte === LF) {
        runStart = read + 1;
        state = DONE;
      } else {
        state = this.#nextInLine(state, byte);
      }
      read += 1;
    }
    this.#state = state;
    if (this.#defect !== undefined) return { content: block.subarray(0, 0), usedBytes: read };
    if (runStart === written) written = read;
    else written += block.copy(block, written, runStart, read);
    return { content: block.subarray(0, written), usedBytes: read };
  }

  /** The state after a byte that neither begins nor goes on with a line of one dot. */
  #nextInLine(state: number, byte: number): number {
    if (byte === LF) {
      if (state === AFTER_CR) return LINE_START;
      this.#defect ??= 'bare-lf';
      return IN_LINE;
    }
    if (state === AFTER_CR || state === AFTER_DOT_CR) this.#defect ??= 'bare-cr';
    if (byte === NUL) this.#defect ??= 'nul';
    return byte === CR ? AFTER_CR : IN_LINE;
  }
}

/** Looks for the same defects in content that comes without dots (BDAT). */
export class LineEndingCheck {
  #afterCr = false;

  /** The first defect up to the end of this block; after one the check is of no more use. A CR at its very end is judged by the next block, or by {@link LineEndingCheck.end}. */
  defectIn(block: Buffer): ContentDefect | undefined {
    const { length } = block;
    let afterCr = this.#afterCr;
    // By index: an iterator would take most of the time of a large message.
    for (let at = 0; at < length; at += 1) {
      const byte = block[at] as number;
      if (byte > CR && !afterCr) continue;
      if (afterCr && byte !== LF) return 'bare-cr';
      if (byte === NUL) return 'nul';
      if (byte === LF && !afterCr) return 'bare-lf';
      afterCr = byte === CR;
    }
    this.#afterCr = afterCr;
    return undefined;
  }

  /** The defect that only the end of the content shows. */
  end(): ContentDefect | undefined {
    return this.#afterCr ? 'bare-cr' : undefined;
  }
}
