/**
 * Finds the end of a header in bytes as they come, in time that grows with their number alone.
 *
 * A header ends before the first line that is neither a field nor the continuation of one: the empty line, or, in what old
 * devices send, the first line of the body.
 */
import { failure, success, type Result } from '@postbearer/core';
import { deliveryFaults } from './faults.ts';
import { FIELD } from './header.ts';

/** The longest header that is taken, bytes: what Exchange Online takes. */
const LONGEST_HEADER_BYTES = 256 * 1024;
const LF = 0x0a;
const EMPTY_LINE = '\r\n\r\n';

/** A header and what was read behind it. */
export interface FoundHeader {
  /** The lines of its fields, one character a byte, each with its CRLF but perhaps the last. */
  readonly header: string;
  readonly rest: Uint8Array;
}

/** Takes blocks until the header is whole. */
export class HeaderReader {
  readonly #lines: string[] = [];
  #unread: string[] = [];
  #bytes = 0;

  /** Takes a block; gives the header where it ends in it. Fails with `MESSAGE_HEADER_TOO_LONG`. */
  add(bytes: Uint8Array): Result<FoundHeader | undefined> {
    this.#bytes += bytes.length;
    const block = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    // The body, which mostly follows in the same block, need not become text.
    const emptyLine = block.indexOf(EMPTY_LINE);
    const end = emptyLine < 0 ? block.length : emptyLine + EMPTY_LINE.length;
    this.#unread.push(block.toString('latin1', 0, end));
    // Only a block with a line end can end a line; joining at each block would take time that grows with its square.
    const found = block.includes(LF) ? this.#readLines() : undefined;
    if (found !== undefined) return success({ header: found.header, rest: restOf(found.rest, block, end) });
    return this.#bytes > LONGEST_HEADER_BYTES
      ? failure(deliveryFaults.make('MESSAGE_HEADER_TOO_LONG', { limit: LONGEST_HEADER_BYTES }))
      : success(undefined);
  }

  /** Says that nothing more comes: what is there is the header, but for a last line that is none of it. */
  end(): FoundHeader {
    const last = this.#unread.join('');
    const header = this.#lines.join('');
    return this.#isOfHeader(last)
      ? { header: header + last, rest: new Uint8Array() }
      : { header, rest: Buffer.from(last, 'latin1') };
  }

  #readLines(): { readonly header: string; readonly rest: string } | undefined {
    const text = this.#unread.join('');
    let start = 0;
    for (let end = text.indexOf('\r\n'); end >= 0; end = text.indexOf('\r\n', start)) {
      const line = text.slice(start, end + 2);
      if (!this.#isOfHeader(line)) return { header: this.#lines.join(''), rest: text.slice(start) };
      this.#lines.push(line);
      start = end + 2;
    }
    this.#unread = [text.slice(start)];
    return undefined;
  }

  #isOfHeader(line: string): boolean {
    return FIELD.test(line) || (this.#lines.length > 0 && /^[ \t]/.test(line));
  }
}

/** The text before `end` that was read too far, and what is behind it. */
function restOf(text: string, block: Buffer, end: number): Uint8Array {
  if (text.length <= end) return block.subarray(end - text.length);
  return Buffer.concat([Buffer.from(text, 'latin1'), block.subarray(end)]);
}
