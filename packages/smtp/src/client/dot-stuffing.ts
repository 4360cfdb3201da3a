/**
 * Transparency of message bytes (RFC 5321 section 4.5.2): a dot that begins a line is doubled, so that no line of a message
 * is a lone dot. Only CR LF is a line break here; what else could be taken for one was refused before.
 */
import { Buffer } from 'node:buffer';

const LF = 0x0a;
const DOT = 0x2e;
const LINE_DOT = Buffer.from('\n.');

/** The bytes with a dot added to every line that begins with one. `isAtLineStart` says whether the first byte begins a line. */
export function stuffDots(bytes: Uint8Array, isAtLineStart: boolean): Uint8Array {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const starts: number[] = isAtLineStart && source[0] === DOT ? [0] : [];
  for (let at = source.indexOf(LINE_DOT); at >= 0; at = source.indexOf(LINE_DOT, at + 1)) starts.push(at + 1);
  if (starts.length === 0) return bytes;
  const stuffed = Buffer.allocUnsafe(source.length + starts.length);
  let from = 0;
  let to = 0;
  for (const start of starts) {
    to += source.copy(stuffed, to, from, start);
    stuffed[to] = DOT;
    to += 1;
    from = start;
  }
  source.copy(stuffed, to, from);
  return stuffed;
}

/** Whether a line begins after `bytes`. */
export function endsLine(bytes: Uint8Array): boolean {
  return bytes[bytes.length - 1] === LF;
}
