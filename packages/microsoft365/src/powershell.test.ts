import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { powerShellArgument } from './index.ts';

const QUOTES = ["'", '\u2018', '\u2019', '\u201a', '\u201b'];

function isQuote(character: string | undefined): boolean {
  return character !== undefined && QUOTES.includes(character);
}

/** What PowerShell reads: the content of one single-quoted string, or undefined where the text is more or less than one. */
function readSingleQuoted(text: string): string | undefined {
  const characters = Array.from(text);
  if (!isQuote(characters[0])) return undefined;
  let content = '';
  for (let index = 1; index < characters.length; index += 1) {
    if (!isQuote(characters[index])) content += characters[index];
    else if (isQuote(characters[index + 1])) content += characters[(index += 1)];
    else return index === characters.length - 1 ? content : undefined;
  }
  return undefined;
}

describe('powerShellArgument', () => {
  it.each([
    ['notifications@contoso.com', 'notifications@contoso.com'],
    ['12345678-1234-1234-1234-123456789012', '12345678-1234-1234-1234-123456789012'],
    ["o'neil@contoso.com", "'o''neil@contoso.com'"],
    ['o\u2019neil@contoso.com', "'o\u2019\u2019neil@contoso.com'"],
    ['a b@contoso.com', "'a b@contoso.com'"],
    ['$(whoami)@contoso.com', "'$(whoami)@contoso.com'"],
    ['-Force', "'-Force'"],
    ['a@contoso.com;b', "'a@contoso.com;b'"],
    ['', '<mailbox>'],
    ['a@contoso.com\r\nRemove-Mailbox x', '<mailbox>'],
    ["'".repeat(300), '<mailbox>'],
  ])('writes %j as %s', (value, expected) => {
    expect(powerShellArgument(value, 'mailbox')).toBe(expected);
  });

  it('is one argument with the value as its content, whatever the value', () => {
    const value = fc.string({ unit: 'binary', maxLength: 120 });
    const nasty = fc.array(fc.constantFrom(...QUOTES, '"', '`', '$', ';', 'a', '@', ' ', '\n'), { maxLength: 40 });
    fc.assert(
      fc.property(
        fc.oneof(
          value,
          nasty.map((parts) => parts.join('')),
        ),
        (text) => {
          const argument = powerShellArgument(text, 'mailbox');
          if (argument === '<mailbox>' || argument === text) return /^[A-Za-z0-9._@<>-]+$/.test(argument);
          return readSingleQuoted(argument) === text;
        },
      ),
      { numRuns: 5000 },
    );
  });

  it('would be caught if only the ASCII quote were doubled', () => {
    const value = 'x\u2019; Remove-Mailbox y';
    expect(readSingleQuoted(`'${value.replaceAll("'", "''")}'`)).toBeUndefined();
  });
});
