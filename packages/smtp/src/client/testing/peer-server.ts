/**
 * A server whose every word a test decides.
 *
 * Each connection runs one script: an async function that reads lines or bytes, says bytes, encrypts, or cuts. Everything
 * that arrives, in the clear or decrypted, is kept, so that a test can prove what was never sent.
 */
import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { TLSSocket, createSecureContext, type SecureContextOptions } from 'node:tls';

/** One connection, from the server's side. */
export class Peer {
  /** All bytes that arrived, as the other side wrote them. */
  heard: Buffer = Buffer.alloc(0);
  /** All bytes that arrived without encryption. */
  heardPlain: Buffer = Buffer.alloc(0);
  /** Whether the encryption was taken over from an earlier connection. */
  isResumed = false;
  #socket: Socket;
  #unread: Buffer = Buffer.alloc(0);
  #isOver = false;
  #wake: (() => void) | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen(socket);
  }

  /** The next line without its CR LF; `undefined` when the other side is gone. */
  async line(): Promise<string | undefined> {
    for (;;) {
      const end = this.#unread.indexOf('\r\n');
      if (end >= 0)
        return this.#consume(end + 2)
          .toString('utf8')
          .slice(0, -2);
      if (this.#isOver) return undefined;
      await this.#more();
    }
  }

  /** The next `count` bytes, or fewer when the other side is gone. */
  async bytes(count: number): Promise<Buffer> {
    while (this.#unread.length < count && !this.#isOver) await this.#more();
    return this.#consume(Math.min(count, this.#unread.length));
  }

  /** Everything up to and with `mark`; `undefined` when the other side is gone before it. */
  async until(mark: string): Promise<Buffer | undefined> {
    let from = 0;
    for (;;) {
      const at = this.#unread.indexOf(mark, from);
      if (at >= 0) return this.#consume(at + mark.length);
      if (this.#isOver) return undefined;
      from = Math.max(0, this.#unread.length - mark.length);
      await this.#more();
    }
  }

  /** Waits until the other side is gone. */
  async over(): Promise<void> {
    while (!this.#isOver) {
      this.#unread = Buffer.alloc(0);
      await this.#more();
    }
  }

  /** Says bytes as they are. */
  say(text: string | Uint8Array): void {
    if (!this.#socket.destroyed) this.#socket.write(text);
  }

  /** Says bytes one at a time, each in its own segment where the system allows. */
  async sayByByte(text: string): Promise<void> {
    for (const byte of Buffer.from(text)) {
      if (this.#socket.destroyed) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#socket.write(Uint8Array.of(byte), () => resolve());
      await promise;
    }
  }

  /** Encrypts from here on; `false` when the other side does not go along. */
  async encrypt(options: SecureContextOptions): Promise<boolean> {
    const plain = this.#socket;
    plain.removeAllListeners('data');
    const secured = new TLSSocket(plain, { isServer: true, secureContext: createSecureContext(options) });
    this.#socket = secured;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    secured.once('secure', () => resolve(true));
    secured.once('error', () => resolve(false));
    secured.once('close', () => resolve(false));
    this.#listen(secured);
    const isSecure = await promise;
    this.isResumed = isSecure && secured.isSessionReused();
    return isSecure;
  }

  /** Takes nothing more from the connection, as a server does whose disk hangs. */
  stopReading(): void {
    this.#socket.pause();
  }

  /** Closes after what was said. */
  end(): void {
    this.#socket.end();
  }

  /** Closes at once. */
  cut(): void {
    this.#socket.destroy();
  }

  /** Closes at once, telling the other side with RST. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  #listen(socket: Socket): void {
    const isPlain = !(socket instanceof TLSSocket);
    const finish = (): void => {
      this.#isOver = true;
      this.#wake?.();
    };
    socket.on('error', finish);
    socket.on('end', finish);
    socket.on('close', finish);
    socket.on('data', (chunk: Buffer) => {
      this.heard = Buffer.concat([this.heard, chunk]);
      if (isPlain) this.heardPlain = Buffer.concat([this.heardPlain, chunk]);
      this.#unread = Buffer.concat([this.#unread, chunk]);
      this.#wake?.();
    });
  }

  #consume(count: number): Buffer {
    const taken = this.#unread.subarray(0, count);
    this.#unread = this.#unread.subarray(count);
    return taken;
  }

  async #more(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await promise;
  }
}

/** What a connection does. */
export type Script = (peer: Peer, index: number) => Promise<void> | void;

/** A running server. */
export interface PeerServer extends AsyncDisposable {
  readonly port: number;
  /** The connections so far, in order. */
  readonly peers: readonly Peer[];
  /** How many connections are open now. */
  readonly openCount: number;
  /** The most that were open at once. */
  readonly mostOpen: number;
  /** Rejects with the first error of a script; resolves when every script is done. */
  finished(): Promise<void>;
}

/** Starts a server on a free port of 127.0.0.1. */
export async function servePeers(script: Script): Promise<PeerServer> {
  const peers: Peer[] = [];
  const scripts: Promise<void>[] = [];
  const sockets = new Set<Socket>();
  let mostOpen = 0;
  const server: Server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    mostOpen = Math.max(mostOpen, sockets.size);
    socket.on('close', () => sockets.delete(socket));
    const peer = new Peer(socket);
    const index = peers.push(peer) - 1;
    const run = (async () => script(peer, index))();
    // A failed script ends its connection; the test hears of it from `finished`.
    run.catch(() => peer.cut());
    scripts.push(run);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    peers,
    get openCount() {
      return sockets.size;
    },
    get mostOpen() {
      return mostOpen;
    },
    async finished() {
      await Promise.all(scripts);
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
      await Promise.allSettled(scripts);
    },
  };
}
