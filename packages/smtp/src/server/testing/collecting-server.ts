/** A server whose handler keeps what it gets. */
import { createSmtpServer, type ReceivedEnvelope, type SmtpServer, type SmtpServerOptions } from '../index.ts';

/** A message that was accepted. */
export interface CollectedMessage {
  readonly envelope: ReceivedEnvelope;
  readonly content: Buffer;
}

/** A server and what came in. */
export interface CollectingServer {
  readonly server: SmtpServer;
  readonly messages: CollectedMessage[];
  /** What a handler threw, or what we did. */
  readonly errors: unknown[];
}

/** The whole content; throws where it is not whole. */
export async function readAll(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const blocks: Uint8Array[] = [];
  for await (const block of content) blocks.push(block);
  return Buffer.concat(blocks);
}

/** Makes a server that accepts and keeps every message; `options` replaces any part of it. */
export function collectingServer(options: Partial<SmtpServerOptions> = {}): CollectingServer {
  const messages: CollectedMessage[] = [];
  const errors: unknown[] = [];
  const server = createSmtpServer({
    hostname: 'mail.example.com',
    security: 'plain',
    onError: (error) => void errors.push(error),
    ...options,
    handler: {
      async message(_session, { envelope, content }) {
        messages.push({ envelope, content: await readAll(content) });
        return { code: 250, enhanced: '2.6.0', text: 'Kept' };
      },
      ...options.handler,
    },
  });
  return { server, messages, errors };
}
