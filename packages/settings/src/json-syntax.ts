/**
 * JSON with positions.
 *
 * Rule: what `JSON.parse` takes is taken, and nothing else; a byte order mark is left off before. Unlike `JSON.parse` this
 * knows the line of every value, sees a key that is written twice, and goes on past a comment or a comma too many, so that
 * all mistakes of a file are told at once.
 */
import { parseTree, printParseErrorCode, type Node, type ParseError } from 'jsonc-parser';

/** A place where the text is no JSON. */
export interface JsonProblem {
  readonly offset: number;
  /** For people, within a sentence. */
  readonly problem: string;
}

/** What was read. */
export interface JsonReading {
  /** Absent where the text cannot be read beyond a problem. */
  readonly root?: Node;
  readonly problems: readonly JsonProblem[];
}

const DEEPEST = 64;
const MOST_PROBLEMS = 20;

const WORDS: Readonly<Record<string, string>> = {
  InvalidSymbol: 'a word or sign that JSON does not know; texts and names stand in double quotes',
  InvalidNumberFormat: 'a number that is not written as JSON writes numbers',
  PropertyNameExpected: 'the name of a setting in double quotes is missing here',
  ValueExpected: 'a value is missing here',
  ColonExpected: 'a colon is missing here',
  CommaExpected: 'a comma is missing before this',
  CloseBraceExpected: 'a closing brace } is missing at the end',
  CloseBracketExpected: 'a closing bracket ] is missing at the end',
  EndOfFileExpected: 'there is text after the end',
  InvalidCommentToken: 'JSON has no comments',
  UnexpectedEndOfComment: 'a comment does not end; JSON has no comments',
  UnexpectedEndOfString: 'a text does not end: the closing double quote is missing',
  UnexpectedEndOfNumber: 'a number does not end as JSON writes numbers',
  InvalidUnicode: 'a \\u escape needs four hexadecimal digits',
  InvalidEscapeCharacter: 'a backslash before a character that it cannot stand before; in a path write two',
  InvalidCharacter: 'a line break or control character within a text',
};

/** Where values are nested deeper than any settings are; a recursive reader would not survive it. */
function findTooDeep(text: string): number | undefined {
  let depth = 0;
  let isInText = false;
  for (let offset = 0; offset < text.length; offset += 1) {
    const char = text[offset] ?? '';
    if (isInText && char === '\\') offset += 1;
    else if (char === '"' || char === '\n') isInText = char === '"' && !isInText;
    else if (!isInText && (char === '{' || char === '[')) depth += 1;
    else if (!isInText && (char === '}' || char === ']')) depth -= 1;
    if (depth > DEEPEST) return offset;
  }
  return undefined;
}

interface Place {
  readonly offset: number;
  readonly codes: readonly string[];
}

function byOffset(errors: readonly ParseError[]): Place[] {
  const codes = new Map<number, string[]>();
  for (const { error, offset } of errors) {
    const known = codes.get(offset);
    if (known === undefined) codes.set(offset, [printParseErrorCode(error)]);
    else known.push(printParseErrorCode(error));
  }
  return [...codes].map(([offset, names]) => ({ offset, codes: names })).toSorted((a, b) => a.offset - b.offset);
}

/** Whether what follows was still understood: a comment, a comma too many, a comma missing between two settings. */
function isHarmless(text: string, { offset, codes }: Place): boolean {
  if (codes[0] === 'InvalidCommentToken') return true;
  if (codes[0] === 'CommaExpected') return codes.length === 1;
  return isCommaTooMany(text, offset, codes);
}

function isCommaTooMany(text: string, offset: number, codes: readonly string[]): boolean {
  return (
    (codes[0] === 'PropertyNameExpected' || codes[0] === 'ValueExpected') &&
    text.slice(0, offset).trimEnd().endsWith(',') &&
    /[}\],]/.test(text[offset] ?? '')
  );
}

function describe(text: string, { offset, codes }: Place): JsonProblem {
  const problem = isCommaTooMany(text, offset, codes)
    ? 'there is a comma too many before this'
    : (WORDS[codes[0] ?? ''] ?? 'this is not JSON');
  return { offset, problem };
}

/** Reads JSON text without its byte order mark. */
export function parseJson(text: string): JsonReading {
  const deep = findTooDeep(text);
  if (deep !== undefined)
    return { problems: [{ offset: deep, problem: `values are nested more than ${DEEPEST} deep` }] };
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { disallowComments: true, allowTrailingComma: false });
  const places = byOffset(errors);
  const stop = places.findIndex((place) => !isHarmless(text, place));
  const told = stop < 0 ? places : places.slice(0, stop + 1);
  const problems = told.slice(0, MOST_PROBLEMS).map((place) => describe(text, place));
  return stop < 0 && root !== undefined ? { root, problems } : { problems };
}

/** Says which line an offset is in, from 1; a line ends with LF, CRLF or CR. */
export function lineFinder(text: string): (offset: number) => number {
  const starts = [0, ...[...text.matchAll(/\r\n|\n|\r/g)].map((match) => match.index + match[0].length)];
  return (offset) => {
    const next = starts.findIndex((start) => start > offset);
    return next < 0 ? starts.length : next;
  };
}

/** A member of an object. */
export interface Property {
  readonly name: string;
  readonly key: Node;
  readonly value: Node;
}

/** The members of an object in their order. */
export function propertiesOf(node: Node): Property[] {
  return (node.children ?? []).flatMap(({ children }) => {
    const [key, value] = children ?? [];
    return key === undefined || value === undefined ? [] : [{ name: String(key.value), key, value }];
  });
}

/** What kind of thing a value is, for people. */
export function kindOf(node: Node): string {
  switch (node.type) {
    case 'object':
      return 'an object';
    case 'array':
      return 'a list';
    case 'null':
      return 'null';
    case 'string':
      return 'a text';
    case 'boolean':
      return String(node.value);
    case 'number':
      return 'a number';
    case 'property':
      return 'a property';
  }
}
