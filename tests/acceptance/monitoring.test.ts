/** What a running service tells of itself: status, trace, metrics, health, its log and its webhooks, and that none of it holds a secret. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase, sqlBuilder, statement, type SqlSource } from '@postbearer/database';
import type { Emulator } from '@postbearer/emulator';
import { startServer, type Server } from '@postbearer/server';
import { readSettings } from '@postbearer/settings';
import nodemailer from 'nodemailer';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { startCanaryEmulator } from '../setup/canary-emulator.ts';
import { LAUNCHER, runCommand } from '../setup/run-command.ts';
import { keepOutput } from '../setup/run-record.ts';

// Each starts several processes.
vi.setConfig({ testTimeout: 120_000 });

/** Other work on the machine may make anything slow. */
const WAIT = { timeout: 25_000 };
const KEY = Buffer.alloc(32, 9).toString('base64');

let emulator: Emulator;
let folder = '';
let server: Server | undefined;
let children: ChildProcess[] = [];
let receiver: HttpServer;
let hooks: { readonly id: string; readonly signature: string; readonly time: string; readonly body: string }[] = [];
let answerHooks = 204;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postbearer-monitoring-'));
  emulator = await startCanaryEmulator();
  [server, children, hooks, answerHooks] = [undefined, [], [], 204];
  receiver = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part: string) => (body += part));
    request.on('end', () => {
      const { headers } = request;
      hooks.push({
        id: String(headers['webhook-id']),
        signature: String(headers['webhook-signature']),
        time: String(headers['webhook-timestamp']),
        body,
      });
      response.writeHead(answerHooks).end();
    });
  });
  await new Promise<void>((done) => receiver.listen(0, '127.0.0.1', done));
});

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await server?.close({ graceMs: 0 });
  await emulator.close();
  receiver.closeAllConnections();
  await new Promise((done) => receiver.close(done));
  await rm(folder, { recursive: true });
  keepOutput(JSON.stringify(hooks));
});

const data = (): string => join(folder, 'data');
const settingsFile = (): string => join(folder, 'Global-variables.json');
const laneName = (): string => `default/${emulator.defaults.mailbox}`;

async function writeSettings(more: object = {}): Promise<void> {
  const { port } = receiver.address() as AddressInfo;
  const postbearer = {
    mailboxes: { [emulator.defaults.mailbox]: { upstream: 'default', pace: { messagesPerMinute: 60_000 } } },
    webhooks: { ops: { url: `http://127.0.0.1:${port}/hook`, secret: `whsec_${KEY}`, network: '127.0.0.0/8' } },
    ...more,
  };
  await writeFile(settingsFile(), JSON.stringify({ ...emulator.settings(), postbearer }));
}

async function serve(more: object = {}): Promise<Server> {
  await writeSettings(more);
  const reading = await readSettings({ configFile: settingsFile(), environment: {}, workingFolder: folder });
  if (reading.settings === undefined) throw new Error(JSON.stringify(reading.findings));
  const started = await startServer({
    settings: reading.settings,
    dataFolder: data(),
    environment: {},
    service: {
      listeners: [{ port: 0, security: 'starttls' }],
      apiListeners: [{ port: 0, security: 'plain' }],
      hostname: 'relay.example',
    },
  });
  if (!started.ok) throw new Error(`${started.fault.code} ${started.fault.message}`);
  server = started.value;
  return started.value;
}

async function addApp(on: Server): Promise<string> {
  const app = { name: 'scanner', mailboxes: [emulator.defaults.mailbox] };
  const added = await on.control.addApp({ app, actor: 'test' });
  if (!added.ok) throw new Error(added.fault.message);
  return added.value.password;
}

async function submit(port: number, password: string, to = 'user@example.com'): Promise<void> {
  const transport = nodemailer.createTransport({
    host: '127.0.0.1',
    port,
    requireTLS: true,
    tls: { rejectUnauthorized: false },
    auth: { user: 'scanner', pass: password },
  });
  await transport.sendMail({ from: emulator.defaults.mailbox, to, subject: 'Scan', text: 'It works.\n' });
  transport.close();
}

