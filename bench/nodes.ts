/**
 * `node bench/nodes.ts [--messages N] [--bytes N] [--lanes N]`: the service on its SQLite file, and on PostgreSQL with one node and with two,
 * in one run on one sink.
 *
 * Clients are Postfix's `smtp-source`, one for each lane. PostgreSQL is a server of the tests.
 */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findTool } from '../tests/setup/tool-table.ts';
import { startPostgresql } from '../tests/setup/postgresql-server.ts';
import type { NodeProgram, NodeWord } from '../tests/failure/postgresql/node-program.ts';
import { openSinkWorkshop } from './sink/sink.ts';
import { startTokenEndpoint } from './token-endpoint.ts';
import { SERVER_NAME } from './workload.ts';

const { values: options } = parseArgs({
  options: {
    messages: { type: 'string', default: '4000' },
    bytes: { type: 'string', default: '10240' },
    lanes: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '2' },
  },
});
const PROGRAM = fileURLToPath(new URL('../tests/failure/postgresql/node-program.ts', import.meta.url));
const lanes = Array.from({ length: Number(options.lanes) }, (_, index) => `lane${index}@example.com`);
const messages = Number(options.messages);

interface Ground {
  readonly sinkPort: number;
  readonly caPem: string;
  readonly tokenEndpoint: string;
  readonly counted: () => Promise<number>;
}

interface RunningNode {
  readonly port: number;
  readonly pid: number;
  end(): Promise<void>;
}

async function startNode(ground: Ground, name: string, databaseUrl: string | undefined): Promise<RunningNode> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-node-'));
  const configFile = join(folder, 'Global-variables.json');
  const caFile = join(folder, 'ca.pem');
  writeFileSync(caFile, ground.caPem);
  const oauth = {
    enabled: true,
    tokenEndpoint: ground.tokenEndpoint,
    clientId: 'bench',
    clientSecret: 'bench-secret',
    scope: 'mail.send',
  };
  const smtp = {
    enabled: true,
    server: SERVER_NAME,
    port: ground.sinkPort,
    enableSsl: true,
    username: lanes[0],
    caFile,
    oauth,
  };
  const pace = { messagesPerMinute: 1_000_000, recipientsPerDay: 1_000_000 };
  const mailboxes = Object.fromEntries(lanes.map((lane) => [lane, { upstream: 'default', pace }]));
  writeFileSync(configFile, JSON.stringify({ smtp, postbearer: { mailboxes } }), { mode: 0o600 });
  const program: NodeProgram = {
    configFile,
    dataFolder: join(folder, 'data'),
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- addresses that are known to be good
    mailboxes: lanes as unknown as NodeProgram['mailboxes'],
    service: { listeners: [{ port: 0, security: 'plain' }], hostname: 'relay.example', queue: { node: name } },
  };
  writeFileSync(join(folder, 'program.json'), JSON.stringify(program));
  const child = fork(PROGRAM, [join(folder, 'program.json')], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { PATH: process.env['PATH'] },
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own program
  const [word] = (await once(child, 'message')) as [NodeWord];
  if (!('ready' in word)) throw new Error(JSON.stringify(word));
  return {
    port: word.ready.port,
    pid: child.pid ?? 0,
    async end() {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true });
    },
  };
}

function source(lane: string, port: number, count: number): ChildProcess {
  const args = [
    '-s',
    '3',
    '-m',
    String(count),
    '-l',
    options.bytes,
    '-f',
    lane,
    '-t',
    'user@example.net',
    `127.0.0.1:${port}`,
  ];
  return spawn('smtp-source', args, { stdio: 'inherit' });
}

/** Hundredths of a second that processes and their children that live worked so far (proc(5), "stat"). */
function cpuOf(pids: readonly number[]): number {
  let sum = 0;
  for (const name of readdirSync('/proc').filter((each) => /^\d+$/.test(each))) {
    try {
      const fields = readFileSync(`/proc/${name}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
      if (pids.includes(Number(name)) || pids.includes(Number(fields[1])))
        sum += Number(fields[11]) + Number(fields[12]);
    } catch {
      // It ended meanwhile.
    }
  }
  return sum;
}

async function measure(what: string, ground: Ground, nodes: readonly RunningNode[]): Promise<void> {
  const before = await ground.counted();
  const count = Math.floor(messages / lanes.length);
  const [ours, theirs] = [nodes.map(({ pid }) => pid), [databasePid]];
  const cpu = [cpuOf(ours), cpuOf(theirs)] as const;
  const startedMs = performance.now();
  const sources = lanes.map((lane, index) => source(lane, nodes[index % nodes.length]?.port ?? 0, count));
  await Promise.all(sources.map((each) => once(each, 'exit')));
  const acceptedMs = performance.now();
  while ((await ground.counted()) < before + count * lanes.length) await sleep(10);
  const deliveredMs = performance.now();
  const rate = (ms: number): string => `${Math.round((count * lanes.length * 1000) / ms)}/s`;
  const perMessage = (hundredths: number): string => `${((hundredths * 10) / (count * lanes.length)).toFixed(2)} ms`;
  console.log(
    `${what}: accepted ${rate(acceptedMs - startedMs)}, delivered ${rate(deliveredMs - startedMs)}; CPU a message: nodes ${perMessage(cpuOf(ours) - cpu[0])}, database ${perMessage(cpuOf(theirs) - cpu[1])}`,
  );
}

async function run(
  what: string,
  ground: Ground,
  names: readonly string[],
  newUrl?: () => Promise<string>,
): Promise<void> {
  const url = await newUrl?.();
  const nodes: RunningNode[] = [];
  for (const name of names) nodes.push(await startNode(ground, name, url));
  // Time to share the lanes, and to warm up.
  await sleep(names.length > 1 ? 12_000 : 1000);
  await measure(`${what}, warming up`, ground, nodes);
  await measure(what, ground, nodes);
  for (const node of nodes) await node.end();
}

using workshop = await openSinkWorkshop();
await using tokens = await startTokenEndpoint();
await using sink = await workshop.start({ chunking: true });
const postgres = findTool('postgresql');
if (postgres === undefined) throw new Error('PostgreSQL is not installed');
await using server = await startPostgresql(postgres, {});
const databasePid = Number.parseInt(readFileSync(join(server.folder, 'data', 'postmaster.pid'), 'utf8'), 10);
const ground: Ground = {
  sinkPort: sink.port,
  caPem: workshop.caPem,
  tokenEndpoint: tokens.url,
  counted: async () => (await sink.counts()).messages,
};
for (let round = 0; round < Number(options.rounds); round += 1) {
  await run('SQLite', ground, ['a']);
  await run('PostgreSQL, one node', ground, ['a'], async () => (await server.newDatabase()).reveal());
  await run('PostgreSQL, two nodes', ground, ['a', 'b'], async () => (await server.newDatabase()).reveal());
}
