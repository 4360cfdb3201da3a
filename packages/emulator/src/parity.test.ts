/** The parity page tells the truth about itself: every row has its test, and the page is the table. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { renderParity } from './parity-page.ts';
import type { ShownBy } from './parity-row.ts';
import { PARITY } from './parity.ts';

const SHOWN = PARITY.flatMap(({ rows }) => rows).flatMap((row) => (row.status === 'absent' ? [] : [row.shownBy]));

/** Titles of tests: texts that stand first in a call and before a function. */
function titlesIn(source: string): ReadonlySet<string> {
  const calls = source.matchAll(/\(\s*(?:'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"),\s*(?:async\s*)?\(/g);
  return new Set([...calls].map((call) => call[1] ?? call[2] ?? ''));
}

/** What is wrong with a reference, or `undefined`. */
function mistakeOf(shownBy: ShownBy, read: (file: string) => string): string | undefined {
  const source = read(shownBy.file);
  if (!titlesIn(source).has(shownBy.title)) return `${shownBy.file} has no test "${shownBy.title}"`;
  if (shownBy.word !== undefined && !source.includes(shownBy.word))
    return `${shownBy.file} does not name ${shownBy.word}`;
  return undefined;
}

function readSource(file: string): string {
  return readFileSync(join(import.meta.dirname, file), 'utf8');
}

describe('the parity table', () => {
  it('names for every behaviour a test that exists', () => {
    expect(SHOWN.map((shownBy) => mistakeOf(shownBy, readSource)).filter((mistake) => mistake !== undefined)).toEqual(
      [],
    );
    expect(SHOWN.length).toBeGreaterThan(70);
  });

  it('would not pass with a test that was renamed or a case that was taken out', () => {
    const source = "it.each([[1, 'here']])('shows %s', async (_, word) => {});\nit(\n  'is whole',\n  () => {},\n);";
    const read = (): string => source;
    expect(mistakeOf({ file: 'a.test.ts', title: 'shows %s', word: 'here' }, read)).toBeUndefined();
    expect(mistakeOf({ file: 'a.test.ts', title: 'is whole' }, read)).toBeUndefined();
    expect(mistakeOf({ file: 'a.test.ts', title: 'shows %s', word: 'gone' }, read)).toContain('does not name gone');
    expect(mistakeOf({ file: 'a.test.ts', title: 'shows' }, read)).toContain('has no test');
  });

  it('is the page: after a change of the table the page is written with "vitest run -u"', async () => {
    await expect(renderParity()).toMatchFileSnapshot('../PARITY.md');
  });
});
