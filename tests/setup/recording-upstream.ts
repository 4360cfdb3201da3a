/**
 * A server that takes mail and keeps every byte that it hears, before and after TLS: what really leaves the service.
 *
 * It shares nothing with the server half of this project. How it behaves is a list of replies that a test may change, so it
 * can also be a hostile one.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import type { ServerIdentity } from './certificates.ts';

/** How the server answers; a text is sent as it is, `undefined` cuts the line. */
export interface UpstreamScript {
  readonly greeting?: string;
  /** The lines of EHLO without code, before and after TLS. */
  readonly plainOffers?: readonly string[];
  readonly secureOffers?: readonly string[];
  readonly ehlo?: string;
  readonly startTls?: string;
  /** Sent behind the reply to STARTTLS in the clear. */
  readonly afterStartTls?: string;
  readonly auth?: string;
  readonly tls?: boolean;
}

/** What one connection said. */
export interface HeardConnection {
  /** In the clear. */
  plain: string;
  /** Within TLS. */
  secure: string;
  /** The lines that were commands. */
  readonly commands: string[];
  /** Each message as it came after DATA, dots still doubled, or by BDAT. */
  readonly messages: Buffer[];
}

const STANDARD: Required<Omit<UpstreamScript, 'ehlo' | 'afterStartTls'>> = {
  greeting: '220 sink.example ESMTP\r\n',
  plainOffers: ['PIPELINING', 'STARTTLS', 'SIZE 157286400', '8BITMIME'],
  secureOffers: ['PIPELINING', 'SIZE 157286400', 'AUTH XOAUTH2', '8BITMIME', 'SMTPUTF8'],
  startTls: '220 go ahead\r\n',
  auth: '235 signed in\r\n',
  tls: true,
};

/** See the head of this file. Close it after use. */
export class RecordingUpstream implements AsyncDisposable {
  readonly connections: HeardConnection[] = [];
  /** Where it listens. */
  port = 0;
  readonly #script: UpstreamScript & typeof STANDARD;
  readonly #identity: ServerIdentity;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(identity: ServerIdentity, script: UpstreamScript) {
    this.#identity = identity;
    this.#script = { ...STANDARD, ...script };
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  /** Starts it on a free loopback port. */
  static async start(identity: ServerIdentity, script: UpstreamScript = {}): Promise<RecordingUpstream> {
    const upstream = new RecordingUpstream(identity, script);
    await new Promise<void>((done) => {
      upstream.#server.listen(0, '127.0.0.1', done);
    });
    const address = upstream.#server.address();
    upstream.port = typeof address === 'object' && address !== null ? address.port : 0;
    return upstream;
  }

  /** Every message, in the order in which they came. */
  get messages(): readonly Buffer[] {
    return this.connections.flatMap(({ messages }) => messages);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((done) => {
      this.#server.close(() => done());
    });
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined);
    const heard: HeardConnection = { plain: '', secure: '', commands: [], messages: [] };
    this.connections.push(heard);
    this.#converse(socket, heard, false);
    socket.write(this.#script.greeting);
  }

  #converse(socket: Socket, heard: HeardConnection, isSecure: boolean): void {
    let input = Buffer.alloc(0);
    let isData = false;
    let chunk: { left: number; readonly isLast: boolean } | undefined;
    let chunked: Buffer[] = [];
    const take = (count: number): Buffer => {
      const taken = input.subarray(0, count);
      input = input.subarray(count);
      return taken;
    };
    const step = (): boolean => {
      if (chunk !== undefined) {
        const part = take(chunk.left);
        chunk.left -= part.length;
        chunked.push(part);
        if (chunk.left > 0) return false;
        if (chunk.isLast) {
          heard.messages.push(Buffer.concat(chunked));
          chunked = [];
        }
        chunk = undefined;
        socket.write('250 taken\r\n');
        return true;
      }
      if (isData) {
        const end = input.indexOf('\r\n.\r\n');
        if (end < 0) return false;
        heard.messages.push(Buffer.from(take(end + 2)));
        take(3);
        isData = false;
        socket.write('250 taken\r\n');
        return true;
      }
      const end = input.indexOf('\r\n');
      if (end < 0) return false;
      const line = take(end + 2)
        .toString('latin1')
        .trimEnd();
      heard.commands.push(line);
      const bdat = /^BDAT (\d+)( LAST)?$/i.exec(line);
      if (bdat !== null) chunk = { left: Number(bdat[1]), isLast: bdat[2] !== undefined };
      else if (/^DATA$/i.test(line)) {
        isData = true;
        socket.write('354 go\r\n');
      } else if (/^STARTTLS$/i.test(line)) return this.#startTls(socket, heard);
      else this.#answer(socket, line, isSecure);
      return true;
    };
    socket.on('data', (bytes: Buffer) => {
      heard[isSecure ? 'secure' : 'plain'] += bytes.toString('latin1');
      input = Buffer.concat([input, bytes]);
      while (step());
    });
  }

  #answer(socket: Socket, line: string, isSecure: boolean): void {
    const { ehlo, plainOffers, secureOffers, auth } = this.#script;
    const verb = /^[A-Z]+/i.exec(line)?.[0].toUpperCase();
    if (verb === 'EHLO') {
      const lines = ['sink.example', ...(isSecure ? secureOffers : plainOffers)];
      const last = lines.length - 1;
      socket.write(ehlo ?? lines.map((text, index) => `250${index === last ? ' ' : '-'}${text}\r\n`).join(''));
    } else if (verb === 'AUTH') socket.write(auth);
    else if (verb === 'QUIT') socket.end('221 bye\r\n');
    else socket.write('250 ok\r\n');
  }

  #startTls(socket: Socket, heard: HeardConnection): boolean {
    const { startTls, afterStartTls, tls } = this.#script;
    socket.write(startTls + (afterStartTls ?? ''));
    if (!startTls.startsWith('220')) return true;
    socket.removeAllListeners('data');
    if (!tls) {
      socket.on('data', (bytes: Buffer) => {
        heard.plain += bytes.toString('latin1');
        socket.write('500 what\r\n');
      });
      return false;
    }
    const { cert, key } = this.#identity;
    const secure = new TLSSocket(socket, { isServer: true, secureContext: createSecureContext({ cert, key }) });
    secure.on('error', () => undefined);
    this.#converse(secure, heard, true);
    return false;
  }
}
