/** The service against the local Microsoft 365: from a device that speaks SMTP to a mailbox that was signed in to with OAuth. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { renderJson, renderText, type PostbearerEvent } from '@postbearer/core';
import { startEmulator, type Emulator } from '@postbearer/emulator';
import { startServer, type AppInput, type Server, type ServiceSettings } from '@postbearer/server';
import { readSettings } from '@postbearer/settings';
import nodemailer, { type SendMailOptions } from 'nodemailer';
import PostalMime from 'postal-mime';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Dialogue } from '../setup/relay-world.ts';
import { LAUNCHER, runCommand } from '../setup/run-command.ts';
import { keepOutput } from '../setup/run-record.ts';

/** Other work on the machine may make anything slow. */
const WAIT = { timeout: 25_000 };

function eventually<T>(look: () => T): ReturnType<typeof expect.poll<T>> {
  return expect.poll(look, WAIT);
}

let emulator: Emulator;
let folder = '';
let servers: Server[] = [];
let events: PostbearerEvent[] = [];
let children: ChildProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postbearer-service-'));
  await startWorld();
  servers = [];
  events = [];
  children = [];
});

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await Promise.all(servers.map(async (server) => await server.close({ graceMs: 0 })));
  await emulator.close();
  await rm(folder, { recursive: true });
  keepOutput(events.map((event) => `${renderText(event)}\n${renderJson(event, 0)}\n`).join(''));
});

const secretFile = (): string => join(folder, 'secret');
const settingsFile = (): string => join(folder, 'Global-variables.json');

/** An emulator, and settings for it whose client secret is in a file and whose mailbox has no pace. */
async function startWorld(): Promise<void> {
  emulator = await startEmulator({ pace: Number.POSITIVE_INFINITY });
  const { smtp } = emulator.settings();
  await writeFile(secretFile(), smtp.oauth.clientSecret);
  const settings = {
    smtp: { ...smtp, oauth: { ...smtp.oauth, clientSecret: { file: secretFile() } } },
    postbearer: {
      mailboxes: { [emulator.defaults.mailbox]: { upstream: 'default', pace: { messagesPerMinute: 60_000 } } },
    },
  };
  await writeFile(settingsFile(), JSON.stringify(settings));
}

async function serve(service: ServiceSettings = {}): Promise<Server> {
  const reading = await readSettings({ configFile: settingsFile(), environment: {}, workingFolder: folder });
  if (reading.settings === undefined) throw new Error(JSON.stringify(reading.findings));
  const started = await startServer({
    settings: reading.settings,
    dataFolder: join(folder, 'data'),
    environment: {},
    onEvent: (event) => events.push(event),
    service: {
      listeners: [
        { port: 0, security: 'starttls' },
        { port: 0, security: 'plain' },
      ],
      hostname: 'relay.example',
      ...service,
    },
  });
  if (!started.ok) throw new Error(started.fault.message);
  servers.push(started.value);
  return started.value;
}

async function addApp(server: Server, more: Partial<AppInput> = {}): Promise<string> {
  const app = { name: 'scanner', mailboxes: [emulator.defaults.mailbox], ...more };
  const added = await server.control.addApp({ app, actor: 'test' });
  if (!added.ok) throw new Error(added.fault.message);
  return added.value.password;
}

interface Way {
  readonly port: number;
  readonly password?: string;
}

/** Sends one message by SMTP as a device would, and gives the server's last words. */
async function submit({ port, password }: Way, mail: SendMailOptions = {}): Promise<string> {
  const signIn = { requireTLS: true, tls: { rejectUnauthorized: false }, auth: { user: 'scanner', pass: password } };
  const transport = nodemailer.createTransport({
    host: '127.0.0.1',
    port,
    ...(password === undefined ? { ignoreTLS: true } : signIn),
  });
  try {
    const base = { from: emulator.defaults.mailbox, to: 'user@example.com', subject: 'Scan', text: 'It works.\n' };
    return (await transport.sendMail({ ...base, ...mail })).response;
  } finally {
    transport.close();
  }
}

function portOf(server: Server, security: 'starttls' | 'plain'): number {
  return server.addresses.find((address) => address.security === security)?.port ?? 0;
}

