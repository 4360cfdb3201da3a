import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Secret, success, systemClock, type PostbearerEvent, type Result } from '@postbearer/core';
import { openDatabase, statement, type Database } from '@postbearer/database';
import type { Decision, LeasedMessage } from '@postbearer/queue';
import type { WebhookSettings } from '@postbearer/settings';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { canaryPassword } from '../../../../../tests/setup/canaries.ts';
import { itWithTool } from '../../../../../tests/setup/foreign-tools.ts';
import { postgresqlForThisFile } from '../../../../../tests/setup/postgresql.ts';
import { db, monitoringMigrations } from '../schema.ts';
import { WEBHOOK_EVENT_NAMES } from './event-body.ts';
import { claimEvents, countEvents } from './event-store.ts';
import { webhooksReference } from './reference.ts';
import { LONGEST_WAIT_MS, waitAfter } from './retry.ts';
import { signatureHeaders } from './signature.ts';
import { Webhooks, type WebhooksOptions } from './webhooks.ts';

const KEY = Buffer.alloc(32, 7);
const SECRET = Secret.of(`whsec_${KEY.toString('base64')}`);
const LOOPBACK = '127.0.0.0/8';

interface Call {
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

function must<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`${result.fault.code}: ${result.fault.message}`);
  return result.value;
}

function leased(id: string, changes: Partial<LeasedMessage> = {}): LeasedMessage {
  return {
    id,
    leaseNumber: 1,
    messageId: `<${id}@example.com>`,
    app: 'scanner',
    lane: 'default/notifications@example.com',
    from: 'notifications@example.com',
    subject: 'Hello',
    acceptedAt: 0,
    attempts: 0,
    ...changes,
  } as LeasedMessage;
}

function decision(state: Decision['state'], changes: Partial<Decision> = {}): Decision {
  const recipients = [{ number: 0, address: 'user@example.org', state: 'delivered' }];
  return { state, readyAt: 0, usesAttempt: true, notices: [], recipients, ...changes } as Decision;
}

/** A receiver of webhooks. */
class Receiver {
  readonly calls: Call[] = [];
  answer: (response: ServerResponse, call: Call) => void = (response) => void response.writeHead(204).end();
  #waiting: { readonly count: number; readonly done: () => void }[] = [];
  readonly #server: Server = createServer((request, response) => void this.#take(request, response));