const relayPort = (of: Server): number => of.addresses[0]?.port ?? 0;

async function ask(of: Server, path: string): Promise<{ readonly status: number; readonly text: string }> {
  const answer = await fetch(`http://127.0.0.1:${of.apiAddresses[0]?.port ?? 0}${path}`);
  return { status: answer.status, text: await answer.text() };
}

function typesOf(): string[] {
  return hooks.map(({ body }) => (JSON.parse(body) as { type: string }).type);
}

/** A command that goes on until it is stopped. */
class LongCommand {
  out = '';
  err = '';
  readonly child: ChildProcess;

  constructor(args: readonly string[]) {
    const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], NO_PROXY: '127.0.0.1,localhost' };
    this.child = spawn(process.execPath, [LAUNCHER, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    children.push(this.child);
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.out += text));
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.err += text));
  }

  async until(look: () => unknown): Promise<void> {
    await expect.poll(look, WAIT).toBeTruthy();
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const ended = once(this.child, 'close');
    this.child.kill(signal);
    const [code] = (await ended) as [number | null];
    keepOutput(`${this.out}${this.err}`);
    return code;
  }
}

describe('trace', () => {
  test('shows the dialogues on both sides of one message, and no credential', async () => {
    const running = await serve();
    const password = await addApp(running);
    const traces = [
      new LongCommand(['trace', '--data', data()]),
      new LongCommand(['trace', 'scanner', '--data', data()]),
      new LongCommand(['trace', emulator.defaults.mailbox, '--data', data(), '--json']),
    ];
    for (const trace of traces) await trace.until(() => trace.err.includes('Tracing'));
    // The service hears of a reader a moment after the reader says so.
    await expect
      .poll(async () => {
        await submit(relayPort(running), password);
        return traces.every(({ out }) => /is delivered|"delivered"/.test(out));
      }, WAIT)
      .toBe(true);
    const [all, app, mailbox] = traces;
    await all?.until(() => /up .*S: 250 .*\n.*Email sent successfully/.test(all.out));
    expect(all?.out).toMatch(/down .* scanner .*C: mail from:</i);
    expect(all?.out).toMatch(/down .*AUTH (?:PLAIN|LOGIN) \[secret\]/);
    expect(all?.out).toMatch(/up .*C: (?:AUTH XOAUTH2 )?\[secret\]/);
    // What a client says before it signed in is shown once it turns out to be the one.
    expect(app?.out).toMatch(/down .*S: 220 relay\.example/);
    expect(app?.out).not.toMatch(/ up /);
    const lines = (mailbox?.out ?? '').trimEnd().split('\n');
    const items = lines.map((line) => JSON.parse(line) as { at: number; event: { name: string; mailbox?: string } });
    expect(items.some(({ event }) => event.name === 'smtp.dialogue' && event.mailbox !== undefined)).toBe(true);
    expect(items.some(({ event }) => 'client' in event)).toBe(false);
    for (const trace of traces) {
      expect(await trace.stop('SIGINT')).toBe(0);
      expect(trace.out).not.toContain(password);
      expect(trace.out).not.toContain(Buffer.from(`\0scanner\0${password}`).toString('base64'));
    }
  });

  test('says so where no service runs', async () => {
    const { exitCode, err } = await runCommand(['trace', '--data', data()]);
    expect(exitCode).toBe(78);
    expect(err).toContain('SERVICE_NOT_RUNNING');
  });
});

