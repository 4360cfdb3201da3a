import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as passed } from 'node:timers/promises';
import {
  failure,
  success,
  systemClock,
  type Fault,
  type MailboxAddress,
  type PostbearerEvent,
  type Verdict,
} from '@postbearer/core';
import { databaseFaults, openDatabase, type Database } from '@postbearer/database';
import type { Mailer, SendOutcome } from '@postbearer/mailer';
import { createQueue, queueMigrations, type MessageState, type Queue } from '@postbearer/queue';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { LaneWorker, type LaneWorkerOptions } from './lane-worker.ts';
import type { Lane } from './lanes.ts';
import { Pace } from './pace.ts';
import { deliveryMigrations } from './usage.ts';

const MAILBOX = 'notes@example.com' as MailboxAddress;
const lane: Lane = {
  name: 'default/notes@example.com',
  upstream: 'default',
  mailbox: MAILBOX,
  from: [],
  pace: { connections: 3, messagesPerMinute: 1000, recipientsPerDay: 10_000 },
};

/** Other work on the machine may make anything slow. */
const WAIT = { timeout: 10_000 };

function eventually<T>(look: () => T): ReturnType<typeof expect.poll<T>> {
  return expect.poll(look, WAIT);
}

type SendMessage = Mailer['sendMessage'];

let folder = '';
let database: Database;
let queue: Queue;
let workers: LaneWorker[] = [];
let events: PostbearerEvent[] = [];
let errors: unknown[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lane-'));
  const opened = await openDatabase(
    { file: join(folder, 'a.db') },
    { migrations: [queueMigrations, deliveryMigrations] },
  );
  if (!opened.ok) throw new Error(opened.fault.message);
  database = opened.value;
  const made = await createQueue(database);
  if (!made.ok) throw new Error(made.fault.message);
  queue = made.value;
  await queue.setLanes([lane.name]);
  [workers, events, errors] = [[], [], []];
});

afterEach(async () => {
  await Promise.all(workers.map(async (worker) => await worker.stop(0)));
  await queue.stop();
  await database.close();
  await rm(folder, { recursive: true });
});

/** A worker that looks whenever the queue says so, as under a dispatcher. */
function start(sendMessage: SendMessage, more: Partial<LaneWorkerOptions> = {}): LaneWorker {
  const worker = new LaneWorker({
    lane,
    pace: new Pace((more.lane ?? lane).pace, systemClock),
    usage: () => Promise.resolve(success([])),
    queue,
    mailer: { sendMessage },
    clock: systemClock,
    probeTimes: { firstMs: 50, longestMs: 50 },
    noticesFor: () => [],
    onEvent: (event) => events.push(event),
    onError: (error) => errors.push(error),
    ...more,
  });
  workers.push(worker);
  queue.onWake(() => worker.wake());
  worker.wake();
  return worker;
}

async function enqueue(subject: string, from: string = MAILBOX, count = 1): Promise<void> {
  const recipients = Array.from({ length: count }, (_, index) => `user${index}@example.com` as MailboxAddress);
  const messageId = `<${subject}@example.com>`;
  const submission = {
    lane: lane.name,
    app: 'app',
    envelope: { sender: MAILBOX, recipients },
    from,
    messageId,
    subject,
  };
  const stored = await queue.enqueue(submission, Buffer.from(`Subject: ${subject}\r\n\r\n`));
  expect(stored).toMatchObject({ ok: true });
}

async function statesOf(): Promise<readonly MessageState[]> {
  const page = await queue.list();
  return page.ok ? page.value.messages.map(({ state }) => state) : [];
}

function faultOf(code: Fault['code'], next: Fault['next'], more: Partial<Fault> = {}): Fault {
  return { code, title: code, message: code, cause: '', remedy: { steps: [] }, next, ...more };
}

function outcomeWith(make: (recipient: MailboxAddress) => Verdict): (...args: Parameters<SendMessage>) => SendOutcome {
  return ({ envelope }) => {
    const recipients = envelope.recipients.map(make);
    return { ok: recipients.every(({ outcome }) => outcome === 'accepted'), messageId: '', envelope, recipients };
  };
}

const accept = outcomeWith((recipient) => ({
  outcome: 'accepted',
  recipient,
  reply: { kind: 'smtp', stage: 'final', host: 'mail.example', code: 250, lines: ['OK'] },
}));

function refuse(fault: Fault): ReturnType<typeof outcomeWith> {
  return outcomeWith((recipient) => ({ outcome: fault.next === 'give-up' ? 'refused' : 'deferred', recipient, fault }));
}

const heldEvents = (): PostbearerEvent[] => events.filter(({ name }) => name === 'lane.held');

