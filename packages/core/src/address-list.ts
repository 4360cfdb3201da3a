/**
 * Lists of addresses, as header fields (`To: Ann <ann@example.com>, bob@example.com`) and command lines hold them.
 *
 * The grammar is RFC 5322 section 3.4: display names, quoted strings, comments (nested), groups (one level), folded lines.
 * Rules of this file:
 * - the text is read once, from left to right, with no recursion, so the time grows with its length and nothing else;
 * - nothing is invented or repaired: what is not in the grammar refuses the whole list. Of the obsolete forms
 *   (section 4.4) only a dot in a display name and empty places between commas are understood; routes are refused;
 * - the only control characters are the tab and a line break that begins a folded line, so a list cannot carry a second
 *   header field or command;
 * - each address is one that {@link parseMailboxAddress} accepted.
 */
import { parseMailboxAddress, type MailboxAddress } from './address.ts';
import { coreFaults } from './faults.ts';
import { failure, success, type Result } from './result.ts';

/** An address with the name that stood beside it. */
export interface NamedAddress {
  /** The display name without quotes and escapes; encoded words of RFC 2047 stay as they are. */
  readonly name?: string;
  readonly address: MailboxAddress;
}

type Special = '<' | '>' | ':' | ';' | ',' | '@';

/** One piece of the text; `start` is where it begins. */
type Token =
  | { readonly kind: Special | 'end'; readonly start: number }
  /** A text with its dots, as written. */
  | { readonly kind: 'atom'; readonly start: number; readonly text: string }
  /** A quoted text: `text` as written with its quotes, `value` what it means. */
  | { readonly kind: 'quoted'; readonly start: number; readonly text: string; readonly value: string }
  /** A domain literal with its brackets. */
  | { readonly kind: 'literal'; readonly start: number; readonly text: string }
  /** What is no piece of a list; the last token where it occurs. */
  | { readonly kind: 'bad'; readonly start: number; readonly reason: string };

type Word = Extract<Token, { kind: 'atom' | 'quoted' }>;

const SPECIALS = '<>:;,@';
const WHITE_SPACE = ' \t\r\n';
const ATOM_ENDS: ReadonlySet<string | undefined> = new Set([
  ...Array.from(`${SPECIALS}${WHITE_SPACE}"()[]\\`),
  undefined,
]);
// Every control character but the tab and CRLF before white space, and the line ends of Unicode
const UNSAFE =
  // oxlint-disable-next-line no-control-regex -- control characters are what is refused
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028\u2029]|\r(?!\n)|(?<!\r)\n|\r\n(?![ \t])/;

/** The index after the comment that begins at `start`, or -1; comments nest, and a backslash takes what follows as it is. */
function endOfComment(text: string, start: number): number {
  let depth = 0;
  for (let index = start; index < text.length; index += 1) {
    const character = text[index];
    if (character === '\\') index += 1;
    else if (character === '(') depth += 1;
    else if (character === ')') {
      depth -= 1;
      if (depth === 0) return index + 1;
    }
  }
  return -1;
}

function quotedAt(text: string, start: number): Token {
  const value: string[] = [];
  for (let index = start + 1; index < text.length; index += 1) {
    const character = text[index] ?? '';
    if (character === '"') return { kind: 'quoted', start, text: text.slice(start, index + 1), value: value.join('') };
    if (character === '\\') {
      index += 1;
      if (text[index] === '\r') return { kind: 'bad', start: index, reason: 'a line break follows a backslash' };
      value.push(text[index] ?? '');
    } else if (character !== '\r' && character !== '\n') value.push(character);
  }
  return { kind: 'bad', start, reason: 'a quoted text is not closed' };
}

function literalAt(text: string, start: number): Token {
  const end = text.indexOf(']', start);
  if (end < 0) return { kind: 'bad', start, reason: 'an address literal is not closed' };
  return { kind: 'literal', start, text: text.slice(start, end + 1) };
}

function tokenAt(text: string, start: number): Token {
  const character = text[start] ?? '';
  if (SPECIALS.includes(character)) return { kind: character as Special, start };
  if (character === '"') return quotedAt(text, start);
  if (character === '[') return literalAt(text, start);
  let end = start;
  while (!ATOM_ENDS.has(text[end])) end += 1;
  if (end === start) return { kind: 'bad', start, reason: `"${character}" may stand only inside quotes` };
  return { kind: 'atom', start, text: text.slice(start, end) };
}

/** The pieces of a list without the white space and comments between them, then `end` or `bad`. */
function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let index = 0;
  while (index < text.length) {
    const character = text[index] ?? '';
    if (WHITE_SPACE.includes(character)) index += 1;
    else if (character === '(') {
      const end = endOfComment(text, index);
      if (end < 0) return [...tokens, { kind: 'bad', start: index, reason: 'a comment is not closed' }];
      index = end;
    } else {
      const token = tokenAt(text, index);
      tokens.push(token);
      if (token.kind === 'bad') return tokens;
      index += 'text' in token ? token.text.length : 1;
    }
  }
  return [...tokens, { kind: 'end', start: text.length }];
}

