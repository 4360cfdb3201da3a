/** Bytes in, the same bytes out, however they were split; and the framer against a plain reading of the rules. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runs } from '../../../../tests/setup/quick.ts';
import { DotDecoder, LineEndingCheck } from './dot-decoder.ts';
import { InputBuffer } from './input-buffer.ts';
import { collectingServer } from './testing/collecting-server.ts';
import { cutAt, speak } from './testing/memory-client.ts';

const places = fc.array(fc.nat(2000), { maxLength: 12 });

/** Few different bytes, so that the interesting sequences are frequent. */
const trickyBytes = (alphabet: string, maxLength: number): fc.Arbitrary<Buffer> =>
  fc
    .array(fc.constantFrom(...alphabet.split('')), { maxLength })
    .map((characters) => Buffer.from(characters.join(''), 'latin1'));

function stuff(content: Buffer): Buffer {
  return Buffer.from(`${content.toString('latin1').replaceAll(/(^|\n)\./g, '$1..')}.\r\n`, 'latin1');
}

describe('DATA', () => {
  const line = fc.oneof(
    fc.constantFrom('', '.', '..', '...', '.x', 'x.', '. ', 'x'.repeat(998), 'x'.repeat(5000)),
    fc
      .uint8Array({ maxLength: 90 })
      .map((bytes) => Buffer.from(bytes.filter((byte) => byte !== 0 && byte !== 10 && byte !== 13)).toString('latin1')),
  );
  const body = fc
    .array(line, { maxLength: 12 })
    .map((lines) => Buffer.from(lines.map((text) => `${text}\r\n`).join(''), 'latin1'));

  it('gives the handler the bytes that were sent, for 10,000 random bodies and splits', async () => {
    const { server, messages, errors } = collectingServer();
    const head = 'EHLO a\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n';
    await fc.assert(
      fc.asyncProperty(body, places, fc.boolean(), async (content, at, isPaced) => {
        messages.length = 0;
        const bytes = Buffer.concat([Buffer.from(head), stuff(content), Buffer.from('QUIT\r\n')]);
        const said = await speak(server, cutAt(bytes, at), { isPaced });
        expect(messages.map((message) => message.content.toString('latin1'))).toEqual([content.toString('latin1')]);
        expect(said).toContain('\r\n221 ');
      }),
      { numRuns: runs(10_000) },
    );
    expect(errors).toEqual([]);
  });

  it('notices a body that was not stuffed, which shows that the comparison can fail', async () => {
    const { server, messages } = collectingServer();
    const content = Buffer.from('one\r\n.two\r\n');
    await speak(server, ['EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n', content, '.\r\nQUIT\r\n']);
    expect(messages[0]?.content.equals(content)).toBe(false);
  });
});

/** The rules read plainly, on the whole input at once. */
function plainReading(input: Buffer): { content: string; used: number; isDone: boolean; isMalformed: boolean } {
  const text = `\r\n${input.toString('latin1')}`;
  const end = text.indexOf('\r\n.\r\n');
  const used = end < 0 ? input.length : end + 3;
  const raw = (end < 0 ? text : text.slice(0, end + 2)).slice(2);
  // What is not yet complete at the end of the input is not yet judged.
  const isMalformed = /\r(?!\n|$)|(?<!\r)\n|\0/.test(raw);
  const complete = end < 0 ? raw.replace(/(^|\n)\.\r?$/, '$1') : raw;
  return { content: complete.replaceAll(/(^|\n)\./g, '$1'), used, isDone: end >= 0, isMalformed };
}

describe('the decoder of DATA', () => {
  it('agrees with a plain reading of the rules on 50,000 tricky inputs, however they are split', () => {
    fc.assert(
      fc.property(trickyBytes('\r\r\n\n..\0ax', 40), places, (input, at) => {
        const decoder = new DotDecoder();
        const contents: Buffer[] = [];
        let used = 0;
        for (const segment of cutAt(Buffer.from(input), at)) {
          if (decoder.isDone) break;
          const decoded = decoder.decode(Buffer.from(segment));
          contents.push(decoded.content);
          used += decoded.usedBytes;
        }
        const plain = plainReading(input);
        expect({ used, isDone: decoder.isDone, isMalformed: decoder.defect !== undefined }).toEqual({
          used: plain.used,
          isDone: plain.isDone,
          isMalformed: plain.isMalformed,
        });
        if (!plain.isMalformed) expect(Buffer.concat(contents).toString('latin1')).toBe(plain.content);
      }),
      { numRuns: runs(50_000) },
    );
  });

  it('names the first defect', () => {
    const defectOf = (text: string) => {
      const decoder = new DotDecoder();
      decoder.decode(Buffer.from(text));
      return decoder.defect;
    };
    expect(defectOf('a\rb\nc\r\n')).toBe('bare-cr');
    expect(defectOf('a\nb\rc\r\n')).toBe('bare-lf');
    expect(defectOf('a\0b\n\r\n')).toBe('nul');
    expect(defectOf('.\rx\r\n')).toBe('bare-cr');
    expect(defectOf('.\n\r\n')).toBe('bare-lf');
    expect(defectOf('a\r\n')).toBeUndefined();
  });

  it('hands out the block itself where no dot was stuffed', () => {
    const block = Buffer.from('one\r\ntwo\r\n');
    expect(new DotDecoder().decode(block).content.buffer).toBe(block.buffer);
  });
});

describe('the check of line endings in chunks', () => {
  it('agrees with a pattern on 50,000 tricky inputs, however they are split', () => {
    fc.assert(
      fc.property(trickyBytes('\r\r\n\n\0a', 16), places, (input, at) => {
        const check = new LineEndingCheck();
        const found = cutAt(input, at).some((segment) => check.defectIn(Buffer.from(segment)) !== undefined);
        expect(found || check.end() !== undefined).toBe(/\r(?!\n)|(?<!\r)\n|\0/.test(input.toString('latin1')));
      }),
      { numRuns: runs(50_000) },
    );
  });
});

describe('command lines', () => {
  it('are the same 50,000 times, however they are split, and only CRLF ends one', () => {
    const LIMIT = 12;
    const expected = (input: string): string[] => {
      const parts = input.split('\n');
      return parts.slice(0, -1).map((part) => {
        if (!part.endsWith('\r')) return 'bare-lf';
        return part.length + 1 > LIMIT ? 'too-long' : part.slice(0, -1);
      });
    };
    fc.assert(
      fc.property(trickyBytes('\r\r\nabcdefgh', 60), places, (input, at) => {
        const buffer = new InputBuffer();
        const lines: string[] = [];
        for (const segment of cutAt(Buffer.from(input), at)) {
          buffer.push(Buffer.from(segment));
          for (let line = buffer.takeLine(LIMIT); line !== undefined; line = buffer.takeLine(LIMIT))
            lines.push(Buffer.isBuffer(line) ? line.toString('latin1') : line);
        }
        expect(lines).toEqual(expected(input.toString('latin1')));
      }),
      { numRuns: runs(50_000) },
    );
  });
});