describe('status', () => {
  test('shows one screen, once or again each second, and what happened today over a restart', async () => {
    const running = await serve();
    const password = await addApp(running);
    await submit(relayPort(running), password);
    await expect.poll(() => typesOf(), WAIT).toContain('message.delivered');
    const before = (await runCommand(['status', '--data', data()])).out;
    expect(before).toMatch(/^Postbearer \d+\.\d+\.\d+ runs on node \S+ for \d+ s/);
    expect(before).toMatch(/^Takes mail {2}127\.0\.0\.1:\d+ \(starttls\), 127\.0\.0\.1:\d+ \(plain\)/m);
    expect(before).toMatch(/^Token {7}default: until \d{4}-/m);
    expect(before).toMatch(/^Database {4}sqlite; \S+ [MG]B free in /m);
    expect(before).toMatch(/^Today {7}1 accepted, 1 delivered, 0 refused, 0 deferred$/m);
    expect(before).toMatch(new RegExp(`^${laneName()} +0 +0 +- +60000/min +ready$`, 'm'));
    await running.close();
    expect((await runCommand(['status', '--data', data()])).out).toMatch(
      /^No service is running[\s\S]*^Today {7}1 acc/m,
    );
    const again = await serve();
    const lane = laneName();
    await again.control.holdLane({ lane, sender: '', actor: 'test' });
    await submit(relayPort(again), password);
    const watch = new LongCommand(['status', '--watch', '--data', data()]);
    await watch.until(() => (watch.out.match(/^Today {7}2 accepted, 1 delivered/gm) ?? []).length >= 2);
    expect(watch.out).toMatch(/held \(by an operator\)/);
    // In a pipe nothing moves a cursor.
    expect(watch.out).not.toContain('\u001b');
    expect(await watch.stop('SIGINT')).toBe(0);
    const json = JSON.parse((await runCommand(['status', '--data', data(), '--json'])).out) as {
      lanes: { lane: string; label: string; queued: number }[];
      service: { tokens: object[] };
    };
    expect(json).toMatchObject({
      ok: true,
      isRunning: true,
      today: { accepted: 2 },
      service: { node: expect.any(String) },
    });
    // The name of the lane in the metrics is there beside its own.
    const label = json.lanes.find((each) => each.lane === lane)?.label ?? '';
    expect((await ask(again, '/metrics')).text).toContain(
      `postbearer_queue_messages{lane="${label}",state="queued"} 1\n`,
    );
  });
});

describe('metrics and health', () => {
  test('say how the service is, with no address and no secret in a label', async () => {
    const running = await serve();
    const password = await addApp(running);
    expect(JSON.parse((await ask(running, '/health')).text)).toMatchObject({ state: 'unknown', isHealthy: true });
    await submit(relayPort(running), password);
    await expect.poll(() => typesOf(), WAIT).toContain('message.delivered');
    const { text } = await ask(running, '/metrics');
    keepOutput(text);
    expect(text).toMatch(/^postbearer_attempts_total\{state="delivered",fault=""\} 1$/m);
    expect(text).toMatch(/^postbearer_delivery_seconds_count 1$/m);
    expect(text).toMatch(/^postbearer_token_expiry_timestamp_seconds\{upstream="default"\} \d+/m);
    expect(text).toMatch(/^postbearer_http_requests_total\{route="\/health",method="GET",status="200"\} 1$/m);
    expect(text).toMatch(/^postbearer_webhook_attempts_total\{webhook="ops",outcome="taken"\} [1-9]/m);
    const labels = [...text.matchAll(/="((?:[^"\\]|\\.)*)"/g)].map(([, label]) => label);
    expect(labels.length).toBeGreaterThan(20);
    expect(labels.filter((label) => label?.includes('@'))).toEqual([]);
    const health = JSON.parse((await ask(running, '/health')).text) as {
      state: string;
      parts: { name: string; basis: string }[];
    };
    expect(health.state).toBe('ok');
    expect(health.parts.map(({ name }) => name)).toEqual([
      'database',
      'disk',
      'listeners',
      'lanes',
      'tokens',
      'log',
      'shutdown',
    ]);
    expect((await ask(running, '/ready')).status).toBe(200);
    expect((await ask(running, '/health/ping')).status).toBe(200);
  });

  test('a token that cannot be had is a warning with its fault, and mail is still taken', async () => {
    const running = await serve();
    const password = await addApp(running);
    emulator.state.expireSecret(emulator.defaults.clientId);
    await submit(relayPort(running), password);
    await expect.poll(() => typesOf(), WAIT).toContain('lane.held');
    const health = JSON.parse((await ask(running, '/health')).text) as {
      state: string;
      parts: { name: string; state: string; message: string }[];
    };
    expect(health.state).toBe('warning');
    const warnings = health.parts.filter(({ state }) => state === 'warning');
    expect(warnings.map(({ name }) => name)).toEqual(['lanes', 'tokens']);
    expect(warnings[0]?.message).toContain('M365_CLIENT_SECRET_EXPIRED');
    expect((await ask(running, '/ready')).status).toBe(200);
    const { text } = await ask(running, '/metrics');
    expect(text).toMatch(
      /^postbearer_lane_held\{lane="default-[0-9a-f]{8}",scope="lane",fault="M365_CLIENT_SECRET_EXPIRED"\} 1$/m,
    );
    expect(text).toMatch(/^postbearer_token_failing\{upstream="default",fault="M365_CLIENT_SECRET_EXPIRED"\} 1$/m);
    const status = (await runCommand(['status', '--data', data()])).out;
    // What to do about it stands there once.
    expect(status.match(/✗ /g)).toHaveLength(1);
    expect(status).toMatch(/^Token {7}default: none since .*M365_CLIENT_SECRET_EXPIRED/m);
  });
});

