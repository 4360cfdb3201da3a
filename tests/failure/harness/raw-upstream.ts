/**
 * An upstream that does exactly what a test says, down to the byte: it answers, waits, breaks off or drips.
 *
 * It speaks STARTTLS with a certificate of its own, takes every sign-in, and writes down each message that it has whole
 * before it answers it. The tokens come from the sink; this one does not look at them.
 */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import { createCertificateAuthority, type IssuedCertificate } from '@postbearer/network/certificates';
import { digestOf, type DeliveredLine, type Ledger } from './ledger.ts';
import { nameOf } from './messages.ts';
import type { Sink } from './sink.ts';

/** The stages at which it can be told what to do. `content` is before a byte of a message, `final` after all of it. */
export const STAGES = ['greeting', 'ehlo', 'starttls', 'auth', 'mail', 'rcpt', 'data', 'final'] as const;
export type Stage = (typeof STAGES)[number];

/** What it does at a stage in place of the usual answer. */
export type Deed =
  | { readonly do: 'say'; readonly text: string }
  /** Bytes as they are: no CR LF is added. */
  | { readonly do: 'write'; readonly bytes: string }
  | { readonly do: 'drip'; readonly everyMs: number }
  | { readonly do: 'close' | 'reset' | 'hang' };

/** One message on its way, or a session. */
export interface Moment {
  readonly stage: Stage;
  /** The name of the message, where its content is there. */
  readonly id?: string;
  readonly recipient?: string;
}

/** How an upstream behaves; a test may change it while it runs. */
export interface Behaviour {
  /** What to do at a stage; the usual answer where it gives nothing. */
  at(moment: Moment): Deed | undefined;
  /** Breaks off in the midst of content, after so many bytes of it. */
  cutContent?(): { readonly afterBytes: number; readonly how: 'close' | 'reset' } | undefined;
}

const USUAL: Readonly<Record<Stage, string>> = {
  greeting: '220 upstream.example ESMTP',
  ehlo: '250 SIZE 157286400',
  starttls: '220 2.0.0 Go ahead',
  auth: '235 2.7.0 Authentication successful',
  mail: '250 2.1.0 Sender OK',
  rcpt: '250 2.1.5 Recipient OK',
  data: '354 Start mail input',
  final: '250 2.0.0 OK',
};

/** A running upstream. */
export class RawUpstream implements AsyncDisposable {
  behaviour: Behaviour = { at: () => undefined };
  /** Sessions that get a byte at a time just now. */
  dripping = 0;
  /** Sessions and whole messages so far, and the most sessions that sent at a time. */
  readonly counts = { sessions: 0, messages: 0, mostSending: 0 };
  readonly #server: Server;
  readonly #certificate: IssuedCertificate;
  readonly #ledger: Ledger;
  readonly #sockets = new Set<Socket>();
  /** Those between MAIL and the answer to the end of a message. */
  readonly #sending = new Set<Socket>();
  readonly #caFile: string;

