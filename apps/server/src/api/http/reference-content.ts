/**
 * The reference of the API for people: what it says, in which order. How it looks is not decided here: the service shows it as a
 * page, and the repository keeps it as Markdown.
 */
import { STATUS_CODES } from 'node:http';
import { coreFaults, type FaultDefinition } from '@postbearer/core';
import { mailerFaults } from '@postbearer/mailer';
import { queueFaults } from '@postbearer/queue';
import { accessFaults } from '../../access/faults.ts';
import { deliveryFaults } from '../../delivery/faults.ts';
import { httpFaults } from '../faults.ts';
import type { JsonSchema, OpenApiDocument, OpenApiOperation } from './openapi.ts';
import { statusOfFault, STATUS_OF } from './problem.ts';

/** A piece of a page. In texts, what stands in backticks is code. */
export type Block =
  | { readonly kind: 'heading'; readonly level: 1 | 2 | 3 | 4; readonly text: string; readonly anchor: string }
  | { readonly kind: 'paragraph'; readonly text: string }
  | { readonly kind: 'code'; readonly text: string }
  | { readonly kind: 'endpoint'; readonly method: string; readonly path: string; readonly anchor: string }
  | { readonly kind: 'table'; readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] };

const SCHEMAS = '#/components/schemas/';
const HOST = 'https://mail.example.com:8025';

function paragraph(text: string): Block {
  return { kind: 'paragraph', text };
}

function code(text: string): Block {
  return { kind: 'code', text };
}

function heading(level: 1 | 2 | 3 | 4, text: string, anchor: string): Block {
  return { kind: 'heading', level, text, anchor };
}

/** A kind of value in few words: `text`, `list of Address`. */
function kindOf(schema: JsonSchema): string {
  const { $ref, type, items, anyOf, enum: values, allOf } = schema;
  if ($ref !== undefined) return `\`${$ref.slice(SCHEMAS.length)}\``;
  if (Array.isArray(allOf) && allOf.length === 1) return kindOf(allOf[0] as JsonSchema);
  if (values !== undefined) return values.map((value) => `\`${String(value)}\``).join(', ');
  if (anyOf !== undefined) return [...new Set(anyOf.map(kindOf))].join(' or ');
  if (type === 'array') return `list of ${items === undefined ? 'anything' : kindOf(items)}`;
  if (type === 'integer' || type === 'number') return 'number';
  if (type === 'boolean') return 'true or false';
  if (type === 'string') return schema['format'] === 'date-time' ? 'time' : 'text';
  return type === 'object' ? 'object' : 'anything';
}

function boundsOf(schema: JsonSchema): string {
  const { minItems, maxItems, maxLength, minimum, maximum } = schema;
  const said = [
    typeof minItems === 'number' && minItems > 0 ? `at least ${minItems}` : '',
    typeof maxItems === 'number' ? `at most ${maxItems}` : '',
    typeof maxLength === 'number' ? `at most ${maxLength} characters` : '',
    typeof minimum === 'number' && typeof maximum === 'number' && maximum < Number.MAX_SAFE_INTEGER
      ? `${minimum} to ${maximum}`
      : '',
  ].filter((text) => text !== '');
  return said.length === 0 ? '' : `(${said.join(', ')})`;
}

function fieldRows(schema: JsonSchema): string[][] {
  return Object.entries(schema.properties ?? {}).map(([name, field]) => [
    `\`${name}\`${schema.required?.includes(name) === true ? ' *' : ''}`,
    kindOf(field),
    [field.description ?? '', boundsOf(field)].filter((text) => text !== '').join(' '),
  ]);
}

function exampleOf(schema: JsonSchema, document: OpenApiDocument): unknown {
  const [given] = schema.examples ?? [];
  if (given !== undefined) return given;
  const { $ref, properties, required = [], type, items, anyOf, enum: values } = schema;
  if ($ref !== undefined) {
    const named = document.components.schemas[$ref.slice(SCHEMAS.length)];
    return named === undefined ? {} : exampleOf(named, document);
  }
  if (values !== undefined) return values[0];
  if (anyOf?.[0] !== undefined) return exampleOf(anyOf[0], document);
  if (type === 'array') return items === undefined ? [] : [exampleOf(items, document)];
  if (properties !== undefined) {
    return Object.fromEntries(required.map((name) => [name, exampleOf(properties[name] ?? {}, document)]));
  }
  return type === 'integer' ? 1 : type === 'boolean' ? true : 'text';
}

