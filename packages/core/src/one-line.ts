/**
 * Foreign text made safe for one line of output.
 *
 * Servers, messages and settings may hold line breaks, escape sequences of terminals and other control characters. In
 * a log each event is one line and in a terminal nothing may move the cursor, so every such character is shown as `\xNN`
 * or `\u{NNNN}` instead.
 */

// C0, DEL, C1, line and paragraph separator, bidirectional overrides and isolates, and the byte order mark
// oxlint-disable-next-line no-control-regex -- control characters are what this removes
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;

/**
 * The text with every character that could break a line or steer a terminal shown as an escape, cut to `maxChars`.
 *
 * @example
 * ```ts
 * import { oneLine } from '@postbearer/core';
 *
 * oneLine('250 ok\r\n535 no'); // => '250 ok\\x0d\\x0a535 no'
 * oneLine('abcdef', 4); // => 'abc…'
 * ```
 */
export function oneLine(text: string, maxChars = 2000): string {
  // Cut before replacing: a reply of 10 MB must not be copied several times to show its beginning.
  const start = text.length > maxChars ? `${text.slice(0, maxChars - 1)}…` : text;
  return start.toWellFormed().replaceAll(UNSAFE, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
}
