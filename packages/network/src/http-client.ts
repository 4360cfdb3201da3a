/**
 * HTTP requests that cannot surprise: one request, one reply, both bounded.
 *
 * Rules: https, or plain http to this machine itself and nowhere else; every certificate checked; one deadline over
 * connecting, proxy, TLS, headers and body; a reply is read up to a limit; a redirect is given back as the reply that it
 * is, so that what a request carries never goes to another host; compressed replies are refused, so that a small one cannot
 * unfold into a huge one; a failure is a value, and keeps status and headers where only the body could not be read. Each request
 * has its own connection: they are rare.
 */
import { request as httpRequest, validateHeaderName, validateHeaderValue, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { failure, success, systemClock, type Clock, type Failure, type Result, type Success } from '@postbearer/core';
import { leadsElsewhere, type AddressRule } from './address-guard.ts';
import { startAttempt, type Attempt } from './attempt.ts';
import { faultAt } from './connection-fault.ts';
import { dialTcp, openConnection, type Dial } from './connection.ts';
import { networkFaults } from './faults.ts';
import { isLinkLocalHost, isLoopbackHost } from './loopback.ts';
import { bareHost, portOf, proxyFor } from './proxy.ts';
import type { Trust } from './trust.ts';

/** One request. */
export interface HttpRequest {
  /** An https URL, or http to a loopback host; without user name. A fragment is not sent. */
  readonly url: string;
  /** `GET` by default. */
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** For everything together, 30 s by default. */
  readonly timeoutMs?: number;
  /** The largest body to read, 1 MiB by default. */
  readonly maxBytes?: number;
  /**
   * Which addresses may be reached, asked of those that the host has before anything is connected; all where left out.
   * Through a proxy the rule is asked as well, of what this machine knows of the name; what the proxy then finds is its own affair.
   */
  readonly allowsAddress?: AddressRule;
  /** Also allows plain http to 169.254.0.0/16, where a cloud machine finds its own platform. */
  readonly allowLinkLocal?: boolean;
  readonly signal?: AbortSignal;
}

/** A reply, read whole. */
export interface HttpReply {
  /** Any status, also 3xx, 4xx and 5xx. */
  readonly status: number;
  /** By lower-case name; repeated headers joined with `, `. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Uint8Array;
}

/** A request that failed. */
export interface HttpFailure extends Failure {
  /** What came before it failed: status and headers say much even where the body is compressed, too large or cut. */
  readonly incomplete?: HttpReply;
}

/** What comes of a request. */
export type HttpResult = Success<HttpReply> | HttpFailure;

/** Sends requests; made by {@link createHttpClient}. */
export interface HttpClient {
  /** Sends one request. Every failure below HTTP is a `NETWORK_…` fault. Throws only `signal.reason`, when the caller cancels. */
  request(request: HttpRequest): Promise<HttpResult>;
}

/** What {@link createHttpClient} works with. */
export interface HttpClientOptions {
  readonly trust: Trust;
  /** Environment variables: `HTTPS_PROXY`, `NO_PROXY`. By default those of the process. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly clock?: Clock;
  readonly dial?: Dial;
}

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_MAX_BYTES = 1024 * 1024;

/** The URL, or why no request goes there. */
function checkUrl(text: string, allowLinkLocal: boolean): Result<URL> {
  const url = URL.parse(text);
  const shown = url === null ? text.slice(0, 200) : `${url.protocol}//${url.host}`;
  const refuse = (reason: string): Result<URL> =>
    failure(networkFaults.make('NETWORK_URL_REFUSED', { url: shown, reason }));
  // What is not a URL is not shown: it may be a secret that was put in the wrong place.
  if (url === null)
    return failure(networkFaults.make('NETWORK_URL_REFUSED', { url: 'The address', reason: 'it is not a URL' }));
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return refuse(`"${url.protocol}" is not https`);
  if (url.username !== '' || url.password !== '') return refuse('it carries a user name or password');
  if (url.protocol === 'https:' || isPlainAllowed(bareHost(url), allowLinkLocal)) return success(url);
  return refuse('plain http would show what is sent to everyone on the way');
}

function isPlainAllowed(host: string, allowLinkLocal: boolean): boolean {
  return isLoopbackHost(host) || (allowLinkLocal && isLinkLocalHost(host));
}

function headerProblem(headers: Readonly<Record<string, string>>): string | undefined {
  for (const [name, value] of Object.entries(headers)) {
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    } catch {
      return `the header "${name}" holds a character that no header may hold`;
    }
  }
  return undefined;
}

/** A name such as `localhost` may lead elsewhere; where a plain connection really went is checked before anything is sent. */
function wentAstray(socket: Duplex, allowLinkLocal: boolean): boolean {
  const address = 'remoteAddress' in socket ? socket.remoteAddress : undefined;
  return typeof address !== 'string' || !isPlainAllowed(address, allowLinkLocal);
}

function headersOf(reply: IncomingMessage): Record<string, string | undefined> {
  const headers: Record<string, string | undefined> = Object.create(null);
  for (const [name, value] of Object.entries(reply.headers))
    headers[name] = Array.isArray(value) ? value.join(', ') : value;
  return headers;
}

async function exchange(socket: Duplex, url: URL, request: HttpRequest, attempt: Attempt): Promise<HttpResult> {
  attempt.enter('waiting for the reply', { host: bareHost(url), port: portOf(url) });
  const { method = 'GET', body = '', maxBytes = DEFAULT_MAX_BYTES } = request;
  const bytes = typeof body === 'string' ? Buffer.from(body, 'utf8') : body;
  const outgoing = attempt.own(
    httpRequest({
      method,
      path: `${url.pathname}${url.search}`,
      headers: {
        ...request.headers,
        host: url.host,
        'accept-encoding': 'identity',
        ...(method === 'GET' ? {} : { 'content-length': bytes.length }),
      },
      createConnection: () => socket,
    }),
  );
  const answered = attempt.wait<IncomingMessage>(outgoing, (done) => void outgoing.once('response', done));
  outgoing.end(bytes);
  const reply = await answered;
  return reply.ok ? readReply(attempt.own(reply.value), maxBytes, attempt) : reply;
}

async function readReply(reply: IncomingMessage, maxBytes: number, attempt: Attempt): Promise<HttpResult> {
  attempt.enter('reading the reply');
  const headers = headersOf(reply);
  const chunks: Uint8Array[] = [];
  const read = await readBody(reply, { encoding: headers['content-encoding'], maxBytes, chunks }, attempt);
  const whole = { status: reply.statusCode ?? 0, headers, body: Buffer.concat(chunks) };
  return read.ok ? success(whole) : { ...read, incomplete: whole };
}

/** Reads the body into `chunks`, as far as it may be read. */
async function readBody(
  reply: IncomingMessage,
  { encoding = '', maxBytes, chunks }: { encoding: string | undefined; maxBytes: number; chunks: Uint8Array[] },
  attempt: Attempt,
): Promise<Result<unknown>> {
  const coding = encoding.trim().toLowerCase();
  if (coding !== 'identity' && coding !== '')
    return failure(
      faultAt('NETWORK_REPLY_COMPRESSED', attempt.place(), `Content-Encoding: ${coding}`, { encoding: coding }),
    );
  let size = 0;
  const ended = await attempt.wait<'complete' | 'too large'>(reply, (done) => {
    reply.on('data', (chunk: Uint8Array) => {
      size += chunk.length;
      if (size > maxBytes) {
        reply.pause();
        done('too large');
      } else chunks.push(chunk);
    });
    reply.once('end', () => done('complete'));
  });
  if (ended.ok && ended.value === 'too large')
    return failure(faultAt('NETWORK_REPLY_TOO_LARGE', attempt.place(), 'the body is too large', { limit: maxBytes }));
  return ended;
}

/**
 * Makes a client.
 *
 * @example
 * ```ts
 * import { createHttpClient, createTrust } from '@postbearer/network';
 *
 * const trust = createTrust({ environment: {} });
 * if (!trust.ok) throw new Error(trust.fault.message);
 * const http = createHttpClient({ trust: trust.value, environment: {} });
 * const reply = await http.request({ url: 'http://login.example.com/token' });
 * reply.ok; // => false
 * ```
 */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const { trust, environment = process.env, clock = systemClock, dial = dialTcp } = options;

  return {
    async request(request) {
      const { signal, timeoutMs = DEFAULT_TIMEOUT_MS, allowLinkLocal = false, allowsAddress } = request;
      const checked = checkUrl(request.url, allowLinkLocal);
      if (!checked.ok) return checked;
      const url = checked.value;
      const rule = allowsAddress === undefined ? {} : { allowsAddress };
      const target = { host: bareHost(url), port: portOf(url), ...rule };
      const reason = headerProblem(request.headers ?? {});
      if (reason !== undefined)
        return failure(networkFaults.make('NETWORK_REQUEST_INVALID', { host: target.host, reason }));
      const isSecure = url.protocol === 'https:';
      const proxy = proxyFor(target.host, target.port, environment);
      if (!proxy.ok) return proxy;
      if (
        proxy.value !== undefined &&
        allowsAddress !== undefined &&
        (await leadsElsewhere(target.host, allowsAddress))
      )
        return failure(networkFaults.make('NETWORK_ADDRESS_REFUSED', { host: target.host }));
      const attempt = startAttempt(target, { clock, timeoutMs, signal });
      try {
        const socket = await openConnection({ target, isSecure, proxy: proxy.value, trust, dial }, attempt);
        if (!socket.ok) return socket;
        if (!isSecure && wentAstray(socket.value, allowLinkLocal)) {
          const elsewhere = 'its name leads to another machine, and plain http goes to this machine only';
          return failure(networkFaults.make('NETWORK_URL_REFUSED', { url: `http://${url.host}`, reason: elsewhere }));
        }
        return await exchange(socket.value, url, request, attempt);
      } finally {
        attempt.end();
      }
    },
  };
}
