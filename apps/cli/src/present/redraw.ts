/** One screen after the other on the same place. */
import { stripVTControlCharacters } from 'node:util';

const HOME = '\u001b[H';
const CLEAR_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

/** Empties the screen. */
export const EMPTY_SCREEN: string = `${HOME}${CLEAR_BELOW}`;

/** A line that is too long for the terminal would take two rows, and the screen would grow; its styles go with what is cut. */
function fitted(line: string, width: number): string {
  const plain = stripVTControlCharacters(line);
  return plain.length <= width ? line : `${plain.slice(0, Math.max(0, width - 1))}…`;
}

/** What draws a text over the one before, on a terminal with so many columns. */
export function redrawn(text: string, width: number): string {
  const lines = text.trimEnd().split('\n');
  return `${HOME}${lines.map((line) => `${fitted(line, width)}${CLEAR_LINE}`).join('\n')}\n${CLEAR_BELOW}`;
}
