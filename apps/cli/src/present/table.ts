/** Rows in columns. */
import type { Terminal } from '../terminal.ts';

const GAP = 2;
const NARROWEST = 16;

function cut(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, Math.max(0, width - 1))}…` : text;
}

/** Widths of the columns; on a terminal the widest give way until a row fits. */
function fit(wanted: readonly number[], available: number): number[] {
  const widths = [...wanted];
  const total = (): number => widths.reduce((sum, width) => sum + width + GAP, -GAP);
  while (total() > available) {
    const widest = widths.indexOf(Math.max(...widths));
    if ((widths[widest] ?? 0) <= NARROWEST) break;
    widths[widest] = Math.max(NARROWEST, (widths[widest] ?? 0) - (total() - available));
  }
  return widths;
}

/**
 * Lays out rows under a heading, each column as wide as its longest cell. On a terminal long cells are cut so that a row stays on
 * one line; in a pipe nothing is cut. Ends with a line break.
 */
export function table(heading: readonly string[], rows: readonly (readonly string[])[], terminal: Terminal): string {
  const wanted = heading.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const widths = terminal.isTerminal ? fit(wanted, terminal.width) : wanted;
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => cut(cell, widths[column] ?? cell.length).padEnd((widths[column] ?? 0) + GAP))
      .join('')
      .trimEnd();
  return `${[terminal.style('bold', line(heading)), ...rows.map(line)].join('\n')}\n`;
}
