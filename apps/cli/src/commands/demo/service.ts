/**
 * `postbearer demo service`: the service between what only speaks SMTP, HTTP or sendmail, and a local Microsoft 365.
 *
 * Nothing is staged: the programs speak to real ports, the service signs in with OAuth, and the secret is expired where it was
 * issued. Only time is helped along: the clock of the service and of the emulator is moved by two hours once, so that nobody
 * has to wait until a token ends, and a held lane is tried after a second.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { systemClock, type Clock, type Fault, type PostbearerEvent } from '@postbearer/core';
import { startEmulator, type Emulator } from '@postbearer/emulator';
import { startServer, type Server } from '@postbearer/server';
import { readSettings } from '@postbearer/settings';
import type { DefineCommand } from '../../command-table.ts';
import { createNarrator, type Narrator } from '../../demo/narrator.ts';
import { mustHave, waysIn, type WayIn } from '../../demo/ways-in.ts';
import { EXIT } from '../../exit-codes.ts';
import { presentFault } from '../../present/fault.ts';
import { table } from '../../present/table.ts';
import type { Terminal } from '../../terminal.ts';

interface DemoFlags {
  readonly json?: true;
}

/** What the demo proved, for `--json`. */
interface ServiceReport {
  readonly ok: boolean;
  /** Messages that were handed in, and that arrived. */
  readonly handedIn: number;
  readonly delivered: number;
  /** Messages that were accepted while nothing could be sent. */
  readonly acceptedWhileHeld: number;
  readonly explainedFault: string;
  /** How often that fault was told. */
  readonly timesTold: number;
  readonly tokenRequests: number;
}

/** Everything that the steps share. */
interface Stage {
  readonly emulator: Emulator;
  readonly clock: DemoClock;
  readonly folder: string;
  readonly server: Server;
  readonly events: readonly PostbearerEvent[];
  readonly ways: readonly WayIn[];
  readonly terminal: Terminal;
  readonly tell: Narrator;
}

const TWO_HOURS_MS = 2 * 60 * 60_000;
const PATIENCE_MS = 30_000;
const LOOK_MS = 25;

/** The clock of this machine, that can be moved ahead. */
class DemoClock implements Clock {
  #aheadMs = 0;

  now(): number {
    return systemClock.now() + this.#aheadMs;
  }

  monotonicMs(): number {
    return systemClock.monotonicMs() + this.#aheadMs;
  }

  setTimer(...timer: Parameters<Clock['setTimer']>): ReturnType<Clock['setTimer']> {
    return systemClock.setTimer(...timer);
  }

  /** From now on it is so much later. */
  move(ms: number): void {
    this.#aheadMs += ms;
  }
}

/** Waits until something has happened; it is the end of the demo where it does not. */
async function until(what: string, { terminal }: Pick<Stage, 'terminal'>, holds: () => boolean): Promise<void> {
  const giveUpMs = performance.now() + PATIENCE_MS;
  while (!holds()) {
    terminal.signal.throwIfAborted();
    if (performance.now() > giveUpMs) throw new Error(`This did not happen: ${what}.`);
    await new Promise<void>((resolve) => {
      setTimeout(resolve, LOOK_MS);
    });
  }
}

function secretFile(folder: string): string {
  return join(folder, 'client-secret');
}

/** The settings of the guide, with the secret in a file of its own and the folder of sendmail. */
async function writeSettings(emulator: Emulator, folder: string): Promise<string> {
  const { smtp } = emulator.settings();
  await writeFile(secretFile(folder), smtp.oauth.clientSecret, { mode: 0o600 });
  const file = join(folder, 'Global-variables.json');
  const sendmail = process.platform === 'win32' ? {} : { sendmail: { folder: join(folder, 'spool') } };
  const settings = {
    smtp: { ...smtp, oauth: { ...smtp.oauth, clientSecret: { file: secretFile(folder) } } },
    postbearer: sendmail,
  };
  await writeFile(file, JSON.stringify(settings, undefined, 2), { mode: 0o600 });
  return file;
}

async function startService(
  configFile: string,
  dataFolder: string,
  terminal: Terminal,
  clock: Clock,
  onEvent: (event: PostbearerEvent) => void,
): Promise<Server> {
  const read = async (): ReturnType<typeof readSettings> => await readSettings({ configFile, environment: {} });
  const reading = await read();
  if (reading.settings === undefined)
    throw new Error(
      `the demo's own settings are wrong: ${reading.findings.map(({ fault }) => fault.message).join(' ')}`,
    );
  const started = await startServer({
    settings: reading.settings,
    // As postbearer serve does: a changed settings file, or a file that it names, is taken into use within a second or two.
    read,
    dataFolder,
    // A proxy of this machine has no business between the demo and its own emulator.
    environment: { ...terminal.environment, NO_PROXY: '127.0.0.1,localhost', no_proxy: '127.0.0.1,localhost' },
    service: {
      listeners: [
        { port: 0, security: 'starttls' },
        { port: 0, security: 'plain' },
      ],
      apiListeners: [{ port: 0, security: 'plain' }],
      hostname: 'localhost',
      idleMs: 200,
      probeTimes: { firstMs: 1000, longestMs: 1000 },
    },
    clock,
    onEvent,
  });
  return mustHave(started);
}

