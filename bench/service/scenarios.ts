/** The rounds: what is measured, of whom. */
import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as passed } from 'node:timers/promises';
import { promisify } from 'node:util';
import { parseMailboxAddress, type MailboxAddress, type Result } from '@postbearer/core';
import { openDatabase } from '@postbearer/database';
import { createQueue, queueMigrations, type Queue } from '@postbearer/queue';
import { findTool } from '../../tests/setup/tool-table.ts';
import { startPostgresql } from '../../tests/setup/postgresql-server.ts';
import type { Measurement } from '../clients/measure.ts';
import { contentMaker, USERNAME } from '../workload.ts';
import { untilQuiet, type Ground } from './ground.ts';
import { arrived, latenciesMs, load, quantile, send, type LoadPlan, type LoadResult } from './load.ts';
import { memoryOf } from './process-tree.ts';
import { startHaraka } from './relays/haraka.ts';
import { preparePostbearer, runPostbearer, startPostbearer, type PostbearerOptions } from './relays/postbearer.ts';
import { startPostfix } from './relays/postfix.ts';
import type { Relay, RelayWorld } from './relays/relay.ts';

/** Who is measured as a relay. */
export type RelayName = 'postbearer' | 'postfix tuned' | 'postfix default' | 'haraka';

const SIZE_BYTES = 10_240;
const LANES = Array.from({ length: 8 }, (_, index) => `mailbox${index}@example.com`);

/** Whoever can be started here. */
export function relaysOf({ hasPostfix, haraka }: Ground): RelayName[] {
  return [
    'postbearer',
    ...(hasPostfix ? (['postfix tuned', 'postfix default'] as const) : []),
    ...(haraka === undefined ? [] : (['haraka'] as const)),
  ];
}

async function start(ground: Ground, name: RelayName, world: RelayWorld): Promise<Relay> {
  switch (name) {
    case 'postbearer':
      return startPostbearer(world, { launcher: ground.launcher });
    case 'postfix tuned':
      return startPostfix(world, 'tuned');
    case 'postfix default':
      return startPostfix(world, 'default');
    case 'haraka':
      return startHaraka(world, ground.haraka ?? '');
  }
}

/** A load and how often a token was asked for meanwhile. */
export interface Round extends LoadResult {
  readonly tokenRequests: number;
}

/** One relay, started anew, and one load. */
export async function relayRound(
  ground: Ground,
  name: RelayName,
  connections: number,
  plan: Omit<LoadPlan, 'port' | 'sizeBytes'>,
): Promise<Round> {
  const relay = await start(ground, name, ground.world(name.replaceAll(' ', '-'), connections));
  try {
    await untilQuiet();
    ground.tokens.takeCount();
    const result = await load(ground.source, ground.sink, relay.pid, {
      port: relay.port,
      sizeBytes: SIZE_BYTES,
      ...plan,
    });
    return { ...result, tokenRequests: ground.tokens.takeCount() };
  } finally {
    await relay.stop();
  }
}

const runProgram = promisify(execFile);

/** nodemailer's pool straight to the sink. */
export async function directRound(ground: Ground, connections: number, messages: number): Promise<Measurement> {
  await untilQuiet();
  await ground.sink.reset();
  const task = {
    port: ground.sink.port,
    connections,
    messages,
    sizeBytes: SIZE_BYTES,
    firstId: 0,
    caPem: ground.workshop.caPem,
    tokenEndpoint: ground.tokens.url,
  };
  const program = join(import.meta.dirname, '..', 'clients', 'nodemailer.ts');
  const { stdout } = await runProgram(process.execPath, [program, JSON.stringify(task)]);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- both ends are in this folder
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Measurement;
}

function must<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`${result.fault.code}: ${result.fault.message}`);
  return result.value;
}

const address = (text: string): MailboxAddress => must(parseMailboxAddress(text));

/** Puts messages into the database of a stopped service; gives how many a second. */
async function fill(queue: Queue, mailbox: string, messages: number): Promise<number> {
  const begun = performance.now();
  const contentOf = contentMaker(SIZE_BYTES);
  let next = 0;
  const work = async (): Promise<void> => {
    for (let id = next++; id < messages; id = next++) {
      const envelope = { sender: address(mailbox), recipients: [address(`user${id % 1000}@example.net`)] };
      const submission = {
        lane: `default/${mailbox}`,
        app: 'bench',
        envelope,
        from: mailbox,
        messageId: `<${id}@bench>`,
      };
      must(await queue.enqueue(submission, contentOf(id)));
    }
  };
  await Promise.all(Array.from({ length: 50 }, work));
  return messages / ((performance.now() - begun) / 1000);
}

