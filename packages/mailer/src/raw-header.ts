/**
 * Reads the header of a raw message without changing or decoding anything: which fields stand in which line.
 *
 * Only as much as sending needs: the recipients where the caller names none, the Message-ID for the report, and whether a Bcc
 * field would show the hidden recipients to everybody.
 */
import { failure, success, type Result } from '@postbearer/core';
import { mailerFaults } from './faults.ts';

/** The longest header that is read: what a message may hold before its empty line (Exchange Online takes less). */
export const LONGEST_HEADER_BYTES: number = 1024 * 1024;

/** A header field, unfolded. */
export interface RawField {
  readonly name: string;
  readonly value: string;
  /** Line in which it begins, from 1. */
  readonly line: number;
}

const FIELD = /^([!-9;-~]+)[ \t]*:(.*)$/s;

/** Where the empty line after the header begins; -1 where there is none. */
export function endOfHeader(text: string): number {
  return text.search(/(?:^|\r?\n)\r?\n/);
}

/**
 * The header fields of a message.
 *
 * @param bytes - the message or its beginning, its whole header in any case.
 * @returns the fields in order, or `MESSAGE_RAW_NO_HEADER` with the line that is none, or `MESSAGE_RAW_HEADER_TOO_LONG` where
 *   more than {@link LONGEST_HEADER_BYTES} pass before the header ends: what was not read cannot be vouched for.
 */
export function readRawHeader(bytes: Uint8Array): Result<readonly RawField[]> {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, LONGEST_HEADER_BYTES)).toString(
    'utf8',
  );
  const end = endOfHeader(text);
  if (end < 0 && bytes.length > LONGEST_HEADER_BYTES) {
    return failure(mailerFaults.make('MESSAGE_RAW_HEADER_TOO_LONG', { limit: LONGEST_HEADER_BYTES }));
  }
  const fields: { name: string; value: string; line: number }[] = [];
  for (const [index, row] of text
    .slice(0, end < 0 ? text.length : end)
    .split(/\r?\n/)
    .entries()) {
    const last = fields.at(-1);
    if (/^[ \t]/.test(row) && last !== undefined) {
      last.value += row;
      continue;
    }
    const match = FIELD.exec(row);
    if (match === null) {
      // The last line of a message without body may end in nothing.
      if (row === '' && fields.length > 0) break;
      return failure(mailerFaults.make('MESSAGE_RAW_NO_HEADER', { line: index + 1 }));
    }
    fields.push({ name: (match[1] ?? '').toLowerCase(), value: (match[2] ?? '').trim(), line: index + 1 });
  }
  return success(fields);
}
