import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runs } from '../../../tests/setup/quick.ts';
import { needsSmtpUtf8, parseMailboxAddress } from './index.ts';

/** Why an address is refused, or `undefined` where it is taken. */
function reasonOf(text: string): string | undefined {
  const parsed = parseMailboxAddress(text);
  return parsed.ok ? undefined : parsed.fault.message;
}

describe('an address', () => {
  it.each([
    'user@example.com',
    "o'brien+tag=1@example.com",
    'a@b',
    '!#$%&*-/=?^_`{|}~@example.com',
    '"john smith"@example.com',
    '"a@b"@example.com',
    String.raw`"a\"b\\"@example.com`,
    'user@[192.0.2.1]',
    'user@[IPv6:2001:db8::1]',
    'jörg@müller.example',
    '用户@例子.测试',
    `${'a'.repeat(64)}@example.com`,
  ])('is taken unchanged: %s', (text) => {
    expect(parseMailboxAddress(text)).toEqual({ ok: true, value: text });
  });

  it.each([
    ['', 'it is empty'],
    ['user', 'there is no @'],
    ['@example.com', 'there is nothing before the @'],
    ['user@', 'there is nothing after the @'],
    ['user@example.com\r\nRCPT TO:<evil@example.net>', 'control character or line break'],
    ['user@example.com\n', 'control character or line break'],
    ['us\u0000er@example.com', 'control character or line break'],
    ['user@exam\u2028ple.com', 'control character or line break'],
    ['user@exam\u0085ple.com', 'control character or line break'],
    ['<user@example.com>', 'a space or an angle bracket'],
    ['Ann <user@example.com>', 'a space or an angle bracket'],
    [' user@example.com', 'a space or an angle bracket'],
    ['user@example.com ', 'a space or an angle bracket'],
    ['user@example.com> SIZE=1', 'a space or an angle bracket'],
    ['us\u00a0er@example.com', 'a space or an angle bracket'],
    ['@relay.example,@b.example:user@example.com', 'there is nothing before the @'],
    ['a@b@c', '"b@c" is not a label'],
    ['.user@example.com', 'a dot stands at an end'],
    ['user.@example.com', 'a dot stands at an end'],
    ['us..er@example.com', 'a dot stands at an end or beside another dot'],
    ['us,er@example.com', 'the character "," needs quotes'],
    ['us(comment)er@example.com', 'the character "(" needs quotes'],
    ['"user@example.com', 'there is no @'],
    ['"user"x@example.com', 'there is no @'],
    ['user@-example.com', 'is not a label'],
    ['user@example-.com', 'is not a label'],
    ['user@example..com', 'is not a label'],
    ['user@example.com.', 'is not a label'],
    ['user@exa_mple.com', 'is not a label'],
    [`user@${'a'.repeat(64)}.com`, 'is not a label'],
    ['user@[999.0.2.1]', 'is not an IP address'],
    ['user@[192.0.2.1', 'is not an IP address'],
    ['user@[example.com]', 'is not an IP address'],
    ['us\ud800er@example.com', 'half of a surrogate pair'],
    [`${'a'.repeat(65)}@example.com`, 'longer than 64 bytes'],
    [`${'ü'.repeat(33)}@example.com`, 'longer than 64 bytes'],
    [`user@${'a.'.repeat(125)}com`, 'longer than 254 bytes'],
  ])('is refused: %j', (text, reason) => {
    expect(reasonOf(text)).toContain(reason);
  });

  it('is refused without its bytes breaking the sentence', () => {
    expect(reasonOf('a@b\r\nDATA')).toBe(
      String.raw`"a@b\x0d\x0aDATA" is not a mail address: it holds a control character or line break.`,
    );
  });

  it('is refused in bounded time and words when it is 64 kB of anything', () => {
    const hostile = ['a', '@', '.', '"', '\\"', '(', '<', '[', 'ü', '\ud800', ' ', '\r\n', 'a@b,'].flatMap((piece) => [
      piece.repeat(65_536 / piece.length),
      `"${piece.repeat(65_536 / piece.length)}`,
      `a@${piece.repeat(65_536 / piece.length)}`,
    ]);
    for (const text of hostile) {
      const start = process.cpuUsage();
      expect(reasonOf(text)?.length).toBeLessThan(4000);
      // What others do on the machine does not count: processor time, at least 5 times what was measured (34 ms).
      expect(process.cpuUsage(start).user / 1000).toBeLessThan(250);
    }
  });

  it('never carries a character that ends a command, whatever is tried', () => {
    const piece = fc.constantFrom(
      'a',
      'b.c',
      '@',
      '"',
      '\\',
      '<',
      '>',
      ' ',
      '\r',
      '\n',
      '\t',
      '\u0000',
      '[',
      ']',
      'ü',
      ',',
      ':',
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
        (text) => {
          const parsed = parseMailboxAddress(text);
          if (!parsed.ok) return;
          expect(parsed.value).toBe(text);
          expect(parsed.value).not.toMatch(/[\r\n\0\t]/);
          if (!text.startsWith('"')) expect(parsed.value).not.toMatch(/[<> ]/);
        },
      ),
      { numRuns: runs(50_000) },
    );
  });
});

describe('needsSmtpUtf8', () => {
  it('is true only beyond ASCII', () => {
    expect(needsSmtpUtf8('user@example.com')).toBe(false);
    expect(needsSmtpUtf8('jörg@example.com')).toBe(true);
    expect(needsSmtpUtf8('user@müller.example')).toBe(true);
  });
});
