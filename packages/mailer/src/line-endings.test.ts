import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toCrlf } from './line-endings.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const convert = (text: string): string => {
  const result = toCrlf(bytes(text));
  return result.ok ? Buffer.from(result.value).toString('utf8') : `${result.fault.code} ${result.fault.message}`;
};

test('a message with CRLF throughout is the very same array', () => {
  const message = bytes('Subject: a\r\n\r\nbody\r\n');
  const result = toCrlf(message);
  expect(result.ok && result.value).toBe(message);
});

test.each([
  ['a\nb\n', 'a\r\nb\r\n'],
  ['\n\n', '\r\n\r\n'],
  ['no line break', 'no line break'],
  ['', ''],
])('LF throughout becomes CRLF: %j', (unix, network) => {
  expect(convert(unix)).toBe(network);
});

test.each([
  ['a\r\nb\n', 'line 2 ends with a bare LF, the lines before it with CRLF'],
  ['a\nb\r\n', 'line 2 ends with CRLF, the lines before it with a bare LF'],
  ['a\rb', 'line 1 ends with a bare CR'],
  ['a\r\nb\r', 'line 2 ends with a bare CR'],
  ['a\nb\rc\n', 'line 2 ends with a bare CR'],
  ['a\r\r\n', 'line 1 ends with a bare CR'],
])('mixed line endings are refused with the line: %j', (mixed, reason) => {
  const said = convert(mixed);
  expect(said).toContain('MESSAGE_MIXED_LINE_ENDINGS');
  expect(said).toContain(reason);
});

test('whatever comes out holds no bare CR or LF, and loses no other byte', () => {
  const text = fc
    .array(fc.constantFrom('a', '.', '\r', '\n', '\r\n', ' '), { maxLength: 60 })
    .map((parts) => parts.join(''));
  let converted = 0;
  fc.assert(
    fc.property(text, (message) => {
      const result = toCrlf(bytes(message));
      if (!result.ok) return;
      converted += 1;
      const out = Buffer.from(result.value).toString('latin1');
      expect(out).not.toMatch(/[^\r]\n|^\n|\r(?!\n)/);
      expect(out.replaceAll('\r\n', '')).toBe(message.replaceAll('\r\n', '').replaceAll('\n', ''));
    }),
    { numRuns: 5000 },
  );
  expect(converted).toBeGreaterThan(100);
});
