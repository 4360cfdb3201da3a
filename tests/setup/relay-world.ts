/** A running service in front of a local Microsoft 365, and clients that speak SMTP to it byte by byte. */
import { connect, type Socket } from 'node:net';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import type { PostbearerEvent } from '@postbearer/core';
import type { Emulator, EmulatorOptions } from '@postbearer/emulator';
import { startServer, type AppInput, type Server, type ServiceSettings } from '@postbearer/server';
import { readSettings } from '@postbearer/settings';
import { startCanaryEmulator } from './canary-emulator.ts';

/** How a world is made. */
export interface RelayWorldOptions {
  readonly service?: ServiceSettings;
  readonly emulator?: EmulatorOptions;
  /** Members of `smtp` that differ, such as another server. */
  readonly smtp?: (emulator: Emulator) => Promise<Readonly<Record<string, unknown>>>;
}

/** Where mail is taken. */
export type Security = 'starttls' | 'tls' | 'plain';

/** A connection on which a test says what it likes. */
export class Dialogue {
  #socket: Socket;
  #heard = '';
  #isOver = false;
  #wake: (() => void) | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen();
  }

  /** Connects, with TLS from the first byte where that is said, from another loopback address where one is named. */
  static async to(port: number, options: { readonly tls?: boolean; readonly from?: string } = {}): Promise<Dialogue> {
    const plain = connect({
      port,
      host: '127.0.0.1',
      ...(options.from === undefined ? {} : { localAddress: options.from }),
    });
    const socket = options.tls === true ? connectTls({ socket: plain, rejectUnauthorized: false }) : plain;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.once(options.tls === true ? 'secureConnect' : 'connect', () => resolve()).once('error', reject);
    await promise;
    return new Dialogue(socket);
  }

  /** Everything heard and not yet taken. */
  get heard(): string {
    return this.#heard;
  }

  /** Whether the other side ended it. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Writes bytes as they are, and waits for nothing. */
  write(bytes: string | Uint8Array): void {
    if (!this.#isOver) this.#socket.write(bytes);
  }

  /** The next whole reply; throws where the connection ends before. */
  async reply(): Promise<string> {
    for (;;) {
      const found = /^(?:\d{3}-.*\r\n)*\d{3}(?: .*)?\r\n/.exec(this.#heard)?.[0];
      if (found !== undefined) {
        this.#heard = this.#heard.slice(found.length);
        return found.trimEnd();
      }
      if (this.#isOver) throw new Error(`The connection ended; heard: ${this.#heard}`);
      await this.#change();
    }
  }

  /** Says a line and gives the reply. */
  async say(line: string): Promise<string> {
    this.write(`${line}\r\n`);
    return await this.reply();
  }

  /** Greeting and EHLO, and STARTTLS between where that is said; gives the lines of EHLO. */
  async open(isStartTls = false): Promise<string> {
    await this.reply();
    const first = await this.say('EHLO client.example');
    if (!isStartTls) return first;
    await this.say('STARTTLS');
    await this.startTls();
    return await this.say('EHLO client.example');
  }

  /** Begins TLS on the connection. */
  async startTls(): Promise<void> {
    this.#socket.removeAllListeners();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const secure = connectTls({ socket: this.#socket, rejectUnauthorized: false }, () => resolve());
    secure.once('error', reject);
    await promise;
    this.#socket = secure;
    this.#listen();
  }

  /** Waits for the end of the connection, which the other side brings about; gives what was not yet taken. */
  async over(): Promise<string> {
    while (!this.#isOver) await this.#change();
    return this.#heard;
  }

  /** Reads no more. */
  stopReading(): void {
    this.#socket.pause();
  }

  /** Cuts the line. */
  close(): void {
    this.#socket.destroy();
  }

  #listen(): void {
    this.#socket.on('data', (bytes: Buffer) => {
      this.#heard += bytes.toString('latin1');
      this.#changed();
    });
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => {
      this.#isOver = true;
      this.#changed();
    });
    this.#socket.on('end', () => this.#socket.end());
  }

  async #change(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await promise;
  }

  #changed(): void {
    this.#wake?.();
  }
}

/** See the head of this file. Close it after use. */
export class RelayWorld implements AsyncDisposable {
  readonly emulator: Emulator;
  readonly server: Server;
  readonly folder: string;
  readonly events: PostbearerEvent[];
  readonly errors: unknown[];
  readonly #dialogues: Dialogue[] = [];