describe('a lane', () => {
  /** Sends everything that is queued, each message in `tookMs`; gives how many were in hand at most. */
  async function mostInHand(count: number, tookMs: number, clock = systemClock): Promise<number> {
    let [now, most] = [0, 0];
    for (let index = 0; index < count; index += 1) await enqueue(`m${index}`);
    start(
      async (...args) => {
        now += 1;
        most = Math.max(most, now);
        await passed(tookMs);
        now -= 1;
        return accept(...args);
      },
      { clock },
    );
    await eventually(() => events.filter(({ name }) => name === 'message.settled').length).toBe(count);
    return most;
  }

  test('sends what is queued, and has no more in hand than twice its connections where the server takes its time', async () => {
    const most = await mostInHand(30, 60);
    expect(most).toBeLessThanOrEqual(6);
    expect(most).toBeGreaterThan(1);
  });

  test('has more in hand where the server is quick, but not without end', async () => {
    // No time passes by this clock, so everything is quick.
    const most = await mostInHand(400, 1, { ...systemClock, monotonicMs: () => 0 });
    expect(most).toBeGreaterThan(6);
    expect(most).toBeLessThanOrEqual(128);
  });

  test('begins no more than its pace allows', async () => {
    const slow = { ...lane, pace: { ...lane.pace, messagesPerMinute: 4 } };
    for (let index = 0; index < 10; index += 1) await enqueue(`m${index}`);
    start((...args) => Promise.resolve(accept(...args)), { lane: slow });
    await eventually(async () => (await statesOf()).filter((state) => state === 'delivered').length).toBe(4);
    await queue.tick();
    expect((await statesOf()).filter((state) => state === 'queued')).toHaveLength(6);
  });

  test('gives back a message for whose recipients the day has no room, and leases it no more until there is', async () => {
    const slow = { ...lane, pace: { ...lane.pace, recipientsPerDay: 3 } };
    for (let index = 0; index < 3; index += 1) await enqueue(`m${index}`, MAILBOX, 2);
    const leases = vi.spyOn(queue, 'lease');
    start((...args) => Promise.resolve(accept(...args)), { lane: slow });
    await eventually(async () => (await statesOf()).toSorted()).toEqual(['delivered', 'queued', 'queued']);
    await queue.tick();
    await queue.tick();
    // Control: without the pause the lane would lease and give back without end.
    expect(leases.mock.calls.length).toBeLessThanOrEqual(2);
  });

  test('counts what any node sent in it today, each time it comes to this node', async () => {
    const slow = { ...lane, pace: { ...lane.pace, recipientsPerDay: 4 } };
    let sentByOthers = 3;
    let isOurs = true;
    vi.spyOn(queue, 'owns').mockImplementation(() => isOurs);
    const unavailable = failure(databaseFaults.make('DATABASE_UNAVAILABLE'));
    const usage = vi
      .fn(() => Promise.resolve(success([{ ageMs: 60_000, recipients: sentByOthers }])))
      .mockResolvedValueOnce(unavailable as never);
    for (let index = 0; index < 3; index += 1) await enqueue(`m${index}`);
    const worker = start((...args) => Promise.resolve(accept(...args)), { lane: slow, usage });
    // A database that did not answer is asked again.
    await eventually(async () => (await statesOf()).toSorted()).toEqual(['delivered', 'queued', 'queued']);
    expect(usage).toHaveBeenCalledTimes(2);
    isOurs = false;
    worker.wake();
    await queue.tick();
    // Control: were it not counted anew, there would be no room for another day.
    [sentByOthers, isOurs] = [2, true];
    await eventually(async () => {
      worker.wake();
      return (await statesOf()).filter((state) => state === 'delivered').length;
    }).toBe(3);
  });

  test('is held by a set-up fault, tried with one message at a time, and drains after the mend', async () => {
    let [isMended, calls] = [false, 0];
    const fault = faultOf('M365_CLIENT_SECRET_EXPIRED', 'needs-person');
    for (let index = 0; index < 10; index += 1) await enqueue(`m${index}`);
    start((...args) => {
      calls += 1;
      return Promise.resolve(isMended ? accept(...args) : refuse(fault)(...args));
    });
    await eventually(() => heldEvents().length).toBeGreaterThan(8);
    // Those in hand when it began, then one for each probe.
    expect(calls).toBeLessThanOrEqual(6 + heldEvents().length);
    await eventually(async () => new Set(await statesOf())).toEqual(new Set(['queued']));
    isMended = true;
    await eventually(statesOf).toEqual(Array.from({ length: 10 }, () => 'delivered'));
    expect(events.filter(({ name }) => name === 'lane.released')).toHaveLength(1);
    const page = await queue.list();
    expect(page.ok && page.value.messages.every(({ attempts }) => attempts === 1)).toBe(true);
  });

  test('is tried with one message at a time, however slowly the server answers', async () => {
    const fault = faultOf('M365_CLIENT_SECRET_EXPIRED', 'needs-person');
    let [isHeld, now, most] = [false, 0, 0];
    for (let index = 0; index < 10; index += 1) await enqueue(`m${index}`);
    const worker = start(async (...args) => {
      if (!isHeld) return refuse(fault)(...args);
      now += 1;
      most = Math.max(most, now);
      // Longer than several probes are apart.
      await new Promise((resolve) => {
        setTimeout(resolve, 300);
      });
      now -= 1;
      return refuse(fault)(...args);
    });
    await eventually(() => heldEvents().length).toBe(6);
    isHeld = true;
    const ticking = setInterval(() => worker.wake(), 20);
    await eventually(() => heldEvents().length).toBe(8);
    clearInterval(ticking);
    expect(most).toBe(1);
  });

  test('a denied From waits alone, and is tried although the lane is never idle', async () => {
    const fault = faultOf('M365_SEND_AS_DENIED', 'needs-person');
    let isMended = false;
    let sent = 0;
    await enqueue('denied', 'other@example.com');
    start(async (...args) => {
      const isDenied = args[1]?.messageId === '<denied@example.com>';
      if (isDenied && !isMended) return refuse(fault)(...args);
      sent += 1;
      if (!isDenied && sent < 200) await enqueue(`m${sent}`);
      return accept(...args);
    });
    await eventually(() => heldEvents()).toMatchObject([{ sender: 'other@example.com' }]);
    await enqueue('busy');
    await eventually(() => sent).toBeGreaterThan(3);
    isMended = true;
    await eventually(() => events.filter(({ name }) => name === 'lane.released').length).toBe(1);
    await eventually(async () => new Set(await statesOf())).toEqual(new Set(['delivered']));
  });

  test('a denied From is tried soon where a person asks for it, although the lane is never idle', async () => {
    const fault = faultOf('M365_SEND_AS_DENIED', 'needs-person');
    let [isMended, isOver] = [false, false];
    let sent = 0;
    await enqueue('denied', 'other@example.com');
    start(
      async (...args) => {
        const isDenied = args[1]?.messageId === '<denied@example.com>';
        if (isDenied && !isMended) return refuse(fault)(...args);
        sent += 1;
        if (!isDenied && !isOver) await enqueue(`m${sent}`);
        return accept(...args);
      },
      // By itself it would be tried after hours.
      {
        probeTimes: { firstMs: 1e7, longestMs: 1e7 },
        lane: { ...lane, pace: { ...lane.pace, messagesPerMinute: 1e6 } },
      },
    );
    await eventually(() => heldEvents()).toMatchObject([{ sender: 'other@example.com' }]);
    // More than are ever in hand.
    for (let index = 0; index < 200; index += 1) await enqueue(`busy${index}`);
    await eventually(() => sent).toBeGreaterThan(3);
    isMended = true;
    await queue.release(lane.name, 'other@example.com');
    await eventually(() => events.filter(({ name }) => name === 'lane.released').length).toBe(1);
    isOver = true;
    await eventually(() => events.filter(({ name }) => name === 'message.settled').length).toBeGreaterThan(200);
  });

  test('pauses where the server asks to go slowly', async () => {
    const evidence = { kind: 'smtp', stage: 'final', host: 'h', code: 432, lines: [] } as const;
    const busy = faultOf('M365_CONNECTIONS_EXCEEDED', 'retry', { evidence });
    let calls = 0;
    for (let index = 0; index < 20; index += 1) await enqueue(`m${index}`);
    start((...args) => {
      calls += 1;
      return Promise.resolve(refuse(busy)(...args));
    });
    await eventually(async () => (await statesOf()).filter((state) => state === 'deferred').length).toBeGreaterThan(0);
    await queue.tick();
    // Control: without the pause all twenty would have been tried.
    expect(calls).toBeLessThanOrEqual(6);
  });

  test('gives back what was not begun when it is stopped, and what throws is not taken for an outcome', async () => {
    await enqueue('hangs');
    const begun = Promise.withResolvers<void>();
    const worker = start(async (_message, options) => {
      begun.resolve();
      return await new Promise<never>((_, reject) => {
        options?.signal?.addEventListener('abort', () => reject(new Error('aborted')));
      });
    });
    await begun.promise;
    await worker.stop(10);
    expect(await statesOf()).toEqual(['queued']);
    expect(errors).toEqual([]);
    start(() => Promise.reject(new Error('a bug')));
    await eventually(() => errors).toHaveLength(1);
    expect(await statesOf()).toEqual(['leased']);
  });
});