  private constructor(server: Server, certificate: IssuedCertificate, ledger: Ledger, caFile: string) {
    this.#server = server;
    this.#certificate = certificate;
    this.#ledger = ledger;
    this.#caFile = caFile;
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      this.counts.sessions += 1;
      socket.on('close', () => {
        this.#sockets.delete(socket);
        this.#sending.delete(socket);
      });
      void new Session(socket, this).run().catch(() => socket.destroy());
    });
  }

  /** Starts one; files go into `folder`. */
  static async start(ledger: Ledger, folder: string): Promise<RawUpstream> {
    const authority = await createCertificateAuthority({ name: 'Upstream CA' });
    const certificate = await authority.issue({ dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] });
    const caFile = join(folder, 'upstream-ca.pem');
    writeFileSync(caFile, authority.certificatePem);
    const server = createServer({ noDelay: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new RawUpstream(server, certificate, ledger, caFile);
  }

  /** The changes to the settings that lead to it; the tokens still come from the sink, whose authority is believed as well. */
  smtpSettings({ settings }: Sink): Readonly<Record<string, unknown>> {
    const address = this.#server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    writeFileSync(this.#caFile, readFileSync(String(settings.smtp['caFile'])), { flag: 'a' });
    return { server: '127.0.0.1', port: String(port), caFile: this.#caFile };
  }

  /** For its sessions. */
  get identity(): { readonly key: string; readonly cert: string } {
    return { key: this.#certificate.privateKeyPem, cert: this.#certificate.chainPem };
  }

  /** How many sessions are open. */
  get open(): number {
    return this.#sockets.size;
  }

  /** For its sessions: one sends, or no longer. */
  sends(socket: Socket, isSending: boolean): void {
    if (isSending) this.#sending.add(socket);
    else this.#sending.delete(socket);
    this.counts.mostSending = Math.max(this.counts.mostSending, this.#sending.size);
  }

  /** For its sessions: a message is here whole. */
  keep(bytes: Buffer, sender: string, recipients: readonly string[]): string | undefined {
    this.counts.messages += 1;
    const id = nameOf(bytes);
    const text = bytes.toString('latin1');
    const about = /^In-Reply-To: <([^@>]+)@ledger\.example>\r$/m.exec(text)?.[1];
    const line: DeliveredLine = {
      at: Date.now(),
      id: id ?? '',
      sha: digestOf(bytes),
      ...(about === undefined ? {} : { about }),
      messageId: /^Message-ID: (\S+)\r$/im.exec(text)?.[1] ?? '',
      sender,
      recipients,
    };
    appendFileSync(this.#ledger.deliveredFile, `${JSON.stringify(line)}\n`);
    return id;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** One session, a line at a time. */
class Session {
  readonly #raw: Socket;
  readonly #upstream: RawUpstream;
  #socket: Socket;
  #input = Buffer.alloc(0);
  #wake: (() => void) | undefined;
  #hasEnded = false;
  #sender = '';
  #recipients: string[] = [];

  constructor(socket: Socket, upstream: RawUpstream) {
    this.#raw = socket;
    this.#socket = socket;
    this.#upstream = upstream;
    this.#listen();
  }

  async run(): Promise<void> {
    await this.#answer({ stage: 'greeting' });
    for (;;) {
      const line = await this.#line();
      if (line === undefined) return;
      await this.#command(line);
    }
  }

  async #command(line: string): Promise<void> {
    const word = line.slice(0, 4).toUpperCase();
    if (word === 'EHLO') return await this.#hello();
    if (word === 'STAR') return await this.#startTls();
    if (word === 'AUTH') return await this.#signIn(line);
    if (word === 'MAIL') {
      this.#sender = /<(.*?)>/.exec(line)?.[1] ?? '';
      this.#recipients = [];
      this.#upstream.sends(this.#raw, true);
      await this.#answer({ stage: 'mail' });
      return;
    }
    if (word === 'RCPT') {
      const recipient = /<(.*?)>/.exec(line)?.[1] ?? '';
      if (await this.#answer({ stage: 'rcpt', recipient })) this.#recipients.push(recipient);
      return;
    }
    if (word === 'DATA') return await this.#data();
    if (word === 'QUIT') {
      this.#write('221 2.0.0 Bye\r\n');
      this.#socket.end();
      return;
    }
    this.#write('250 2.0.0 OK\r\n');
  }

  async #hello(): Promise<void> {
    const isEncrypted = this.#socket instanceof TLSSocket;
    this.#write(`250-upstream.example\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n`);
    this.#write(isEncrypted ? '250-AUTH XOAUTH2\r\n' : '250-STARTTLS\r\n');
    await this.#answer({ stage: 'ehlo' });
  }

  async #startTls(): Promise<void> {
    if (!(await this.#answer({ stage: 'starttls' }))) return;
    this.#raw.removeAllListeners('data');
    const socket = new TLSSocket(this.#raw, { isServer: true, ...this.#upstream.identity });
    this.#socket = socket;
    this.#listen();
    await once(socket, 'secure');
  }

  async #signIn(line: string): Promise<void> {
    if (line.split(' ').length < 3) {
      this.#write('334 \r\n');
      await this.#line();
    }
    await this.#answer({ stage: 'auth' });
  }

  async #data(): Promise<void> {
    if (this.#recipients.length === 0) return this.#write('554 5.5.1 No valid recipients\r\n');
    if (!(await this.#answer({ stage: 'data' }))) return;
    const bytes = await this.#content();
    if (bytes === undefined) return;
    const deed = this.#upstream.behaviour.at({ stage: 'final', id: nameOf(bytes) ?? '' });
    // A refusal keeps nothing; everything else is said, or not said, of a message that is kept.
    if (deed?.do !== 'say' || deed.text.startsWith('2')) this.#upstream.keep(bytes, this.#sender, this.#recipients);
    this.#upstream.sends(this.#raw, false);
    await this.#act('final', deed);
  }

  async #content(): Promise<Buffer | undefined> {
    const cut = this.#upstream.behaviour.cutContent?.();
    for (;;) {
      if (cut !== undefined && this.#input.length >= cut.afterBytes) {
        await this.#act('data', { do: cut.how });
        return undefined;
      }
      const end = this.#input.indexOf('\r\n.\r\n');
      if (end >= 0) {
        const text = this.#input.subarray(0, end + 2).toString('latin1');
        this.#input = this.#input.subarray(end + 5);
        return Buffer.from(text.replaceAll(/^\.\./gm, '.'), 'latin1');
      }
      if (!(await this.#more())) return undefined;
    }
  }

  /** Answers as it was told; gives whether the usual was said. */
  async #answer(moment: Moment): Promise<boolean> {
    const deed = this.#upstream.behaviour.at(moment);
    await this.#act(moment.stage, deed);
    return deed === undefined;
  }

  async #act(stage: Stage, deed: Deed | undefined): Promise<void> {
    const usual = `${USUAL[stage]}\r\n`;
    switch (deed?.do) {
      case undefined:
        this.#write(usual);
        return;
      case 'say':
        this.#write(`${deed.text}\r\n`);
        return;
      case 'write':
        this.#write(deed.bytes);
        return;
      case 'drip':
        await this.#drip(usual, deed.everyMs);
        return;
      case 'close':
        this.#raw.destroy();
        return;
      case 'reset':
        this.#raw.resetAndDestroy();
        return;
      case 'hang':
        while (await this.#more()) this.#input = Buffer.alloc(0);
    }
  }

  /** A character at a time, and no end of the line, until the other side has enough. */
  async #drip(usual: string, everyMs: number): Promise<void> {
    this.#upstream.dripping += 1;
    for (let at = 0; !this.#hasEnded; at += 1) {
      const next = usual.trimEnd()[at] ?? 'x';
      this.#write(next);
      await setTimeout(everyMs);
    }
    this.#upstream.dripping -= 1;
  }

  #write(text: string): void {
    if (!this.#socket.destroyed) this.#socket.write(text, 'latin1');
  }

  #listen(): void {
    const wake = (): void => this.#wake?.();
    const end = (): void => {
      this.#hasEnded = true;
      wake();
    };
    this.#socket.on('data', (bytes: Buffer) => {
      this.#input = Buffer.concat([this.#input, bytes]);
      wake();
    });
    this.#socket.on('error', end).on('close', end).on('end', end);
  }

  /** Waits for more input; `false` where none comes any more. */
  async #more(): Promise<boolean> {
    if (this.#hasEnded) return false;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await promise;
    this.#wake = undefined;
    return !this.#hasEnded;
  }

  async #line(): Promise<string | undefined> {
    for (;;) {
      const end = this.#input.indexOf('\r\n');
      if (end >= 0) {
        const line = this.#input.subarray(0, end).toString('latin1');
        this.#input = this.#input.subarray(end + 2);
        return line;
      }
      if (!(await this.#more())) return undefined;
    }
  }
}