  private constructor(
    emulator: Emulator,
    server: Server,
    folder: string,
    events: PostbearerEvent[],
    errors: unknown[],
  ) {
    this.emulator = emulator;
    this.server = server;
    this.folder = folder;
    this.events = events;
    this.errors = errors;
  }

  /** Starts everything: a listener of each kind, no app. */
  static async start({ service = {}, emulator: options, smtp: others }: RelayWorldOptions = {}): Promise<RelayWorld> {
    const emulator = await startCanaryEmulator(options);
    const folder = await mkdtemp(join(tmpdir(), 'relay-world-'));
    const { smtp } = emulator.settings();
    const mailboxes = {
      [emulator.defaults.mailbox]: { upstream: 'default', pace: { connections: 3, messagesPerMinute: 60_000 } },
    };
    const file = join(folder, 'Global-variables.json');
    await writeFile(
      file,
      JSON.stringify({ smtp: { ...smtp, ...(await others?.(emulator)) }, postbearer: { mailboxes } }),
    );
    const reading = await readSettings({ configFile: file, environment: {}, workingFolder: folder });
    if (reading.settings === undefined) throw new Error(JSON.stringify(reading.findings));
    const events: PostbearerEvent[] = [];
    const errors: unknown[] = [];
    const started = await startServer({
      settings: reading.settings,
      dataFolder: join(folder, 'data'),
      environment: {},
      onEvent: (event) => events.push(event),
      onError: (error) => errors.push(error),
      service: {
        listeners: (['starttls', 'tls', 'plain'] as const).map((security) => ({ port: 0, security })),
        hostname: 'relay.example',
        ...service,
      },
    });
    if (!started.ok) throw new Error(started.fault.message);
    return new RelayWorld(emulator, started.value, folder, events, errors);
  }

  /** The mailbox through which mail goes. */
  get mailbox(): string {
    return this.emulator.defaults.mailbox;
  }

  /** The port of the listener of that kind. */
  port(security: Security): number {
    return this.server.addresses.find((address) => address.security === security)?.port ?? 0;
  }

  /** Adds an app, and gives its password. */
  async addApp(more: Partial<AppInput> = {}): Promise<string> {
    const app = { name: 'scanner', mailboxes: [this.mailbox], ...more };
    const added = await this.server.control.addApp({ app, actor: 'test' });
    if (!added.ok) throw new Error(added.fault.message);
    return added.value.password;
  }

  /** A connection to the listener of that kind, not opened yet. */
  async dial(security: Security, from?: string): Promise<Dialogue> {
    const dialogue = await Dialogue.to(this.port(security), {
      tls: security === 'tls',
      ...(from === undefined ? {} : { from }),
    });
    this.#dialogues.push(dialogue);
    return dialogue;
  }

  /** An open session that has signed in. */
  async signedIn(password: string, name = 'scanner', from?: string): Promise<Dialogue> {
    const dialogue = await this.dial('tls', from);
    await dialogue.open();
    const reply = await dialogue.say(`AUTH PLAIN ${plainResponse(name, password)}`);
    if (!reply.startsWith('235')) throw new Error(reply);
    return dialogue;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const dialogue of this.#dialogues) dialogue.close();
    await this.server.close({ graceMs: 0 });
    await this.emulator.close();
    await rm(this.folder, { recursive: true });
  }
}

/** The response of PLAIN. */
export function plainResponse(name: string, password: string): string {
  return Buffer.from(`\0${name}\0${password}`).toString('base64');
}

/** A message as it goes after DATA, dots doubled, its end included. */
export function stuffed(message: string | Uint8Array): Buffer {
  const text = Buffer.from(message).toString('latin1');
  const whole = text.endsWith('\r\n') ? text : `${text}\r\n`;
  return Buffer.from(`${whole.replaceAll(/^\./gm, '..')}.\r\n`, 'latin1');
}

/** Hands in one message; gives the last reply. */
export async function submit(
  dialogue: Dialogue,
  sender: string,
  recipients: readonly string[],
  message: string | Uint8Array,
): Promise<string> {
  let last = await dialogue.say(`MAIL FROM:<${sender}>`);
  for (const recipient of recipients) if (last.startsWith('250')) last = await dialogue.say(`RCPT TO:<${recipient}>`);
  if (last.startsWith('250')) last = await dialogue.say('DATA');
  if (!last.startsWith('354')) return last;
  dialogue.write(stuffed(message));
  return await dialogue.reply();
}
