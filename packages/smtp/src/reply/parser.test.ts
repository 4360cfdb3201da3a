import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReplyParser, replyText, type ReplyBatch, type ReplyLimits } from './index.ts';

const parse = (text: string | Uint8Array, limits?: Partial<ReplyLimits>): ReplyBatch =>
  new ReplyParser(limits).feed(Buffer.from(text));

/** Feeds `bytes` cut at the given places and joins what comes out. */
function parseCut(bytes: Uint8Array, cuts: readonly number[], limits?: Partial<ReplyLimits>): ReplyBatch {
  const parser = new ReplyParser(limits);
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].toSorted((a, b) => a - b);
  const batches = [0, ...places].map((start, index) =>
    parser.feed(bytes.subarray(start, places[index] ?? bytes.length)),
  );
  const fault = batches.at(-1)?.fault;
  return { replies: batches.flatMap(({ replies }) => replies), ...(fault === undefined ? {} : { fault }) };
}

describe('a reply', () => {
  it('has a code, an enhanced code and text', () => {
    expect(parse('550 5.1.1 no such user\r\n').replies).toEqual([
      { code: 550, enhanced: '5.1.1', lines: ['no such user'] },
    ]);
    expect(parse('250 ok\r\n').replies).toEqual([{ code: 250, lines: ['ok'] }]);
  });

  it('may have many lines, and several may come together', () => {
    expect(parse('250-one\r\n250-two\r\n250 three\r\n221 bye\r\n').replies).toEqual([
      { code: 250, lines: ['one', 'two', 'three'] },
      { code: 221, lines: ['bye'] },
    ]);
  });

  it('may have no text, with or without the separator, and may end its lines with LF alone', () => {
    expect(parse('250\r\n354 \r\n250-\r\n250 x\n334 \n').replies).toEqual([
      { code: 250, lines: [''] },
      { code: 354, lines: [''] },
      { code: 250, lines: ['', 'x'] },
      { code: 334, lines: [''] },
    ]);
  });

  it('has an enhanced code only where its class agrees with the code', () => {
    expect(parse('250 5.1.1 odd\r\n').replies).toEqual([{ code: 250, lines: ['5.1.1 odd'] }]);
    expect(parse('535 5.7.139 Authentication unsuccessful\r\n').replies).toMatchObject([{ enhanced: '5.7.139' }]);
    expect(parse('250 2.0.0\r\n').replies).toEqual([{ code: 250, enhanced: '2.0.0', lines: [''] }]);
    expect(parse('250 2.0 ok\r\n').replies).toEqual([{ code: 250, lines: ['2.0 ok'] }]);
    expect(parse('250 2.0.1234 ok\r\n').replies).toEqual([{ code: 250, lines: ['2.0.1234 ok'] }]);
  });

  it('keeps an enhanced code that differs from the first in the text of its line', () => {
    expect(parse('550-5.7.1 first\r\n550-5.7.1 second\r\n550 5.7.26 third\r\n').replies).toEqual([
      { code: 550, enhanced: '5.7.1', lines: ['first', 'second', '5.7.26 third'] },
    ]);
  });

  it('is safe to show, whatever bytes it holds', () => {
    const bytes = Buffer.concat([Buffer.from('250 a\0b\u001b[31mc\rd é '), Buffer.of(0xff, 0x0d, 0x0a)]);
    expect(parse(bytes).replies).toEqual([{ code: 250, lines: ['a\\x00b\\x1b[31mc\\x0dd é \u{fffd}'] }]);
  });

  it('reads as one line', () => {
    expect(parse('250-2.1.0 Sender\r\n250 2.1.0 OK\r\n').replies.map((reply) => replyText(reply))).toEqual([
      '250 2.1.0 Sender OK',
    ]);
  });
});

describe('what is no reply is refused', () => {
  it.each([
    ['HTTP/1.1 400 Bad Request', 'three digits'],
    ['', 'three digits'],
    ['25', 'three digits'],
    ['150 ok', 'three digits'],
    ['650 ok', 'three digits'],
    ['2500 ok', 'a space or a hyphen'],
    ['250_ok', 'a space or a hyphen'],
    ['250-one\r\n251 two', 'began with code 250'],
    ['250-one\r\n250-two\r\n550 no', 'began with code 250'],
  ])('%j', (text, reason) => {
    const { replies, fault } = parse(`${text}\r\n`);
    expect(replies).toEqual([]);
    expect(fault?.code).toBe('SMTP_REPLY_MALFORMED');
    expect(fault?.message).toContain(reason);
  });

  it('after the replies before it, and for good', () => {
    const parser = new ReplyParser();
    const batch = parser.feed(Buffer.from('250 ok\r\nnonsense\r\n250 ok\r\n'));
    expect(batch.replies).toEqual([{ code: 250, lines: ['ok'] }]);
    expect(batch.fault?.message).toContain('The server sent "nonsense"');
    expect(parser.feed(Buffer.from('250 ok\r\n'))).toEqual({ replies: [], fault: batch.fault });
  });
});

