/**
 * The HTTP API: its routes, and what is done with every request before and after them.
 *
 * The rules of this file:
 * - every answer that is no success is a problem document, also of a path that is not there and of a mistake of ours;
 * - the name of the host that a request gives decides nothing.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Hono, type Context } from 'hono';
import { httpFaults } from '../faults.ts';
import { accessRoutes } from './access-routes.ts';
import { checkAccess, checkFields, keyOf } from './authenticate.ts';
import { controlRoute } from './control-route.ts';
import { documentRoutes } from './document-routes.ts';
import { eventRoutes } from './event-stream.ts';
import { laneRoutes } from './lane-routes.ts';
import { messageRoutes } from './message-routes.ts';
import { migrationRoutes } from './migration-routes.ts';
import { monitoringRoutes } from './monitoring-routes.ts';
import type { ApiParts } from './parts.ts';
import { isPlainText } from './plain-text.ts';
import { problemResponse } from './problem.ts';
import { RateLimit } from './rate-limit.ts';
import { failed, type Route } from './route.ts';
import { sendRoutes } from './send-routes.ts';

/** What a listener gives with a request. */
export interface Bindings {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  /** Answers that have no end of their own; the listener ends them when it closes. */
  readonly endless: Set<ServerResponse>;
}

/** The API, whoever listens for it. */
export interface Api {
  /** Every method and path that is answered, as the router has them. */
  readonly registered: readonly { readonly method: string; readonly path: string }[];
  answer(request: Request, bindings: Bindings): Response | Promise<Response>;
  /** The answer for what was thrown before a request could be read. */
  onUnreadable(error: unknown): Response;
  /** Hears of a mistake in writing an answer. */
  onMistake(error: unknown): void;
}

type ApiContext = Context<{ Bindings: Bindings }>;

function addressOf({ socket }: IncomingMessage): string {
  return (socket.remoteAddress ?? '').replace(/^::ffff:(?=\d)/i, '');
}

class Router {
  readonly #parts: ApiParts;
  readonly #limit: RateLimit;

  constructor(parts: ApiParts) {
    this.#parts = parts;
    this.#limit = new RateLimit(parts.clock);
  }

  /** Answers, and counts the answer. */
  async answer(route: Route, context: ApiContext): Promise<Response> {
    const { clock, monitoring } = this.#parts;
    const begunMs = clock.monotonicMs();
    let status = 500;
    try {
      const response = await this.#answer(route, context);
      ({ status } = response);
      return response;
    } finally {
      monitoring.onHttpRequest(route.path, context.req.method, status, (clock.monotonicMs() - begunMs) / 1000);
    }
  }

  async #answer(route: Route, context: ApiContext): Promise<Response> {
    const { incoming, outgoing, endless } = context.env;
    const fields = checkFields(incoming);
    if (!fields.ok) return failed(fields);
    const key = keyOf(incoming, this.#parts.keys);
    if (!key.ok) return failed(key);
    const access = checkAccess(key.value, route);
    if (!access.ok) return failed(access);
    const allowance = key.value.requestsPerMinute === 0 ? undefined : this.#limit.count(key.value);
    for (const [name, value] of Object.entries(allowance?.headers ?? {})) outgoing.setHeader(name, value);
    if (allowance?.isOver === true) {
      const { name, requestsPerMinute } = key.value;
      const values = { key: name, limit: requestsPerMinute };
      const fault = httpFaults.make('SERVICE_TOO_MANY_REQUESTS', values, { retryAfterMs: allowance.waitMs });
      return problemResponse(fault);
    }
    const params = context.req.param();
    if (!Object.values(params).every(isPlainText)) return problemResponse(httpFaults.make('SERVICE_PATH_UNKNOWN'));
    return await route.run({
      incoming,
      outgoing,
      params,
      query: new URL(context.req.url).searchParams,
      key: key.value,
      address: addressOf(incoming),
      endless: () => {
        // It may be silent for as long as nothing happens.
        incoming.setTimeout(0);
        endless.add(outgoing);
        outgoing.once('close', () => endless.delete(outgoing));
      },
    });
  }

  /** The answer for something thrown. */
  answerError(error: unknown, context: ApiContext): Response {
    // Whoever broke the connection off reads no answer, and it is no mistake of ours.
    const isBrokenOff = context.env.incoming.destroyed && !context.env.incoming.complete;
    if (!isBrokenOff) this.#parts.onError(error);
    return problemResponse(httpFaults.make('SERVICE_FAILED_INSIDE'));
  }
}

function methodsOf(routes: readonly Route[], path: string): string {
  return routes
    .filter((route) => route.path === path)
    .map(({ method }) => method.toUpperCase())
    .join(', ');
}

/** `:id` for `{id}`. */
function patternOf(path: string): string {
  return path.replaceAll(/\{([a-z]+)\}/g, ':$1');
}

/** Every route, and the description of all of them. */
export function describedRoutes(parts: ApiParts): readonly Route[] {
  const routes: Route[] = [
    ...sendRoutes(parts),
    ...messageRoutes(parts),
    ...laneRoutes(parts),
    ...accessRoutes(parts),
    ...migrationRoutes(parts),
    ...eventRoutes(parts),
    ...monitoringRoutes(parts),
    ...documentRoutes(() => routes),
  ];
  return routes;
}

/** Makes the API. */
export function createApi(parts: ApiParts): Api {
  const routes = describedRoutes(parts);
  const router = new Router(parts);
  const app = new Hono<{ Bindings: Bindings }>();
  // The longer of two paths that both fit comes first: /v1/messages/batch is no message.
  for (const route of [...routes, controlRoute(parts)].toSorted(
    (a, b) => a.path.split('{').length - b.path.split('{').length,
  ))
    app.on(route.method.toUpperCase(), patternOf(route.path), async (context) => await router.answer(route, context));
  for (const path of new Set(routes.map((each) => each.path))) {
    const allow = methodsOf(routes, path);
    app.all(patternOf(path), ({ req, env }) => {
      env.outgoing.setHeader('allow', allow);
      return problemResponse(httpFaults.make('SERVICE_METHOD_UNKNOWN', { method: req.method, possible: allow }));
    });
  }
  app.notFound(() => problemResponse(httpFaults.make('SERVICE_PATH_UNKNOWN')));
  app.onError((error, context) => router.answerError(error, context));
  return {
    registered: app.routes.filter(({ method }) => method !== 'ALL').map(({ method, path }) => ({ method, path })),
    answer: (request, bindings) => app.fetch(request, bindings),
    onMistake: (error) => parts.onError(error),
    onUnreadable: () =>
      problemResponse(httpFaults.make('SERVICE_REQUEST_UNREADABLE', { reason: 'its address is none' })),
  };
}
