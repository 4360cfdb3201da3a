/**
 * Requests to Microsoft Graph, with the patience that it asks for.
 *
 * The rules of this file:
 * - what Graph asks to repeat (429, 503, 504, `Retry-After`) is repeated, at most six times;
 * - a request whose outcome is not known is repeated only where doing it twice does no harm;
 * - what was made a moment ago may not be known everywhere: a caller who knows that may have a "not found" asked again for two minutes;
 * - the token goes to that one host, over https, and to none that it redirects to.
 *
 * Source: learn.microsoft.com/graph/throttling and learn.microsoft.com/graph/errors (read 2026-11-25).
 */
import {
  failure,
  oneLine,
  success,
  type Clock,
  type Fault,
  type HttpEvidence,
  type Result,
  type Secret,
} from '@postbearer/core';
import type { HttpClient, HttpReply, HttpRequest } from '@postbearer/network';
import { valuesOf, type Microsoft365Context } from '../context.ts';
import type { Microsoft365FaultCode } from '../faults.ts';
import { microsoft365Faults } from '../faults.ts';
import { graphErrors } from '../faults/graph.ts';

/** One request. */
export interface GraphRequest {
  readonly method: NonNullable<HttpRequest['method']>;
  /** From the version on: `/applications`. */
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** What it is about, for people: `the application Postbearer`. */
  readonly what: string;
  /** Asks again where Graph does not know what was made a moment ago. */
  readonly awaitsNewObject?: boolean;
  /** Whether doing it twice does no harm; GET, PUT, PATCH and DELETE do none. */
  readonly isRepeatable?: boolean;
}

/** A reply that is no error. */
export interface GraphReply {
  readonly status: number;
  /** The JSON object, or an empty one where there was no content. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** Why a request waits. */
export interface GraphWait {
  readonly reason: 'throttled' | 'unavailable' | 'propagation';
  readonly what: string;
  readonly waitMs: number;
}

/** What a client works with. */
export interface GraphClientOptions {
  /** `https://graph.microsoft.com/v1.0`. */
  readonly baseUrl: string;
  /** Gives the token; asked for each request, so that it may be renewed. */
  readonly token: () => Promise<Result<Secret>>;
  readonly http: HttpClient;
  readonly clock: Clock;
  /** For the wording of faults. */
  readonly context?: Microsoft365Context;
  /** Hears why it takes longer. */
  readonly onWait?: (wait: GraphWait) => void;
  readonly signal?: AbortSignal;
}

/** Sends requests to Microsoft Graph. */
export interface GraphClient {
  /** Fails with a `M365_GRAPH_…` fault or a fault of the network. Throws only `signal.reason`. */
  call(request: GraphRequest): Promise<Result<GraphReply>>;
}

const MOST_REPEATS = 6;
const LONGEST_RETRY_AFTER_MS = 5 * 60_000;
/** Pauses before asking again for what was made a moment ago; two minutes together. */
const PROPAGATION_PAUSES_MS: readonly number[] = [1000, 2000, 3000, 5000, 8000, 10_000, 15_000, 20_000, 25_000, 30_000];
const BACKOFF_FIRST_MS = 1000;

interface GraphError {
  readonly code?: string;
  readonly message?: string;
  readonly requestId?: string;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
}

function jsonOf({ body }: HttpReply): Readonly<Record<string, unknown>> | undefined {
  if (body.length === 0) return {};
  try {
    return objectOf(JSON.parse(Buffer.from(body).toString('utf8')));
  } catch {
    return undefined;
  }
}

function errorOf(reply: HttpReply): GraphError {
  const error = objectOf(jsonOf(reply)?.['error']);
  const code = textOf(error?.['code']);
  const message = textOf(error?.['message']);
  const requestId = textOf(objectOf(error?.['innerError'])?.['request-id']) ?? reply.headers['request-id'];
  return {
    ...(code === undefined ? {} : { code: oneLine(code, 100) }),
    ...(message === undefined ? {} : { message: oneLine(message, 600) }),
    ...(requestId === undefined ? {} : { requestId: oneLine(requestId, 60) }),
  };
}

/** Some rules of a tenant are told only by their words. */
const POLICY_WORDS = /AppPolicy|app management policy|credential (?:type|lifetime)[^.]{0,80}not (?:allowed|permitted)/i;

function codeOf(status: number, { code = '', message = '' }: GraphError): Microsoft365FaultCode {
  if (POLICY_WORDS.test(code) || POLICY_WORDS.test(message)) return 'M365_GRAPH_POLICY_FORBIDS';
  const known = Object.hasOwn(graphErrors, code) ? graphErrors[code] : undefined;
  if (known !== undefined) return known;
  if (status === 401) return 'M365_GRAPH_TOKEN_REFUSED';
  if (status === 403) return 'M365_GRAPH_PERMISSION_MISSING';
  if (status === 404) return 'M365_GRAPH_NOT_FOUND';
  if (status === 409) return 'M365_GRAPH_CONFLICT';
  if (status === 429) return 'M365_GRAPH_THROTTLED';
  if (status >= 500) return 'M365_GRAPH_UNAVAILABLE';
  return 'M365_GRAPH_REQUEST_REFUSED';
}

function retryAfterMs({ headers }: HttpReply, now: number): number | undefined {
  const text = headers['retry-after'];
  if (text === undefined) return undefined;
  const seconds = /^\d{1,6}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isFinite(seconds) ? Math.min(LONGEST_RETRY_AFTER_MS, Math.max(0, seconds)) : undefined;
}

/** What was made a moment ago may also be refused as a reference to nothing. */
const UNKNOWN_REFERENCE = /does not reference a valid|does not exist|NoBackingApplicationObject/i;

function isNotKnownYet({ code, evidence }: Fault): boolean {
  if (code === 'M365_GRAPH_NOT_FOUND') return true;
  const said = evidence?.kind === 'http' ? `${evidence.code ?? ''} ${evidence.message ?? ''}` : '';
  return code === 'M365_GRAPH_REQUEST_REFUSED' && UNKNOWN_REFERENCE.test(said);
}

function isRepeatable({ method, isRepeatable: said }: GraphRequest): boolean {
  return said ?? method !== 'POST';
}

class Client implements GraphClient {
  readonly #options: GraphClientOptions;

