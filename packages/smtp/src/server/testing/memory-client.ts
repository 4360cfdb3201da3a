/**
 * A client without a socket: speaks to a server through a stream in memory, in exactly the segments a test wants.
 */
import { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Peer, SmtpServer } from '../index.ts';

/** The server's end of a connection in memory. */
export class MemoryStream extends Duplex {
  readonly #said: Buffer[] = [];
  /** How often the server wrote: one for each segment it would have sent. */
  writes = 0;
  /** Replies are not read: no write is confirmed until {@link MemoryStream.readOn}. */
  isStuck = false;
  #confirm: (() => void) | undefined;

  /** @param replyBytes - how many bytes of replies the stream takes before it asks the server to wait. */
  constructor(replyBytes?: number) {
    super(replyBytes === undefined ? {} : { writableHighWaterMark: replyBytes });
  }

  /** Everything the server said. */
  get said(): string {
    return Buffer.concat(this.#said).toString('utf8');
  }

  /** One segment from the client. The server may change the bytes it gets, so it gets its own. */
  say(segment: string | Uint8Array): void {
    if (!this.destroyed) this.push(typeof segment === 'string' ? Buffer.from(segment) : Uint8Array.from(segment));
  }

  override _read(): void {
    // Bytes come when the test says so.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.writes += 1;
    this.#said.push(chunk);
    if (this.isStuck) this.#confirm = done;
    else done();
  }

  /** The client reads its replies again. */
  readOn(): void {
    this.isStuck = false;
    this.#confirm?.();
  }
}

/** Where a client in memory pretends to come from. */
export const somewhere: Peer = { remoteAddress: '192.0.2.1', remotePort: 40_000 };

/** Lets everything that is ready happen. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await nextTurn();
}

/**
 * A whole connection: says the segments, ends, and gives all that the server said.
 *
 * @param options.isPaced - lets the server answer each segment before the next one.
 */
export async function speak(
  server: SmtpServer,
  segments: readonly (string | Uint8Array)[],
  options: { readonly isPaced?: boolean; readonly peer?: Peer } = {},
): Promise<string> {
  const stream = new MemoryStream();
  const done = server.serve(stream, options.peer ?? somewhere);
  for (const segment of segments) {
    stream.say(segment);
    if (options.isPaced === true) await nextTurn();
  }
  if (!stream.destroyed) stream.push(null);
  await done;
  return stream.said;
}

/** The reply lines to some command lines, greeting left out. */
export async function replies(server: SmtpServer, ...lines: readonly string[]): Promise<string[]> {
  const said = await speak(server, [lines.map((line) => `${line}\r\n`).join('')]);
  return said.split('\r\n').slice(1, -1);
}

/** The bytes in segments that end at the given places. */
export function cutAt(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1)))].toSorted((a, b) => a - b);
  return [...ends, bytes.length].map((end, index) => bytes.subarray(index === 0 ? 0 : ends[index - 1], end));
}
