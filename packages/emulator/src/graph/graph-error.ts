/**
 * Refusals of Microsoft Graph in the form that it gives them: `{"error": {"code", "message", "innerError"}}`.
 *
 * Sources: learn.microsoft.com/graph/errors, and texts in public reports.
 */
import { randomUUID } from 'node:crypto';
import { jsonReply, type HttpReply } from '../http/exchange.ts';

/** A JSON object. */
export type Json = Readonly<Record<string, unknown>>;

/** A refusal. */
export interface GraphRefusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** A refusal as a value. */
export function refuse(status: number, code: string, message: string): GraphRefusal {
  return { status, code, message };
}

/** What Graph knows nothing of. */
export function notFound(id: string): GraphRefusal {
  return refuse(
    404,
    'Request_ResourceNotFound',
    `Resource '${id}' does not exist or one of its queried reference-property objects are not present.`,
  );
}

/** A body that Graph does not take. */
export function badRequest(message: string): GraphRefusal {
  return refuse(400, 'Request_BadRequest', message);
}

/** The refusal as an answer. `now` is milliseconds since 1970. */
export function refusalReply(
  { status, code, message }: GraphRefusal,
  now: number,
  headers: Readonly<Record<string, string>> = {},
): HttpReply {
  const id = randomUUID();
  const innerError = { date: new Date(now).toISOString().slice(0, 19), 'request-id': id, 'client-request-id': id };
  const reply = jsonReply(status, { error: { code, message, innerError } });
  return { ...reply, headers: { ...reply.headers, ...headers, 'request-id': id } };
}
