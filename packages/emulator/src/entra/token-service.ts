/**
 * The token endpoint as HTTP: decides a request, applies faults on demand, issues the token, counts.
 *
 * Lifetimes are random between 60 and 90 minutes, as Entra's are by default ("Access tokens in the Microsoft identity
 * platform", token lifetime), unless one is set.
 */
import type { HttpReply, HttpRequest } from '../http/exchange.ts';
import { jsonReply } from '../http/exchange.ts';
import type { FaultAction } from '../injected-fault.ts';
import { pause } from '../pause.ts';
import type { World } from '../world.ts';
import { issueToken } from './access-token.ts';
import { isAadstsCode, refusalBody, requestIds, statusOf, type AadstsRefusal, type RequestIds } from './errors.ts';
import { refusalValues } from './refusal-values.ts';
import { decideTokenRequest } from './token-endpoint.ts';
import { readTokenForm, type TokenHttpRequest } from './token-request.ts';

/** An answer, or what happens to the connection instead of one. */
export type TokenAnswer = HttpReply | 'cut' | 'hang';

/** How long tokens live; `undefined` for a random 60 to 90 minutes. */
export type TokenLifetime = number | undefined;

/** A request for a tenant's token endpoint. */
export interface TokenService {
  /** @param gone - aborts when the client is gone. */
  answer(request: HttpRequest, tenantName: string, base: string, gone: AbortSignal): Promise<TokenAnswer>;
}

function withIds(reply: HttpReply, ids: RequestIds): HttpReply {
  return {
    ...reply,
    headers: {
      ...reply.headers,
      pragma: 'no-cache',
      'x-ms-request-id': ids.traceId,
      'client-request-id': ids.correlationId,
    },
  };
}

function tokenRequest(request: HttpRequest, tenantName: string): TokenHttpRequest {
  const { method, body } = request;
  const [contentType, authorization] = [request.header('content-type'), request.header('authorization')];
  return { method, tenantName, contentType, authorization, body };
}

/** Headers under the names that our own have, so that none is sent twice. */
function lowerCased(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function lifetimeSeconds(fixed: TokenLifetime, random: () => number): number {
  return fixed ?? 3600 + Math.floor(random() * 1801);
}

/** Makes the service. */
export function createTokenService(
  world: World,
  lifetime: TokenLifetime,
  furtherClaims?: Readonly<Record<string, string>>,
): TokenService {
  const { directory, counters, faults, clock } = world;

  const refuse = (refusal: AadstsRefusal, ids: RequestIds, tenant: string, clientId: string): HttpReply => {
    const status = statusOf(refusal.code);
    world.onEvent({ name: 'emulator.token-answered', tenant, clientId, status, aadsts: refusal.code });
    return withIds(jsonReply(status, refusalBody(refusal, ids, clock.now())), ids);
  };

  const usual = (request: TokenHttpRequest, base: string, ids: RequestIds): HttpReply => {
    const { tenantName } = request;
    const decision = decideTokenRequest(request, directory, base, clock.now());
    if (decision.outcome === 'refused') return refuse(decision.refusal, ids, tenantName, decision.clientId);
    const seconds = lifetimeSeconds(lifetime, world.random);
    const accessToken = issueToken(world.signingKey, decision.subject, clock.now(), seconds, furtherClaims);
    counters.tokensIssued += 1;
    world.onEvent({
      name: 'emulator.token-answered',
      tenant: tenantName,
      clientId: decision.subject.app.clientId,
      status: 200,
    });
    const expiresIn = seconds - 1;
    return withIds(
      jsonReply(200, {
        token_type: 'Bearer',
        expires_in: expiresIn,
        ext_expires_in: expiresIn,
        access_token: accessToken,
      }),
      ids,
    );
  };

  const injected = (action: FaultAction, ids: RequestIds, request: TokenHttpRequest): TokenAnswer | undefined => {
    switch (action.kind) {
      case 'cut':
      case 'hang':
        return action.kind;
      case 'aadsts': {
        const { code } = action;
        if (!isAadstsCode(code)) return undefined;
        const values = refusalValues(code, request, directory, clock.now());
        const reply = refuse({ code, values }, ids, request.tenantName, readTokenForm(request).clientId);
        const after = action.retryAfterSeconds;
        return after === undefined ? reply : { ...reply, headers: { ...reply.headers, 'retry-after': String(after) } };
      }
      case 'http':
        return { status: action.status, headers: lowerCased(action.headers ?? {}), body: action.body ?? '' };
      case 'delay':
      case 'reply':
        return undefined;
    }
  };

  return {
    async answer(request, tenantName, base, gone) {
      counters.tokenRequests += 1;
      const ids = requestIds(request.header('client-request-id') || undefined);
      const action = faults.next('token');
      if (action?.kind === 'delay') await pause(clock, action.ms, gone);
      if (gone.aborted) return 'cut';
      const form = tokenRequest(request, tenantName);
      const instead = action === undefined ? undefined : injected(action, ids, form);
      return instead ?? usual(form, base, ids);
    },
  };
}
