/**
 * What a route is: everything that is said about it, and what it does, in one place.
 *
 * The router, the check of keys, the OpenAPI document and the reference page all read the same description, so none of them
 * can know of a route that another does not.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { failure, oneLine, type Failure, type Fault } from '@postbearer/core';
import type { z } from 'zod';
import type { ApiKey, KeyScope } from '../../access/key.ts';
import { httpFaults } from '../faults.ts';
import { problemResponse } from './problem.ts';
import { checked, mediaTypeOf, type Refusal } from './request-body.ts';

/** A request that is being answered. */
export interface Call<Query> {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  /** Parts of the path, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  /** Whose request it is; {@link NOBODY} where nobody needs to say so. */
  readonly key: ApiKey;
  /** IPv4 written as such. */
  readonly address: string;
  /** Says that the answer has no end of its own; it is ended when the listener closes. */
  readonly endless: () => void;
}

/** A request as the router gives it: nothing of its query is checked yet. */
export type RawCall = Call<URLSearchParams>;

/** One kind of answer. */
export interface Answer {
  readonly description: string;
  /** What its JSON holds; absent for what is no JSON. */
  readonly schema?: z.ZodType;
  /** Its media type, where it is not `application/json`. */
  readonly type?: string;
  /** Fields of its header, with what they say. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** One kind of body. */
export interface Content {
  readonly schema: z.ZodType;
  readonly description?: string;
}

/** What is said about a route. */
export interface RouteDescription {
  readonly method: 'get' | 'post' | 'delete';
  /** With `{name}` for what varies. */
  readonly path: string;
  /** A name that programs may use for it, such as `sendMessage`. */
  readonly name: string;
  /** The heading under which it stands. */
  readonly group: string;
  readonly summary: string;
  readonly description?: string;
  /** One of these scopes is needed; `anybody` where no key is. */
  readonly access: 'anybody' | readonly KeyScope[];
  readonly params?: Readonly<Record<string, string>>;
  /** The parameters behind the question mark. */
  readonly query?: z.ZodObject;
  /** Parameters that may stand several times. */
  readonly lists?: readonly string[];
  /** Fields of the request's header, with what they say. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What a body may be, by media type. */
  readonly contents?: Readonly<Record<string, Content>>;
  readonly answers: Readonly<Record<number, Answer>>;
  /** The statuses of the problems that it may answer with, beside those of every route. */
  readonly problems?: readonly number[];
}

/** A route. */
export interface Route extends RouteDescription {
  run(call: RawCall): Promise<Response>;
}

/** The key of a request that needs none: it may do nothing. */
export const NOBODY: ApiKey = { name: 'nobody', scopes: new Set(), mailboxes: [], requestsPerMinute: 0 };

function queryObject(given: URLSearchParams, lists: readonly string[]): Record<string, string | string[]> {
  const values: [string, string | string[]][] = [...new Set(given.keys())].map((name) => {
    const all = given.getAll(name);
    return [name, lists.includes(name) || all.length > 1 ? all : (all[0] ?? '')];
  });
  return Object.fromEntries(values);
}

/** Makes a route whose query is checked before it runs. */
export function route<Query extends z.ZodObject>(
  description: RouteDescription & { readonly query: Query },
  handle: (call: Call<z.output<Query>>) => Promise<Response> | Response,
): Route {
  return {
    ...description,
    async run(call) {
      const query = checked(description.query, queryObject(call.query, description.lists ?? []));
      return query.ok ? await handle({ ...call, query: query.value }) : refused(query);
    },
  };
}

/** Answers with JSON. */
export function json(body: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...headers } });
}

/** Answers with what was wrong. */
export function refused({ fault, errors }: Refusal): Response {
  return problemResponse(fault, errors);
}

/** The fault of a body whose kind is not taken. */
export function unknownType(incoming: IncomingMessage, possible: readonly string[]): Failure {
  const values = { type: mediaTypeOf(incoming), possible: possible.join(' or ') };
  return failure(httpFaults.make('SERVICE_MEDIA_TYPE_UNKNOWN', values));
}

/** Who did it, for records: `key shop`. */
export function actorOf({ key }: Pick<RawCall, 'key'>): string {
  return `key ${key.name}`;
}

/** How a message came in, for people. */
export function originOf({ address }: Pick<RawCall, 'address'>): string {
  return `http ${oneLine(address, 64)}`;
}

/** The answer for a result that failed. */
export function failed({ fault }: { readonly fault: Fault }): Response {
  return problemResponse(fault);
}