  constructor(options: GraphClientOptions) {
    this.#options = options;
  }

  async call(request: GraphRequest): Promise<Result<GraphReply>> {
    let repeats = 0;
    let asked = 0;
    for (;;) {
      const outcome = await this.#once(request);
      if (outcome.ok) return outcome;
      const { fault, reply } = outcome;
      const wait = this.#waitBeforeNext(request, fault, reply, { repeats, asked });
      if (wait === undefined) return failure(fault);
      if (wait.reason === 'propagation') asked += 1;
      else repeats += 1;
      this.#options.onWait?.(wait);
      await this.#pause(wait.waitMs);
    }
  }

  #waitBeforeNext(
    request: GraphRequest,
    fault: Fault,
    reply: HttpReply | undefined,
    done: { readonly repeats: number; readonly asked: number },
  ): GraphWait | undefined {
    const { what } = request;
    if (request.awaitsNewObject === true && isNotKnownYet(fault)) {
      const waitMs = PROPAGATION_PAUSES_MS[done.asked];
      return waitMs === undefined ? undefined : { reason: 'propagation', what, waitMs };
    }
    if (done.repeats >= MOST_REPEATS) return undefined;
    const backoffMs = BACKOFF_FIRST_MS * 2 ** done.repeats;
    if (reply === undefined) {
      return fault.next === 'retry' && isRepeatable(request)
        ? { reason: 'unavailable', what, waitMs: backoffMs }
        : undefined;
    }
    const waitMs = retryAfterMs(reply, this.#options.clock.now()) ?? backoffMs;
    if (fault.code === 'M365_GRAPH_THROTTLED') return { reason: 'throttled', what, waitMs };
    // 503 and 504 say that it was not done (503) or perhaps (504).
    const isSafe = reply.status === 503 || isRepeatable(request);
    return fault.code === 'M365_GRAPH_UNAVAILABLE' && isSafe ? { reason: 'unavailable', what, waitMs } : undefined;
  }

  async #once(request: GraphRequest): Promise<Result<GraphReply> & { readonly reply?: HttpReply }> {
    const { baseUrl, http, token, signal } = this.#options;
    const bearer = await token();
    if (!bearer.ok) return bearer;
    const answered = await http.request({
      url: `${baseUrl}${request.path}`,
      method: request.method,
      headers: {
        ...request.headers,
        authorization: `Bearer ${bearer.value.reveal()}`,
        accept: 'application/json',
        ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
      ...(signal === undefined ? {} : { signal }),
    });
    if (!answered.ok) return answered;
    const reply = answered.value;
    if (reply.status >= 200 && reply.status < 300) {
      const body = jsonOf(reply);
      return body === undefined
        ? { ...failure(this.#fault('M365_GRAPH_REPLY_UNCLEAR', request, reply, {})), reply }
        : success({ status: reply.status, body });
    }
    const error = errorOf(reply);
    const isOfGraph = error.code !== undefined || reply.status === 401 || reply.status >= 429;
    const code = isOfGraph
      ? codeOf(reply.status, error)
      : reply.status === 404
        ? 'M365_GRAPH_NOT_FOUND'
        : 'M365_GRAPH_REPLY_UNCLEAR';
    return { ...failure(this.#fault(code, request, reply, error)), reply };
  }

  #fault(code: Microsoft365FaultCode, request: GraphRequest, { status }: HttpReply, error: GraphError): Fault {
    const { baseUrl, context = {} } = this.#options;
    const evidence: HttpEvidence = {
      kind: 'http',
      method: request.method,
      url: `${baseUrl}${request.path.split('?', 1)[0]}`,
      status,
      ...error,
    };
    const values = { ...valuesOf(context), graphHost: new URL(baseUrl).host, what: request.what, status };
    return microsoft365Faults.make(code, values, { evidence });
  }

  async #pause(ms: number): Promise<void> {
    const { clock, signal } = this.#options;
    signal?.throwIfAborted();
    await new Promise<void>((done, fail) => {
      const stop = (): void => {
        timer.cancel();
        fail(signal?.reason as Error);
      };
      const timer = clock.setTimer(() => {
        signal?.removeEventListener('abort', stop);
        done();
      }, ms);
      signal?.addEventListener('abort', stop, { once: true });
    });
  }
}

/** Makes a client of Microsoft Graph. */
export function createGraphClient(options: GraphClientOptions): GraphClient {
  return new Client(options);
}
