/** Token endpoints, clients and clocks for the tests of this package. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import { Secret, success, type Clock, type Result } from '@postbearer/core';
import { createHttpClient, createTrust, type HttpClient, type HttpReply } from '@postbearer/network';
import type { ClientAuthentication, TokenRequest } from '../index.ts';

/** A request as an endpoint got it. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly form: URLSearchParams;
}

/** Answers one request. */
export type Answer = (response: ServerResponse, received: Received) => void;

/** A token endpoint on a loopback port. */
export interface Endpoint {
  readonly url: string;
  readonly port: number;
  readonly received: readonly Received[];
}

/** Everything one test opens. */
export class World {
  readonly #servers: Server[] = [];

  /** Starts an endpoint that answers every request so; with TLS where options are given. */
  async endpoint(answer: Answer, tls?: ServerOptions): Promise<Endpoint> {
    const received: Received[] = [];
    const listener = (request: IncomingMessage, response: ServerResponse): void => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { method = '', url: path = '', headers } = request;
        const one = { method, path, headers, form: new URLSearchParams(Buffer.concat(chunks).toString()) };
        received.push(one);
        answer(response, one);
      });
    };
    const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
    server.on('tlsClientError', () => {});
    this.#servers.push(server);
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    return { url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}/tenant/token`, port, received };
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#servers.splice(0).map(
        (server) =>
          new Promise<void>((resolve) => {
            server.close(() => resolve());
            server.closeAllConnections();
          }),
      ),
    );
  }
}

/** The value of a result that has to be there. */
export function valueOf<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`${result.fault.code}: ${result.fault.message}`);
  return result.value;
}

/** A client that knows no proxy and also trusts these authorities. */
export function httpClient(...caPem: readonly string[]): HttpClient {
  return createHttpClient({ trust: valueOf(createTrust({ caPem, environment: {} })), environment: {} });
}

/** Answers with JSON. */
export function json(body: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Answer {
  return text(JSON.stringify(body), status, { 'content-type': 'application/json', ...headers });
}

/** Answers with a text. */
export function text(body: string | Uint8Array, status = 200, headers: Readonly<Record<string, string>> = {}): Answer {
  return (response) => {
    response.writeHead(status, headers).end(body);
  };
}

/** Client authentication with a secret in the form. */
export function withSecret(
  secret: string,
  method: 'client_secret_post' | 'client_secret_basic' = 'client_secret_post',
): ClientAuthentication {
  return { method, secret: () => Promise.resolve(success(Secret.of(secret))) };
}

/** A request as Microsoft 365 needs it. */
export function requestTo(endpoint: string, authentication: ClientAuthentication): TokenRequest {
  const scope = 'https://outlook.office365.com/.default';
  return { endpoint, clientId: '11111111-2222-3333-4444-555555555555', scope, authentication };
}

/** A clock that goes only when it is told, with a wall that can jump. */
export interface HandClock extends Clock {
  /** Lets time pass. */
  pass(ms: number): void;
  /** Sets the wall clock forward or back. */
  jump(ms: number): void;
}

/** A clock that stands still. */
export function handClock(): HandClock {
  let wall = Date.UTC(2026, 10, 24);
  let monotonic = 1000;
  return {
    now: () => wall,
    monotonicMs: () => monotonic,
    setTimer: () => ({ cancel: () => {} }),
    pass: (ms) => {
      wall += ms;
      monotonic += ms;
    },
    jump: (ms) => {
      wall += ms;
    },
  };
}

/** A reply of a token endpoint. */
export function reply(body: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Result<HttpReply> {
  const bytes = typeof body === 'string' ? body : JSON.stringify(body);
  return success({ status, headers, body: new TextEncoder().encode(bytes) });
}

/** A good reply with this token. */
export function granted(token: string, expiresIn = 3600): Result<HttpReply> {
  return reply({ token_type: 'Bearer', expires_in: expiresIn, access_token: token });
}
