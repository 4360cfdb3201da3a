/** A client on a real socket that says what it is told and keeps what it hears. */
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** See the head of this file. Close it with {@link SocketClient.end}. */
export class SocketClient {
  #socket: Socket;
  #heard = '';
  #isOver = false;
  #wake: (() => void) | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen();
  }

  /** Connects without encryption. */
  static to(port: number): SocketClient {
    return new SocketClient(connect(port, '127.0.0.1'));
  }

  /** Connects with TLS from the first byte. */
  static securelyTo(port: number, ca: string): SocketClient {
    return new SocketClient(connectTls({ port, host: '127.0.0.1', servername: 'localhost', ca }));
  }

  /** Everything heard so far. */
  get heard(): string {
    return this.#heard;
  }

  /** Writes bytes as they are. */
  say(bytes: string | Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** Waits until `what` was heard and gives everything up to it, taking it away. Throws where the connection ends before. */
  async hear(what: RegExp): Promise<string> {
    for (;;) {
      const found = what.exec(this.#heard);
      if (found !== null) {
        const end = found.index + found[0].length;
        const text = this.#heard.slice(0, end);
        this.#heard = this.#heard.slice(end);
        return text;
      }
      if (this.#isOver) throw new Error(`The connection ended before ${String(what)}; heard: ${this.#heard}`);
      await this.#change();
    }
  }

  /** Says a line and waits for the whole reply. */
  async ask(line: string): Promise<string> {
    this.say(`${line}\r\n`);
    return this.hear(/^(?:\d{3}-.*\r\n)*\d{3} .*\r\n/);
  }

  /** Waits for the end of the connection and gives what was not yet taken. */
  async over(): Promise<string> {
    while (!this.#isOver) await this.#change();
    return this.#heard;
  }

  /** Begins TLS; resolves when the handshake is done. */
  async startTls(ca: string): Promise<void> {
    this.#socket.removeAllListeners('data');
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const secure = connectTls({ socket: this.#socket, servername: 'localhost', ca }, resolve);
    secure.once('error', reject);
    this.#socket = secure;
    this.#listen();
    await promise;
  }

  /** Stops reading, so that what the server says stays in its buffers. */
  stopReading(): void {
    this.#socket.pause();
  }

  /** Closes our side and waits for the other one. */
  async end(): Promise<string> {
    this.#socket.end();
    return this.over();
  }

  /** Cuts the connection. */
  async cut(): Promise<void> {
    this.#socket.destroy();
    await this.over();
  }

  #listen(): void {
    this.#socket.on('data', (block: Buffer) => {
      this.#heard += block.toString('utf8');
      this.#wake?.();
    });
    this.#socket.on('error', () => this.#socket.destroy());
    this.#socket.on('close', () => {
      this.#isOver = true;
      this.#wake?.();
    });
  }

  async #change(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await promise;
  }
}