async function withQueue<T>(folder: string, work: (queue: Queue) => Promise<T>): Promise<T> {
  const database = must(
    await openDatabase({ file: join(folder, 'data', 'postbearer.db') }, { migrations: [queueMigrations] }),
  );
  try {
    const queue = must(await createQueue(database, { node: 'bench' }));
    const result = await work(queue);
    await queue.stop();
    return result;
  } finally {
    await database.close();
  }
}

/** What a deep queue does to the service. */
export interface DeepQueue {
  readonly messages: number;
  readonly startEmptyMs: number;
  readonly startMs: number;
  readonly emptyRssMb: number;
  readonly rssMb: number;
  readonly claimP50Ms: number;
  readonly claimP99Ms: number;
  /** Messages taken in a second, into an empty queue and into the full one. */
  readonly intakeEmpty: number;
  readonly intakeFull: number;
  /** The first page of a list. */
  readonly pageMs: number;
}

/** Fills the queue of a held lane, starts the service on it, and leases from it. */
export async function deepQueue(ground: Ground, messages: number): Promise<DeepQueue> {
  const world = ground.world('deep', 3);
  let startedMs = 0;
  const options: PostbearerOptions = { launcher: ground.launcher, onStarted: (ms) => (startedMs = ms) };
  await preparePostbearer(world, options);
  const run = async (): Promise<{ readonly ms: number; readonly rssMb: number }> => {
    await untilQuiet();
    const relay = await runPostbearer(world, options);
    await passed(5000);
    const { rssMb } = memoryOf(relay.pid);
    await relay.stop();
    return { ms: startedMs, rssMb };
  };
  const empty = await run();
  const part = Math.ceil(messages / 20);
  const filled = await withQueue(world.folder, async (queue) => {
    must(await queue.hold(`default/${USERNAME}`));
    const intakeEmpty = await fill(queue, USERNAME, part);
    await fill(queue, USERNAME, messages - 2 * part);
    const intakeFull = await fill(queue, USERNAME, part);
    const begun = performance.now();
    must(await queue.list({}, { limit: 100 }));
    return { intakeEmpty, intakeFull, pageMs: performance.now() - begun };
  });
  const full = await run();
  const took = await withQueue(world.folder, async (queue) => {
    must(await queue.release(`default/${USERNAME}`));
    await queue.setLanes([`default/${USERNAME}`]);
    const times: number[] = [];
    for (let index = 0; index < 500; index += 1) {
      const begun = performance.now();
      must(await queue.lease(`default/${USERNAME}`, { limit: 64 }));
      times.push(performance.now() - begun);
    }
    return times.toSorted((a, b) => a - b);
  });
  return {
    messages,
    startEmptyMs: empty.ms,
    startMs: full.ms,
    emptyRssMb: empty.rssMb,
    rssMb: full.rssMb,
    claimP50Ms: quantile(took, 0.5),
    claimP99Ms: quantile(took, 0.99),
    ...filled,
  };
}

/** Messages a second through eight mailboxes: on SQLite, and on PostgreSQL with one node and two. */
export interface EightMailboxes {
  readonly sqlite: number;
  readonly oneNode?: number;
  readonly twoNodes?: number;
}

async function eightMailboxes(ground: Ground, relays: readonly Relay[], messages: number): Promise<number> {
  await ground.sink.reset();
  const each = Math.ceil(messages / LANES.length);
  const sent = await Promise.all(
    LANES.map((sender, index) => {
      const port = relays[index % relays.length]?.port ?? 0;
      return send(ground.source, {
        port,
        messages: each,
        clients: 4,
        sizeBytes: SIZE_BYTES,
        firstId: index * each,
        sender,
      });
    }),
  );
  await arrived(
    ground.sink,
    sent.reduce((sum, { accepted }) => sum + accepted, 0),
  );
  const arrivals = await ground.sink.arrivals();
  const lastNs = arrivals.values().reduce((latest, at) => Math.max(latest, at), 0);
  return arrivals.size / ((lastNs - Math.min(...sent.map(({ startedNs }) => startedNs))) / 1e9);
}

