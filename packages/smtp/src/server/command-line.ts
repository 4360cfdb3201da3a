/**
 * A command line as verb and argument (RFC 5321 section 4.1.1).
 *
 * Verbs are read in any case. Spaces at the end are tolerated; control characters, also a lone CR and TAB, and bytes that
 * are not UTF-8 are refused.
 */

/** A command that is well formed as a line; its argument is not yet looked at. */
export interface Command {
  /** Upper case. */
  readonly verb: string;
  /** What follows the first space, without spaces at its end. */
  readonly argument: string;
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text of a line, or `undefined` where it holds a control character or is not UTF-8. */
export function decodeLine(line: Buffer): string | undefined {
  let isAscii = true;
  for (const byte of line) {
    if (byte < 0x20 || byte === 0x7f) return undefined;
    if (byte > 0x7f) isAscii = false;
  }
  if (isAscii) return line.toString('latin1');
  try {
    return strictUtf8.decode(line);
  } catch {
    return undefined;
  }
}

/** Without the spaces at its end; other white space is not ours to forgive. */
export function withoutEndSpaces(text: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === ' ') end -= 1;
  return text.slice(0, end);
}

/** Splits a decoded line. */
export function parseCommand(text: string): Command {
  const trimmed = withoutEndSpaces(text);
  const space = trimmed.indexOf(' ');
  if (space < 0) return { verb: trimmed.toUpperCase(), argument: '' };
  return { verb: trimmed.slice(0, space).toUpperCase(), argument: trimmed.slice(space + 1) };
}
