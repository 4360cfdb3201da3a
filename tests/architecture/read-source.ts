/**
 * Reads the imports of a TypeScript source, type imports included: a type is coupling too.
 *
 * The text is cut into tokens first, so that comments (whose samples look like imports), strings and templates cannot be
 * mistaken for code.
 */

/** A token: a word, a string (without quotes) or one character of punctuation. */
export interface SourceToken {
  readonly kind: 'word' | 'string' | 'template' | 'mark';
  readonly text: string;
  readonly line: number;
}

/** One import, re-export, dynamic import, `require` or `process.getBuiltinModule`. */
export interface SourceImport {
  /** What is imported; `undefined` where it is computed at run time. */
  readonly specifier: string | undefined;
  readonly line: number;
}

const WORD = /[\p{L}\p{N}_$#]+/uy;
/** After one of these words a slash begins a regular expression; after any other it divides. */
const BEFORE_EXPRESSION: ReadonlySet<string> = new Set(
  'return typeof case in of instanceof new delete void do else yield await throw'.split(' '),
);

function endOfQuoted(text: string, start: number): number {
  const quote = text[start];
  for (let index = start + 1; index < text.length; index += 1) {
    if (text[index] === '\\') index += 1;
    else if (text[index] === quote || text[index] === '\n') return index + 1;
  }
  return text.length;
}

function endOfTemplate(text: string, start: number): number {
  for (let index = start + 1; index < text.length; index += 1) {
    if (text[index] === '\\') index += 1;
    else if (text[index] === '`') return index + 1;
    else if (text.startsWith('${', index)) index = endOfPlaceholder(text, index + 2) - 1;
  }
  return text.length;
}

function endOfPlaceholder(text: string, start: number): number {
  let depth = 1;
  for (let index = start; index < text.length; index += 1) {
    const character = text[index];
    if (character === '`') index = endOfTemplate(text, index) - 1;
    else if (character === "'" || character === '"') index = endOfQuoted(text, index) - 1;
    else if (character === '{') depth += 1;
    else if (character === '}') {
      depth -= 1;
      if (depth === 0) return index + 1;
    }
  }
  return text.length;
}

function endOfRegExp(text: string, start: number): number {
  let inClass = false;
  for (let index = start + 1; index < text.length; index += 1) {
    const character = text[index];
    if (character === '\\') index += 1;
    else if (character === '[') inClass = true;
    else if (character === ']') inClass = false;
    else if (character === '\n' || (character === '/' && !inClass)) return index + 1;
  }
  return text.length;
}

function endOfComment(text: string, start: number): number | undefined {
  const end = text.startsWith('//', start)
    ? text.indexOf('\n', start)
    : text.startsWith('/*', start)
      ? text.indexOf('*/', start + 2) + 2
      : undefined;
  return end === undefined ? undefined : end <= start ? text.length : end;
}

function beginsExpression(before: SourceToken | undefined): boolean {
  if (before === undefined) return true;
  if (before.kind === 'word') return BEFORE_EXPRESSION.has(before.text);
  return before.kind === 'mark' && before.text !== ')' && before.text !== ']' && before.text !== '}';
}

/** What begins at `start`, and where it ends. */
function pieceAt(text: string, start: number, before: SourceToken | undefined) {
  const character = text[start] ?? '';
  if (character === "'" || character === '"') return { kind: 'string', end: endOfQuoted(text, start) } as const;
  if (character === '`') return { kind: 'template', end: endOfTemplate(text, start) } as const;
  if (character === '/' && beginsExpression(before))
    return { kind: 'template', end: endOfRegExp(text, start) } as const;
  WORD.lastIndex = start;
  const word = WORD.exec(text)?.[0];
  if (word !== undefined) return { kind: 'word', end: start + word.length } as const;
  return { kind: 'mark', end: start + 1 } as const;
}

/** The tokens of a source, without comments and white space. */
export function tokensOf(text: string): SourceToken[] {
  const tokens: SourceToken[] = [];
  let [index, line] = [0, 1];
  while (index < text.length) {
    const start = index;
    const comment = endOfComment(text, start);
    if (comment !== undefined) index = comment;
    else if (/\s/.test(text[start] ?? '')) index += 1;
    else {
      const { kind, end } = pieceAt(text, start, tokens.at(-1));
      tokens.push({ kind, line, text: kind === 'string' ? text.slice(start + 1, end - 1) : text.slice(start, end) });
      index = end;
    }
    for (let at = start; at < index; at += 1) if (text[at] === '\n') line += 1;
  }
  return tokens;
}

/** The names by which a module is loaded past the import list. */
const BUILTIN_LOADER = 'getBuiltinModule';
const LOADER_MAKER = 'createRequire';

/**
 * The imports of a source.
 *
 * A `require` made with `createRequire` may go by any name from there on, so to name the maker counts as an import that
 * cannot be read; so does every `getBuiltinModule` but a call with a literal name.
 */
export function importsOf(tokens: readonly SourceToken[]): SourceImport[] {
  const imports: SourceImport[] = [];
  for (const [index, token] of tokens.entries()) {
    const [next, afterNext] = [tokens[index + 1], tokens[index + 2]];
    const isCall = next?.kind === 'mark' && next.text === '(';
    const literal = isCall && afterNext?.kind === 'string' ? afterNext.text : undefined;
    if (token.text === LOADER_MAKER) imports.push({ specifier: undefined, line: token.line });
    if (token.text === BUILTIN_LOADER) imports.push({ specifier: literal, line: token.line });
    if (token.kind !== 'word' || tokens[index - 1]?.text === '.') continue;
    if ((token.text === 'from' || token.text === 'import') && next?.kind === 'string') {
      imports.push({ specifier: next.text, line: token.line });
    } else if ((token.text === 'import' || token.text === 'require') && isCall) {
      imports.push({ specifier: literal, line: token.line });
    }
  }
  return imports;
}

const GLOBAL_OBJECTS: ReadonlySet<string> = new Set(['globalThis', 'global']);

/** Where a source names one of `names` as a global: bare, or as a member of the global object. */
export function globalsOf(tokens: readonly SourceToken[], names: ReadonlySet<string>): SourceToken[] {
  return tokens.filter(({ kind, text }, index) => {
    if (!names.has(text) || kind === 'template') return false;
    const [before, owner] = tokens
      .slice(Math.max(0, index - 4), index)
      .filter(({ text: mark }) => mark !== '?')
      .toReversed();
    const isOfGlobal = owner !== undefined && GLOBAL_OBJECTS.has(owner.text);
    if (kind === 'string') return before?.text === '[' && isOfGlobal;
    return before?.text !== '.' || isOfGlobal;
  });
}