function told(name: PostbearerEvent['name']): number {
  return events.filter((event) => event.name === name).length;
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
const subjectOf = (bytes: Uint8Array): string => /^Subject: (.*)\r$/m.exec(textOf(bytes))?.[1] ?? '';

describe('a message that comes in', () => {
  test('is delivered with OAuth: from an app with a password, and from a named network without one', async () => {
    const server = await serve();
    const password = await addApp(server, { networks: ['127.0.0.0/8'] });
    await submit({ port: portOf(server, 'starttls'), password }, { subject: 'signed in' });
    await submit({ port: portOf(server, 'plain') }, { subject: 'from the network' });
    const messages = await emulator.waitForMessages(2);
    expect(new Set(messages.map(({ bytes }) => subjectOf(bytes)))).toEqual(new Set(['from the network', 'signed in']));
    await eventually(() => told('message.settled')).toBe(2);
    expect(told('token.acquired')).toBe(1);
  });

  test('keeps its bytes, but for a Received line, what was missing, and Bcc', async () => {
    const server = await serve();
    const password = await addApp(server);
    const body =
      'X-Odd:   spaces\r\n\tfolded\r\nTo: user@example.com\r\nBcc: hidden@example.com\r\n\r\n..dots\r\n.\u00e9\r\n';
    const raw = Buffer.from(`From: "Scan, Er" <${emulator.defaults.mailbox}>\r\n${body}`);
    const envelope = { from: emulator.defaults.mailbox, to: ['user@example.com'] };
    await submit({ port: portOf(server, 'starttls'), password }, { raw, envelope });
    const [message] = await emulator.waitForMessages(1);
    const text = Buffer.from(message?.bytes ?? '').toString('utf8');
    expect(text).toMatch(
      /^Received: from \S+ \(\[127\.0\.0\.1\]\)\r\n\tby relay\.example with ESMTPSA\r\n\tid [0-9a-z]{26}; .* \+0000\r\nFrom: "Scan, Er" <notifications@contoso\.example>\r\nX-Odd: {3}spaces\r\n\tfolded\r\nTo: user@example\.com\r\nDate: .*\r\nMessage-ID: <[0-9a-z]{26}@relay\.example>\r\n\r\n\.\.dots\r\n\.é\r\n$/,
    );
  });

  test('is refused from whoever is no app, and nothing of it is kept', async () => {
    const server = await serve();
    const plain = portOf(server, 'plain');
    await expect(submit({ port: plain })).rejects.toThrow(/554 5\.7\.1/);
    const password = await addApp(server);
    await expect(submit({ port: portOf(server, 'starttls'), password: 'wrong' })).rejects.toThrow(/535 5\.7\.8/);
    await expect(submit({ port: plain })).rejects.toThrow(/554 5\.7\.1/);
    await expect(
      submit({ port: portOf(server, 'starttls'), password }, { from: 'ceo@contoso.example' }),
    ).rejects.toThrow(/550 5\.7\.1/);
    const envelope = { from: emulator.defaults.mailbox, to: ['user@example.com'] };
    const forged = { from: 'ceo@contoso.example', envelope };
    await expect(submit({ port: portOf(server, 'starttls'), password }, forged)).rejects.toThrow(/550 5\.7\.1/);
    const listed = await server.control.listMessages({ filter: {}, page: {} });
    expect(listed).toMatchObject({ ok: true, value: { messages: [] } });
    expect(told('submission.refused')).toBe(5);
  });

  test('with an idempotency key is taken once, and the key goes no further', async () => {
    const server = await serve();
    const way = { port: portOf(server, 'starttls'), password: await addApp(server) };
    const mail = {
      date: new Date(0),
      messageId: '<once@contoso.example>',
      headers: { 'Postbearer-Idempotency-Key': 'k1' },
    };
    const [first, second] = [await submit(way, mail), await submit(way, mail)];
    expect(first).toMatch(/^250 2\.0\.0 Queued as [0-9a-z]{26}$/);
    expect(second).toBe(first);
    await expect(submit(way, { ...mail, text: 'other' })).rejects.toThrow(/550 5\.6\.0/);
    await eventually(() => told('message.settled')).toBe(1);
    expect(emulator.messages).toHaveLength(1);
    expect(textOf(emulator.messages[0]?.bytes ?? new Uint8Array())).not.toMatch(/idempotency/i);
  });

  test('has its From rewritten to the mailbox, with the name kept, where the app says so', async () => {
    const server = await serve();
    const password = await addApp(server, { fromRule: 'rewrite' });
    await submit({ port: portOf(server, 'starttls'), password }, { from: '"Printer 3" <printer3@local.lan>' });
    const [message] = await emulator.waitForMessages(1);
    expect(textOf(message?.bytes ?? new Uint8Array())).toContain('From: Printer 3 <notifications@contoso.example>\r\n');
    expect(message?.envelope.sender).toBe('notifications@contoso.example');
  });
});

describe('a set-up fault', () => {
  test('an expired secret: mail is accepted and held, told of once, and delivered after the mend', async () => {
    const server = await serve({ probeTimes: { firstMs: 100, longestMs: 200 }, idleMs: 10 });
    const way = { port: portOf(server, 'starttls'), password: await addApp(server) };
    await submit(way);
    await emulator.waitForMessages(1);
    await eventually(() => told('smtp.closed')).toBe(1);
    emulator.state.expireSecret(emulator.defaults.clientId);
    // Exchange takes the token that is cached no more, so a fresh one is asked for.
    emulator.faults.add({ stage: 'auth', action: { kind: 'reply', text: '535 5.7.3 Authentication unsuccessful' } });
    const replies = await Promise.all(Array.from({ length: 11 }, async () => await submit(way)));
    expect(replies.every((reply) => reply.startsWith('250 '))).toBe(true);
    await eventually(() => told('lane.held')).toBe(1);
    emulator.faults.clear();
    expect(events.find(({ name }) => name === 'lane.held')).toMatchObject({
      fault: { code: 'M365_CLIENT_SECRET_EXPIRED' },
    });

    // Several probes meet the same fault, and nothing more is said of it.
    const settled = told('message.settled');
    await eventually(() => told('message.settled')).toBeGreaterThanOrEqual(settled + 3);
    expect([told('lane.held'), told('token.failed'), told('smtp.authentication-failed')]).toEqual([1, 1, 1]);
    expect(told('message.not-accepted')).toBe(0);

    await writeFile(secretFile(), emulator.state.addSecret(emulator.defaults.clientId).reveal());
    await emulator.waitForMessages(12);
    await eventually(() => told('lane.released')).toBe(1);
    const delivered = async (): Promise<readonly number[]> => {
      const page = await server.control.listMessages({ filter: { states: ['delivered'] }, page: {} });
      return page.ok ? page.value.messages.map(({ attempts }) => attempts) : [];
    };
    // One attempt each: those that met the fault were not counted.
    await eventually(delivered).toEqual(Array.from({ length: 12 }, () => 1));
    expect(emulator.messages).toHaveLength(12);
  });

  test('SendAs denied holds that From alone', async () => {
    const server = await serve({ probeTimes: { firstMs: 100, longestMs: 200 } });
    const way = { port: portOf(server, 'starttls'), password: await addApp(server, { fromRule: 'keep' }) };
    await submit(way, { from: 'other@contoso.example' });
    await eventually(() => told('lane.held')).toBe(1);
    await submit(way);
    await emulator.waitForMessages(1);
    const status = await server.control.status({});
    expect(status).toMatchObject({
      value: { lanes: [{ holds: [{ sender: 'other@contoso.example', kind: 'fault' }] }] },
    });
    emulator.state.addSendAs(emulator.defaults.clientId, 'other@contoso.example');
    await emulator.waitForMessages(2);
  });
});

describe('a message that is refused for good', () => {
  const refuse = (times: number): unknown =>
    emulator.faults.add({ stage: 'rcpt', times, action: { kind: 'reply', text: '550 5.1.1 User unknown' } });

  test('is told to its sender with what the server said', async () => {
    const server = await serve();
    const way = { port: portOf(server, 'starttls'), password: await addApp(server) };
    refuse(1);
    await submit(way, { to: 'nobody@example.com', subject: 'Report 7', messageId: '<7@contoso.example>' });
    const [notice] = await emulator.waitForMessages(1);
    expect(notice?.envelope).toEqual({ sender: emulator.defaults.mailbox, recipients: [emulator.defaults.mailbox] });
    const mail = await PostalMime.parse(notice?.bytes ?? '', { forceRfc822Attachments: false });
    expect([mail.subject, mail.inReplyTo]).toEqual(['Mail not delivered: Report 7', '<7@contoso.example>']);
    expect(mail.text).toContain('nobody@example.com');
    const text = textOf(notice?.bytes ?? new Uint8Array());
    expect(text).toMatch(/^Auto-Submitted: auto-replied\r$/m);
    expect(text).toMatch(
      /\r\nFinal-Recipient: rfc822; nobody@example\.com\r\nAction: failed\r\nStatus: 5\.1\.1\r\nDiagnostic-Code: smtp; .*User unknown/,
    );
  });

  test('is told once: there is no notice about a notice, and none to the null sender', async () => {
    const server = await serve();
    const way = { port: portOf(server, 'starttls'), password: await addApp(server) };
    refuse(3);
    await submit(way, { to: 'nobody@example.com' });
    await eventually(() => told('message.settled')).toBe(2);
    await submit(way, { to: 'nobody@example.com', envelope: { from: '', to: ['nobody@example.com'] } });
    await eventually(() => told('message.settled')).toBe(3);
    const listed = await server.control.listMessages({ filter: {}, page: {} });
    if (!listed.ok) throw new Error(listed.fault.message);
    expect(listed.value.messages.map(({ state, isNotice }) => [state, isNotice])).toEqual([
      ['refused', true],
      ['refused', true],
      ['refused', false],
    ]);
    expect(emulator.messages).toHaveLength(0);
  });
});

describe('stopping', () => {
  test.each<['rcpt' | 'final', 'queued' | 'uncertain', string]>([
    ['rcpt', 'queued', 'is given back where the server has not got it'],
    ['final', 'uncertain', 'is uncertain where the server may have got it'],
  ])('while a server hangs at %s ends in time, and the message is %s: it %s', async (stage, state) => {
    const server = await serve();
    const way = { port: portOf(server, 'starttls'), password: await addApp(server) };
    emulator.faults.add({ stage, action: { kind: 'hang' } });
    await submit(way);
    await eventually(() => emulator.faults.list().some(({ applied }) => applied > 0)).toBe(true);
    const begun = performance.now();
    await server.close({ graceMs: 100 });
    expect(performance.now() - begun).toBeLessThan(5000);
    const listed = await runCommand(['queue', 'list', '--data', join(folder, 'data'), '--json']);
    expect(JSON.parse(listed.out)).toMatchObject({ messages: [{ state, crashes: 0 }] });
  });
});

describe('a client that takes its time while the service stops', () => {
  test.each<[number, 'none' | 'some']>([
    [6000, 'none'],
    // Control: without time to end, what is being sent is uncertain.
    [0, 'some'],
  ])('takes none from what is being sent (%i ms: %s uncertain)', async (graceMs, expected) => {
    const server = await serve();
    const way = { port: portOf(server, 'starttls'), password: await addApp(server, { networks: ['127.0.0.0/8'] }) };
    emulator.faults.add({ stage: 'final', action: { kind: 'delay', ms: 700 } });
    const slow = await Dialogue.to(portOf(server, 'plain'));
    await slow.open();
    await slow.say(`MAIL FROM:<${emulator.defaults.mailbox}>`);
    await slow.say('RCPT TO:<user@example.com>');
    expect(await slow.say('DATA')).toMatch(/^354/);
    await Promise.all(Array.from({ length: 12 }, async (_, index) => await submit(way, { subject: `m-${index}` })));
    await eventually(() => emulator.faults.list().some(({ applied }) => applied > 0)).toBe(true);
    await server.close({ graceMs });
    slow.close();
    const listed = await runCommand(['queue', 'list', '--data', join(folder, 'data'), '--json']);
    const { messages } = JSON.parse(listed.out) as { messages: { state: string }[] };
    const uncertain = messages.filter(({ state }) => state === 'uncertain');
    expect(uncertain.length > 0 ? 'some' : 'none').toBe(expected);
    expect(
      messages.map(({ state }) => state).filter((state) => !['queued', 'uncertain', 'delivered'].includes(state)),
    ).toEqual([]);
  });
});

describe('an operator', () => {
  test('asks a running service over a socket that nobody else can open, and the database where none runs', async () => {
    const data = join(folder, 'data');
    const offline = await runCommand(['app', 'add', 'scanner', '--mailbox', emulator.defaults.mailbox, '--data', data]);
    expect(offline).toMatchObject({ exitCode: 0, err: '' });
    const server = await serve();
    expect((await stat(join(data, 'control.sock'))).mode & 0o777).toBe(0o600);
    expect((await stat(data)).mode & 0o777).toBe(0o700);
    const lane = `default/${emulator.defaults.mailbox}`;
    expect((await runCommand(['lane', 'hold', lane, '--data', data])).exitCode).toBe(0);
    const password = /^Password {2}(\S{32})$/m.exec(offline.out)?.[1] ?? '';
    await submit({ port: portOf(server, 'starttls'), password });
    const status = await runCommand(['status', '--data', data]);
    expect(status.out).toMatch(/^Postbearer \S+ runs on node \S+ for [\s\S]*1 {7}0 .* held \(by an operator\)$/m);
    const listed = JSON.parse((await runCommand(['queue', 'list', '--data', data, '--json'])).out) as {
      messages: { id: string; state: string }[];
    };
    expect(listed.messages).toMatchObject([{ state: 'queued' }]);
    expect(emulator.messages).toHaveLength(0);
    expect((await runCommand(['lane', 'release', lane, '--data', data])).exitCode).toBe(0);
    await emulator.waitForMessages(1);
    await server.close();
    const shown = await runCommand(['queue', 'show', listed.messages[0]?.id ?? '', '--data', data]);
    expect(shown.out).toContain('is delivered');
  });

  test('cannot start a second service on the same data', async () => {
    await serve();
    const second = await runCommand(['serve', '--config', settingsFile(), '--data', join(folder, 'data')]);
    expect(second.exitCode).toBe(78);
    expect(second.err).toContain('DATABASE_IN_USE');
  });

  test('the password of an app is in no file of the service', async () => {
    const server = await serve();
    const password = await addApp(server);
    await server.close();
    const stored = await readFile(join(folder, 'data', 'postbearer.db'));
    expect(stored.includes('scanner')).toBe(true);
    expect(stored.includes(password)).toBe(false);
  });
});

interface Node {
  readonly child: ChildProcess;
  readonly port: number;
}

/** `postbearer serve` as a process of its own. */
async function spawnNode(): Promise<Node> {
  const args = ['serve', '--config', settingsFile(), '--data', join(folder, 'data'), '--relay-plain', '0', '--json'];
  const child = spawn(process.execPath, [LAUNCHER, ...args], {
    env: { PATH: process.env['PATH'], HOME: folder, NO_PROXY: '127.0.0.1,localhost' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  child.stderr.on('data', (part: Buffer) => keepOutput(part.toString('utf8')));
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const { relay } = JSON.parse(line.toString('utf8')) as { relay: { port: number }[] };
  return { child, port: relay[0]?.port ?? 0 };
}

/** Tries again what was in hand at two or three kills: the queue lets it wait, or sets it aside, because it may be what kills. */
async function retryWhatCrashed(data: string): Promise<void> {
  const states = ['--state', 'held', '--state', 'deferred'];
  const listed = await runCommand(['queue', 'list', ...states, '--data', data, '--json']);
  const { messages } = JSON.parse(listed.out) as { messages: { id: string; crashes: number }[] };
  expect(messages.every(({ crashes }) => crashes > 1)).toBe(true);
  if (messages.length === 0) return;
  const retried = await runCommand(['queue', 'retry', ...messages.map(({ id }) => id), '--data', data]);
  expect(retried).toMatchObject({ exitCode: 0, err: '' });
}

/** The messages of a ledger that never arrived. */
function missing(ledger: ReadonlySet<string>, arrived: readonly string[]): string[] {
  return [...ledger].filter((name) => !arrived.includes(name));
}

describe('a crash', () => {
  test('kill -9 between 250 and delivery loses nothing', async () => {
    const data = join(folder, 'data');
    const mailbox = ['--mailbox', emulator.defaults.mailbox];
    await runCommand(['app', 'add', 'scanner', ...mailbox, '--network', '127.0.0.0/8', '--data', data]);
    const ledger = new Set<string>();
    for (const [round, killAfter] of [3, 11, 19, 27].entries()) {
      const { child, port } = await spawnNode();
      const exited = once(child, 'exit');
      const before = ledger.size;
      await Promise.allSettled(
        Array.from({ length: 30 }, async (_, index) => {
          const subject = `m-${round}-${index}`;
          await submit({ port }, { subject });
          ledger.add(subject);
          if (ledger.size - before === killAfter) child.kill('SIGKILL');
        }),
      );
      child.kill('SIGKILL');
      await exited;
    }
    const arrivedBefore = emulator.messages.map(({ bytes }) => subjectOf(bytes));
    const waiting = missing(ledger, arrivedBefore).length;
    const { child } = await spawnNode();
    const exited = once(child, 'exit');
    await retryWhatCrashed(data);
    await eventually(() =>
      missing(
        ledger,
        emulator.messages.map(({ bytes }) => subjectOf(bytes)),
      ),
    ).toEqual([]);
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    const names = emulator.messages.map(({ bytes }) => subjectOf(bytes));
    // At most what is in hand at a kill may come twice: two for each of three connections.
    expect(names.length - new Set(names).size).toBeLessThanOrEqual(4 * 6);
    expect(ledger.size).toBeGreaterThanOrEqual(3 + 11 + 19 + 27);
    console.log(
      `kill -9: ${ledger.size} confirmed, ${waiting} of them undelivered at the last kill, ${names.length - new Set(names).size} twice`,
    );
    // Control: a ledger with one message more than arrived is noticed.
    expect(missing(new Set([...ledger, 'never sent']), names)).toEqual(['never sent']);
  }, 90_000);
});
