import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { oneLine } from './index.ts';

describe('oneLine', () => {
  it('leaves ordinary text as it is, whatever its language', () => {
    for (const text of ['250 2.0.0 OK', 'Grüße, 世界, 🙂', String.raw`C:\temp "x"`, ''])
      expect(oneLine(text)).toBe(text);
  });

  it.each([
    ['250 ok\r\n535 no', String.raw`250 ok\x0d\x0a535 no`],
    ['a\tb\u0000c\u007f', String.raw`a\x09b\x00c\x7f`],
    ['\u001b[31mred\u001b[0m', String.raw`\x1b[31mred\x1b[0m`],
    ['next\u0085line', String.raw`next\x85line`],
    ['line\u2028paragraph\u2029', String.raw`line\u{2028}paragraph\u{2029}`],
    ['exe\u202egpj', String.raw`exe\u{202e}gpj`],
    ['\ufeffmark', String.raw`\u{feff}mark`],
  ])('shows what could break a line or steer a terminal: %j', (text, expected) => {
    expect(oneLine(text)).toBe(expected);
  });

  it('cuts a long text and says so with an ellipsis', () => {
    expect(oneLine('abcdef', 6)).toBe('abcdef');
    expect(oneLine('abcdefg', 6)).toBe('abcde…');
    expect(oneLine('a'.repeat(10_000_000))).toHaveLength(2000);
  });

  it('never leaves half of a surrogate pair, also where it cuts', () => {
    expect(oneLine('\ud83d')).toBe('\ufffd');
    expect(oneLine('🙂🙂', 2).isWellFormed()).toBe(true);
  });

  it('gives one printable line for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (text) => {
        const line = oneLine(text);
        expect(line.split(/\r|\n|\u0085|\u2028|\u2029/)).toHaveLength(1);
        // oxlint-disable-next-line no-control-regex -- control characters are what must not be there
        expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
        expect(oneLine(line)).toBe(line);
      }),
    );
  });
});
