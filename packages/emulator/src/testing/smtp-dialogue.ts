/**
 * A hand on the wire for tests: says lines, reads whole replies, goes over to TLS, and keeps the dialogue as a transcript
 * of `C:` and `S:` lines. It judges nothing and knows no mechanism but the bytes it is given.
 */
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Emulator } from '../options.ts';

/** The initial response of XOAUTH2. */
export function xoauth2(user: string, token: string): string {
  return Buffer.from(`user=${user}\u0001auth=Bearer ${token}\u0001\u0001`).toString('base64');
}

/** One connection. */
export class Dialogue {
  readonly #emulator: Emulator;
  readonly transcript: string[] = [];
  #socket: Socket;
  #received = '';
  #isClosed = false;
  #wake: (() => void) | undefined;

  private constructor(emulator: Emulator, socket: Socket) {
    this.#emulator = emulator;
    this.#socket = socket;
    this.#listen(socket);
  }

  /** Connects; the greeting is not read yet. */
  static async open(emulator: Emulator): Promise<Dialogue> {
    const socket = connect({ host: emulator.smtp.host, port: emulator.smtp.port });
    const dialogue = new Dialogue(emulator, socket);
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return dialogue;
  }

  #listen(socket: Socket): void {
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      this.#received += text;
      this.#wake?.();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#isClosed = true;
      this.#wake?.();
    });
  }

  /** Reads one whole reply; the empty text where the connection ended before one. */
  async read(): Promise<string> {
    for (;;) {
      const end = /^\d{3}(?: .*)?\r\n/m.exec(this.#received);
      if (end !== null) {
        const whole = this.#received.slice(0, end.index + end[0].length);
        this.#received = this.#received.slice(whole.length);
        const lines = whole.slice(0, -2).split('\r\n');
        this.transcript.push(...lines.map((line) => `S: ${line}`));
        return lines.join('\n');
      }
      if (this.#isClosed) return '';
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }

  /** Sends a line and reads the reply. `shown` stands in the transcript in place of what is secret. */
  async say(line: string, shown: string = line): Promise<string> {
    this.send(`${line}\r\n`, shown);
    return this.read();
  }

  /** Sends bytes as they are. */
  send(text: string, shown: string = text.trimEnd()): void {
    this.transcript.push(...shown.split('\r\n').map((line) => `C: ${line}`));
    this.#socket.write(text);
  }

  /** Goes over to TLS after a 220; trusts the emulator's authority alone. */
  async secure(): Promise<void> {
    const plain = this.#socket;
    plain.removeAllListeners();
    const socket = connectTls({ socket: plain, ca: this.#emulator.certificateAuthorityPem, host: '127.0.0.1' });
    this.#socket = socket;
    this.#listen(socket);
    await new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
  }

  /** Whether the connection has ended. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Waits until the other side has closed. */
  async closed(): Promise<void> {
    while (!this.#isClosed) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }

  /** Greeting, EHLO, STARTTLS, EHLO. */
  async greet(): Promise<void> {
    await this.read();
    await this.say('EHLO client.example');
    await this.say('STARTTLS');
    await this.secure();
    await this.say('EHLO client.example');
  }

  /** Signs in with XOAUTH2; {@link greet} first. */
  signIn(user: string, token: string): Promise<string> {
    return this.say(`AUTH XOAUTH2 ${xoauth2(user, token)}`, 'AUTH XOAUTH2 [token]');
  }

  /** Sends one message; @returns the first refusal or the final reply. */
  async submit(sender: string, recipients: readonly string[], content: string): Promise<string> {
    for (const command of [
      `MAIL FROM:<${sender}>`,
      ...recipients.map((recipient) => `RCPT TO:<${recipient}>`),
      'DATA',
    ]) {
      const reply = await this.say(command);
      if (!/^[23]/.test(reply)) return reply;
    }
    return this.say(`${content}\r\n.`);
  }

  /** Breaks the connection. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** QUIT, then waits for the end. */
  async quit(): Promise<void> {
    await this.say('QUIT');
    this.destroy();
  }
}

/** A short message. */
export function message(from: string, subject = 'Hello'): string {
  return `From: <${from}>\r\nTo: <ann@example.com>\r\nSubject: ${subject}\r\nMessage-ID: <${subject}@client.example>\r\n\r\nText`;
}

/** A line or reply with what varies from start to start in braces. */
export function shapeOfReply(text: string): string {
  return text
    .replaceAll(/PB1P281CA\d{4}/g, '{server}')
    .replaceAll(/08D[0-9A-F]{13}/g, '{session}')
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, '{moment}')
    .replaceAll(/[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000/g, '{date}');
}

/** The end of a refusal while a session is set up. */
export const SESSION_DATA = '[{server}.PBRP281.PROD.OUTLOOK.EXAMPLE {moment} {session}]';

/** The end of a reply to a message. */
export const HOSTNAME_DATA = '[Hostname={server}.PBRP281.PROD.OUTLOOK.EXAMPLE]';
