/**
 * Reading the body of a request.
 *
 * The rules of this file:
 * - a body that has to be in memory is bounded by itself and together with all others that are being read;
 * - JSON is UTF-8, one value, and holds no key `__proto__`; anything else is told as what it is;
 * - a body that is refused is not read to its end: the connection is closed after the answer.
 */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { failure, success, type Fault, type Result, type Success } from '@postbearer/core';
import type { z } from 'zod';
import { httpFaults } from '../faults.ts';
import type { FieldError } from './problem.ts';

/** What was wrong with a request: a fault, and where. */
export interface Refusal {
  readonly fault: Fault;
  readonly errors?: readonly FieldError[];
}

/** What came of a part of a request: a value, or what was wrong. A failed `Result` is one. */
export type Outcome<T> = Success<T> | ({ readonly ok: false } & Refusal);

/** Thrown out of a body that is being read: what it holds is refused. */
export class BodyRefused extends Error {
  readonly fault: Fault;

  constructor(fault: Fault) {
    super(fault.message);
    this.name = 'BodyRefused';
    this.fault = fault;
  }
}

/** Memory for bodies that are being read. */
export class BodyBudget {
  readonly #mostBytes: number;
  #bytes = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** Takes so many bytes; `false` where there is no room. */
  take(bytes: number): boolean {
    if (this.#bytes + bytes > this.#mostBytes) return false;
    this.#bytes += bytes;
    return true;
  }

  /** Gives them back. */
  give(bytes: number): void {
    this.#bytes -= bytes;
  }
}

/** The blocks of a body. Whoever stops reading leaves the connection as it is, so that it can still be answered. */
export function blocksOf(incoming: IncomingMessage): AsyncIterable<Buffer> {
  return incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
}

/** The media type of a request without its parameters, in lower case; empty where there is none. */
export function mediaTypeOf({ headers }: IncomingMessage): string {
  return (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

function tooLarge(limit: number): Result<never> {
  return failure(httpFaults.make('SERVICE_BODY_TOO_LARGE', { limit }));
}

/**
 * Reads a whole body and gives it to `use`; the budget gets its bytes back after that.
 *
 * Fails with `SERVICE_BODY_TOO_LARGE` or `SERVICE_BUSY`.
 */
export async function withBody<T>(
  incoming: IncomingMessage,
  budget: BodyBudget,
  limit: number,
  use: (body: Buffer) => Promise<Outcome<T>>,
): Promise<Outcome<T>> {
  if (Number(incoming.headers['content-length'] ?? 0) > limit) return tooLarge(limit);
  const parts: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const part of blocksOf(incoming)) {
      if (bytes + part.length > limit) return tooLarge(limit);
      if (!budget.take(part.length)) return failure(httpFaults.make('SERVICE_BUSY'));
      bytes += part.length;
      parts.push(part);
    }
    return await use(Buffer.concat(parts, bytes));
  } finally {
    budget.give(bytes);
  }
}

/** A digest of a body. */
export function digestOf(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('hex');
}

function unreadable(reason: string): Result<never> {
  return failure(httpFaults.make('SERVICE_REQUEST_UNREADABLE', { reason }));
}

/** Parses JSON. Fails with `SERVICE_REQUEST_UNREADABLE`. */
export function parseJson(body: Uint8Array): Result<unknown> {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    return unreadable('its body is not UTF-8');
  }
  try {
    let hasPrototype = false;
    const value: unknown = text.includes('__proto__')
      ? JSON.parse(text, (name, inner: unknown) => {
          hasPrototype ||= name === '__proto__';
          return inner;
        })
      : JSON.parse(text);
    return hasPrototype ? unreadable('it has a field "__proto__"') : success(value);
  } catch {
    return unreadable('its body is not JSON');
  }
}

function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** The pieces of what a schema found wrong, with the alternative of a union that came closest. */
function* flattened(issues: readonly z.core.$ZodIssue[], before: readonly PropertyKey[]): Generator<FieldError> {
  for (const issue of issues) {
    const path = [...before, ...issue.path];
    if (issue.code === 'invalid_union') {
      const deepest = issue.errors.toSorted((a, b) => depthOf(b) - depthOf(a))[0] ?? [];
      if (depthOf(deepest) > 0) yield* flattened(deepest, path);
      else yield { pointer: pointerOf(path), detail: issue.message };
    } else if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) yield { pointer: pointerOf([...path, key]), detail: 'There is no such field.' };
    } else {
      yield { pointer: pointerOf(path), detail: issue.message };
    }
  }
}

/** How far a value went into an alternative: what is of another kind altogether fails at once. */
function depthOf(issues: readonly z.core.$ZodIssue[]): number {
  return Math.max(
    0,
    ...issues.map(({ path, code }) => path.length + (code === 'custom' || code === 'unrecognized_keys' ? 1 : 0)),
  );
}

const MOST_ERRORS = 50;

/** Checks a value against a schema. What is wrong has the fault `SERVICE_FIELDS_INVALID` and says where. */
export function checked<Schema extends z.ZodType>(schema: Schema, value: unknown): Outcome<z.output<Schema>> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return success(parsed.data);
  const errors = [...flattened(parsed.error.issues, [])].slice(0, MOST_ERRORS);
  const [first] = errors;
  const reason = `${first?.pointer === '' || first === undefined ? 'the whole' : first.pointer}: ${first?.detail ?? ''}`;
  return { ok: false, fault: httpFaults.make('SERVICE_FIELDS_INVALID', { reason: reason.replace(/\.$/, '') }), errors };
}
