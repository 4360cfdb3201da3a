/**
 * The description of the API for programs: OpenAPI 3.1, made from the routes and their schemas and from nothing else.
 *
 * A schema with a name (`meta({ id })`) stands once, under `components`; the others stand where they are used.
 */
import { STATUS_CODES } from 'node:http';
import { z } from 'zod';
import { PROBLEM_TYPE } from './problem.ts';
import type { Answer, Content, RouteDescription } from './route.ts';

/** A JSON schema, or a part of one. */
export interface JsonSchema {
  readonly [name: string]: unknown;
  readonly $ref?: string;
  readonly type?: string;
  readonly description?: string;
  readonly examples?: readonly unknown[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly enum?: readonly unknown[];
}

/** A parameter of a request. */
export interface OpenApiParameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly description: string;
  readonly schema: JsonSchema;
}

/** Bodies by media type. */
export type OpenApiContent = Readonly<Record<string, { readonly schema: JsonSchema; readonly example?: unknown }>>;

/** An answer. */
export interface OpenApiAnswer {
  readonly description: string;
  readonly headers?: Readonly<Record<string, { readonly description: string; readonly schema: JsonSchema }>>;
  readonly content?: OpenApiContent;
}

/** What one method does at one path. */
export interface OpenApiOperation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description: string;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters: readonly OpenApiParameter[];
  readonly requestBody?: { readonly required: true; readonly content: OpenApiContent };
  readonly responses: Readonly<Record<string, OpenApiAnswer>>;
}

/** The document. */
export interface OpenApiDocument {
  readonly openapi: '3.1.0';
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly servers: readonly { readonly url: string }[];
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, JsonSchema>>;
    readonly securitySchemes: Readonly<Record<string, unknown>>;
  };
}

/** The headings, with what stands under them. */
const GROUPS: Readonly<Record<string, string>> = {
  Sending: 'Hand in messages. After 202 a message is on disk, and is delivered or told of.',
  Messages: 'What became of messages, and changing it.',
  Lanes: 'How the service stands, and the queues of mailboxes.',
  Apps: 'Applications and devices that send by SMTP.',
  Keys: 'Keys of this API.',
  Events: 'What happens, while it happens.',
  Monitoring: 'For load balancers and measurements.',
  Documents: 'This reference.',
};

const SCHEMAS = '#/components/schemas/';
/** Problems that any route may answer with. */
const COMMON_PROBLEMS = [400, 500, 503] as const;
/** Problems of routes that need a key. */
const KEY_PROBLEMS = [401, 403, 429] as const;

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Names that concern one document alone. */
const OF_A_DOCUMENT: ReadonlySet<string> = new Set(['$schema', '$id', '$defs', 'id']);

/** The same schema with its references into `components`, and without what only a document of its own has. */
function placed(value: unknown, isSchema = true): unknown {
  if (Array.isArray(value)) return value.map((each) => placed(each));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !isSchema || !OF_A_DOCUMENT.has(name))
      .map(([name, inner]) => {
        if (name === '$ref' && typeof inner === 'string') return [name, inner.replace('#/$defs/', SCHEMAS)];
        if (name === 'examples' || name === 'enum') return [name, inner];
        // Below `properties` stand names, which are no words of JSON Schema.
        return [name, placed(inner, name !== 'properties')];
      }),
  );
}

/** Collects the named schemas of everything that is written. */
class SchemaWriter {
  readonly named = new Map<string, JsonSchema>();

  /** A schema as it stands where it is used: a reference where it has a name. */
  write(schema: z.ZodType): JsonSchema {
    const whole = z.toJSONSchema(schema, { target: 'draft-2020-12', unrepresentable: 'any' }) as JsonSchema;
    for (const [name, inner] of Object.entries((whole['$defs'] ?? {}) as Readonly<Record<string, JsonSchema>>))
      this.named.set(name, placed(inner) as JsonSchema);
    return placed(whole) as JsonSchema;
  }
}

function contentOf(
  { schema, description }: Content,
  writer: SchemaWriter,
): { readonly schema: JsonSchema; readonly example?: unknown } {
  const [example] = (schema.meta()?.examples ?? []) as readonly unknown[];
  const written = writer.write(schema);
  return {
    schema: description === undefined ? written : { ...written, description },
    ...(example === undefined ? {} : { example }),
  };
}

