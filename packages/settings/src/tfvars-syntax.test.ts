import { parse as parseWithHashiCorp } from '@cdktn/hcl2json';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runs } from '../../../tests/setup/quick.ts';
import { parseTfvars, type TfvarsReading } from './tfvars-syntax.ts';

function plain({ attributes, problem }: TfvarsReading): Record<string, unknown> | string {
  if (problem !== undefined) return problem.problem;
  return Object.fromEntries(
    attributes.map(({ name, raw }) => {
      if (raw.kind === 'text') return [name, raw.text];
      if (raw.kind === 'number') return [name, raw.number];
      return [name, raw.kind === 'flag' ? raw.flag : { other: raw.kind === 'other' ? raw.what : raw.kind }];
    }),
  );
}

describe('Terraform variables files', () => {
  it.each([
    [
      'a = "x"\nb=true\n  c = 587 # d\nd = -1.5e3 // e\n/* f */ e = false',
      { a: 'x', b: true, c: 587, d: -1500, e: false },
    ],
    ['a = null', { a: '' }],
    ['a = "p$${x}%%{y}\\"q\\\\ \\u00e9\\U0001F600\\n"', { a: 'p${x}%{y}"q\\ é😀\n' }],
    ['a = "$$" \nb = "100%"\nc = "$$${x}"\nd = "$${"', { a: '$$', b: '100%', c: '$${x}', d: '${' }],
    ['a = <<EOT\nhello "you"\n  $${x} \\n\nEOT\nb = 1', { a: 'hello "you"\n  ${x} \\n\n', b: 1 }],
    ['a = <<-EOT\n    hello\n \n      you\n    EOT', { a: 'hello\n \n  you\n' }],
    ['a = <<EOT\r\nx\r\nEOT\r\n', { a: 'x\n' }],
    ['a = "${"x"}"', { a: { other: 'a text with an expression (a plain ${ is written $${)' } }],
    [
      'a = [\n  "x", # y\n]\nb = { c = "}" }\nd = upper("x")\ne = 1 + 1',
      {
        a: { other: 'a list' },
        b: { other: 'an object' },
        d: { other: 'an expression' },
        e: { other: 'an expression' },
      },
    ],
    ['a = {\n b = <<X\n"}\nX\n}\nc = 2', { a: { other: 'an object' }, c: 2 }],
    ['é-1 = "x"', { 'é-1': 'x' }],
    ['', {}],
    ['a = "1', 'a text does not end: the closing double quote is missing'],
    ['a = "x\ny"', 'a text does not end: the closing double quote is missing'],
    ['a = (1', ') is missing at the end'],
    ['a = }', 'there is a } too many'],
    ['a =\n1', 'a value is missing here'],
    ['a', 'an equals sign is expected after the name of a variable'],
    ['a { b = 1 }', 'an equals sign is expected after the name of a variable'],
    ['"a" = 1', 'the name of a variable, without quotes, is expected here'],
    [String.raw`a = "\x"`, String.raw`a backslash stands before a character that it cannot stand before; write \\`],
    ['a = <<EOT\nx', 'a heredoc does not end: no line holds EOT alone'],
    ['/* a', 'a comment does not end'],
  ])('are read: %j', (text, expected) => {
    expect(plain(parseTfvars(text))).toEqual(expected);
  });

  it('survive any depth and length, where the parser of HashiCorp stops for good', () => {
    const size = 1_000_000;
    for (const text of ['(', '[', '"${', '-', '{a=', '/*', '<<A\n', '\\', '"', '!'])
      expect(() => parseTfvars(`a = ${text.repeat(size / text.length)}`), text).not.toThrow();
    expect(plain(parseTfvars(`a = "${'x'.repeat(size)}"`))).toEqual({ a: 'x'.repeat(size) });
  });
});

/** `$${` and `%%{`, which HashiCorp's parser leaves as they are. */
function undone(text: string): string {
  return text.replaceAll(/\$\$\{|%%\{/g, (found) => found.slice(1));
}

const piece = fc.constantFrom(
  '$',
  '$$',
  '{',
  '}',
  '%',
  '%%',
  '\\\\',
  '\\"',
  '\\n',
  '\\u00e9',
  'x',
  ' ',
  "'",
  '#',
  '//',
  '=',
  '<<A',
  'é',
);
const quoted = fc.array(piece, { maxLength: 8 }).map((pieces) => `"${pieces.join('')}"`);
const heredoc = fc
  .tuple(
    fc.constantFrom('<<', '<<-'),
    fc.array(fc.array(fc.constantFrom('$', '{', ' ', 'x', '"', '\\', '%'), { maxLength: 5 }), { maxLength: 3 }),
  )
  .map(([open, lines]) => `${open}END\n${lines.map((line) => `${line.join('')}\n`).join('')}END`);
const value = fc.oneof(
  quoted,
  heredoc,
  fc.constantFrom('true', 'false', '587', '-1.5', '0', '[1, "]"]', '{ b = "}" }', '1 + 1', '"', '}', ''),
);
const noise = fc.constantFrom('', ' ', '# c = 1', '// "', '/* " */ ', '\n', '\t');
const file = fc
  .array(fc.tuple(fc.constantFrom('a', 'b', 'email_server', 'c-d', '1x'), value, noise), { maxLength: 4 })
  .map((parts) => parts.map(([name, text, end], index) => `${name}${index} = ${text} ${end}\n`).join(''));

const RUNS = runs(10_000);

/** Files with an escape each, always among those compared, so that the control does not wait for chance. */
const ESCAPED: readonly string[] = ['a = "p$${x}"\n', 'a = "100%%{x}"\n', 'a = <<END\n$${x}\nEND\n'];

describe('beside the parser of HashiCorp', () => {
  it('they mean the same (10,000 files)', async () => {
    let compared = 0;
    let escaped = 0;
    await fc.assert(
      fc.asyncProperty(file, async (text) => {
        const ours = parseTfvars(text);
        let theirs: Record<string, unknown> | undefined;
        try {
          theirs = (await parseWithHashiCorp('test', text)) as Record<string, unknown>;
        } catch {
          theirs = undefined;
        }
        // What they refuse is either refused here as well or passed over as an expression: Terraform says what is wrong with it.
        if (theirs === undefined) return;
        expect(ours.problem, text).toBeUndefined();
        expect(ours.attributes.map(({ name }) => name).toSorted()).toEqual(Object.keys(theirs).toSorted());
        for (const { name, raw } of ours.attributes) {
          const their = theirs[name];
          if (raw.kind === 'text' && raw.text !== '') {
            compared += 1;
            escaped += Number(their !== raw.text);
            expect(raw.text, text).toBe(typeof their === 'string' ? undone(their) : their);
          }
          if (raw.kind === 'number') expect(raw.number).toBe(their);
          if (raw.kind === 'flag') expect(raw.flag).toBe(their);
        }
      }),
      { numRuns: RUNS, examples: ESCAPED.map((text) => [text]) },
    );
    expect(compared).toBeGreaterThan(RUNS / 10);
    // The control: a reader that left the escapes as HashiCorp's parser does would have failed here so often.
    expect(escaped).toBeGreaterThanOrEqual(ESCAPED.length);
  });
});