function portOf(server: Server, security: string): number {
  return server.addresses.find((address) => address.security === security)?.port ?? 0;
}

/** Adds an app for each kind of program, and a key; gives the ways in. */
async function openDoors(
  server: Server,
  folder: string,
  emulator: Emulator,
  terminal: Terminal,
): Promise<readonly WayIn[]> {
  const { control } = server;
  const { mailbox } = emulator.defaults;
  const mailboxes = [mailbox];
  const actor = 'demo';
  const added = mustHave(await control.addApp({ app: { name: 'old-app', mailboxes }, actor }));
  mustHave(await control.addApp({ app: { name: 'printers', mailboxes, networks: ['127.0.0.0/8'] }, actor }));
  const cron = { name: 'cron', mailboxes, users: [userInfo().username], fromRule: 'rewrite' } as const;
  if (process.platform !== 'win32') mustHave(await control.addApp({ app: cron, actor }));
  const key = mustHave(await control.addKey({ key: { name: 'web-shop', scopes: ['send'], mailboxes }, actor }));
  return waysIn({
    mailbox,
    startTlsPort: portOf(server, 'starttls'),
    plainPort: portOf(server, 'plain'),
    httpPort: server.apiAddresses[0]?.port ?? 0,
    certificateFile: join(folder, 'data', 'certificate', 'relay.pem'),
    app: { name: 'old-app', password: added.password },
    key: key.secret,
    sendmailFolder: join(folder, 'spool'),
    environment: terminal.environment,
  });
}

async function handInEach({ ways, tell }: Stage, word: string): Promise<void> {
  for (const [index, way] of ways.entries()) tell.done(way.title, await way.send(`${word} ${index + 1}`));
}

/** The secret ends; mail goes on being accepted, and is held; the fault is told. */
async function breakIt(stage: Stage): Promise<Fault> {
  const { emulator, clock, events, tell, terminal } = stage;
  emulator.state.expireSecret(emulator.defaults.clientId);
  tell.done('the client secret has expired, as it does after 12 or 24 months');
  // Every one of them: a connection that is still open needs no token, and would deliver what is to be held.
  const count = (wanted: string): number => events.filter(({ name }) => name === wanted).length;
  await until('idle connections are closed', stage, () => count('smtp.closed') === count('smtp.connected'));
  clock.move(TWO_HOURS_MS);
  tell.done('two hours pass (the clock is moved): the last token that was got with it has ended as well');
  await handInEach(stage, 'while it was broken');
  await until('the lane is held', stage, () => events.some(({ name }) => name === 'lane.held'));
  const held = events.find((event) => event.name === 'lane.held');
  if (held?.name !== 'lane.held') throw new Error('No fault was told.');
  tell.failed(`held, and no attempt used up: ${held.fault.title}`);
  tell.quote(presentFault(held.fault, { ...terminal, width: terminal.width - 5 }));
  return held.fault;
}

async function mendIt(stage: Stage, expected: number): Promise<void> {
  const { emulator, folder, tell } = stage;
  const secret = emulator.state.addSecret(emulator.defaults.clientId);
  await writeFile(secretFile(folder), secret.reveal(), { mode: 0o600 });
  tell.done(
    'a new client secret was made and written into its file; the service goes on running, nothing else is done',
  );
  await until('everything is delivered', stage, () => emulator.messages.length >= expected);
  tell.done('the service took it into use, tried one message, and then sent the others by itself');
}

function subjectOf(bytes: Uint8Array): string {
  return /^Subject: (.*)\r$/m.exec(Buffer.from(bytes).toString('latin1'))?.[1] ?? '';
}

