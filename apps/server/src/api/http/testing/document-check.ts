/** Holds answers of the HTTP API against its own OpenAPI document. */
import { z } from 'zod';

interface Schema {
  readonly [name: string]: unknown;
}

interface Described {
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>;
}

/** The parts of the document that count here. */
export interface ApiDocument {
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { readonly responses: Readonly<Record<string, Described>> }>>>
  >;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+').replaceAll('.', String.raw`\.`)}$`);
}

/** The schema with everything that it refers to, as JSON Schema alone. */
function standalone(schema: Schema, { components }: ApiDocument): Schema {
  const text = JSON.stringify({ ...schema, $defs: components.schemas }).replaceAll('#/components/schemas/', '#/$defs/');
  return JSON.parse(text) as Schema;
}

/** Looks whether answers are what the document says. */
export class DocumentCheck {
  readonly #document: ApiDocument;
  readonly #parsers = new Map<string, z.ZodType>();

  constructor(document: ApiDocument) {
    this.#document = document;
  }

  /** What is wrong with an answer; `undefined` where nothing is, or where the path is none of the API. */
  async problemWith(method: string, path: string, answer: Response): Promise<string | undefined> {
    // The path as it is written wins over one with a part that varies.
    const templates = Object.keys(this.#document.paths).toSorted((a, b) => a.split('{').length - b.split('{').length);
    const template = templates.find((each) => patternOf(each).test(path));
    const operation = template === undefined ? undefined : this.#document.paths[template]?.[method.toLowerCase()];
    if (template === undefined || operation === undefined) return undefined;
    const what = `${method} ${template} ${answer.status}`;
    const described = operation.responses[answer.status];
    if (described === undefined) return `${what} is not described`;
    const type = (answer.headers.get('content-type') ?? '').split(';', 1)[0] ?? '';
    const content = described.content?.[type];
    if (content === undefined) {
      return described.content === undefined && type === '' ? undefined : `${what} is not described as "${type}"`;
    }
    if (!type.endsWith('json')) return undefined;
    const parsed = this.#parserOf(what, content.schema).safeParse(await answer.json());
    return parsed.success ? undefined : `${what}: ${z.prettifyError(parsed.error)}`;
  }

  #parserOf(what: string, schema: Schema): z.ZodType {
    const known = this.#parsers.get(what);
    if (known !== undefined) return known;
    const made = z.fromJSONSchema(standalone(schema, this.#document));
    this.#parsers.set(what, made);
    return made;
  }
}
