/**
 * Line endings of a message that comes from a file.
 *
 * Rule: CRLF throughout goes out unchanged. LF throughout (how Unix writes files) becomes CRLF. Anything else, that is bare
 * CR, or LF and CRLF mixed, is refused with the line where it begins, because such bytes are how a message is smuggled inside another.
 */
import { failure, success, type Result } from '@postbearer/core';
import { mailerFaults } from './faults.ts';

const CR = 0x0d;
const LF = 0x0a;
const NAMES = { crlf: 'CRLF', lf: 'a bare LF', cr: 'a bare CR' } as const;

type Ending = keyof typeof NAMES;

function endingAt(bytes: Uint8Array, index: number): Ending {
  if (bytes[index] === LF) return 'lf';
  return bytes[index + 1] === LF ? 'crlf' : 'cr';
}

function withCrlf(bytes: Uint8Array, lines: number): Uint8Array {
  const out = new Uint8Array(bytes.length + lines);
  let written = 0;
  for (const byte of bytes) {
    if (byte === LF) out[written++] = CR;
    out[written++] = byte;
  }
  return out;
}

/**
 * The bytes with CRLF at the end of each line.
 *
 * @returns the same array where it already is so; a converted copy where all lines end with LF; `MESSAGE_MIXED_LINE_ENDINGS` otherwise.
 *
 * @example
 * ```ts
 * import { toCrlf } from '@postbearer/mailer';
 *
 * const unix = toCrlf(new TextEncoder().encode('Subject: a\n\nb\n'));
 * unix.ok && new TextDecoder().decode(unix.value); // => 'Subject: a\r\n\r\nb\r\n'
 * toCrlf(new TextEncoder().encode('a\r\nb\nc')).ok; // => false
 * ```
 */
export function toCrlf(bytes: Uint8Array): Result<Uint8Array> {
  let first: Ending | undefined;
  let line = 1;
  for (let index = 0; index < bytes.length; index += 1) {
    if (bytes[index] !== LF && bytes[index] !== CR) continue;
    const ending = endingAt(bytes, index);
    first ??= ending;
    if (ending !== first || ending === 'cr') {
      const before = line === 1 ? 'CRLF or LF throughout' : NAMES[first];
      return failure(mailerFaults.make('MESSAGE_MIXED_LINE_ENDINGS', { line, found: NAMES[ending], before }));
    }
    line += 1;
    if (ending === 'crlf') index += 1;
  }
  return success(first === 'lf' ? withCrlf(bytes, line - 1) : bytes);
}
