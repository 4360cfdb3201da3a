/**
 * Reads the replies of an SMTP server from bytes that arrive in any pieces.
 *
 * A line is three digits, then a space (last line), a hyphen (more follow) or nothing, then text (RFC 5321 section 4.2).
 * The first digit is 2 to 5. All lines of one reply carry the same code; a reply that changes it half way is refused, since
 * nobody can say which one counts. A line ends with LF, a CR before it is part of the ending. Text may hold anything:
 * it is read as UTF-8 and made safe for one line of output. An enhanced status code (RFC 2034) is taken off the text where
 * its class agrees with the reply code.
 *
 * The same bytes give the same replies however they are split. Line length, number of lines and total size are bounded;
 * past a bound, or after a malformed line, the parser gives its fault to every further call.
 */
import { Buffer } from 'node:buffer';
import { oneLine, type Fault } from '@postbearer/core';
import { replyFaults } from './faults.ts';
import type { SmtpReply } from './reply.ts';

/** Bounds of one reply. */
export interface ReplyLimits {
  /** Bytes of a line without its ending. RFC 5321 section 4.5.3.1.5 promises 512; servers of today send more. */
  readonly maxLineBytes: number;
  readonly maxLines: number;
  /** Bytes of all lines together. */
  readonly maxBytes: number;
}

/** What a piece of input completed. */
export interface ReplyBatch {
  /** Complete replies, in order. */
  readonly replies: readonly SmtpReply[];
  /** Why nothing more can be read, after `replies`. */
  readonly fault?: Fault;
}

const DEFAULT_LIMITS: ReplyLimits = { maxLineBytes: 4096, maxLines: 256, maxBytes: 65_536 };
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const HYPHEN = 0x2d;
const ENHANCED = /^([245])\.\d{1,3}\.\d{1,3}(?: |$)/;

/**
 * Turns bytes into replies.
 *
 * @example
 * ```ts
 * import { ReplyParser } from '@postbearer/smtp/reply';
 *
 * const parser = new ReplyParser();
 * parser.feed(new TextEncoder().encode('250-2.1.0 Sender'));
 * parser.feed(new TextEncoder().encode(' OK\r\n250 2.1.0 really\r\n')).replies;
 * // => [{ code: 250, enhanced: '2.1.0', lines: ['Sender OK', 'really'] }]
 * ```
 */
export class ReplyParser {
  readonly #limits: ReplyLimits;
  /** The beginning of a line whose end has not come. */
  #partial: Buffer | undefined;
  #partialLength = 0;
  #code = 0;
  #enhanced: string | undefined;
  #lines: string[] = [];
  #bytes = 0;
  #fault: Fault | undefined;

  constructor(limits: Partial<ReplyLimits> = {}) {
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
  }

  /** Whether a reply has begun and is not complete. */
  get isMidReply(): boolean {
    return this.#partialLength > 0 || this.#lines.length > 0;
  }

