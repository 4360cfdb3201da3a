/**
 * Makes one plain text of whatever a person pastes, so that phrases can be found in it.
 *
 * The rules of this file:
 * - what wraps the words is taken off: escapes of JSON (also nested), HTML entities, curly quotation marks, soft line breaks
 *   of quoted-printable, base64 of a bounce's parts and of an XOAUTH2 challenge;
 * - every run of white space is one space, letters are small; each place still knows its line;
 * - everything is done in time that grows with the length of the text and no faster, and no more than 2 MB are read, half
 *   from the beginning and half from the end.
 */

/** A pasted text, readable. */
export interface PlainText {
  /** Small letters, single spaces. */
  readonly flat: string;
  /** The same with its letters as they were; places are the same. */
  readonly shown: string;
  /** The line of the pasted text, from 1, that holds a place of `flat`. */
  lineAt(place: number): number;
  /** How many lines were read. */
  readonly lines: number;
  /** Whether the middle was too much and left out. */
  readonly isCut: boolean;
}

const MOST_CHARACTERS = 2 * 1024 * 1024;
const MOST_BASE64 = 256 * 1024;

const ESCAPES: Readonly<Record<string, string>> = { r: ' ', n: ' ', t: ' ', '"': '"', "'": "'", '/': '/' };
const ENTITIES: Readonly<Record<string, string>> = {
  quot: '"',
  apos: "'",
  lt: '<',
  gt: '>',
  amp: '&',
  nbsp: ' ',
  '#39': "'",
  '#x27': "'",
  '#34': '"',
};
const LOOKALIKES: Readonly<Record<string, string>> = {
  '‘': "'",
  '’': "'",
  '‚': "'",
  '“': '"',
  '”': '"',
  '„': '"',
  '：': ':',
  '，': ',',
  '；': ';',
  '\u00AD': '',
  '\u200B': '',
  '\uFEFF': '',
};

function withoutEscapes(line: string): string {
  if (!line.includes('\\')) return line;
  return line
    .replaceAll(/(?<!\\)\\+u([0-9a-fA-F]{4})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
    .replaceAll(/(?<!\\)\\+([rnt"'/])/g, (_, escaped: string) => ESCAPES[escaped] ?? escaped);
}

function withoutEntities(line: string): string {
  if (!line.includes('&')) return line;
  return line.replaceAll(/&(#?\w{2,5});/g, (whole, name: string) => ENTITIES[name.toLowerCase()] ?? whole);
}

function withoutLookalikes(line: string): string {
  return line.replaceAll(/[‘’‚“”„：，；\u00AD\u200B\uFEFF]/g, (letter) => LOOKALIKES[letter] ?? letter);
}

function withoutQuotedPrintable(line: string): string {
  return line.replaceAll(/=([0-9A-F]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}

/** The text of a base64 value, where it is one and holds plain text. */
function decoded(base64: string): string | undefined {
  const text = Buffer.from(base64, 'base64').toString('utf8');
  // eslint-disable-next-line no-control-regex -- control characters are what tells text from anything else
  return text === '' || /[\u0000-\u0008\uFFFD]/.test(text) ? undefined : text;
}

/** A challenge of XOAUTH2 is base64 of a JSON object; a token is three such parts with dots between, and is left alone. */
function withChallenges(line: string): string {
  if (!line.includes('eyJ')) return line;
  return line.replaceAll(
    /(^|[\s:'"`])(eyJ[A-Za-z0-9+/]{10,2000}={0,2})(?![\w.+/=-])/g,
    (whole, before: string, value: string) => {
      const text = decoded(value);
      return text === undefined ? whole : `${before}${text}`;
    },
  );
}

interface PlainLine {
  readonly text: string;
  /** Whether the next line continues it without a space. */
  readonly isOpen: boolean;
}

function plainLine(line: string, isQuotedPrintable: boolean): PlainLine {
  const isOpen = isQuotedPrintable && line.endsWith('=');
  const whole = isQuotedPrintable ? withoutQuotedPrintable(isOpen ? line.slice(0, -1) : line) : line;
  const text = withoutLookalikes(withoutEntities(withoutEscapes(withChallenges(whole))));
  return { text: text.replaceAll(/\s+/g, ' '), isOpen };
}

/** The decoded text of base64 parts, put where each begins. */
function withBase64Parts(lines: readonly string[]): readonly string[] {
  if (!lines.some((line) => /^content-transfer-encoding: *base64/i.test(line))) return lines;
  const result: string[] = [];
  let block: string[] = [];
  let bytes = 0;
  const flush = (): void => {
    const text = block.length === 0 ? undefined : decoded(block.join(''));
    result.push(...(text === undefined ? block : [text, ...block.slice(1).map(() => '')]));
    block = [];
  };
  for (const line of lines) {
    const isBase64 = bytes < MOST_BASE64 && /^[A-Za-z0-9+/]{20,}={0,2}$/.test(line.trim());
    if (isBase64) {
      block.push(line.trim());
      bytes += line.length;
    } else {
      flush();
      result.push(line);
    }
  }
  flush();
  return result;
}

/** Reads a pasted text. */
export function readText(pasted: string): PlainText {
  const isCut = pasted.length > MOST_CHARACTERS;
  const half = MOST_CHARACTERS / 2;
  const kept = isCut ? `${pasted.slice(0, half)}\n${pasted.slice(-half)}` : pasted;
  const skipped = isCut ? countLines(pasted, half, pasted.length - half) : 0;
  const lines = withBase64Parts(kept.split(/\r\n|\n|\r/));
  const isQuotedPrintable = lines.some((line) => /^content-transfer-encoding: *quoted-printable/i.test(line));
  const starts: number[] = [];
  const parts: string[] = [];
  let length = 0;
  let isOpen = false;
  for (const line of lines) {
    const plain = plainLine(line, isQuotedPrintable);
    const text = isOpen ? plain.text : plain.text.trimStart();
    const part = length > 0 && !isOpen && text !== '' ? ` ${text.trimEnd()}` : plain.isOpen ? text : text.trimEnd();
    starts.push(length);
    parts.push(part);
    length += part.length;
    isOpen = plain.isOpen;
  }
  const shown = parts.join('');
  const firstSkipped = isCut ? countLines(kept, 0, half) : Number.POSITIVE_INFINITY;
  return {
    flat: sameLengthLower(shown),
    shown,
    lines: lines.length,
    isCut,
    lineAt(place) {
      const index = lastAtMost(starts, place);
      return index + 1 + (index > firstSkipped ? skipped : 0);
    },
  };
}

/** Some letters grow when they become small; those stay as they are, so that places agree. */
function sameLengthLower(text: string): string {
  const lower = text.toLowerCase();
  return lower.length === text.length ? lower : text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function countLines(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf('\n', from); at >= 0 && at < to; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}

/** The last index whose value is at most `wanted`; values ascend. */
function lastAtMost(values: readonly number[], wanted: number): number {
  let [low, high] = [0, values.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((values[middle] ?? 0) <= wanted) low = middle;
    else high = middle - 1;
  }
  return low;
}