function curlOf(method: string, path: string, operation: OpenApiOperation, document: OpenApiDocument): string {
  const isOpen = operation.security.some((scheme) => Object.keys(scheme).length === 0);
  const json = operation.requestBody?.content['application/json'];
  const address = path
    .replace('{id}', '01m87xf7spddc22eexa49kygh2')
    .replace('{name}', path.includes('apps') ? 'scanner' : 'shop');
  const options = [
    ...(method === 'get' || json !== undefined ? [] : [`-X ${method.toUpperCase()}`]),
    ...(method === 'delete' && json !== undefined ? ['-X DELETE'] : []),
    ...(isOpen ? [] : ['-H "Authorization: Bearer $POSTBEARER_KEY"']),
    ...(json === undefined ? [] : [`--json '${JSON.stringify(json.example ?? exampleOf(json.schema, document))}'`]),
  ];
  return ['curl', ...options, `${HOST}${address}`].join(' \\\n  ');
}

function operationBlocks(
  path: string,
  method: string,
  operation: OpenApiOperation,
  document: OpenApiDocument,
): Block[] {
  const { operationId, summary, description, parameters, requestBody, responses } = operation;
  const bodies = Object.entries(requestBody?.content ?? {}).map(([type, { schema }]) => [
    `\`${type}\``,
    kindOf(schema),
    schema.description ?? '',
  ]);
  const answers = Object.entries(responses).map(([status, answer]) => {
    const [kind] = Object.entries(answer.content ?? {}).map(([type, { schema }]) =>
      schema.$ref === undefined ? `\`${type}\`` : kindOf(schema),
    );
    return [`${status} ${STATUS_CODES[Number(status)] ?? ''}`, kind ?? '', answer.description];
  });
  const plain = answers.filter(([, kind]) => kind !== '`Problem`');
  const problems = answers.filter(([, kind]) => kind === '`Problem`').map(([status = '']) => status.slice(0, 3));
  return [
    heading(3, summary, operationId),
    { kind: 'endpoint', method: method.toUpperCase(), path, anchor: operationId },
    paragraph(description),
    ...(parameters.length === 0
      ? []
      : [
          {
            kind: 'table',
            head: ['Parameter', 'Where', 'Value', 'Meaning'],
            rows: parameters.map((each) => [
              `\`${each.name}\`${each.required ? ' *' : ''}`,
              each.in,
              kindOf(each.schema),
              each.description,
            ]),
          } as const,
        ]),
    ...(bodies.length === 0 ? [] : [{ kind: 'table', head: ['Body', 'Holds', 'Meaning'], rows: bodies } as const]),
    code(curlOf(method, path, operation, document)),
    { kind: 'table', head: ['Answer', 'Holds', 'Meaning'], rows: plain },
    paragraph(`Problems: ${problems.join(', ')}.`),
  ];
}

const CATALOGUES: readonly Readonly<Record<string, FaultDefinition>>[] = [
  httpFaults.definitions,
  accessFaults.definitions,
  deliveryFaults.definitions,
  queueFaults.definitions,
  mailerFaults.definitions,
  coreFaults.definitions,
];

function isMet(name: string): boolean {
  return Object.hasOwn(STATUS_OF, name) || /^(?:MESSAGE|ACCESS_(?:APP|KEY|NETWORK))_/.test(name);
}

/** Faults that a request may meet: those with a status of their own, and whatever may be wrong with a message, an app or a key. */
function faultRows(): readonly (readonly [code: string, status: number, definition: FaultDefinition])[] {
  return CATALOGUES.flatMap((definitions) => Object.entries(definitions))
    .filter(([name]) => isMet(name))
    .map(([name, definition]) => [name, statusOfFault(name, definition.next), definition] as const)
    .toSorted(([a, one], [b, other]) => one - other || a.localeCompare(b));
}

