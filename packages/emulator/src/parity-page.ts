/** `PARITY.md`, written from the table. */
import type { ParityRow } from './parity-row.ts';
import { PARITY } from './parity.ts';

function shownText(row: ParityRow): string {
  if (row.status === 'absent') return '';
  const { file, title, word } = row.shownBy;
  return `\`${file}\`: ${title}${word === undefined ? '' : ` (${word})`}`;
}

function cell(text: string): string {
  return text.replaceAll('|', String.raw`\|`).replaceAll('<', String.raw`\<`);
}

/** A table with columns in line, as the formatter of this repository writes them. */
function table(rows: readonly ParityRow[]): string {
  const head = ['behaviour', 'status', 'source', 'shown by'];
  const cells = rows.map((row) => [row.behaviour, row.status, row.source, shownText(row)].map((text) => cell(text)));
  const widths = head.map((title, index) => Math.max(...[head, ...cells].map((line) => (line[index] ?? title).length)));
  const write = (line: readonly string[]): string =>
    `| ${line.map((text, index) => text.padEnd(widths[index] ?? 0)).join(' | ')} |`;
  return [write(head), write(widths.map((width) => '-'.repeat(width))), ...cells.map((line) => write(line))].join('\n');
}

/** The page. */
export function renderParity(): string {
  const rows = PARITY.flatMap((section) => section.rows);
  const count = (status: ParityRow['status']): number => rows.filter((row) => row.status === status).length;
  const head = [
    '# Parity with Microsoft 365',
    '',
    'Generated from `src/parity.ts`; do not edit. `captured` was compared with a reply of the real service, `modelled` follows the',
    'source that is named, `absent` is what the emulator does not do.',
    '',
    `${count('captured')} captured, ${count('modelled')} modelled, ${count('absent')} absent.`,
  ];
  const sections = PARITY.map((section) => `\n## ${section.heading}\n\n${table(section.rows)}`);
  return `${[...head, ...sections].join('\n')}\n`;
}