describe('webhooks', () => {
  test('are signed, and are told of every outcome although the service is killed while it works', async () => {
    await writeSettings();
    const app = await runCommand(['app', 'add', 'scanner', '--mailbox', emulator.defaults.mailbox, '--data', data()], {
      printsSecrets: true,
    });
    const password = /^Password {2}(\S{32})$/m.exec(app.out)?.[1] ?? '';
    const args = ['serve', '--config', settingsFile(), '--data', data(), '--relay', '0'];
    const start = async (): Promise<{ process: LongCommand; port: number }> => {
      const process = new LongCommand(args);
      await process.until(() => process.out.includes('ready'));
      return { process, port: Number(/relay 127\.0\.0\.1:(\d+)/.exec(process.out)?.[1]) };
    };
    for (const kills of [1, 2, 3, 4]) {
      // Some events are taken at once, others have to outlive the process.
      answerHooks = kills % 2 === 0 ? 204 : 503;
      const { process, port } = await start();
      for (let index = 0; index < 5; index += 1) await submit(port, password, `user${kills}-${index}@example.com`);
      // In the middle of what it does: some are delivered, some are not.
      process.child.kill('SIGKILL');
      await once(process.child, 'close');
    }
    const { process } = await start();
    await expect.poll(() => emulator.messages.length, WAIT).toBeGreaterThan(15);
    expect(await process.stop()).toBe(0);
    const database = await openDatabase({ file: join(data(), 'postbearer.db') });
    if (!database.ok) throw new Error(database.fault.message);
    const rows = sqlBuilder<{ message: { id: string; state: string }; webhook_event: { id: string; event: string } }>();
    const ids = async (of: SqlSource<{ readonly id: string }>): Promise<string[]> => {
      const found = await database.value.query(statement(of));
      if (!found.ok) throw new Error(found.fault.message);
      return found.value.map(({ id }) => id);
    };
    const delivered = await ids(rows.selectFrom('message').select('id').where('state', '=', 'delivered'));
    const waiting = await ids(rows.selectFrom('webhook_event').select('id').where('event', '=', 'message.delivered'));
    await database.value.close();
    expect(delivered.length).toBeGreaterThan(10);
    const told = hooks.filter(({ body }) => body.includes('"message.delivered"')).map(({ id }) => id);
    const known = new Set([...waiting, ...told].map((id) => id.split('_')[1] ?? ''));
    // No outcome without its event, and no event of what did not happen.
    expect([...known].toSorted()).toEqual(delivered.toSorted());
    expect(waiting.length).toBeGreaterThan(0);
    expect(told.length).toBeGreaterThan(0);
    for (const { id, time, body, signature } of hooks) {
      const wanted = createHmac('sha256', Buffer.from(KEY, 'base64')).update(`${id}.${time}.${body}`).digest('base64');
      expect(signature).toBe(`v1,${wanted}`);
    }
    // The same event keeps its name.
    const bodies = new Map(hooks.map(({ id, body }) => [id, body]));
    for (const { id, body } of hooks) expect(bodies.get(id)).toBe(body);
  });
});

