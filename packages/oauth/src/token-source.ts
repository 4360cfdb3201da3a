/**
 * Tokens ready for use: cached, renewed ahead of time, asked for once.
 *
 * - One token for each endpoint, client, scope and way to authenticate, and one request in flight for it, however many need it.
 *   A caller that cancels leaves the others alone; the request ends early only when nobody waits for it any more.
 * - Renewal: from two thirds of its life (and up to a twelfth later, by chance, so that several nodes do not ask at once) the
 *   next use of a token starts a request in the background and goes on with the token that is there. A token is given out until a
 *   tenth of its life is left, a minute at most. Nothing is renewed that nobody uses.
 * - Failing: after a fault that may pass (no network, 5xx, a page in place of a reply) the next request waits 1 s, then 2, 5, 10, 30 and
 *   from then on 60 s; after any other, and where the endpoint asks us to slow down, 60 s at once. Retry-After makes a wait
 *   longer (up to 24 hours), never shorter. In between the same fault is given at once. Only a token ends the growth. So an outage costs 5
 *   requests more than one a minute. A fault of our own side (a file that is missing) costs no request and is not remembered.
 * - `fresh` is for a token that a server refused: it asks anew, once a minute at most; whoever else asks in that minute
 *   gets the token that came of it. It does not get around the rule for failing, and while that holds it gives the fault and not
 *   the refused token.
 * - Clocks: a token is as old as the older of two clocks says. The monotonic one does not jump; the wall clock knows of a
 *   computer that slept. A jump forward costs one request, a jump back costs nothing.
 */
import { failure, success, systemClock, type Clock, type EventSink, type Fault, type Result } from '@postbearer/core';
import type { HttpClient } from '@postbearer/network';
import { requestToken } from './request-token.ts';
import { keyOf, type AccessToken, type TokenRequest } from './token-request.ts';

/** How a token is needed. */
export interface TokenNeed {
  /** Not the one that is cached, because a server refused it. */
  readonly fresh?: boolean;
  readonly signal?: AbortSignal;
  /**
   * Hears `token.acquired` or `token.failed`, if this need is the one that starts a request: who shares a request does not hear
   * of it again. Also hears of a renewal behind the scenes, later.
   */
  readonly onEvent?: EventSink | undefined;
}

/** See the head of this file; made by {@link createTokenSource}. */
export interface TokenSource {
  /**
   * A token that may be used now.
   *
   * @returns the token or the fault of the last request. Throws only `signal.reason`, or an `AbortError` once closed.
   */
  get(request: TokenRequest, need?: TokenNeed): Promise<Result<AccessToken>>;
  /** Forgets token and failures of a request, because its settings or secret have changed. For a refused token use `fresh`. */
  drop(request: TokenRequest): void;
  /** Ends requests in flight and forgets all tokens; safe to repeat. */
  close(): void;
}

/** What {@link createTokenSource} works with. */
export interface TokenSourceOptions {
  readonly http: HttpClient;
  readonly clock?: Clock;
  /** From 0 to below 1, as `Math.random`. */
  readonly random?: () => number;
  /** Environment variables that name the managed identity service. By default those of the process. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** For one request, 30 s by default. */
  readonly timeoutMs?: number;
}

/** Least time between two requests for the same token once they have failed for long, and between two that `fresh` asks for. */
const PAUSE_MS = 60_000;
/** The pauses after the first failures of an outage. */
const FIRST_PAUSES_MS: readonly number[] = [1000, 2000, 5000, 10_000, 30_000];
const RENEW_AFTER = 2 / 3;
const RENEW_SPREAD = 1 / 12;
const LONGEST_RESERVE_MS = 60_000;

interface HeldToken {
  readonly token: AccessToken;
  readonly obtainedMonotonicMs: number;
  readonly lifetimeMs: number;
  readonly renewAfterMs: number;
}

interface Flight {
  readonly outcome: Promise<Result<HeldToken>>;
  readonly controller: AbortController;
  readonly isBackground: boolean;
  waiters: number;
}

interface Entry {
  held?: HeldToken | undefined;
  flight?: Flight | undefined;
  failed?: { readonly fault: Fault; readonly untilMonotonicMs: number; readonly count: number } | undefined;
  forcedMonotonicMs?: number | undefined;
}

/** How long to wait after a failure, the `count`-th in a row from 0. */
function pauseAfter({ code, next, retryAfterMs = 0 }: Fault, count: number): number {
  const isPassing = next === 'retry' && code !== 'OAUTH_THROTTLED';
  return Math.max((isPassing ? FIRST_PAUSES_MS[count] : undefined) ?? PAUSE_MS, retryAfterMs);
}

/** Waits for `outcome` no longer than until `signal` aborts. */
async function unlessAborted<T>(outcome: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return outcome;
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- the caller's own reason, whatever it is
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop);
  });
  try {
    return await Promise.race([outcome, aborted]);
  } finally {
    if (stop !== undefined) signal.removeEventListener('abort', stop);
  }
}