function answerOf({ description, schema, type, headers }: Answer, writer: SchemaWriter): OpenApiAnswer {
  const content =
    schema === undefined
      ? type === undefined
        ? {}
        : { content: { [type]: { schema: { type: 'string' } } } }
      : { content: { [type ?? 'application/json']: { schema: writer.write(schema) } } };
  const named = Object.entries(headers ?? {}).map(
    ([name, said]) => [name, { description: said, schema: { type: 'string' } }] as const,
  );
  return { description, ...(named.length === 0 ? {} : { headers: Object.fromEntries(named) }), ...content };
}

function problemAnswer(status: number): OpenApiAnswer {
  return {
    description: `${STATUS_CODES[status] ?? 'Refused'}: a problem document.`,
    content: { [PROBLEM_TYPE]: { schema: { $ref: `${SCHEMAS}Problem` } } },
  };
}

function answersOf(route: RouteDescription, writer: SchemaWriter): Record<string, OpenApiAnswer> {
  const answers: Record<string, OpenApiAnswer> = {};
  const problems = [
    ...COMMON_PROBLEMS,
    ...(route.access === 'anybody' ? [401] : KEY_PROBLEMS),
    ...(route.problems ?? []),
  ];
  for (const status of problems) answers[status] = problemAnswer(status);
  for (const [status, answer] of Object.entries(route.answers)) answers[status] = answerOf(answer, writer);
  return answers;
}

function parametersOf(route: RouteDescription, writer: SchemaWriter): OpenApiParameter[] {
  const text = { type: 'string' };
  const query = writer.write(route.query ?? z.strictObject({}));
  return [
    ...Object.entries(route.params ?? {}).map(
      ([name, description]) => ({ name, in: 'path', required: true, description, schema: text }) as const,
    ),
    ...Object.entries(query.properties ?? {}).map(([name, { description = '', ...schema }]) => ({
      name,
      in: 'query' as const,
      required: query.required?.includes(name) ?? false,
      description: description === '' ? (described(schema, writer) ?? '') : description,
      schema,
    })),
    ...Object.entries(route.headers ?? {}).map(
      ([name, description]) => ({ name, in: 'header', required: false, description, schema: text }) as const,
    ),
  ];
}

function described({ $ref }: JsonSchema, writer: SchemaWriter): string | undefined {
  return $ref === undefined ? undefined : writer.named.get($ref.slice(SCHEMAS.length))?.description;
}

function operationOf(route: RouteDescription, writer: SchemaWriter): OpenApiOperation {
  const { name, group, summary, access, contents } = route;
  const needs =
    access === 'anybody'
      ? 'Needs no key.'
      : `Needs a key of the scope ${access.map((each) => `\`${each}\``).join(' or ')}.`;
  return {
    operationId: name,
    tags: [group],
    summary,
    description: [route.description, needs].filter((part) => part !== undefined).join(' '),
    security: access === 'anybody' ? [{}, { key: [] }] : [{ key: [] }],
    parameters: parametersOf(route, writer),
    ...(contents === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: Object.fromEntries(
              Object.entries(contents).map(([type, content]) => [type, contentOf(content, writer)]),
            ),
          },
        }),
    responses: answersOf(route, writer),
  };
}

/** The document of these routes. */
export function openApiDocument(
  routes: readonly RouteDescription[],
  problem: z.ZodType,
  version: string,
): OpenApiDocument {
  const writer = new SchemaWriter();
  writer.write(problem);
  const paths: Record<string, Record<string, OpenApiOperation>> = {};
  for (const route of routes) (paths[route.path] ??= {})[route.method] = operationOf(route, writer);
  return {
    openapi: '3.1.0',
    info: {
      title: 'Postbearer',
      version,
      description: 'Takes messages in over HTTP, keeps them, and sends them through Microsoft 365 with OAuth 2.0.',
    },
    servers: [{ url: '/' }],
    tags: Object.entries(GROUPS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: Object.fromEntries([...writer.named].toSorted(([a], [b]) => a.localeCompare(b))),
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer', description: 'A key that `postbearer key add` gave: `pb_…`.' },
      },
    },
  };
}
