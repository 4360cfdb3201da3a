/** Rows in columns. */
import type { Terminal } from '../terminal.ts';

/** Lays out rows under a heading; each column as wide as its longest cell, the last one free. Ends with a line break. */
export function table(heading: readonly string[], rows: readonly (readonly string[])[], terminal: Terminal): string {
  const widths = heading.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd((widths[column] ?? 0) + 2)))
      .join('')
      .trimEnd();
  return `${[terminal.style('bold', line(heading)), ...rows.map(line)].join('\n')}\n`;
}
