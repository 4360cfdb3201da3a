/**
 * A sink of our own, for runs without other tools: takes every message over STARTTLS and XOAUTH2, keeps nothing but counts.
 *
 * It runs in a process of its own, is started by `sink.ts` and answers there. It reads no more than it needs to: the clients
 * are to be measured, not this.
 */
import { Buffer } from 'node:buffer';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import { TOKEN, USERNAME } from '../workload.ts';

/** What the sink counted since the last reset. */
export interface SinkCounts {
  readonly messages: number;
  readonly unique: number;
  readonly duplicates: number;
  readonly connections: number;
  readonly mostOpen: number;
}

/** What `sink.ts` asks for. */
export type SinkRequest =
  | { readonly ask: 'start'; readonly cert: string; readonly key: string; readonly chunking: boolean }
  | { readonly ask: 'counts' | 'reset' | 'arrivals' };

const END = Buffer.from('\r\n.\r\n');
const ID = Buffer.from('X-Bench-Id: ');
const AUTH_RESPONSE = Buffer.from(`user=${USERNAME}\u0001auth=Bearer ${TOKEN}\u0001\u0001`).toString('base64');

/** When each number came first. */
const seen = new Map<number, number>();
let messages = 0;
let duplicates = 0;
let connections = 0;
let open = 0;
let mostOpen = 0;

function count(id: number): void {
  messages += 1;
  if (seen.has(id)) duplicates += 1;
  else seen.set(id, Number(process.hrtime.bigint()));
}

/** The number in the header of a message, or -1. */
function idIn(bytes: Buffer): number {
  const at = bytes.indexOf(ID);
  return at < 0 ? -1 : Number.parseInt(bytes.toString('latin1', at + ID.length, at + ID.length + 12), 10);
}

class Conversation {
  readonly #chunking: boolean;
  readonly #context: ReturnType<typeof createSecureContext>;
  #socket: Socket;
  #unread: Buffer = Buffer.alloc(0);
  #mode: 'commands' | 'auth' | 'data' | 'chunk' = 'commands';
  #id = -1;
  #left = 0;

  constructor(socket: Socket, context: ReturnType<typeof createSecureContext>, chunking: boolean) {
    this.#chunking = chunking;
    this.#context = context;
    this.#socket = socket;
    this.#listen(socket);
    socket.write('220 sink ready\r\n');
  }

  #listen(socket: Socket): void {
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      this.#unread = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
      this.#socket.cork();
      while (this.#step());
      this.#socket.uncork();
    });
  }

  #step(): boolean {
    if (this.#mode === 'data') return this.#readData();
    if (this.#mode === 'chunk') return this.#readChunk();
    const end = this.#unread.indexOf('\r\n');
    if (end < 0) return false;
    const line = this.#unread.toString('latin1', 0, end);
    this.#unread = this.#unread.subarray(end + 2);
    this.#command(line);
    return true;
  }

  #readData(): boolean {
    if (this.#id < 0) this.#id = idIn(this.#unread);
    const end = this.#unread.indexOf(END);
    if (end < 0) {
      // All but what may be the beginning of the end mark is done with.
      if (this.#unread.length > 65_536) this.#unread = this.#unread.subarray(-4);
      return false;
    }
    this.#unread = this.#unread.subarray(end + END.length);
    this.#taken();
    return true;
  }

  #readChunk(): boolean {
    if (this.#unread.length < this.#left) return false;
    this.#id = idIn(this.#unread.subarray(0, this.#left));
    this.#unread = this.#unread.subarray(this.#left);
    this.#taken();
    return true;
  }

  #taken(): void {
    count(this.#id);
    this.#id = -1;
    this.#mode = 'commands';
    this.#socket.write('250 2.0.0 OK queued\r\n');
  }

  #command(line: string): void {
    if (this.#mode === 'auth') return this.#signIn(line);
    const [verb = ''] = line.toUpperCase().split(/[ :]/);
    const isEncrypted = this.#socket instanceof TLSSocket;
    switch (verb) {
      case 'EHLO':
        this.#socket.write(
          `250-sink\r\n250-SIZE 157286400\r\n250-PIPELINING\r\n${this.#chunking ? '250-CHUNKING\r\n' : ''}` +
            `${isEncrypted ? '250-AUTH XOAUTH2 PLAIN\r\n' : '250-STARTTLS\r\n'}250 8BITMIME\r\n`,
        );
        return;
      case 'STARTTLS':
        return this.#encrypt();
      case 'AUTH':
        if (line === 'AUTH XOAUTH2') {
          this.#mode = 'auth';
          this.#socket.write('334 \r\n');
          return;
        }
        // What has no OAuth is let in as well; what it costs is the same.
        if (/^AUTH PLAIN /i.test(line)) return void this.#socket.write('235 2.7.0 in\r\n');
        return this.#signIn(line.slice('AUTH XOAUTH2 '.length));
      case 'DATA':
        this.#mode = 'data';
        this.#socket.write('354 go\r\n');
        return;
      case 'BDAT':
        this.#mode = 'chunk';
        this.#left = Number.parseInt(line.slice('BDAT '.length), 10);
        return;
      case 'QUIT':
        this.#socket.end('221 bye\r\n');
        return;
      default:
        this.#socket.write('250 ok\r\n');
    }
  }

  #signIn(response: string): void {
    this.#mode = 'commands';
    this.#socket.write(response === AUTH_RESPONSE ? '235 2.7.0 in\r\n' : '535 5.7.3 no\r\n');
  }

  #encrypt(): void {
    const plain = this.#socket;
    plain.uncork();
    plain.removeAllListeners('data');
    plain.write('220 go\r\n', () => {
      this.#socket = new TLSSocket(plain, { isServer: true, secureContext: this.#context });
      this.#listen(this.#socket);
    });
  }
}

function start(cert: string, key: string, chunking: boolean): void {
  const context = createSecureContext({ cert, key });
  const server = createServer({ noDelay: true }, (socket) => {
    connections += 1;
    open += 1;
    mostOpen = Math.max(mostOpen, open);
    socket.on('close', () => (open -= 1));
    void new Conversation(socket, context, chunking);
  });
  server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
}

process.on('message', (request: SinkRequest) => {
  switch (request.ask) {
    case 'start':
      return start(request.cert, request.key, request.chunking);
    case 'reset':
      seen.clear();
      [messages, duplicates, connections, mostOpen] = [0, 0, 0, open];
      return void process.send?.({});
    case 'arrivals':
      return void process.send?.([...seen]);
    case 'counts': {
      const counts: SinkCounts = { messages, unique: seen.size, duplicates, connections, mostOpen };
      return void process.send?.(counts);
    }
  }
});
process.on('disconnect', () => process.exit());
