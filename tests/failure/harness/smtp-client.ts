/**
 * A client that speaks SMTP over a plain socket and waits for each reply: it knows exactly what it heard.
 *
 * Written for these tests, and sharing nothing with the client that is under test.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface, type Interface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';

const PIECE_BYTES = 64 * 1024;

/** The line broke before the reply that was waited for. */
export class LineBroken extends Error {}

/** One reply: its code, and all its lines. */
export interface Reply {
  readonly code: number;
  readonly text: string;
}

/** A session. */
export class SmtpClient {
  readonly #socket: Socket;
  readonly #lines: AsyncIterator<string>;

  private constructor(socket: Socket, lines: Interface) {
    this.#socket = socket;
    this.#lines = lines[Symbol.asyncIterator]();
  }

  /** Connects and says EHLO. Throws {@link LineBroken} where nobody answers. */
  static async connect(port: number): Promise<SmtpClient> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    try {
      await once(socket, 'connect');
    } catch (error) {
      throw new LineBroken('nobody listens', { cause: error });
    }
    // What breaks is seen as the end of the lines.
    socket.on('error', () => undefined);
    const client = new SmtpClient(socket, createInterface({ input: socket }));
    await client.#reply();
    await client.say('EHLO client.example');
    return client;
  }

  /** Says a line and gives the reply. Throws {@link LineBroken}. */
  async say(line: string): Promise<Reply> {
    this.#socket.write(`${line}\r\n`);
    return await this.#reply();
  }

  /** Sends bytes, which are dot-stuffed already, in pieces of 64 kB, and gives the reply. Throws {@link LineBroken}. */
  async sendContent(bytes: Uint8Array, afterPieces?: (pieces: number) => void): Promise<Reply> {
    for (let sent = 0; sent < bytes.length; sent += PIECE_BYTES) {
      this.#socket.write(bytes.subarray(sent, sent + PIECE_BYTES));
      if (afterPieces === undefined) continue;
      // Time for the other side to take it.
      await setTimeout(5);
      afterPieces(Math.floor(sent / PIECE_BYTES) + 1);
    }
    return await this.#reply();
  }

  /** Writes and waits for nothing. */
  write(bytes: Uint8Array | string): void {
    this.#socket.write(bytes);
  }

  /** The whole of a message: the last reply, of whichever stage refused it. Throws {@link LineBroken}. */
  async submit(
    sender: string,
    recipients: readonly string[],
    bytes: Uint8Array,
    afterPieces?: (pieces: number) => void,
  ): Promise<Reply> {
    const mail = await this.say(`MAIL FROM:<${sender}>`);
    if (mail.code !== 250) return mail;
    let last: Reply = mail;
    for (const recipient of recipients) last = await this.say(`RCPT TO:<${recipient}>`);
    if (last.code !== 250) return last;
    const data = await this.say('DATA');
    if (data.code !== 354) return data;
    return await this.sendContent(stuffed(bytes), afterPieces);
  }

  /** Ends without a word. */
  close(): void {
    this.#socket.destroy();
  }

  async #nextLine(): Promise<IteratorResult<string>> {
    try {
      return await this.#lines.next();
    } catch (error) {
      throw new LineBroken('the line broke', { cause: error });
    }
  }

  async #reply(): Promise<Reply> {
    const lines: string[] = [];
    for (;;) {
      const { done, value } = await this.#nextLine();
      if (done === true) throw new LineBroken('the line broke');
      lines.push(value);
      if (/^\d{3} /.test(value)) return { code: Number(value.slice(0, 3)), text: lines.join('\n') };
    }
  }
}

/** The message as it goes after DATA, its end included. */
export function stuffed(bytes: Uint8Array): Buffer {
  const text = Buffer.from(bytes).toString('latin1').replaceAll(/^\./gm, '..');
  return Buffer.from(`${text}${text.endsWith('\r\n') ? '' : '\r\n'}.\r\n`, 'latin1');
}
