/** One HTTP request and its answer, as the routes of the emulator see them. */
import type { IncomingMessage, ServerResponse } from 'node:http';

/** A request whose body was read. */
export interface HttpRequest {
  readonly method: string;
  /** The path, undecoded, without query. */
  readonly path: string;
  /** What follows the question mark; empty where nothing does. */
  readonly query: string;
  readonly body: string;
  header(name: string): string;
}

/** An answer. */
export interface HttpReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

const LONGEST_BODY_BYTES = 1024 * 1024;

/** An answer in JSON that no cache keeps. */
export function jsonReply(status: number, value: unknown): HttpReply {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
    body: JSON.stringify(value),
  };
}

/** Reads a request whole; `undefined` as soon as its body is longer than 1 MB. The rest can still come then. */
export async function readRequest(incoming: IncomingMessage): Promise<HttpRequest | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    length += chunk.byteLength;
    if (length > LONGEST_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return {
    method: incoming.method ?? 'GET',
    path: (incoming.url ?? '/').split('?')[0] ?? '/',
    query: (incoming.url ?? '/').split('?').slice(1).join('?'),
    body: Buffer.concat(chunks).toString('utf8'),
    header: (name) => {
      const value = incoming.headers[name];
      return (Array.isArray(value) ? value[0] : value) ?? '';
    },
  };
}

/** Sends an answer. */
export function sendReply(outgoing: ServerResponse, reply: HttpReply): void {
  outgoing.writeHead(reply.status, { ...reply.headers, 'content-length': String(Buffer.byteLength(reply.body)) });
  outgoing.end(reply.body);
}
