/** Small bodies of JSON. */
import type { IncomingMessage } from 'node:http';
import type { z } from 'zod';
import { BodyBudget, checked, mediaTypeOf, parseJson, withBody, type Outcome } from './request-body.ts';
import { unknownType } from './route.ts';

const MOST_BYTES = 64 * 1024;

/** Reads a body of JSON of at most 64 KiB against its schema. */
export async function jsonBody<Schema extends z.ZodType>(
  incoming: IncomingMessage,
  schema: Schema,
): Promise<Outcome<z.output<Schema>>> {
  if (mediaTypeOf(incoming) !== 'application/json') return unknownType(incoming, ['application/json']);
  return await withBody(incoming, new BodyBudget(MOST_BYTES), MOST_BYTES, (body) => {
    const value = parseJson(body);
    return Promise.resolve(value.ok ? checked(schema, value.value) : value);
  });
}
