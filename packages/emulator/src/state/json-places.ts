/**
 * Where things stand in a JSON text: the line of each value, and the line in which a text stops being JSON.
 *
 * Node's parser gives no line for some mistakes and quotes the text around others, in which a secret may stand.
 */

/** What {@link readPlaces} found. Lines count from 1. */
export interface JsonPlaces {
  /** The line in which the text stops being JSON (RFC 8259), its last one where it ends too early. */
  readonly brokenAt: number | undefined;
  /** The line of the value with a path such as `tenants[0].apps`; where there is none, of what it would stand in. */
  lineOf(path: string): number;
}

const TOKEN =
  // oxlint-disable-next-line no-control-regex -- just these may not stand in a text (RFC 8259 section 7)
  /(?<lineEnd>\n)|(?<space>[ \t\r]+)|(?<token>[{}[\],:]|"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"|true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)|./gsu;

/** What lies deeper is in no state; its paths would only grow. */
const DEEPEST = 16;

type Expected = 'value' | 'value or ]' | 'key' | 'key or }' | ':' | ', or end' | 'nothing';

interface Container {
  readonly path: string;
  readonly isList: boolean;
  items: number;
}

/** Takes one token after the other and notes on which line each value begins. */
class PlaceReader {
  readonly lines = new Map<string, number>();
  readonly #open: Container[] = [];
  #expected: Expected = 'value';
  #path = '';

  get isComplete(): boolean {
    return this.#expected === 'nothing';
  }

  /** Takes the next token; false where it may not stand here. */
  take(token: string, line: number): boolean {
    switch (this.#expected) {
      case 'value':
      case 'value or ]':
        if (token === ']') return this.#expected === 'value or ]' && this.#close();
        return this.#takeValue(token, line);
      case 'key':
      case 'key or }':
        if (token === '}') return this.#expected === 'key or }' && this.#close();
        return this.#takeKey(token);
      case ':':
        this.#expected = 'value';
        return token === ':';
      case ', or end':
        return this.#takeEnd(token);
      case 'nothing':
        return false;
    }
  }

  #takeValue(token: string, line: number): boolean {
    if ('},:'.includes(token)) return false;
    const around = this.#open.at(-1);
    if (around?.isList === true) this.#path = `${around.path}[${around.items}]`;
    if (this.#open.length <= DEEPEST) this.lines.set(this.#path, line);
    const isList = token === '[';
    if (isList || token === '{') {
      this.#open.push({ path: this.#path, isList, items: 0 });
      this.#expected = isList ? 'value or ]' : 'key or }';
    } else this.#endValue();
    return true;
  }

  #takeKey(token: string): boolean {
    if (!token.startsWith('"')) return false;
    const around = this.#open.at(-1)?.path ?? '';
    this.#path = `${around === '' ? '' : `${around}.`}${String(JSON.parse(token))}`;
    this.#expected = ':';
    return true;
  }

  #takeEnd(token: string): boolean {
    const around = this.#open.at(-1);
    if (token === (around?.isList === true ? ']' : '}')) return this.#close();
    this.#expected = around?.isList === true ? 'value' : 'key';
    return token === ',';
  }

  #close(): boolean {
    this.#open.pop();
    this.#endValue();
    return true;
  }

  #endValue(): void {
    const around = this.#open.at(-1);
    if (around !== undefined) around.items += 1;
    this.#expected = around === undefined ? 'nothing' : ', or end';
  }
}

/** Reads where everything stands in a text, as far as it is JSON. */
export function readPlaces(text: string): JsonPlaces {
  const reader = new PlaceReader();
  let line = 1;
  let isJson = true;
  for (const { groups = {} } of text.matchAll(TOKEN)) {
    const { lineEnd, space, token } = groups;
    if (lineEnd !== undefined) line += 1;
    else if (space === undefined) isJson = token !== undefined && reader.take(token, line);
    if (!isJson) break;
  }
  return {
    brokenAt: isJson && reader.isComplete ? undefined : line,
    lineOf(path) {
      let nearest = path;
      while (nearest !== '' && !reader.lines.has(nearest))
        nearest = nearest.slice(0, Math.max(nearest.lastIndexOf('.'), nearest.lastIndexOf('['), 0));
      return reader.lines.get(nearest) ?? 1;
    },
  };
}
