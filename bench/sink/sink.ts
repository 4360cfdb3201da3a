/**
 * Starts the sink: where messages go and are counted.
 *
 * With `POSTBEARER_BENCH_TOOLS` naming a folder that holds `sink/sink.c` and `source/source.c`, these are built with gcc into
 * a temporary folder and used; the source then also tells what the machine can do at all. Without it the sink of this folder
 * is used, in a process of its own.
 */
import { execFileSync, fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCertificateAuthority } from '@postbearer/network/certificates';
import { cpuSecondsOf } from '../service/process-tree.ts';
import { SERVER_NAME, TOKEN, USERNAME } from '../workload.ts';
import type { SinkCounts, SinkRequest } from './process.ts';

/** A running sink. */
export interface Sink extends AsyncDisposable {
  readonly port: number;
  reset(): Promise<void>;
  counts(): Promise<SinkCounts>;
  /** When each message came first, by its number and the monotonic clock, nanoseconds. */
  arrivals(): Promise<ReadonlyMap<number, number>>;
  /** The CPU that it has used, seconds; 0 where the system does not say. */
  cpuSeconds(): number;
}

/** Everything that sinks of a run share. */
export interface SinkWorkshop extends Disposable {
  /** `C` or `TypeScript`. */
  readonly kind: string;
  /** The authority of the sink's certificate. */
  readonly caPem: string;
  /** For whatever the run writes; removed with the workshop. */
  readonly folder: string;
  /** The client in C, where there is one. */
  readonly sourceProgram: string | undefined;
  start(options: { readonly chunking: boolean }): Promise<Sink>;
  /** What a client that does nothing else reaches, messages a second; `undefined` without the C source. */
  machineLimit(
    sink: Sink,
    options: { readonly connections: number; readonly messages: number; readonly sizeBytes: number },
  ): number | undefined;
}

interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** A port of loopback that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function build(tools: string, folder: string, name: string): string {
  const program = join(folder, name);
  execFileSync('gcc', ['-O2', '-o', program, join(tools, name, `${name}.c`), '-lssl', '-lcrypto', '-lpthread']);
  return program;
}

/** Asks the C sink on its control port. */
async function control(port: number, question: string): Promise<Record<string, number>> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(question);
  let answer = '';
  socket.on('data', (chunk) => (answer += chunk.toString()));
  await once(socket, 'close');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a tool of the bench, trusted
  return JSON.parse(answer) as Record<string, number>;
}

async function untilListening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return;
    } catch {
      const { promise, resolve } = Promise.withResolvers<void>();
      setTimeout(() => resolve(), 25);
      await promise;
    } finally {
      socket.destroy();
    }
  }
  throw new Error(`The sink does not listen on port ${port}`);
}

async function startForeign(program: string, folder: string, chunking: boolean): Promise<Sink> {
  const [port, controlPort] = [await freePort(), await freePort()];
  const options = { '--port': port, '--ctl': controlPort, '--token': TOKEN };
  const args = Object.entries(options).flatMap(([name, value]) => [name, String(value)]);
  const files = ['--cert', join(folder, 'cert.pem'), '--key', join(folder, 'key.pem')];
  const child = spawn(program, [...args, ...files, '--quickack', ...(chunking ? ['--chunking'] : [])], {
    stdio: 'ignore',
  });
  await untilListening(controlPort);
  return {
    port,
    reset: async () => void (await control(controlPort, 'RESET')),
    async counts() {
      const {
        messages = 0,
        unique = 0,
        duplicates = 0,
        connections = 0,
        max_open: mostOpen = 0,
      } = await control(controlPort, 'STATS');
      return { messages, unique, duplicates, connections, mostOpen };
    },
    async arrivals() {
      const file = join(folder, 'arrivals');
      await control(controlPort, `DUMP ${file}`);
      const lines = readFileSync(file, 'utf8').trim().split('\n');
      return new Map(lines.map((line) => line.split(' ').map(Number)).map(([id = 0, , at = 0]) => [id, at]));
    },
    cpuSeconds: () => cpuSecondsOf(child.pid ?? 0),
    [Symbol.asyncDispose]: () => ended(child),
  };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function startOwn(identity: Identity, chunking: boolean): Promise<Sink> {
  const child = fork(join(import.meta.dirname, 'process.ts'));
  const ask = async (request: SinkRequest): Promise<unknown> => {
    child.send(request);
    const [answer]: unknown[] = await once(child, 'message');
    return answer;
  };
  const { port } = (await ask({ ask: 'start', ...identity, chunking })) as { port: number };
  return {
    port,
    reset: async () => void (await ask({ ask: 'reset' })),
    counts: async () => (await ask({ ask: 'counts' })) as SinkCounts,
    arrivals: async () => new Map((await ask({ ask: 'arrivals' })) as [number, number][]),
    cpuSeconds: () => cpuSecondsOf(child.pid ?? 0),
    [Symbol.asyncDispose]: () => ended(child),
  };
}

/** Prepares certificate and programs. */
export async function openSinkWorkshop(): Promise<SinkWorkshop> {
  const authority = await createCertificateAuthority({ name: 'Bench CA' });
  const issued = await authority.issue({ dnsNames: [SERVER_NAME] });
  const identity = { cert: issued.certificatePem, key: issued.privateKeyPem };
  const tools = process.env['POSTBEARER_BENCH_TOOLS'];
  const folder = mkdtempSync(join(tmpdir(), 'postbearer-bench-'));
  const common = {
    caPem: authority.certificatePem,
    folder,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
  if (tools === undefined || tools === '')
    return {
      ...common,
      kind: 'TypeScript',
      sourceProgram: undefined,
      start: ({ chunking }) => startOwn(identity, chunking),
      machineLimit: () => undefined,
    };
  writeFileSync(join(folder, 'cert.pem'), identity.cert);
  writeFileSync(join(folder, 'key.pem'), identity.key, { mode: 0o600 });
  const [sinkProgram, sourceProgram] = [build(tools, folder, 'sink'), build(tools, folder, 'source')];
  return {
    ...common,
    kind: 'C',
    sourceProgram,
    start: ({ chunking }) => startForeign(sinkProgram, folder, chunking),
    machineLimit(sink, { connections, messages, sizeBytes }) {
      const numbers = ['-p', sink.port, '-c', connections, '-n', messages, '-s', sizeBytes].map(String);
      const told = execFileSync(sourceProgram, [
        '-h',
        '127.0.0.1',
        ...numbers,
        '-f',
        USERNAME,
        '-F',
        USERNAME,
        '-t',
        '-x',
        TOKEN,
        '-P',
      ]);
      return (JSON.parse(told.toString()) as { rate: number }).rate;
    },
  };
}
