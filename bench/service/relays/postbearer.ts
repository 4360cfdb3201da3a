/** Postbearer as it is published: packed, installed, and started with everything on and the pace of its mailboxes raised. */
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../sink/sink.ts';
import { SERVER_NAME, USERNAME } from '../../workload.ts';
import { runToEnd, stopProgram, untilAnswering, type Relay, type RelayWorld } from './relay.ts';

/** How it is set up beside what every relay is. */
export interface PostbearerOptions {
  readonly launcher: string;
  /** The mailboxes that it sends through; one where left out. */
  readonly mailboxes?: readonly string[];
  /** Messages a minute of mailboxes that are not as fast as can be. */
  readonly paces?: Readonly<Record<string, number>>;
  /** A PostgreSQL database; a SQLite file in its folder where left out. */
  readonly databaseUrl?: string;
  /** The name of this node. */
  readonly node?: string;
  /** Mailboxes whose token endpoint refuses. */
  readonly dead?: { readonly mailbox: string; readonly tokenEndpoint: string };
  /** Milliseconds from its start until it took mail are told here. */
  readonly onStarted?: (ms: number) => void;
  readonly nodeOptions?: readonly string[];
}

/** As much as settings can say, so that nothing but the machine is the limit. */
const UNLIMITED = { messagesPerMinute: 1_000_000, recipientsPerDay: 1_000_000 };

function smtpSettings(
  { sink, tokenEndpoint }: RelayWorld,
  caFile: string,
  username: string,
  endpoint = tokenEndpoint,
): object {
  const oauth = {
    enabled: true,
    tokenEndpoint: endpoint,
    clientId: 'bench',
    clientSecret: 'bench-secret',
    scope: 'mail.send',
  };
  return { enabled: true, server: SERVER_NAME, port: sink.port, enableSsl: true, username, caFile, oauth };
}

function settingsOf(world: RelayWorld, options: PostbearerOptions, caFile: string, ports: readonly number[]): object {
  const { mailboxes = [USERNAME], paces = {}, databaseUrl, node, dead } = options;
  const pace = { ...UNLIMITED, connections: world.connections };
  const [relayPort, apiPort] = ports;
  return {
    smtp: smtpSettings(world, caFile, mailboxes[0] ?? USERNAME),
    postbearer: {
      ...(dead === undefined
        ? {}
        : { upstreams: { dead: smtpSettings(world, caFile, dead.mailbox, dead.tokenEndpoint) } }),
      mailboxes: {
        ...Object.fromEntries(
          mailboxes.map((mailbox) => {
            const messagesPerMinute = paces[mailbox] ?? UNLIMITED.messagesPerMinute;
            return [mailbox, { pace: { ...pace, messagesPerMinute } }];
          }),
        ),
        ...(dead === undefined ? {} : { [dead.mailbox]: { upstream: 'dead', pace } }),
      },
      relay: { listeners: [{ port: relayPort, security: 'plain' }], connectionsPerClient: 200 },
      api: { listeners: [{ port: apiPort, security: 'plain' }] },
      apps: { messagesPerMinute: 0, recipientsPerMinute: 0, queuedMessages: 0, queuedBytes: 0 },
      log: { file: join(world.folder, 'log'), format: 'text' },
      ...(databaseUrl === undefined ? {} : { database: { url: databaseUrl } }),
      ...(node === undefined ? {} : { node }),
    },
  };
}

/** Writes the settings and lets loopback in, once for a folder. */
export async function preparePostbearer(world: RelayWorld, options: PostbearerOptions): Promise<void> {
  const { launcher, mailboxes = [USERNAME], dead } = options;
  const file = await writeSettings(world, options);
  const all = dead === undefined ? mailboxes : [...mailboxes, dead.mailbox];
  const named = all.flatMap((mailbox) => ['--mailbox', mailbox]);
  const data = ['--data', join(world.folder, 'data'), '--config', file];
  await runToEnd(process.execPath, [launcher, 'app', 'add', 'bench', ...named, '--network', '127.0.0.1/32', ...data]);
}

async function writeSettings(world: RelayWorld, options: PostbearerOptions, port?: number): Promise<string> {
  mkdirSync(join(world.folder, 'data'), { recursive: true });
  const caFile = join(world.folder, 'ca.pem');
  writeFileSync(caFile, world.caPem);
  const file = join(world.folder, 'settings.json');
  const ports = [port ?? (await freePort()), await freePort()];
  writeFileSync(file, JSON.stringify(settingsOf(world, options, caFile, ports)), { mode: 0o600 });
  return file;
}

/** Starts it on a prepared folder, or again on one that it ran on. */
export async function runPostbearer(world: RelayWorld, options: PostbearerOptions): Promise<Relay> {
  const port = await freePort();
  const file = await writeSettings(world, options, port);
  const begun = performance.now();
  const args = [options.launcher, 'serve', '--config', file, '--data', join(world.folder, 'data')];
  const child = spawn(process.execPath, [...(options.nodeOptions ?? []), ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await untilAnswering(port);
  options.onStarted?.(performance.now() - begun);
  return { port, pid: child.pid ?? 0, stop: () => stopProgram(child) };
}

/** Prepares and starts it. */
export async function startPostbearer(world: RelayWorld, options: PostbearerOptions): Promise<Relay> {
  await preparePostbearer(world, options);
  return runPostbearer(world, options);
}
