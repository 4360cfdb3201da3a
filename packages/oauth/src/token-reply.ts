/**
 * Reads the reply of a token endpoint: a token that may be used, or a fault that says what came instead.
 *
 * The body is read as bytes first and kept (as far as it may be shown) in the evidence of the fault; only then is it
 * judged: by status, then by the `error` member, then by oauth4webapi, then by three rules of our own. A body that could not be read
 * (compressed, too large, cut) hides nothing that status and headers say.
 *
 * - Only bearer tokens, made of visible ASCII: a space or a line break would break out of the command that carries the token
 *   to a mail server.
 * - Only tokens whose lifetime is known and plausible (`token-lifetime.ts`).
 * - An `error` member in a reply that says success is an error.
 */
import {
  failure,
  Secret,
  success,
  type Fault,
  type FaultValues,
  type Result,
  type TokenEvidence,
} from '@postbearer/core';
import type { HttpReply, HttpResult } from '@postbearer/network';
import { processClientCredentialsResponse } from 'oauth4webapi';
import { oauthFaults, type OAuthFaultCode } from './faults.ts';
import type { CleanText } from './reply-text.ts';
import { parseRetryAfter } from './retry-after.ts';
import { readLifetime } from './token-lifetime.ts';

/** A token as it was granted. */
export interface GrantedToken {
  readonly value: Secret;
  readonly lifetimeMs: number;
}

/** What the reader has to know about the request. */
export interface ReplyContext {
  /** As it may be shown. */
  readonly endpoint: string;
  readonly clientId: string;
  readonly scope: string;
  readonly clean: CleanText;
  /** Wall clock, milliseconds since 1970. */
  readonly now: number;
  /** Which fault a status is at this service, before all other rules; `undefined` leaves it to them. */
  readonly classify?: (status: number) => OAuthFaultCode | undefined;
}

type JsonObject = Readonly<Record<string, unknown>>;

const EXCERPT_CHARS = 300;

// A map and not an object: `error` is foreign, and may be "toString".
const BY_ERROR: ReadonlyMap<string, OAuthFaultCode> = new Map([
  ['invalid_client', 'OAUTH_CLIENT_REFUSED'],
  ['unauthorized_client', 'OAUTH_CLIENT_NOT_ALLOWED'],
  ['invalid_scope', 'OAUTH_SCOPE_REFUSED'],
  ['invalid_target', 'OAUTH_SCOPE_REFUSED'],
  ['invalid_resource', 'OAUTH_SCOPE_REFUSED'],
  ['unsupported_grant_type', 'OAUTH_GRANT_UNSUPPORTED'],
  ['invalid_grant', 'OAUTH_GRANT_REFUSED'],
  ['temporarily_unavailable', 'OAUTH_SERVER_UNAVAILABLE'],
  ['server_error', 'OAUTH_SERVER_UNAVAILABLE'],
  ['slow_down', 'OAUTH_THROTTLED'],
]);

