import fc from 'fast-check';
import { applyEdits, findNodeAtLocation, modify, parseTree } from 'jsonc-parser';
import { describe, expect, it } from 'vitest';
import { runs } from '../../../tests/setup/quick.ts';
import { editJson, type JsonValue } from './edit-json.ts';

type Plain = Record<string, unknown>;

/** The same change to a plain object. */
function change(root: Plain, path: readonly string[], value: JsonValue | undefined): void {
  let node = root;
  for (const name of path.slice(0, -1)) {
    const inner = node[name] ?? undefined;
    if (inner === undefined && value === undefined) return;
    node[name] = inner ?? {};
    node = node[name] as Plain;
  }
  const name = path.at(-1) ?? '';
  if (value === undefined) delete node[name];
  else node[name] = value;
}

/** What is left and right of the one place in which two texts differ. */
function difference(before: string, after: string): { readonly removed: string; readonly added: string } {
  let start = 0;
  while (start < before.length && before[start] === after[start]) start += 1;
  let end = 0;
  const most = Math.min(before.length, after.length) - start;
  while (end < most && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  return { removed: before.slice(start, before.length - end), added: after.slice(start, after.length - end) };
}

describe('one change of JSON text', () => {
  it.each<[string, string, readonly string[], JsonValue | undefined, string]>([
    ['replaces a value', '{ "a":1 ,"b" :  [1,2] }', ['b'], 'x', '{ "a":1 ,"b" :  "x" }'],
    ['adds a line', '{\n    "odd": [1, 2]\n}\n', ['b'], 1, '{\n    "odd": [1, 2],\n    "b": 1\n}\n'],
    ['adds beside others on one line', '{"a": {"x": 1, "y": 2}}', ['a', 'z'], 3, '{"a": {"x": 1, "y": 2, "z": 3}}'],
    ['adds without blanks where there are none', '{"x":1,"y":2}', ['z'], 3, '{"x":1,"y":2,"z": 3}'],
    [
      'adds to a single member',
      '{"smtp": {"port": 25}}',
      ['smtp', 'server'],
      'h',
      '{"smtp": {"port": 25, "server": "h"}}',
    ],
    ['fills an empty object', '{\n\t"a": {}\n}', ['a', 'b'], true, '{\n\t"a": {\n\t\t"b": true\n\t}\n}'],
    ['fills an empty object of two lines', '{\n}\n', ['a'], 1, '{\n  "a": 1\n}\n'],
    ['adds sections', '{\r\n  "a": 1\r\n}', ['b', 'c'], 1, '{\r\n  "a": 1,\r\n  "b": {\r\n    "c": 1\r\n  }\r\n}'],
    ['puts a section in place of null', '{\n  "a": null\n}', ['a', 'b'], 1, '{\n  "a": {\n    "b": 1\n  }\n}'],
    ['takes out the first', '{\n  "a": 1,\n\n  "b": 2\n}', ['a'], undefined, '{\n\n  "b": 2\n}'],
    ['takes out one in the middle', '{"a": 1,  "b": 2,\n "c": 3}', ['b'], undefined, '{"a": 1,\n "c": 3}'],
    ['takes out the last', '{\n  "a": 1,\n  "b": 2\n}', ['b'], undefined, '{\n  "a": 1\n}'],
    ['takes out the only one', '{ "a": {\n  "b": 2\n} }', ['a', 'b'], undefined, '{ "a": {\n} }'],
    ['takes out nothing where nothing is', '{ "a": 1 }', ['b', 'c'], undefined, '{ "a": 1 }'],
    ['writes references and lists on one line', '{}', ['a'], { file: '/x' }, '{\n  "a": {"file": "/x"}\n}'],
    ['writes lists', '{"a": 1}', ['a'], ['x', 'y'], '{"a": ["x", "y"]}'],
  ])('%s', (_, text, path, value, expected) => {
    expect(editJson(text, path, value)).toBe(expected);
  });

  it('is none where a part of the path is a value', () => {
    for (const text of ['{"a": 5}', '{"a": []}', '{"a": "x"}']) expect(editJson(text, ['a', 'b'], 1)).toBeUndefined();
    expect(editJson('[]', ['a'], 1)).toBeUndefined();
    expect(editJson('{', ['a'], 1)).toBeUndefined();
  });
});

const name = fc.constantFrom('a', 'b', 'c', 'é"', 'smtp');
const blank = fc.constantFrom('', '', ' ', '\n', '\r\n', '\n  ', '\t', '\n\n    ');
const scalar = fc.constantFrom('1', '1e3', '"x"', '[1, 2 ]', '[ ]', 'true', '"\\u00e9,}"', '{ }');

/** Objects laid out as nobody would. */
const { object } = fc.letrec<{ object: string; member: string }>((tie) => ({
  member: fc.oneof({ weight: 3, arbitrary: scalar }, { weight: 1, arbitrary: tie('object') }),
  object: fc
    .tuple(
      fc.uniqueArray(fc.tuple(name, blank, blank, blank, tie('member'), blank), {
        selector: ([key]) => key,
        maxLength: 4,
      }),
      blank,
    )
    .map(([members, inside]) => {
      const all = members.map(([key, one, two, three, value, four]) =>
        [one, JSON.stringify(key), two, ':', three, value, four].join(''),
      );
      return all.length === 0 ? `{${inside}}` : `{${all.join(',')}}`;
    }),
}));
const path = fc.array(name, { minLength: 1, maxLength: 3 });
const newValue = fc.constantFrom<JsonValue | undefined>('new', 5, false, ['n', 'm'], { file: 'n' }, undefined);

const RUNS = runs(10_000);

/** Whether a text differs in what was changed, and in one piece. */
function judge(text: string, at: readonly string[], value: JsonValue | undefined, after: string): void {
  const expected = JSON.parse(text) as Plain;
  change(expected, at, value);
  expect(JSON.parse(after)).toEqual(expected);
  const { removed, added } = difference(text, after);
  const root = parseTree(text);
  const old = root === undefined ? undefined : findNodeAtLocation(root, [...at]);
  if (value === undefined) expect(added).toBe('');
  else if (old === undefined) expect(removed).toBe('');
  else expect(text.slice(old.offset, old.offset + old.length)).toContain(removed);
}

describe('of any layout', () => {
  it(`one piece is put in, taken out or replaced, and every other byte stays (${RUNS} texts)`, () => {
    let changed = 0;
    fc.assert(
      fc.property(object, path, newValue, (text, at, value) => {
        const after = editJson(text, at, value);
        if (after === undefined) return;
        changed += Number(after !== text);
        judge(text, at, value, after);
      }),
      { numRuns: RUNS },
    );
    expect(changed).toBeGreaterThan(RUNS / 10);
  });

  it('would not stay with an editor that lays out anew what is near (the control of this judge)', () => {
    const text = '{\n  "odd": [1, 2],\n  "database": {"smtp": {"port": 25}}\n}\n';
    const options = { formattingOptions: { insertSpaces: true, tabSize: 2, eol: '\n' } };
    const laidOut = applyEdits(text, modify(text, ['database', 'smtp', 'server'], 'h', options));
    expect(() => judge(text, ['database', 'smtp', 'server'], 'h', laidOut)).toThrow();
    const ours = editJson(text, ['database', 'smtp', 'server'], 'h') ?? '';
    judge(text, ['database', 'smtp', 'server'], 'h', ours);
    expect(ours).toBe(text.replace('25}', '25, "server": "h"}'));
  });
});