  async open(): Promise<void> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`;
  }

  async until(count: number): Promise<void> {
    if (this.calls.length >= count) return;
    await new Promise<void>((done) => this.#waiting.push({ count, done }));
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const part of request.setEncoding('utf8') as AsyncIterable<string>) body += part;
    const call = { headers: request.headers, body };
    this.calls.push(call);
    this.answer(response, call);
    const isDone = ({ count }: { count: number }): boolean => this.calls.length >= count;
    for (const { done } of this.#waiting.filter(isDone)) done();
    this.#waiting = this.#waiting.filter((each) => !isDone(each));
  }
}

let folder: string;
let database: Database;
let receiver: Receiver;
let events: PostbearerEvent[];
let open: Webhooks[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postbearer-webhooks-'));
  database = must(await openDatabase({ file: join(folder, 'a.db') }, { migrations: [monitoringMigrations] }));
  receiver = new Receiver();
  await receiver.open();
  events = [];
  open = [];
});
afterEach(async () => {
  for (const webhooks of open) await webhooks.close();
  await receiver.close();
  await database.close();
  await rm(folder, { recursive: true });
});

async function start(
  table: Readonly<Record<string, Partial<WebhookSettings>>>,
  options: Partial<WebhooksOptions> = {},
): Promise<Webhooks> {
  const webhooks = new Webhooks({
    database,
    clock: systemClock,
    environment: {},
    resolveSecret: () => Promise.resolve(success(SECRET)),
    version: '1.0.0',
    onEvent: (event) => events.push(event),
    onAttempt: () => undefined,
    onLost: () => undefined,
    onError: (error) => {
      throw error;
    },
    random: () => 0.5,
    ...options,
  });
  open.push(webhooks);
  must(await webhooks.start());
  const full = Object.entries(table).map(([name, settings]): [string, WebhookSettings] => [
    name,
    { url: receiver.url, secret: { kind: 'value', value: SECRET }, events: [], network: LOOPBACK, ...settings },
  ]);
  must(webhooks.check(Object.fromEntries(full)));
  webhooks.follow(Object.fromEntries(full));
  return webhooks;
}

/** As the worker of a lane does it: one batch, then the event. */
async function settle(webhooks: Webhooks, message: LeasedMessage, outcome: Decision): Promise<void> {
  must(await database.batch(webhooks.settled(message, outcome)));
  webhooks.onEvent({
    name: 'message.settled',
    id: message.id,
    messageId: message.messageId,
    app: message.app,
    lane: message.lane,
    state: outcome.state,
    ageMs: 0,
  });
}

interface Row {
  readonly webhook: string;
  readonly id: string;
  readonly state: string;
  readonly attempts: number;
  readonly reason: string | null;
}

async function rows(): Promise<readonly Row[]> {
  return must(
    await database.query(
      statement(db.selectFrom('webhook_event').select(['webhook', 'id', 'state', 'attempts', 'reason']).orderBy('id')),
    ),
  );
}

/** Until a condition holds, looked at whenever the database did something. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((done) => setImmediate(done));
}

async function makeDue(): Promise<void> {
  must(await database.batch([statement(db.updateTable('webhook_event').set({ due_at: 0, reason: null }))]));
}

describe('a webhook', () => {
  it('is told what became of a message, signed as the convention has it', async () => {
    const webhooks = await start({ ops: {} });
    await settle(webhooks, leased('m1'), decision('delivered'));
    await receiver.until(1);
    const [{ headers, body } = { headers: {}, body: '' }] = receiver.calls;
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'user-agent': 'Postbearer/1.0.0',
      'webhook-id': 'msg_m1_1_delivered',
    });
    const signed = `msg_m1_1_delivered.${String(headers['webhook-timestamp'])}.${body}`;
    const signature = createHmac('sha256', KEY).update(signed).digest('base64');
    expect(headers['webhook-signature']).toBe(`v1,${signature}`);
    expect(Math.abs(Number(headers['webhook-timestamp']) - systemClock.now() / 1000)).toBeLessThan(60);
    expect(JSON.parse(body)).toMatchObject({
      type: 'message.delivered',
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      data: {
        id: 'm1',
        messageId: '<m1@example.com>',
        recipients: [{ address: 'user@example.org', state: 'delivered' }],
      },
    });
    await until(async () => (await rows()).length === 0);
  });

  it('gets the events that it asks for', async () => {
    const webhooks = await start({ ops: { events: ['message.refused', 'lane.*'] } });
    const fault = { code: 'OAUTH_X', title: 'x', message: 'x', cause: 'x', remedy: { steps: ['a'] } } as never;
    await settle(webhooks, leased('m1'), decision('delivered'));
    await settle(webhooks, leased('m2'), decision('queued', { hold: { scope: 'lane', fault } }));
    // The same hold again is no news.
    await settle(webhooks, leased('m3'), decision('queued', { hold: { scope: 'lane', fault } }));
    await settle(webhooks, leased('m4', { probe: 'lane' }), decision('refused'));
    await receiver.until(3);
    const types = receiver.calls.map(({ body }) => (JSON.parse(body) as { type: string }).type);
    expect(types.toSorted()).toEqual(['lane.held', 'lane.released', 'message.refused']);
  });

  it('is told what is taken in, and what a person ended', async () => {
    const webhooks = await start({ ops: {} });
    const envelope = { sender: 'a@example.com', recipients: ['b@example.com', 'c@example.com'] };
    const submission = { lane: 'default/a@example.com', app: 'x', envelope, from: 'a@example.com', messageId: '<1@x>' };
    must(await database.batch(webhooks.queued('m1', submission as never)));
    must(await database.batch(webhooks.changed('discard', 'm1')));
    expect(webhooks.changed('retry', 'm1')).toEqual([]);
    webhooks.onEvent({ name: 'message.queued' } as PostbearerEvent);
    await receiver.until(2);
    const told = receiver.calls.map(({ body }) => JSON.parse(body) as { type: string; data: object });
    expect(told.toSorted((one, other) => one.type.localeCompare(other.type))).toMatchObject([
      { type: 'message.discarded', data: { id: 'm1' } },
      { type: 'message.queued', data: { id: 'm1', recipientCount: 2 } },
    ]);
    // The names of the table are those that are sent.
    for (const { type } of told) expect(Object.keys(WEBHOOK_EVENT_NAMES)).toContain(type);
  });

  it('that fails gets the same event under the same id again, and others go on meanwhile', async () => {
    const other = new Receiver();
    await other.open();
    receiver.answer = (response) => void response.writeHead(503, { 'retry-after': '1' }).end();
    const webhooks = await start({ bad: {}, good: { url: other.url } });
    for (let index = 0; index < 20; index += 1) await settle(webhooks, leased(`m${index}`), decision('delivered'));
    await other.until(20);
    await other.close();
    await until(async () => (await rows()).some(({ reason }) => reason?.includes('503') === true));
    // One at a time while it fails: the others were not even tried more than the first four times.
    expect(receiver.calls.length).toBeLessThanOrEqual(20);
    const told = events.filter(({ name }) => name === 'webhook.failed');
    expect(told).toHaveLength(1);
    expect(webhooks.facts().find(({ name }) => name === 'bad')?.reason).toContain('503');
    receiver.answer = (response) => void response.writeHead(200).end('thanks');
    const before = receiver.calls.length;
    await makeDue();
    webhooks.onEvent({ name: 'message.settled' } as PostbearerEvent);
    await until(async () => (await rows()).length === 0);
    expect(receiver.calls.length).toBeGreaterThan(before);
    const ids = receiver.calls.map(({ headers }) => headers['webhook-id']);
    expect(new Set(ids).size).toBe(20);
    expect(events.at(-1)).toEqual({ name: 'webhook.recovered', webhook: 'bad' });
  });

  it('that hangs does not hold up another', async () => {
    const other = new Receiver();
    await other.open();
    receiver.answer = () => undefined;
    const webhooks = await start({ slow: {}, good: { url: other.url } });
    for (let index = 0; index < 10; index += 1) await settle(webhooks, leased(`m${index}`), decision('delivered'));
    await other.until(10);
    await receiver.until(4);
    // No more than four are in flight.
    expect(receiver.calls).toHaveLength(4);
    await webhooks.close();
    await other.close();
    // What was in flight is given back as if it had not been tried.
    const left = (await rows()).filter(({ webhook }) => webhook === 'slow');
    expect(left.map(({ state, attempts }) => [state, attempts])).toEqual(
      Array.from({ length: 10 }, () => ['waiting', 0]),
    );
  });

  it('that takes nothing for a day has its events set aside, and one that is gone at once', async () => {
    receiver.answer = (response) => void response.writeHead(500).end();
    const webhooks = await start({ ops: {} });
    await settle(webhooks, leased('m1'), decision('refused'));
    for (let attempt = 1; attempt <= 9; attempt += 1) {
      await until(async () => (await rows())[0]?.reason?.includes('500') === true);
      expect((await rows())[0]?.attempts).toBe(attempt);
      if (attempt === 9) break;
      await makeDue();
      webhooks.onEvent({ name: 'message.settled' } as PostbearerEvent);
    }
    await until(async () => (await rows())[0]?.state === 'parked');
    expect(receiver.calls).toHaveLength(9);
    expect(events.at(-1)).toMatchObject({ name: 'webhook.failed', attempts: 9 });
    receiver.answer = (response) => void response.writeHead(410).end();
    await settle(webhooks, leased('m2'), decision('refused'));
    await until(async () => (await rows()).filter(({ state }) => state === 'parked').length === 2);
    expect(events.at(-1)).toMatchObject({
      name: 'webhook.failed',
      attempts: 1,
      fault: { code: 'SERVICE_WEBHOOK_GONE' },
    });
    // Whoever mended it reloads the service, and both are tried again.
    await webhooks.close();
    receiver.answer = (response) => void response.writeHead(200).end();
    await start({ ops: {} });
    await until(async () => (await rows()).length === 0);
  });

  it('is not followed where it sends us elsewhere', async () => {
    const inside = new Receiver();
    await inside.open();
    receiver.answer = (response) => void response.writeHead(307, { location: inside.url }).end();
    const webhooks = await start({ ops: {} });
    await settle(webhooks, leased('m1'), decision('refused'));
    await until(async () => (await rows())[0]?.reason?.includes('307') === true);
    expect(inside.calls).toHaveLength(0);
    await inside.close();
  });

  it('inside is reached only where the settings name its network', async () => {
    const webhooks = await start({ ops: {} });
    webhooks.follow({ ops: { url: receiver.url, secret: { kind: 'value', value: SECRET }, events: [] } });
    await settle(webhooks, leased('m1'), decision('refused'));
    await until(async () => (await rows())[0]?.reason !== null);
    expect((await rows())[0]?.reason).toContain('no address that may be reached');
    expect(receiver.calls).toHaveLength(0);
    expect(webhooks.check({ ops: { network: 'nonsense' } as WebhookSettings })).toMatchObject({
      fault: { code: 'ACCESS_NETWORK_INVALID' },
    });
  });

  it('does not fill the disk', async () => {
    receiver.answer = (response) => void response.writeHead(500).end();
    let lost = 0;
    const webhooks = await start({ ops: {} }, { mostWaiting: 5, onLost: () => (lost += 1) });
    for (let index = 0; index < 20; index += 1) await settle(webhooks, leased(`m${index}`), decision('refused'));
    const kept = (await rows()).length;
    expect(kept).toBeLessThanOrEqual(5);
    expect(lost).toBe(20 - kept);
    expect(events.filter(({ name }) => name === 'webhook.overflowed')).toHaveLength(1);
  });

  it('is told after a restart what the process before could not tell', async () => {
    receiver.answer = () => undefined;
    const first = await start({ ops: {} });
    await settle(first, leased('m1'), decision('refused'));
    await receiver.until(1);
    await first.close();
    receiver.answer = (response) => void response.writeHead(200).end();
    await start({ ops: {} });
    await until(async () => (await rows()).length === 0);
    expect(receiver.calls.map(({ headers }) => headers['webhook-id'])).toEqual([
      'msg_m1_1_refused',
      'msg_m1_1_refused',
    ]);
  });

  it('is sent no secret', async () => {
    const webhooks = await start(
      { ops: {} },
      { resolveSecret: () => Promise.resolve(success(Secret.of(canaryPassword))) },
    );
    await settle(webhooks, leased('m1'), decision('refused'));
    await receiver.until(1);
    expect(JSON.stringify(receiver.calls)).not.toContain(canaryPassword);
  });
});

describe('on PostgreSQL', () => {
  const postgresql = postgresqlForThisFile();

  itWithTool('postgresql', 'two nodes send each event once, and what a third left is sent in the end', async (path) => {
    const url = await (await postgresql(path)).newDatabase();
    const opened = [1, 2, 3].map(async () => must(await openDatabase({ url }, { migrations: [monitoringMigrations] })));
    const [one, two, three] = await Promise.all(opened);
    if (one === undefined || two === undefined || three === undefined) throw new Error('There are three.');
    // What the third claimed before it died is due again some time later.
    const claims = {
      webhook: 'ops',
      now: Date.now(),
      latest: Date.now() + LONGEST_WAIT_MS,
      lease: Date.now() + 500,
      limit: 4,
    };
    const nodes = [await start({ ops: {} }, { database: one }), await start({ ops: {} }, { database: two })];
    const [node] = nodes;
    if (node === undefined) throw new Error('There are two.');
    for (let index = 0; index < 40; index += 1)
      must(await three.batch(node.settled(leased(`m${index}`), decision('refused'))));
    must(await three.batch([claimEvents(claims)]));
    for (const each of nodes) each.onEvent({ name: 'message.settled' } as PostbearerEvent);
    await receiver.until(36);
    await expect
      .poll(
        async () => {
          for (const each of nodes) each.onEvent({ name: 'message.settled' } as PostbearerEvent);
          return must(await three.query(countEvents()));
        },
        { timeout: 25_000 },
      )
      .toEqual([]);
    const ids = receiver.calls.map(({ headers }) => headers['webhook-id']);
    expect(new Set(ids).size).toBe(40);
    expect(ids).toHaveLength(40);
    for (const each of nodes) await each.close();
    for (const each of [one, two, three]) await each.close();
  });
});

describe('the waits between attempts', () => {
  it('reach over about a day, and give more time where that is asked for', () => {
    const waits = Array.from({ length: 9 }, (_, index) => waitAfter(index + 1, () => 0.5));
    expect(waits[8]).toBe(undefined);
    const total = waits.reduce<number>((sum, wait = 0) => sum + wait, 0);
    expect(total / 3_600_000).toBeGreaterThan(24);
    expect(total / 3_600_000).toBeLessThan(26);
    expect(waitAfter(1, () => 0.5, 90_000)).toBe(90_000);
    expect(waitAfter(1, () => 0.5, 1e12)).toBe(LONGEST_WAIT_MS);
  });
});

describe('a signature', () => {
  it('is that of the example of the convention', () => {
    // standardwebhooks.com, "Signature scheme", and the libraries of the same project; read 2026-11-24.
    const headers = signatureHeaders(
      { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', body: '{"test": 2432232314}', timestamp: 1_614_265_330 },
      Secret.of('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'),
    );
    expect(headers['webhook-signature']).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });
});

describe('the reference', () => {
  it('stands in docs/reference/webhooks.md', () => {
    const file = new URL('../../../../../docs/reference/webhooks.md', import.meta.url);
    expect(readFileSync(file, 'utf8')).toBe(webhooksReference());
  });
});
