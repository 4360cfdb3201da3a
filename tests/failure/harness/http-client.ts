/** Hands a whole message in over the HTTP API, and knows exactly what it heard. */
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import type { Ledger } from './ledger.ts';
import { RECIPIENT, type TestMessage } from './messages.ts';
import type { Service } from './service.ts';

const PIECE_BYTES = 64 * 1024;

/** An answer. */
export interface HttpReply {
  readonly status: number;
  readonly body: string;
}

/** Hands a message in once and writes down a 202; gives the answer, or `undefined` where the line broke before it. */
export async function submitByHttp(
  service: Service,
  message: TestMessage,
  ledger: Ledger,
  options: { readonly key?: string; readonly afterPieces?: ((pieces: number) => void) | undefined } = {},
): Promise<HttpReply | undefined> {
  const asked = request({
    host: '127.0.0.1',
    port: service.httpPort,
    path: '/v1/messages',
    method: 'POST',
    agent: false,
    headers: {
      authorization: `Bearer ${service.key}`,
      'content-type': 'message/rfc822',
      'content-length': message.bytes.length,
      'postbearer-recipients': RECIPIENT,
      ...(options.key === undefined ? {} : { 'idempotency-key': options.key }),
    },
  });
  try {
    const answered = once(asked, 'response') as Promise<[IncomingMessage]>;
    // It is waited for below; until then a broken line is no unhandled rejection.
    answered.catch(() => undefined);
    for (let sent = 0; sent < message.bytes.length; sent += PIECE_BYTES) {
      asked.write(message.bytes.subarray(sent, sent + PIECE_BYTES));
      if (options.afterPieces === undefined) continue;
      await setTimeout(5);
      options.afterPieces(Math.floor(sent / PIECE_BYTES) + 1);
    }
    asked.end();
    const [reply] = await answered;
    const parts: Buffer[] = [];
    for await (const part of reply) parts.push(part as Buffer);
    const body = Buffer.concat(parts).toString('utf8');
    const status = reply.statusCode ?? 0;
    if (status === 202) {
      const { id } = JSON.parse(body) as { readonly id: string };
      ledger.accept({ id: message.id, sha: message.sha, queueId: id });
    }
    return { status, body };
  } catch {
    return undefined;
  } finally {
    asked.destroy();
  }
}