async function withNodes(ground: Ground, nodes: readonly PostbearerOptions[], messages: number): Promise<number> {
  const relays: Relay[] = [];
  try {
    for (const [index, options] of nodes.entries()) {
      const world = ground.world(options.node ?? 'sqlite', 3);
      // The app is in the database; the other nodes read it there.
      if (index === 0) await preparePostbearer(world, options);
      relays.push(await runPostbearer(world, options));
    }
    // Nodes share the lanes a moment after they met.
    if (nodes.length > 1) await passed(8000);
    await untilQuiet();
    return await eightMailboxes(ground, relays, messages);
  } finally {
    for (const relay of relays) await relay.stop();
  }
}

/** Eight mailboxes at once, on each database. */
export async function databases(ground: Ground, messages: number): Promise<EightMailboxes> {
  const base: PostbearerOptions = { launcher: ground.launcher, mailboxes: LANES };
  const sqlite = await withNodes(ground, [base], messages);
  const postgres = findTool('postgresql');
  if (postgres === undefined) return { sqlite };
  await using server = await startPostgresql(postgres);
  const one = { ...base, databaseUrl: (await server.newDatabase()).reveal(), node: 'a' };
  const oneNode = await withNodes(ground, [one], messages);
  const databaseUrl = (await server.newDatabase()).reveal();
  const twoNodes = await withNodes(
    ground,
    ['a', 'b'].map((node) => ({ ...base, databaseUrl, node })),
    messages,
  );
  return { sqlite, oneNode, twoNodes };
}

/** Accept to arrival of one mailbox: alone, and beside a full and a dead one. */
export interface Fairness {
  readonly aloneP50Ms: number;
  readonly aloneP99Ms: number;
  readonly besideP50Ms: number;
  readonly besideP99Ms: number;
  readonly queued: number;
  /** How many a minute the full mailbox may send. */
  readonly fullPace: number;
}

/** A token endpoint that refuses everybody. */
async function startDeadEndpoint(): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((_request, response) => {
    response.writeHead(401, { 'content-type': 'application/json' });
    response.end(
      '{"error":"invalid_client","error_description":"AADSTS7000222: The provided client secret keys are expired."}',
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** One mailbox at 20 a second: alone, then while another has `queued` waiting and a third cannot sign in. */
export async function fairness(ground: Ground, queued: number, messages: number, fullPace: number): Promise<Fairness> {
  await using dead = await startDeadEndpoint();
  const [full, quiet, lost] = ['full@example.com', 'quiet@example.com', 'lost@example.com'] as const;
  const world = ground.world('fairness', 3);
  const options: PostbearerOptions = {
    launcher: ground.launcher,
    mailboxes: [quiet, full],
    paces: { [full]: fullPace },
    dead: { mailbox: lost, tokenEndpoint: dead.url },
  };
  await preparePostbearer(world, options);
  const measure = async (firstId: number): Promise<readonly number[]> => {
    const relay = await runPostbearer(world, options);
    try {
      await passed(3000);
      await ground.sink.reset();
      const to = { port: relay.port, sizeBytes: SIZE_BYTES };
      const beside =
        firstId === 0
          ? undefined
          : send(ground.source, { ...to, messages: 200, clients: 1, firstId: 900_000, sender: lost });
      const sent = await send(ground.source, {
        ...to,
        messages,
        clients: 4,
        ratePerSecond: 20,
        firstId,
        sender: quiet,
      });
      await beside;
      await passed(2000);
      return latenciesMs(sent.acceptedNs, await ground.sink.arrivals());
    } finally {
      await relay.stop();
    }
  };
  const alone = await measure(0);
  await withQueue(world.folder, async (queue) => void (await fill(queue, full, queued)));
  // The full mailbox sends numbers from 0; those of the quiet one lie beyond.
  const beside = await measure(500_000);
  return {
    aloneP50Ms: quantile(alone, 0.5),
    aloneP99Ms: quantile(alone, 0.99),
    besideP50Ms: quantile(beside, 0.5),
    besideP99Ms: quantile(beside, 0.99),
    queued,
    fullPace,
  };
}