describe('the log', () => {
  test('goes into its file, in JSON, and on in a new one after a signal; at Debug it holds no secret', async () => {
    const file = join(folder, 'postbearer.log');
    await writeSettings({ log: { format: 'json', file } });
    const app = await runCommand(['app', 'add', 'scanner', '--mailbox', emulator.defaults.mailbox, '--data', data()], {
      printsSecrets: true,
    });
    const password = /^Password {2}(\S{32})$/m.exec(app.out)?.[1] ?? '';
    const args = ['serve', '--config', settingsFile(), '--data', data(), '--relay', '0', '--log-level', 'Debug'];
    const process = new LongCommand(args);
    await process.until(() => process.out.includes('ready'));
    const port = Number(/relay 127\.0\.0\.1:(\d+)/.exec(process.out)?.[1]);
    await submit(port, password);
    const text = async (path: string): Promise<string> => await readFile(path, 'utf8').catch(() => '');
    await expect.poll(async () => await text(file), WAIT).toContain('"message.settled"');
    await rename(file, `${file}.1`);
    process.child.kill('SIGHUP');
    await expect
      .poll(async () => {
        await submit(port, password);
        return await text(file);
      }, WAIT)
      .toContain('"message.queued"');
    expect(await process.stop()).toBe(0);
    const whole = `${await text(`${file}.1`)}${await text(file)}`;
    keepOutput(whole);
    expect(whole).not.toContain(password);
    const records = whole
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string });
    expect(records.map(({ event }) => event)).toContain('service.stopping');
    expect(records.filter(({ event }) => event === 'smtp.dialogue').length).toBeGreaterThan(20);
    expect(process.err).toBe('');
  });

  test.skipIf(!existsSync('/dev/full'))('that cannot be written costs no mail, and status says so', async () => {
    await writeSettings({ log: { file: '/dev/full' } });
    const args = ['--mailbox', emulator.defaults.mailbox, '--data', data()];
    const app = await runCommand(['app', 'add', 'scanner', ...args], { printsSecrets: true });
    const password = /^Password {2}(\S{32})$/m.exec(app.out)?.[1] ?? '';
    const process = new LongCommand(['serve', '--config', settingsFile(), '--data', data(), '--relay', '0']);
    await process.until(() => process.out.includes('ready'));
    const port = Number(/relay 127\.0\.0\.1:(\d+)/.exec(process.out)?.[1]);
    for (let index = 0; index < 10; index += 1) await submit(port, password, `user${index}@example.com`);
    await emulator.waitForMessages(10);
    expect((await runCommand(['status', '--data', data()])).out).toMatch(/^Log {9}\d+ records were lost$/m);
    expect(await process.stop()).toBe(0);
  });

  test('that nobody reads any more does not end the service', async () => {
    await writeSettings();
    const process = new LongCommand(['serve', '--config', settingsFile(), '--data', data(), '--relay', '0']);
    await process.until(() => process.out.includes('ready'));
    process.child.stderr?.destroy();
    for (const attempt of [1, 2, 3]) {
      const status = await runCommand(['status', '--data', data(), '--json']);
      expect([attempt, JSON.parse(status.out)]).toMatchObject([attempt, { isRunning: true }]);
    }
    expect(await process.stop()).toBe(0);
  });
});
