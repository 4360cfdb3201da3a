/** The line between a node and its database: it can be cut without a word, and led to another server. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SOCKET = '.s.PGSQL.5432';

/** A line. Dispose of it after use. */
export class DatabaseLine implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'line-'));
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  #target: string;
  #isCut = false;

  private constructor(target: string) {
    this.#target = target;
    this.#server = createServer((client) => this.#join(client));
  }

  /** Opens a line to the server whose socket is in a folder. */
  static async open(folder: string): Promise<DatabaseLine> {
    const line = new DatabaseLine(folder);
    await once(line.#server.listen(join(line.#folder, SOCKET)), 'listening');
    return line;
  }

  /** The URL of a database over this line. */
  urlOf(url: string): string {
    const parsed = new URL(url);
    parsed.searchParams.set('host', this.#folder);
    return parsed.href;
  }

  /** Lets nothing through any more, in either direction, and breaks nothing: what a lost network looks like. */
  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** Lets everything through again. */
  mend(): void {
    this.#isCut = false;
    for (const socket of this.#sockets) socket.resume();
  }

  /** Leads to another server from now on, as an address that moves. */
  leadTo(folder: string): void {
    this.#target = folder;
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #join(client: Socket): void {
    const upstream = connect(join(this.#target, SOCKET));
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('data', (bytes) => other.write(bytes));
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
      if (this.#isCut) socket.pause();
    }
  }
}
