/**
 * The values of a Terraform variables file (`*.tfvars`), with their positions.
 *
 * Rule: a value is read where it is a literal: a quoted text, a heredoc, a number, true, false or null. Anything else (a list,
 * an object, an expression, a text with `${…}`) is passed over to its end and named for what it is. Terraform writes a plain
 * `${` within a text as `$${` and a plain `%{` as `%%{`; both are undone here, or a secret with `${` in it would be wrong.
 *
 * Source: HCL Native Syntax Specification, sections "Structural Elements" and "Template Literals"
 * (github.com/hashicorp/hcl, hclsyntax/spec.md), read 2026-11-24. Reads without recursion, so no nesting is too deep.
 */
import type { RawValue } from './value.ts';

/** One `name = value`. */
export interface TfvarsAttribute {
  readonly name: string;
  readonly offset: number;
  readonly raw: RawValue;
}

/** What was read, up to the first place that is no such file. */
export interface TfvarsReading {
  readonly attributes: readonly TfvarsAttribute[];
  readonly problem?: { readonly offset: number; readonly problem: string };
}

class Problem extends Error {
  readonly offset: number;

  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

const NAME = /[\p{ID_Start}_][\p{ID_Continue}-]*/uy;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])/y;
const WORD = /(?:true|false|null)(?![\w-])/y;
const HEREDOC = /<<(-?)([\p{ID_Start}_][\p{ID_Continue}-]*)\r?\n/uy;
/** What has no meaning within a quoted text. */
const PLAIN = /[^"\\$%\n]+/y;
const NOT_OURS = { list: 'a list', object: 'an object', expression: 'an expression' } as const;
const TEMPLATE = 'a text with an expression (a plain ${ is written $${)';
const CLOSERS: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\' };

/** Undoes `$${` and `%%{`; `undefined` where an expression stands in the text. */
function undoTemplateEscapes(text: string): string | undefined {
  let isLiteral = true;
  const undone = text.replaceAll(/\$\$\{|%%\{|\$\{|%\{/g, (found) => {
    if (found.length === 2) isLiteral = false;
    return found.slice(-2);
  });
  return isLiteral ? undone : undefined;
}

/** One pass over one text. */
class Scanner {
  readonly #text: string;
  #offset = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get offset(): number {
    return this.#offset;
  }

  get isAtEnd(): boolean {
    return this.#offset >= this.#text.length;
  }

  #take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#offset;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    this.#offset = pattern.lastIndex;
    return match;
  }

  #startsWith(text: string): boolean {
    return this.#text.startsWith(text, this.#offset);
  }

  /** Passes over blanks and comments, and over line breaks where they mean nothing. */
  skipSpace(withLines: boolean): void {
    for (;;) {
      const char = this.#text[this.#offset];
      if (char === ' ' || char === '\t' || char === '\r') this.#offset += 1;
      else if (char === '\n' && withLines) this.#offset += 1;
      else if (char === '#' || this.#startsWith('//')) this.#skipTo('\n', false);
      else if (this.#startsWith('/*')) this.#skipTo('*/', true);
      else return;
    }
  }

  #skipTo(end: string, isInside: boolean): void {
    const found = this.#text.indexOf(end, this.#offset + (isInside ? 2 : 0));
    if (found < 0 && isInside) throw new Problem(this.#offset, 'a comment does not end');
    this.#offset = found < 0 ? this.#text.length : found + (isInside ? end.length : 0);
  }

  readName(): string {
    const name = this.#take(NAME)?.[0];
    if (name === undefined) throw new Problem(this.#offset, 'the name of a variable, without quotes, is expected here');
    this.skipSpace(false);
    if (this.#startsWith('==') || !this.#startsWith('='))
      throw new Problem(this.#offset, 'an equals sign is expected after the name of a variable');
    this.#offset += 1;
    this.skipSpace(false);
    return name;
  }

  /** The value up to the end of its line; line breaks within brackets belong to it. */
  readValue(): RawValue {
    const start = this.#offset;
    const literal = this.#readLiteral();
    if (literal !== undefined && this.#isAtLineEnd()) return literal;
    this.#offset = start;
    this.#skipExpression();
    const first = this.#text[start];
    return {
      kind: 'other',
      what: first === '[' ? NOT_OURS.list : first === '{' ? NOT_OURS.object : NOT_OURS.expression,
    };
  }

  #isAtLineEnd(): boolean {
    this.skipSpace(false);
    return this.isAtEnd || this.#text[this.#offset] === '\n';
  }

  #readLiteral(): RawValue | undefined {
    if (this.#startsWith('"')) return this.#readQuoted();
    if (this.#startsWith('<<')) return this.#readHeredoc();
    const word = this.#take(WORD)?.[0];
    // null means that the variable is not set
    if (word === 'null') return { kind: 'text', text: '' };
    if (word !== undefined) return { kind: 'flag', flag: word === 'true' };
    const number = this.#take(NUMBER)?.[0];
    return number === undefined ? undefined : { kind: 'number', number: Number(number) };
  }

  #readQuoted(): RawValue | undefined {
    const start = this.#offset + 1;
    this.#skipExpression(1);
    const source = this.#text.slice(start, this.#offset - 1);
    const text = undoTemplateEscapes(source);
    if (text === undefined) return { kind: 'other', what: TEMPLATE };
    return { kind: 'text', text: this.#undoBackslashes(text, start) };
  }

  #undoBackslashes(text: string, start: number): string {
    return text.replaceAll(
      /\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.?))/gsu,
      (_, short?: string, long?: string, char?: string) => {
        const code = Number.parseInt(short ?? long ?? '', 16);
        if (code <= 0x10ffff) return String.fromCodePoint(code);
        const plain = ESCAPES[char ?? ''];
        if (plain === undefined)
          throw new Problem(
            start,
            String.raw`a backslash stands before a character that it cannot stand before; write \\`,
          );
        return plain;
      },
    );
  }

  #readHeredoc(): RawValue {
    const start = this.#offset;
    const head = this.#take(HEREDOC);
    if (head === undefined) throw new Problem(start, 'a heredoc is not written as <<NAME and a line break');
    const lines = this.#takeLinesUntil(head[2] ?? '', start);
    const text = undoTemplateEscapes((head[1] === '-' ? dedent(lines) : lines).join('\n'));
    return text === undefined
      ? { kind: 'other', what: TEMPLATE }
      : { kind: 'text', text: lines.length === 0 ? '' : `${text}\n` };
  }

  #takeLinesUntil(marker: string, start: number): string[] {
    const lines: string[] = [];
    while (!this.isAtEnd) {
      const found = this.#text.indexOf('\n', this.#offset);
      const end = found < 0 ? this.#text.length : found;
      const line = this.#text.slice(this.#offset, end).replace(/\r$/, '');
      this.#offset = end;
      if (line.trim() === marker) return lines;
      lines.push(line);
      this.#offset = Math.min(end + 1, this.#text.length);
    }
    throw new Problem(start, `a heredoc does not end: no line holds ${marker} alone`);
  }

  /** Passes over an expression to the end of its line, or over as many as `most` quoted texts or brackets. */
  #skipExpression(most = Number.POSITIVE_INFINITY): void {
    const start = this.#offset;
    const open: string[] = [];
    let closed = 0;
    while (closed < most) {
      if (open.at(-1) === '"') this.#skipInText(open, start);
      else if (!this.#skipInCode(open, start)) return;
      if (open.length === 0) closed += 1;
    }
  }

  /** One step within a quoted text. */
  #skipInText(open: string[], start: number): void {
    const char = this.#text[this.#offset];
    if (char === undefined || char === '\n')
      throw new Problem(start, 'a text does not end: the closing double quote is missing');
    if (char === '"') {
      open.pop();
      this.#offset += 1;
    } else if (this.#startsWith('$${') || this.#startsWith('%%{')) this.#offset += 3;
    else if (this.#startsWith('${') || this.#startsWith('%{')) {
      open.push('}');
      this.#offset += 2;
    } else if (char === '\\') this.#offset += 2;
    else if (this.#take(PLAIN) === undefined) this.#offset += 1;
  }

  /** One step outside of quoted texts; false at the end of the line of the expression. */
  #skipInCode(open: string[], start: number): boolean {
    this.skipSpace(open.length > 0);
    const char = this.#text[this.#offset];
    if (char === undefined || char === '\n') {
      if (open.length > 0) throw new Problem(start, `${open.at(-1)} is missing at the end`);
      if (this.#offset === start) throw new Problem(start, 'a value is missing here');
      return false;
    }
    const heredoc = this.#startsWith('<<') ? this.#take(HEREDOC) : undefined;
    if (heredoc !== undefined) {
      this.#takeLinesUntil(heredoc[2] ?? '', start);
      return true;
    }
    if (char === '"') open.push('"');
    else if (CLOSERS[char] !== undefined) open.push(CLOSERS[char]);
    else if (char === open.at(-1)) open.pop();
    else if (')]}'.includes(char)) throw new Problem(this.#offset, `there is a ${char} too many`);
    this.#offset += 1;
    return true;
  }
}

/** Takes from each line the blanks that all of them begin with; lines of blanks alone count for nothing and stay as they are. */
function dedent(lines: readonly string[]): string[] {
  const blanks = lines.filter((line) => line.trim() !== '').map((line) => line.length - line.trimStart().length);
  const least = blanks.length === 0 ? 0 : Math.min(...blanks);
  return lines.map((line) => (line.trim() === '' ? line : line.slice(least)));
}

/** Reads the text of a tfvars file without its byte order mark. */
export function parseTfvars(text: string): TfvarsReading {
  const scanner = new Scanner(text);
  const attributes: TfvarsAttribute[] = [];
  try {
    for (scanner.skipSpace(true); !scanner.isAtEnd; scanner.skipSpace(true)) {
      const { offset } = scanner;
      const name = scanner.readName();
      attributes.push({ name, offset, raw: scanner.readValue() });
    }
    return { attributes };
  } catch (error) {
    if (error instanceof Problem) return { attributes, problem: { offset: error.offset, problem: error.message } };
    throw error;
  }
}
