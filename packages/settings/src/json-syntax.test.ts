import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runs } from '../../../tests/setup/quick.ts';
import { lineFinder, parseJson } from './json-syntax.ts';

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Text that is JSON or nearly: JSON with characters of JSON put in, taken out or doubled. */
const nearlyJson: fc.Arbitrary<string> = fc
  .tuple(
    fc.json({ maxDepth: 3 }),
    fc.array(
      fc.tuple(
        fc.nat(200),
        fc.constantFrom(
          '{',
          '}',
          '[',
          ']',
          ',',
          ':',
          '"',
          '\\',
          '/',
          '*',
          '1',
          '-',
          '.',
          'e',
          'true',
          'null',
          '\n',
          '\u0000',
          '//x\n',
          '/*x*/',
          "'",
          '\u00a0',
        ),
      ),
      { maxLength: 3 },
    ),
  )
  .map(([text, changes]) => {
    let changed = text;
    for (const [at, put] of changes) {
      const offset = at % (changed.length + 1);
      changed = changed.slice(0, offset) + put + changed.slice(offset + (put.length > 1 ? 1 : 0));
    }
    return changed;
  });

const RUNS = runs(20_000);

describe('JSON with positions', () => {
  it('takes what JSON.parse takes and nothing else (20,000 texts)', () => {
    let taken = 0;
    fc.assert(
      fc.property(nearlyJson, (text) => {
        const wanted = isJson(text);
        taken += Number(wanted);
        expect(parseJson(text).problems.length === 0, text).toBe(wanted);
      }),
      { numRuns: RUNS },
    );
    // Both sides of the comparison were seen.
    expect(taken).toBeGreaterThan(RUNS / 20);
    expect(taken).toBeLessThan((RUNS * 19) / 20);
  });

  it.each([
    ['{"a": 1,}', ['there is a comma too many before this'], true],
    ['{"a": [1,,2]}', ['there is a comma too many before this'], true],
    [
      '// x\n{"a": 1, /* y */ "b": 2,}',
      ['JSON has no comments', 'JSON has no comments', 'there is a comma too many before this'],
      true,
    ],
    ['{"a": 1\n"b": 2}', ['a comma is missing before this'], true],
    ['{"a": 1', ['a closing brace } is missing at the end'], false],
    ["{'a': 1}", ['a word or sign that JSON does not know; texts and names stand in double quotes'], false],
    ['{"a": "x', ['a text does not end: the closing double quote is missing'], false],
    [
      String.raw`{"a": "C:\XMPro"}`,
      ['a backslash before a character that it cannot stand before; in a path write two'],
      false,
    ],
    ['{"a": 1} {}', ['there is text after the end'], false],
    ['', ['a value is missing here'], false],
    ['{"a": True}', ['a word or sign that JSON does not know; texts and names stand in double quotes'], false],
    ['['.repeat(65), ['values are nested more than 64 deep'], false],
  ])('says of %j what is wrong, and reads on where it can', (text, problems, isRead) => {
    const reading = parseJson(text);
    expect(reading.problems.map(({ problem }) => problem)).toEqual(problems);
    expect(reading.root !== undefined).toBe(isRead);
  });

  it('survives megabytes of anything', () => {
    const size = 1_000_000;
    for (const text of ['[', '{"a":', '"', '"\\"', ',', '[1,', '/*', '\\', '\u0000', '//\n', '{"a" "b"'])
      expect(parseJson(text.repeat(size / text.length)).problems.length, text).toBeGreaterThan(0);
    expect(parseJson(`"${'x'.repeat(size)}"`).problems).toEqual([]);
  });

  it('counts lines that end with LF, CRLF or CR', () => {
    const lineOf = lineFinder('a\nb\r\nc\rd');
    expect([0, 1, 2, 5, 7].map((offset) => lineOf(offset))).toEqual([1, 1, 2, 3, 4]);
  });
});
