import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ContentScanner } from './content-scan.ts';

/** The same findings by plain means. */
function findings(text: string) {
  const bare = /\r(?!\n)|(?<!\r)\n/.exec(text);
  const line = bare === null ? 0 : text.slice(0, bare.index).split('\r\n').length;
  return {
    bare: bare === null ? undefined : { line, ending: bare[0] === '\r' ? 'a CR without LF' : 'an LF without CR' },
    hasDots: /(?:^|\r\n)\./.test(text),
    isEightBit: /[\u0080-\u00ff]/.test(text),
    isAtLineStart: text === '' || text.endsWith('\r\n'),
  };
}

function scanned(pieces: readonly Uint8Array[]) {
  const scanner = new ContentScanner();
  const hasDots = pieces.map((piece) => scanner.scan(piece)).includes(true);
  const bare = scanner.end();
  return { bare, hasDots, isEightBit: scanner.isEightBit, isAtLineStart: scanner.isAtLineStart };
}

const text = fc
  .array(
    fc.oneof(
      fc.constantFrom('\r\n', '\r\n', '\r\n.', '.', '\t', '\0', '\u000f', '\u0010', 'é', '\u00ff', '\u0080'),
      fc.nat(30).map((length) => 'text and more text, and dots. too'.slice(0, length)),
      { weight: 1, arbitrary: fc.constantFrom('\r', '\n') },
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''));

describe('what is found in content', () => {
  it('is what plain means find, at every alignment and however it is cut: 30,000 texts', () => {
    fc.assert(
      fc.property(text, fc.nat(7), fc.array(fc.nat(100), { maxLength: 3 }), (wanted, offset, cuts) => {
        const bytes = Buffer.from('x'.repeat(offset) + wanted, 'latin1').subarray(offset);
        const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].toSorted((a, b) => a - b);
        const pieces = [0, ...places].map((start, index) => bytes.subarray(start, places[index] ?? bytes.length));
        const expected = findings(wanted);
        const found = scanned(pieces);
        expect(found.bare).toEqual(expected.bare);
        // After a wrong ending the rest does not matter: the message goes nowhere.
        if (expected.bare === undefined) expect(found).toEqual(expected);
      }),
      { numRuns: 30_000 },
    );
  });
});
