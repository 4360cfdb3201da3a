/**
 * Bytes that a client sent and that were not read yet, given out as command lines or as raw blocks.
 *
 * Rule: only CRLF ends a line. A line that ends with a bare LF is reported as such, because whoever goes on after it can be
 * made to see commands where another server saw text (SMTP smuggling). A line beyond its limit is thrown away while
 * it comes in; of its bytes no more than the limit is ever kept.
 */

/** What {@link InputBuffer.takeLine} found. */
export type TakenLine =
  /** Without its CRLF; a view that stays valid. */
  Buffer | 'too-long' | 'bare-lf';

const CR = 0x0d;
const LF = 0x0a;

/** See the head of this file. */
export class InputBuffer {
  /** Whole blocks, the first perhaps already in part taken. */
  readonly #blocks: Buffer[] = [];
  #byteLength = 0;
  /** The beginning of a line whose end has not come. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  #heldEndsWithCr = false;

  /** Bytes that no one has looked at yet. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** Whether nothing is left, not even the beginning of a line. */
  get isEmpty(): boolean {
    return this.#byteLength === 0 && this.#heldBytes === 0;
  }

  /** Adds what came; the buffer owns it from now on. */
  push(block: Buffer): void {
    if (block.length === 0) return;
    this.#blocks.push(block);
    this.#byteLength += block.length;
  }

  /** Puts back the rest of a block that was taken. */
  unread(rest: Buffer): void {
    if (rest.length === 0) return;
    this.#blocks.unshift(rest);
    this.#byteLength += rest.length;
  }

  /** Forgets everything. */
  clear(): void {
    this.#blocks.length = 0;
    this.#byteLength = 0;
    this.#forgetHeld();
  }

  /** The next block, or its first `maxBytes`; `undefined` where there is none. */
  takeBlock(maxBytes: number = Number.POSITIVE_INFINITY): Buffer | undefined {
    const block = this.#blocks.shift();
    if (block === undefined) return undefined;
    this.#byteLength -= block.length;
    if (block.length <= maxBytes) return block;
    this.unread(block.subarray(maxBytes));
    return block.subarray(0, maxBytes);
  }

  /** The next line, or `undefined` until its end comes. `maxBytes` counts its CRLF. */
  takeLine(maxBytes: number): TakenLine | undefined {
    for (let block = this.takeBlock(); block !== undefined; block = this.takeBlock()) {
      const end = block.indexOf(LF);
      if (end >= 0) {
        this.unread(block.subarray(end + 1));
        return this.#finishLine(block.subarray(0, end), maxBytes);
      }
      this.#hold(block, maxBytes);
    }
    return undefined;
  }

  #hold(block: Buffer, maxBytes: number): void {
    this.#heldBytes += block.length;
    this.#heldEndsWithCr = block.at(-1) === CR;
    if (this.#heldBytes > maxBytes) this.#held = [];
    else this.#held.push(block);
  }

  #finishLine(last: Buffer, maxBytes: number): TakenLine {
    const endsWithCr = last.length > 0 ? last.at(-1) === CR : this.#heldEndsWithCr;
    const lineBytes = this.#heldBytes + last.length + 1;
    const held = this.#held;
    this.#forgetHeld();
    if (!endsWithCr) return 'bare-lf';
    if (lineBytes > maxBytes) return 'too-long';
    const line = held.length === 0 ? last : Buffer.concat([...held, last]);
    return line.subarray(0, -1);
  }

  #forgetHeld(): void {
    this.#held = [];
    this.#heldBytes = 0;
    this.#heldEndsWithCr = false;
  }
}