  /** Takes the next bytes and returns what they completed. The bytes are not kept. */
  feed(chunk: Uint8Array): ReplyBatch {
    const replies: SmtpReply[] = [];
    if (this.#fault === undefined) this.#read(asBuffer(chunk), replies);
    return this.#fault === undefined ? { replies } : { replies, fault: this.#fault };
  }

  #read(bytes: Buffer, replies: SmtpReply[]): void {
    let start = 0;
    while (start < bytes.length && this.#fault === undefined) {
      const end = bytes.indexOf(LF, start);
      if (end < 0) {
        this.#keep(bytes, start, bytes.length);
        return;
      }
      if (this.#partialLength === 0) {
        this.#readLine(bytes, start, end, replies);
      } else {
        this.#keep(bytes, start, end);
        const length = this.#partialLength;
        this.#partialLength = 0;
        if (this.#fault === undefined && this.#partial !== undefined) this.#readLine(this.#partial, 0, length, replies);
      }
      start = end + 1;
    }
  }

  /** Keeps a part of a line. One byte more than the bound is room for the CR of its ending. */
  #keep(bytes: Buffer, start: number, end: number): void {
    const length = this.#partialLength + end - start;
    if (length > this.#limits.maxLineBytes + 1)
      return this.#failLong(`a line is longer than ${this.#limits.maxLineBytes} bytes`);
    this.#partial ??= Buffer.allocUnsafe(this.#limits.maxLineBytes + 1);
    bytes.copy(this.#partial, this.#partialLength, start, end);
    this.#partialLength = length;
  }

  #readLine(bytes: Buffer, start: number, lineEnd: number, replies: SmtpReply[]): void {
    const end = lineEnd > start && bytes[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd;
    const { maxLineBytes, maxLines, maxBytes } = this.#limits;
    if (end - start > maxLineBytes) return this.#failLong(`a line is longer than ${maxLineBytes} bytes`);
    this.#bytes += end - start;
    if (this.#bytes > maxBytes) return this.#failLong(`it has more than ${maxBytes} bytes`);
    if (this.#lines.length === maxLines) return this.#failLong(`it has more than ${maxLines} lines`);

    const code = codeAt(bytes, start, end);
    if (code === undefined)
      return this.#failMalformed(bytes, start, end, 'a line begins with three digits, the first from 2 to 5');
    const separator = end - start > 3 ? bytes[start + 3] : SPACE;
    if (separator !== SPACE && separator !== HYPHEN)
      return this.#failMalformed(bytes, start, end, 'a space or a hyphen stands after the code');
    if (this.#lines.length > 0 && code !== this.#code)
      return this.#failMalformed(bytes, start, end, `the reply began with code ${this.#code}`);

    this.#code = code;
    this.#addText(textOf(bytes, Math.min(start + 4, end), end));
    if (separator === HYPHEN) return;
    replies.push(
      this.#enhanced === undefined
        ? { code, lines: this.#lines }
        : { code, enhanced: this.#enhanced, lines: this.#lines },
    );
    this.#lines = [];
    this.#enhanced = undefined;
    this.#bytes = 0;
  }

  #addText(text: string): void {
    const found = ENHANCED.exec(text);
    if (found === null || Number(found[1]) !== Math.trunc(this.#code / 100)) {
      this.#lines.push(text);
      return;
    }
    const enhanced = found[0].trimEnd();
    this.#enhanced ??= enhanced;
    // A line that carries another code than the first keeps it in its text.
    this.#lines.push(enhanced === this.#enhanced ? text.slice(found[0].length) : text);
  }

  #failLong(reason: string): void {
    this.#fault = replyFaults.make('SMTP_REPLY_TOO_LONG', { reason });
  }

  #failMalformed(bytes: Buffer, start: number, end: number, reason: string): void {
    const excerpt = oneLine(bytes.toString('utf8', start, Math.min(end, start + 80)));
    this.#fault = replyFaults.make('SMTP_REPLY_MALFORMED', {
      excerpt: excerpt === '' ? '(an empty line)' : excerpt,
      reason,
    });
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The reply code at `start`, or `undefined` where none stands. */
function codeAt(bytes: Buffer, start: number, end: number): number | undefined {
  if (end - start < 3) return undefined;
  const first = (bytes[start] ?? 0) - 0x30;
  const second = (bytes[start + 1] ?? 0) - 0x30;
  const third = (bytes[start + 2] ?? 0) - 0x30;
  if (first < 2 || first > 5 || second < 0 || second > 9 || third < 0 || third > 9) return undefined;
  return first * 100 + second * 10 + third;
}

/** The text as one safe line; decoding and escaping are left out for printable ASCII, which nearly every reply is. */
function textOf(bytes: Buffer, start: number, end: number): string {
  for (let index = start; index < end; index += 1) {
    const byte = bytes[index] ?? 0;
    if (byte < 0x20 || byte > 0x7e) return oneLine(bytes.toString('utf8', start, end), Number.POSITIVE_INFINITY);
  }
  return bytes.toString('latin1', start, end);
}
