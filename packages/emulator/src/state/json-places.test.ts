/** Lines in a JSON text, compared with what Node's parser takes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readPlaces } from './json-places.ts';

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const pieces = fc.constantFrom(
  ...Array.from('{}[],:" \n\t\\x-01.e'),
  '"a"',
  'null',
  'tru',
  '\u0000',
  '\u00a0',
  String.raw`\u00e`,
);

/** JSON with something in it that may not belong there. */
const damaged = fc.tuple(fc.json(), fc.nat(), fc.nat(4), pieces).map(([text, at, length, piece]) => {
  const start = at % (text.length + 1);
  return text.slice(0, start) + piece + text.slice(start + length);
});

describe('a text', () => {
  it('is broken somewhere exactly where Node takes it for no JSON', () => {
    const seen = { json: 0, broken: 0 };
    fc.assert(
      fc.property(
        fc.oneof(
          damaged,
          fc.array(pieces).map((list) => list.join('')),
        ),
        (text) => {
          seen[isJson(text) ? 'json' : 'broken'] += 1;
          expect(readPlaces(text).brokenAt === undefined).toBe(isJson(text));
        },
      ),
      { numRuns: 5000 },
    );
    expect(Math.min(seen.json, seen.broken)).toBeGreaterThan(100);
  });

  it.each([
    ['{\n"a": 1,\n}', 3],
    ['[1,\n2\n3]', 3],
    ['{"a": "two\nlines"}', 1],
    ['{}\n\n{}', 3],
    ['[\n', 2],
  ])('%j is broken in the line where the parser stops', (text, line) => {
    expect(readPlaces(text).brokenAt).toBe(line);
  });
});

describe('the line of a value', () => {
  const places = readPlaces('{\n"a": [\n{ "b": "[,]" },\n{\n"b": [],\n"c.d": {} }\n],\n"e": true }');

  it.each([
    ['', 1],
    ['a', 2],
    ['a[0]', 3],
    ['a[0].b', 3],
    ['a[1]', 4],
    ['a[1].b', 5],
    ['a[1].c.d', 6],
    ['e', 8],
  ])('%s', (path, line) => {
    expect(places.lineOf(path)).toBe(line);
  });

  it('that is not there is that of what it would stand in', () => {
    expect(places.lineOf('a[1].x')).toBe(4);
    expect(places.lineOf('a[7].x[2]')).toBe(2);
    expect(places.lineOf('x]')).toBe(1);
    expect(readPlaces('\n').lineOf('x')).toBe(1);
  });

  it('is found in a text that is nested without end too', () => {
    const deep = readPlaces(`${'['.repeat(200_000)}\n`);
    expect(deep.brokenAt).toBe(2);
    expect(deep.lineOf('[0][0]')).toBe(1);
  });
});