/** Makes a source with an empty cache. It holds no timer and no connection while nobody waits for a token. */
export function createTokenSource(options: TokenSourceOptions): TokenSource {
  const { http, clock = systemClock, random = Math.random, environment, timeoutMs } = options;
  const entries = new Map<string, Entry>();
  // Also those of entries that were dropped.
  const flights = new Set<Flight>();
  let closed: DOMException | undefined;

  const ageMs = ({ token, obtainedMonotonicMs }: HeldToken): number =>
    Math.max(clock.monotonicMs() - obtainedMonotonicMs, clock.now() - token.obtainedAt);

  const isUsable = (held: HeldToken): boolean =>
    ageMs(held) < held.lifetimeMs - Math.min(held.lifetimeMs / 10, LONGEST_RESERVE_MS);

  const handOut = (held: HeldToken, fromCache: boolean): Result<AccessToken> =>
    success({ ...held.token, expiresAt: Math.round(clock.now() + held.lifetimeMs - ageMs(held)), fromCache });

  const pause = (entry: Entry): Fault | undefined => {
    const { failed } = entry;
    const leftMs = failed === undefined ? 0 : failed.untilMonotonicMs - clock.monotonicMs();
    if (failed === undefined || leftMs <= 0) return undefined;
    return failed.fault.retryAfterMs === undefined ? failed.fault : { ...failed.fault, retryAfterMs: leftMs };
  };

  async function fetchToken(request: TokenRequest, entry: Entry, signal: AbortSignal): Promise<Result<HeldToken>> {
    let wasSent = false;
    const counted: HttpClient = {
      request(outgoing) {
        wasSent = true;
        return http.request(outgoing);
      },
    };
    const obtainedMonotonicMs = clock.monotonicMs();
    const result = await requestToken(request, {
      http: counted,
      clock,
      signal,
      ...(environment === undefined ? {} : { environment }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
    if (!result.ok) {
      const { fault } = result;
      const count = entry.failed === undefined ? 0 : entry.failed.count + 1;
      const untilMonotonicMs = clock.monotonicMs() + pauseAfter(fault, count);
      if (wasSent) entry.failed = { fault, untilMonotonicMs, count };
      entry.forcedMonotonicMs = undefined;
      return result;
    }
    const token = result.value;
    const lifetimeMs = token.expiresAt - token.obtainedAt;
    const renewAfterMs = lifetimeMs * (RENEW_AFTER + RENEW_SPREAD * random());
    entry.held = { token, obtainedMonotonicMs, lifetimeMs, renewAfterMs };
    entry.failed = undefined;
    return success(entry.held);
  }

  async function fetchAndTell(
    request: TokenRequest,
    entry: Entry,
    signal: AbortSignal,
    onEvent: EventSink | undefined,
  ): Promise<Result<HeldToken>> {
    const result = await fetchToken(request, entry, signal);
    const { endpoint, clientId, scope } = request;
    onEvent?.(
      result.ok
        ? { name: 'token.acquired', endpoint, clientId, scope, expiresAt: result.value.token.expiresAt }
        : { name: 'token.failed', endpoint, clientId, fault: result.fault },
    );
    return result;
  }

  function start(
    request: TokenRequest,
    entry: Entry,
    { isBackground, onEvent }: { readonly isBackground: boolean; readonly onEvent: EventSink | undefined },
  ): Flight {
    const controller = new AbortController();
    const outcome = fetchAndTell(request, entry, controller.signal, onEvent).finally(() => {
      if (entry.flight === flight) entry.flight = undefined;
      flights.delete(flight);
    });
    const flight: Flight = { outcome, controller, isBackground, waiters: 0 };
    flights.add(flight);
    // Nobody may be left to hear how it ended.
    outcome.catch(() => {});
    entry.flight = flight;
    return flight;
  }

  async function join(entry: Entry, flight: Flight, signal: AbortSignal | undefined): Promise<Result<AccessToken>> {
    flight.waiters += 1;
    try {
      const result = await unlessAborted(flight.outcome, signal);
      return result.ok ? handOut(result.value, false) : result;
    } finally {
      flight.waiters -= 1;
      if (flight.waiters === 0 && !flight.isBackground) {
        if (entry.flight === flight) entry.flight = undefined;
        flight.controller.abort();
      }
    }
  }

  /** Whether the token that is held came of `fresh` within the last minute. */
  function wasForced({ forcedMonotonicMs }: Entry): boolean {
    return forcedMonotonicMs !== undefined && clock.monotonicMs() - forcedMonotonicMs < PAUSE_MS;
  }

  return {
    async get(request, { fresh = false, signal, onEvent } = {}) {
      if (closed !== undefined) throw closed;
      signal?.throwIfAborted();
      const key = keyOf(request);
      const entry = entries.get(key) ?? {};
      entries.set(key, entry);
      const { held } = entry;
      const isForced = fresh && (entry.flight !== undefined || !wasForced(entry));
      if (held !== undefined && isUsable(held) && !isForced) {
        const mayRenew = entry.flight === undefined && pause(entry) === undefined;
        if (mayRenew && ageMs(held) >= held.renewAfterMs) start(request, entry, { isBackground: true, onEvent });
        return handOut(held, true);
      }
      if (entry.flight !== undefined) return join(entry, entry.flight, signal);
      const fault = pause(entry);
      if (fault !== undefined) return failure(fault);
      if (fresh) entry.forcedMonotonicMs = clock.monotonicMs();
      return join(entry, start(request, entry, { isBackground: false, onEvent }), signal);
    },
    drop(request) {
      entries.delete(keyOf(request));
    },
    close() {
      closed ??= new DOMException('the token source was closed', 'AbortError');
      for (const { controller } of flights) controller.abort(closed);
      entries.clear();
    },
  };
}