function introduction(): Block[] {
  return [
    heading(1, 'Postbearer HTTP API', 'top'),
    paragraph(
      'Programs hand in mail over HTTPS; Postbearer keeps each message on disk before it answers, and sends it through Microsoft 365 with OAuth 2.0. The same as a document for programs: `/v1/openapi.json` (OpenAPI 3.1).',
    ),
    heading(2, 'First message', 'first-message'),
    paragraph('Whoever runs the service adds a key, which is shown once:'),
    code('postbearer key add shop --scope send --mailbox notifications@example.com'),
    code(
      `curl -H "Authorization: Bearer $POSTBEARER_KEY" \\\n  -H "Idempotency-Key: order-4711" \\\n  --json '{"to":"user@example.com","subject":"Your order","text":"It is on its way."}' \\\n  ${HOST}/v1/messages`,
    ),
    paragraph(
      '`202 Accepted` means that the message is on disk; the field `Location` of the answer says where to look what became of it. With an idempotency key, repeating a request never makes a second message. Delivery is at least once: after a crash or a lost answer on the way to Microsoft 365 the same message may come twice, with the same Message-ID.',
    ),
    heading(2, 'Rules for every request', 'rules'),
    paragraph(
      'A key goes into the field `Authorization` as `Bearer pb_…`, and nowhere else. Its scopes say what it may do, its mailboxes through which mail goes and which messages it sees. JSON is UTF-8; fields that are not known are refused, so that a misspelt one is noticed. Times are in UTC. Names of messages sort by time.',
    ),
    paragraph(
      'With `Idempotency-Key` a request may be repeated for 24 hours: the same request is answered as the first time, another is refused (422), and one that is still being worked on is told so (409).',
    ),
    paragraph(
      'Each key has a number of requests in a minute. What is left stands in the fields `RateLimit-Policy` and `RateLimit` of each answer; with 429, 503 and 507 the field `Retry-After` says when to come again.',
    ),
    paragraph(
      'Every answer that is no success is a problem document (RFC 9457, `application/problem+json`). Programs decide by its `code`, which stays the same; `next` says who has to act, `remedy` what to do, and `errors` names every field that cannot be used.',
    ),
    code(
      JSON.stringify(
        {
          type: '/docs#SERVICE_FIELDS_INVALID',
          title: httpFaults.definitions.SERVICE_FIELDS_INVALID.title,
          status: 422,
          detail: 'The request cannot be used: /bbc: There is no such field.',
          code: 'SERVICE_FIELDS_INVALID',
          cause: httpFaults.definitions.SERVICE_FIELDS_INVALID.cause,
          remedy: httpFaults.definitions.SERVICE_FIELDS_INVALID.remedy,
          next: 'fix-message',
          errors: [{ pointer: '/bbc', detail: 'There is no such field.' }],
        },
        undefined,
        2,
      ),
    ),
  ];
}

/** The names of the sections, for a list of contents. */
export interface Contents {
  readonly name: string;
  readonly anchor: string;
  readonly entries: readonly { readonly name: string; readonly anchor: string }[];
}

/** The whole reference. */
export function referenceBlocks(document: OpenApiDocument): readonly Block[] {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const groups = document.tags.flatMap(({ name, description }): Block[] => [
    heading(2, name, `group-${name.toLowerCase()}`),
    paragraph(description),
    ...operations
      .filter(({ operation }) => operation.tags.includes(name))
      .flatMap(({ path, method, operation }) => operationBlocks(path, method, operation, document)),
  ]);
  const schemas = Object.entries(document.components.schemas).flatMap(([name, schema]): Block[] => [
    heading(3, name, `schema-${name}`),
    ...(schema.description === undefined ? [] : [paragraph(schema.description)]),
    ...(schema.properties === undefined
      ? [paragraph(`Value: ${kindOf(schema)}.`)]
      : [{ kind: 'table', head: ['Field', 'Value', 'Meaning'], rows: fieldRows(schema) } as const]),
  ]);
  const faults = faultRows().flatMap(([name, status, { title, cause, remedy }]): Block[] => [
    heading(3, name, name),
    paragraph(`${status} ${STATUS_CODES[status] ?? ''}. ${title}. ${cause}`),
    paragraph(remedy.steps.join(' ')),
  ]);
  return [
    ...introduction(),
    ...groups,
    heading(2, 'What requests and answers hold', 'schemas'),
    paragraph('A field with * is always there, or has to be.'),
    ...schemas,
    heading(2, 'Problems', 'problems'),
    paragraph(
      'Every `code` that a problem document may carry. What is wrong inside the service is told as 503 without more.',
    ),
    ...faults,
  ];
}

/** What stands where, from the headings. */
export function contentsOf(blocks: readonly Block[]): readonly Contents[] {
  const contents: { name: string; anchor: string; entries: { name: string; anchor: string }[] }[] = [];
  for (const block of blocks) {
    if (block.kind !== 'heading') continue;
    if (block.level === 2) contents.push({ name: block.text, anchor: block.anchor, entries: [] });
    if (block.level === 3) contents.at(-1)?.entries.push({ name: block.text, anchor: block.anchor });
  }
  return contents;
}
