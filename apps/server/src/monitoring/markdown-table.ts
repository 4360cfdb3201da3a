/** Tables of the generated reference pages. */

/** Rows as a table of Markdown whose columns stand below each other; the first is the heading. */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[], fill: string): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0, fill)).join(' | ')} |\n`;
  const [heading = [], ...others] = rows;
  return [
    line(heading, ' '),
    line(
      heading.map(() => ''),
      '-',
    ),
    ...others.map((row) => line(row, ' ')),
  ].join('');
}