async function play(stage: Stage): Promise<ServiceReport> {
  const { emulator, events, tell, terminal, server, ways } = stage;
  const shown = { ...terminal, width: terminal.width - 5 };
  tell.step('What can only speak SMTP, HTTP or sendmail hands in a message each');
  await handInEach(stage, 'hello');
  await until('all of them are delivered', stage, () => emulator.messages.length >= ways.length);
  tell.done(
    `${ways.length} messages delivered to Microsoft 365 with OAuth`,
    `${emulator.counters.tokenRequests} token request, ${emulator.defaults.mailbox}`,
  );

  tell.step('The secret expires: mail is accepted and kept');
  const fault = await breakIt(stage);
  const { lanes } = mustHave(await server.control.status({}));
  const rows = lanes.map(({ lane, queued, holds }) => [lane, String(queued), holds[0]?.fault?.title ?? 'ready']);
  tell.quote(table(['LANE', 'QUEUED', 'HELD'], rows, shown));
  const tries = events.filter(({ name }) => name === 'message.settled').length;
  await until('it is tried again', stage, () => events.filter(({ name }) => name === 'message.settled').length > tries);
  tell.done('it was tried again meanwhile, and the fault was not told a second time');
  const acceptedWhileHeld = ways.length;

  tell.step('The secret is mended: everything goes out by itself');
  const handedIn = ways.length * 2;
  await mendIt(stage, handedIn);
  await until('the hold is over', stage, () => events.some(({ name }) => name === 'lane.released'));
  await until('each is settled', stage, () => settled(events, 'delivered') >= handedIn);

  tell.step('What arrived');
  tell.quote(
    table(
      ['Subject'],
      emulator.messages.map(({ bytes }) => [subjectOf(bytes)]),
      shown,
    ),
  );
  const arrived = new Set(emulator.messages.map(({ bytes }) => subjectOf(bytes)));
  const timesTold = events.filter(({ name }) => name === 'lane.held').length;
  const report = {
    handedIn,
    delivered: emulator.messages.length,
    acceptedWhileHeld,
    explainedFault: fault.code,
    timesTold,
    tokenRequests: emulator.counters.tokenRequests,
  };
  const isOnce = arrived.size === handedIn && emulator.messages.length === handedIn;
  return { ok: isOnce && timesTold === 1 && fault.code === 'M365_CLIENT_SECRET_EXPIRED', ...report };
}

function settled(events: readonly PostbearerEvent[], state: string): number {
  return events.filter((event) => event.name === 'message.settled' && event.state === state).length;
}

async function run(flags: DemoFlags, terminal: Terminal): Promise<number> {
  // With --json standard output belongs to the document, so the story goes to standard error.
  const stageTerminal: Terminal = flags.json === true ? { ...terminal, out: (text) => terminal.err(text) } : terminal;
  const tell = createNarrator(stageTerminal);
  const folder = await mkdtemp(join(tmpdir(), 'postbearer-demo-'));
  const stack = new AsyncDisposableStack();
  stack.defer(async () => await rm(folder, { recursive: true, force: true }));
  const events: PostbearerEvent[] = [];
  try {
    stageTerminal.out(
      `${stageTerminal.style('bold', 'Postbearer demo: the service')}, between programs that know no OAuth and a local Microsoft 365, on this machine alone.\n`,
    );
    const clock = new DemoClock();
    const emulator = await startEmulator({ clock });
    stack.defer(async () => await emulator.close());
    const configFile = await writeSettings(emulator, folder);
    const server = await startService(configFile, join(folder, 'data'), terminal, clock, (event) => events.push(event));
    stack.defer(async () => await server.close({ graceMs: 1000 }));
    tell.step('The service (postbearer serve)');
    tell.done(`SMTP  127.0.0.1:${portOf(server, 'starttls')}`, 'STARTTLS, user and password');
    tell.done(`SMTP  127.0.0.1:${portOf(server, 'plain')}`, 'for the networks of apps alone');
    tell.done(`HTTP  127.0.0.1:${server.apiAddresses[0]?.port ?? 0}`, 'with a key');
    const ways = await openDoors(server, folder, emulator, terminal);
    tell.done('an app or a key for each of them (postbearer app add, postbearer key add)');
    const report = await play({ emulator, clock, folder, server, events, ways, terminal: stageTerminal, tell });
    if (flags.json === true) terminal.out(`${JSON.stringify(report, undefined, 2)}\n`);
    const end = report.ok
      ? stageTerminal.style('green', '✓ All of it worked.')
      : stageTerminal.style('red', '✗ Something was not as told; see above.');
    stageTerminal.out(`\n${end}\n`);
    return report.ok ? EXIT.ok : EXIT.bug;
  } finally {
    await stack.disposeAsync();
  }
}

/** Adds the options and the action of `postbearer demo service`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .description(
      'Runs the service against a local Microsoft 365: takes mail by SMTP, HTTP and sendmail, delivers it with OAuth, keeps it while the secret is expired, and sends it after the mend.',
    )
    .option('--json', 'print a report as one JSON document; the story goes to standard error')
    .addHelpText('after', '\nExamples:\n  npm run demo -- service\n')
    .action(async (flags: DemoFlags) => finish(await run(flags, terminal)));
};