/** Reads one list; stops at the first problem. */
class ListReader {
  readonly found: { readonly name: string; readonly address: string }[] = [];
  problem: { readonly reason: string; readonly at: number } | undefined;
  hasGroup = false;
  readonly #tokens: readonly Token[];
  #index = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  #token(): Token {
    const token = this.#tokens[this.#index];
    if (token === undefined) throw new Error('a list was read past its end');
    return token;
  }

  /** Steps over a token of this kind; whether there was one. */
  #take(kind: Special): boolean {
    const isHere = this.#token().kind === kind;
    if (isHere) this.#index += 1;
    return isHere;
  }

  #refuse(missing: string): false {
    const token = this.#token();
    const reason = token.kind === 'bad' ? token.reason : `${missing} is missing`;
    this.problem = { reason, at: token.start + 1 };
    return false;
  }

  #words(): Word[] {
    const words: Word[] = [];
    for (let token = this.#token(); token.kind === 'atom' || token.kind === 'quoted'; token = this.#token()) {
      words.push(token);
      this.#index += 1;
    }
    return words;
  }

  /** The rest of an address whose words before the `@` were read, filed under `name`. */
  #address(words: readonly Word[], name: string): boolean {
    const [local, second] = words;
    if (local === undefined) return this.#refuse('an address');
    if (second !== undefined) return this.#refuse('an address in angle brackets');
    if (!this.#take('@')) return this.#refuse('an @');
    const domain = this.#token();
    if (domain.kind !== 'atom' && domain.kind !== 'literal') return this.#refuse('a domain');
    this.#index += 1;
    this.found.push({ name, address: `${local.text}@${domain.text}` });
    return true;
  }

  #mailbox(words: readonly Word[]): boolean {
    if (!this.#take('<')) return this.#address(words, '');
    const name = words.map((word) => (word.kind === 'quoted' ? word.value : word.text)).join(' ');
    return this.#address(this.#words(), name) && (this.#take('>') || this.#refuse('a ">"'));
  }

  /** The addresses inside a group and its semicolon. */
  #group(): boolean {
    this.hasGroup = true;
    while (!this.#take(';')) {
      if (this.#take(',')) continue;
      if (!this.#mailbox(this.#words())) return false;
      if (this.#token().kind !== ',' && this.#token().kind !== ';') return this.#refuse('a ";" after the group');
    }
    return true;
  }

  /** The whole list. */
  read(): boolean {
    while (this.#token().kind !== 'end') {
      if (this.#take(',')) continue;
      const words = this.#words();
      const isGroup = words.length > 0 && this.#take(':');
      if (!(isGroup ? this.#group() : this.#mailbox(words))) return false;
      if (this.#token().kind !== ',' && this.#token().kind !== 'end') return this.#refuse('a comma between addresses');
    }
    return this.found.length > 0 || this.hasGroup || this.#refuse('an address');
  }
}

function refused(text: string, reason: string, at: number): Result<never> {
  return failure(
    coreFaults.make('MESSAGE_ADDRESS_LIST_INVALID', { text: text === '' ? '(nothing)' : text, reason, at }),
  );
}

/**
 * Reads a list of addresses.
 *
 * @returns the addresses in order, those of groups among them; comments and the names of groups are left out. An empty group
 *   gives an empty list. A failure is `MESSAGE_ADDRESS_LIST_INVALID` with the reason and the place, or
 *   `MESSAGE_ADDRESS_INVALID` for one of the addresses; then nothing of the list is given.
 *
 * @example
 * ```ts
 * import { parseAddressList } from '@postbearer/core';
 *
 * const list = parseAddressList('"Smith, Ann" <ann@example.com>, bob@example.com (at home)');
 * list.ok && list.value; // => [{ name: 'Smith, Ann', address: 'ann@example.com' }, { address: 'bob@example.com' }]
 * parseAddressList('c@example.com\r\nRCPT TO:<evil@example.net>').ok; // => false
 * ```
 */
export function parseAddressList(text: string): Result<readonly NamedAddress[]> {
  if (!text.isWellFormed()) return refused(text, 'it holds half of a surrogate pair', 1);
  const unsafe = text.search(UNSAFE);
  if (unsafe >= 0) return refused(text, 'a control character or line break stands in it', unsafe + 1);
  const reader = new ListReader(tokensOf(text));
  reader.read();
  if (reader.problem !== undefined) return refused(text, reader.problem.reason, reader.problem.at);
  const addresses: NamedAddress[] = [];
  for (const { name, address } of reader.found) {
    const parsed = parseMailboxAddress(address);
    if (!parsed.ok) return parsed;
    addresses.push(name === '' ? { address: parsed.value } : { name, address: parsed.value });
  }
  return success(addresses);
}
