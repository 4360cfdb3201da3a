/**
 * A fault as an HTTP answer: a problem document (RFC 9457) that carries it.
 *
 * The rules of this file:
 * - which status a fault has stands in one table; what is not there follows from who has to act next;
 * - what happened inside concerns nobody outside: of a fault of the database only its title is told;
 * - whoever may try again is told when (Retry-After), and who is not known is told how to say it (WWW-Authenticate).
 */
import type { Fault, NextStep } from '@postbearer/core';
import { z } from 'zod';

/** The media type of every answer that is no success. */
export const PROBLEM_TYPE = 'application/problem+json';

/** Says where in a request something is wrong. */
export interface FieldError {
  /** A JSON pointer (RFC 6901) into the body, or the name of a parameter. */
  readonly pointer: string;
  readonly detail: string;
}

/** A problem document. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly cause: string;
  readonly remedy: Fault['remedy'];
  readonly next: NextStep;
  readonly errors?: readonly FieldError[];
}

const fieldError = z
  .strictObject({
    pointer: z
      .string()
      .meta({ description: 'Where: a JSON pointer (RFC 6901) into the body, or `/` and the name of a parameter.' }),
    detail: z.string().meta({ description: 'What is wrong there.' }),
  })
  .meta({ id: 'FieldError', description: 'One field that cannot be used.' });

/** What to do about a fault. */
export const remedySchema: z.ZodType<Fault['remedy']> = z
  .strictObject({
    steps: z.array(z.string()),
    command: z
      .string()
      .exactOptional()
      .meta({ description: 'The command that mends it, for whoever runs the service.' }),
  })
  .meta({ id: 'Remedy', description: 'What to do, in order.' });

/** Who has to act. */
export const nextSchema: z.ZodType<NextStep> = z
  .enum(['retry', 'needs-person', 'fix-configuration', 'fix-message', 'give-up', 'uncertain'])
  .meta({
    id: 'NextStep',
    description:
      'Who has to act: `retry` may work later as it is, `fix-message` needs another request, `needs-person` and `fix-configuration` somebody who administers, `give-up` is for good, `uncertain` may have been done.',
  });

/** What a problem document holds. */
export const problemSchema: z.ZodType<Problem> = z
  .strictObject({
    type: z.string().meta({ description: 'Where this fault is described.' }),
    title: z.string(),
    status: z.int(),
    detail: z.string().meta({ description: 'One sentence with the values of this case.' }),
    code: z.string().meta({ description: 'The stable name of the fault; programs decide by it.' }),
    cause: z.string().meta({ description: 'Why this happens.' }),
    remedy: remedySchema,
    next: nextSchema,
    errors: z.array(fieldError).exactOptional().meta({ description: 'Every field that cannot be used.' }),
  })
  .meta({ id: 'Problem', description: 'Why a request was not done, and what to do (RFC 9457).' });

/** The status of each fault that a request may meet. */
export const STATUS_OF: Readonly<Record<string, number>> = {
  SERVICE_REQUEST_UNREADABLE: 400,
  SERVICE_ANSWER_UNCLEAR: 400,
  ACCESS_KEY_WRONG: 401,
  SERVICE_LOCAL_ONLY: 401,
  ACCESS_KEY_SCOPE: 403,
  ACCESS_SENDER_NOT_ALLOWED: 403,
  SERVICE_PATH_UNKNOWN: 404,
  QUEUE_MESSAGE_UNKNOWN: 404,
  ACCESS_APP_UNKNOWN: 404,
  ACCESS_KEY_UNKNOWN: 404,
  SERVICE_METHOD_UNKNOWN: 405,
  QUEUE_NOT_POSSIBLE: 409,
  ACCESS_APP_EXISTS: 409,
  ACCESS_KEY_EXISTS: 409,
  SERVICE_REQUEST_IN_PROGRESS: 409,
  QUEUE_BODY_GONE: 410,
  SERVICE_BODY_TOO_LARGE: 413,
  MESSAGE_SIZE_OVER_LIMIT: 413,
  SERVICE_MEDIA_TYPE_UNKNOWN: 415,
  SERVICE_FIELDS_INVALID: 422,
  QUEUE_KEY_REUSED: 422,
  SERVICE_TOO_MANY_REQUESTS: 429,
  MESSAGE_QUOTA_REACHED: 429,
  MESSAGE_RATE_REACHED: 429,
  SERVICE_FAILED_INSIDE: 500,
  SERVICE_BUSY: 503,
  SERVICE_CLOSING: 503,
  SERVICE_NO_ROOM: 507,
  DATABASE_DISK_FULL: 507,
};

const STATUS_BY_NEXT: Readonly<Record<NextStep, number>> = {
  'fix-message': 422,
  'fix-configuration': 422,
  'give-up': 409,
  'needs-person': 503,
  retry: 503,
  uncertain: 503,
};

const STANDARD_WAIT_S = 5;
const MAY_TRY_AGAIN: ReadonlySet<number> = new Set([429, 503, 507]);

/** The status of a fault by its code, or else by who has to act. */
export function statusOfFault(code: string, next: NextStep): number {
  const known = STATUS_OF[code];
  if (known !== undefined) return known;
  // Whatever is wrong with the database, it is not the request.
  return code.startsWith('DATABASE_') ? 503 : STATUS_BY_NEXT[next];
}

/** The document for a fault. */
export function problemOf(fault: Fault, errors?: readonly FieldError[]): Problem {
  const { code, title, remedy, next } = fault;
  const isInside = code.startsWith('DATABASE_');
  return {
    type: `/docs#${code}`,
    title,
    status: statusOfFault(code, next),
    detail: isInside ? 'The request could not be stored or answered now; try again later.' : fault.message,
    code,
    cause: isInside ? 'The service has trouble with its database; whoever runs it is told why.' : fault.cause,
    remedy: isInside ? { steps: ['Repeat the request after the time that Retry-After names.'] } : remedy,
    next,
    ...(errors === undefined ? {} : { errors }),
  };
}

/** Fields of the header that belong to a problem. */
export function problemHeaders(fault: Fault, status: number): Record<string, string> {
  const waitS = fault.retryAfterMs === undefined ? STANDARD_WAIT_S : Math.max(1, Math.ceil(fault.retryAfterMs / 1000));
  const isInProgress = fault.code === 'SERVICE_REQUEST_IN_PROGRESS';
  return {
    'content-type': PROBLEM_TYPE,
    ...(MAY_TRY_AGAIN.has(status) ? { 'retry-after': String(waitS) } : {}),
    ...(isInProgress ? { 'retry-after': '1' } : {}),
    ...(status === 401 ? { 'www-authenticate': 'Bearer realm="Postbearer"' } : {}),
  };
}

/** The answer for a fault. */
export function problemResponse(fault: Fault, errors?: readonly FieldError[]): Response {
  const document = problemOf(fault, errors);
  return new Response(JSON.stringify(document), {
    status: document.status,
    headers: problemHeaders(fault, document.status),
  });
}