describe('a bound', () => {
  const limits = { maxLineBytes: 20, maxLines: 3, maxBytes: 40 };

  it.each([
    ['of a line', `250 ${'x'.repeat(16)}\r\n`, `250 ${'x'.repeat(17)}\r\n`],
    ['of the lines', '250-a\r\n250-b\r\n250 c\r\n', '250-a\r\n250-b\r\n250-c\r\n250 d\r\n'],
    [
      'of all bytes',
      `250-${'x'.repeat(16)}\r\n250 ${'x'.repeat(16)}\r\n`,
      `250-${'x'.repeat(16)}\r\n250-${'x'.repeat(16)}\r\n250 \r\n`,
    ],
  ])('%s is kept', (_, allowed, tooMuch) => {
    expect(parse(allowed, limits).fault).toBeUndefined();
    expect(parse(tooMuch, limits)).toMatchObject({ replies: [], fault: { code: 'SMTP_REPLY_TOO_LONG' } });
  });

  it('holds before a line has ended', () => {
    expect(parse('220-'.padEnd(100, 'x'), limits).fault?.code).toBe('SMTP_REPLY_TOO_LONG');
  });

  it('counts anew for each reply', () => {
    expect(parse(`250 ${'x'.repeat(16)}\r\n`.repeat(10), limits).replies).toHaveLength(10);
  });
});

describe('however the bytes are split', () => {
  const line = fc.oneof(
    fc.constantFrom(
      '250 ok',
      '250-more',
      '220',
      '354 go',
      '550 5.1.1 no',
      '550-5.1.1 no',
      '4',
      '',
      '421 4.3.2 x',
      'x\0\u001b\r',
    ),
    fc.string({ maxLength: 30 }),
    fc
      .tuple(
        fc.integer({ min: 199, max: 600 }),
        fc.constantFrom(' ', '-', ''),
        fc.string({ maxLength: 12, unit: 'binary' }),
      )
      .map((parts) => parts.join('')),
  );
  const text = fc
    .array(fc.tuple(line, fc.constantFrom('\r\n', '\n', '\r\n', '\r\r\n', '')), { maxLength: 8 })
    .map((lines) => Buffer.from(lines.flat().join(''), 'utf8'));
  const limits = { maxLineBytes: 24, maxLines: 4, maxBytes: 60 };

  it('50,000 texts give the same replies and the same fault, and nothing but replies and faults', () => {
    fc.assert(
      fc.property(text, fc.array(fc.nat(200), { maxLength: 6 }), (bytes, cuts) => {
        const whole = parse(bytes, limits);
        expect(parseCut(bytes, cuts, limits)).toEqual(whole);
        for (const reply of whole.replies) {
          expect(reply.code).toBeGreaterThanOrEqual(200);
          expect(reply.code).toBeLessThan(600);
          // oxlint-disable-next-line no-control-regex -- control characters are what must not be there
          expect(reply.lines.join('')).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
        }
      }),
      { numRuns: 50_000 },
    );
  });

  it('this comparison notices a parser that forgets what came before a cut', () => {
    const forgetful = (bytes: Uint8Array, cuts: readonly number[]): ReplyBatch => {
      const [cut = 0] = cuts;
      return { replies: [parse(bytes.subarray(0, cut)), parse(bytes.subarray(cut))].flatMap(({ replies }) => replies) };
    };
    const bytes = Buffer.from('250 all of it\r\n');
    expect(forgetful(bytes, [5])).not.toEqual(parse(bytes));
  });
});

describe('isMidReply', () => {
  it('tells whether a reply has begun and is not complete', () => {
    const parser = new ReplyParser();
    const states = ['250 ok\r\n', '250', '-one\r\n', '250 two', '\r\n'].map((piece) => {
      parser.feed(Buffer.from(piece));
      return parser.isMidReply;
    });
    expect(states).toEqual([false, true, true, true, false]);
  });
});
