/** Servers and clients for the tests of this package, each on its own loopback port, all closed with the world. */
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import { connect, createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Clock, Result } from '@postbearer/core';
import type { Dial } from '../connection.ts';
import { createHttpClient, type HttpClient } from '../http-client.ts';
import { createTrust, type Trust } from '../trust.ts';

/** A server that listens, and what it was told. */
export interface Listening {
  readonly port: number;
  /** `host:port` on the loopback address. */
  readonly authority: string;
}

/** A listener that is called when the body of the request is there. */
export function withBody(
  listener: (request: IncomingMessage, response: ServerResponse, body: string) => void,
): RequestListener {
  return (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => listener(request, response, Buffer.concat(chunks).toString()));
  };
}

/** Everything one test opens. */
export class World {
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();

  async #listen(server: Server): Promise<Listening> {
    this.#servers.push(server);
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const { port } = server.address() as AddressInfo;
    return { port, authority: `127.0.0.1:${port}` };
  }

  /** An HTTP server. */
  http(listener: RequestListener): Promise<Listening> {
    return this.#listen(createServer(listener));
  }

  /** An HTTPS server. */
  https(options: ServerOptions, listener: RequestListener): Promise<Listening> {
    const server = createTlsServer(options, listener);
    server.on('tlsClientError', () => {});
    return this.#listen(server);
  }

  /** A server of raw bytes. */
  tcp(listener: (socket: Socket) => void): Promise<Listening> {
    return this.#listen(createTcpServer(listener));
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(
      this.#servers.map(
        (server) =>
          new Promise<void>((resolve) => {
            server.close(() => resolve());
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

/** Trusts these authorities beside the usual ones. */
export function trustIn(...caPem: readonly string[]): Trust {
  return valueOf(createTrust({ caPem, environment: {} }));
}

/** A client that knows no proxy, unless it is told of one. */
export function clientFor(
  trust: Trust,
  options: {
    readonly environment?: Readonly<Record<string, string>>;
    readonly clock?: Clock;
    readonly dial?: Dial;
  } = {},
): HttpClient {
  return createHttpClient({ trust, environment: {}, ...options });
}

/** Sends every name to the loopback address, the port unchanged. */
export const dialLoopback: Dial = ({ port }) => connect({ host: '127.0.0.1', port });

/** The code of a fault, or the status of a reply, for short expectations. Throws where the wording of the fault lacks a value. */
export async function outcomeOf(reply: ReturnType<HttpClient['request']>): Promise<string> {
  const result = await reply;
  if (!result.ok) {
    const { message, cause, remedy } = result.fault;
    const unfilled = [message, cause, ...remedy.steps].filter((line) => /<[a-zA-Z0-9]+>/.test(line));
    if (unfilled.length > 0) throw new Error(`a value is missing in: ${unfilled.join(' ')}`);
  }
  return result.ok ? `HTTP ${result.value.status}` : result.fault.code;
}