function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    // Without a prototype no member can be one of Object's.
    return Object.assign(Object.create(null), value);
  } catch {
    return undefined;
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function objectOf(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

/** The `error` member; App Service puts an object with a code there. */
function errorOf(json: JsonObject): string | undefined {
  return textOf(json['error']) ?? textOf(objectOf(json['error'])['code']);
}

function descriptionOf(json: JsonObject): string | undefined {
  return textOf(json['error_description']) ?? textOf(objectOf(json['error'])['message']) ?? textOf(json['message']);
}

function errorCodesOf(json: JsonObject, description: string): number[] {
  const listed = json['error_codes'];
  if (Array.isArray(listed)) return listed.filter((code) => Number.isSafeInteger(code)).slice(0, 20);
  return [...description.slice(0, 2000).matchAll(/\bAADSTS(\d{4,9})\b/g)].map((match) => Number(match[1]));
}

function evidenceOf(
  reply: HttpReply,
  json: JsonObject | undefined,
  text: string,
  context: ReplyContext,
): TokenEvidence {
  const { endpoint, clean } = context;
  const start: TokenEvidence = { kind: 'token', endpoint, status: reply.status, errorCodes: [] };
  if (json === undefined) return text === '' ? start : { ...start, excerpt: clean(text, EXCERPT_CHARS) };
  const description = descriptionOf(json);
  const kept = {
    error: errorOf(json),
    errorDescription: description,
    traceId: textOf(json['trace_id']),
    correlationId: textOf(json['correlation_id']),
    timestamp: textOf(json['timestamp']),
  };
  const shown = Object.entries(kept).flatMap(([name, value]) => (value === undefined ? [] : [[name, clean(value)]]));
  return { ...start, ...Object.fromEntries(shown), errorCodes: errorCodesOf(json, description ?? '') };
}

function statusFault(status: number, reply: HttpReply): OAuthFaultCode | undefined {
  if (status >= 300 && status < 400) return 'OAUTH_REDIRECTED';
  if (status === 429) return 'OAUTH_THROTTLED';
  if (status === 408 || status >= 500) return 'OAUTH_SERVER_UNAVAILABLE';
  // RFC 6749 section 5.2: a server that speaks HTTP authentication answers a wrong client this way, with or without JSON.
  if (status === 401 && reply.headers['www-authenticate'] !== undefined) return 'OAUTH_CLIENT_REFUSED';
  return undefined;
}

/** Statuses of a place where no token endpoint is. */
function isElsewhere(status: number): boolean {
  return status === 404 || status === 405 || status === 410;
}

/** What an error reply means whose body is no OAuth error. */
function bareFault(status: number, text: string, json: JsonObject | undefined): OAuthFaultCode {
  if (isElsewhere(status)) return 'OAUTH_ENDPOINT_NOT_FOUND';
  if (text === '') return status === 200 || status >= 400 ? 'OAUTH_REPLY_EMPTY' : 'OAUTH_REPLY_UNEXPECTED';
  // A page that comes as success may be gone the next time: a network that wants a sign-in puts one in the way of everything.
  return status === 200 && json === undefined ? 'OAUTH_REPLY_NOT_JSON' : 'OAUTH_REPLY_UNEXPECTED';
}

function locationOf(reply: HttpReply, clean: CleanText): string {
  const url = URL.parse(reply.headers['location'] ?? '', 'https://same-host.invalid');
  if (url === null) return 'an unreadable address';
  return url.hostname === 'same-host.invalid' ? 'another path' : clean(`${url.protocol}//${url.host}`, 200);
}

function tokenProblem(token: string): string | undefined {
  if (/[\r\n]/.test(token)) return 'a line break';
  if (token.includes(' ')) return 'a space';
  return /^[!-~]+$/.test(token) ? undefined : 'a character that is not visible ASCII';
}

type Refuse = (code: OAuthFaultCode, values?: FaultValues) => Result<never>;

async function readToken(json: JsonObject, context: ReplyContext, refuse: Refuse): Promise<Result<GrantedToken>> {
  const { access_token: token, token_type: type } = json;
  if (typeof token !== 'string' || token === '') return refuse('OAUTH_TOKEN_MISSING');
  const lifetime = readLifetime(json, token, context.now);
  if ('code' in lifetime) return refuse(lifetime.code, { reason: context.clean(lifetime.reason, 120) });
  const isBearer = typeof type === 'string' && type.toLowerCase() === 'bearer';
  if (!isBearer)
    return refuse('OAUTH_TOKEN_TYPE_WRONG', {
      type: type === undefined ? 'none' : context.clean(JSON.stringify(type), 40),
    });
  // Only what is used is given on: an identity token beside it need not be valid.
  const response = Response.json({ access_token: token, token_type: type, expires_in: lifetime.ms / 1000 });
  const server = { issuer: context.endpoint };
  const granted = await processClientCredentialsResponse(server, { client_id: context.clientId }, response);
  const reason = tokenProblem(granted.access_token);
  if (reason !== undefined) return refuse('OAUTH_TOKEN_UNUSABLE', { reason });
  return success({ value: Secret.of(granted.access_token), lifetimeMs: lifetime.ms });
}

/** Why the words of a refusal could not be read; `undefined` where trying again may bring them. */
function unreadReason({ code }: Fault, reply: HttpReply): string | undefined {
  if (code === 'NETWORK_REPLY_COMPRESSED')
    return `it is compressed (Content-Encoding: ${reply.headers['content-encoding'] ?? ''})`;
  return code === 'NETWORK_REPLY_TOO_LARGE' ? 'it is too large' : undefined;
}

/**
 * Reads what came of a request. Never throws, whatever the reply holds.
 *
 * @returns the token, an `OAUTH_…` fault, or the fault of the network where that says more than the reply.
 */
export async function readTokenReply(result: HttpResult, context: ReplyContext): Promise<Result<GrantedToken>> {
  if (result.ok) return judge(result.value, undefined, context);
  return result.incomplete === undefined ? failure(result.fault) : judge(result.incomplete, result.fault, context);
}

/** @param unread - why the body could not be read whole. */
async function judge(
  reply: HttpReply,
  unread: Fault | undefined,
  context: ReplyContext,
): Promise<Result<GrantedToken>> {
  const { status } = reply;
  const text = new TextDecoder().decode(reply.body).trim();
  const json = parseObject(text);
  const error = json === undefined ? undefined : errorOf(json);
  const makeFault = (code: OAuthFaultCode, values: FaultValues = {}): Fault => {
    const retryAfterMs = parseRetryAfter(reply.headers['retry-after'], context.now);
    const { endpoint, clientId, scope, clean } = context;
    return oauthFaults.make(
      code,
      {
        endpoint,
        clientId,
        scope,
        status,
        error: error === undefined ? `HTTP ${status}` : clean(error, 60),
        ...values,
      },
      {
        evidence: evidenceOf(reply, json, text, context),
        ...(unread === undefined ? {} : { reported: unread.code }),
        ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      },
    );
  };
  const refuse: Refuse = (code, values) => failure(makeFault(code, values));
  const known = context.classify?.(status);
  if (known !== undefined) return refuse(known);
  const byStatus = statusFault(status, reply);
  if (byStatus !== undefined && !(byStatus === 'OAUTH_CLIENT_REFUSED' && error !== undefined))
    return refuse(byStatus, { location: locationOf(reply, context.clean) });
  if (error !== undefined) return refuse(BY_ERROR.get(error) ?? 'OAUTH_REQUEST_REFUSED');
  if (unread !== undefined && !isElsewhere(status)) {
    const reason = status >= 400 ? unreadReason(unread, reply) : undefined;
    return reason === undefined
      ? failure(unread)
      : refuse('OAUTH_REPLY_UNREADABLE', { reason: context.clean(reason, 120) });
  }
  if (status !== 200 || json === undefined) return refuse(bareFault(status, text, json));
  return readToken(json, context, refuse);
}
