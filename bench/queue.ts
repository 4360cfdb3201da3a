/**
 * `node bench/queue.ts [--url postgresql://…] [--messages N] [--bytes N] [--clients N]`: how many messages the queue takes in and
 * gives out in a second, each on disk before it counts.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parseMailboxAddress, Secret, type MailboxAddress, type Result, type SmtpEvidence } from '@postbearer/core';
import { openDatabase } from '@postbearer/database';
import { createQueue, queueMigrations, type LeasedMessage, type Queue } from '@postbearer/queue';

const { values: options } = parseArgs({
  options: {
    url: { type: 'string' },
    folder: { type: 'string', default: tmpdir() },
    messages: { type: 'string', default: '10000' },
    bytes: { type: 'string', default: '10240' },
    clients: { type: 'string', default: '20' },
  },
});

function must<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`${result.fault.code}: ${result.fault.message}`);
  return result.value;
}

const address = (text: string): MailboxAddress => must(parseMailboxAddress(text));
const count = Number(options.messages);
const clients = Number(options.clients);
// As an attachment looks: nothing that a database could compress away.
const content = Buffer.from(randomBytes(Number(options.bytes)).toString('base64').slice(0, Number(options.bytes)));
const sender = address('reports@example.com');
const lanes = Array.from({ length: 8 }, (_, index) => `default/lane${index}@example.com`);

async function timed(what: string, work: () => Promise<number>): Promise<void> {
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  const done = await work();
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const cpuSeconds = (user + system) / 1e6;
  console.log(
    `${what}: ${Math.round(done / seconds)}/s  (${done} in ${seconds.toFixed(2)} s, CPU ${((cpuSeconds / done) * 1000).toFixed(2)} s per 1,000)`,
  );
}

/** Runs `work` for each number below `total`, `width` at a time. */
async function side(total: number, width: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (let index = next++; index < total; index = next++) await work(index);
    }),
  );
}

function accept(queue: Queue, index: number): Promise<unknown> {
  return queue
    .enqueue(
      {
        lane: lanes[index % lanes.length] ?? '',
        app: 'bench',
        envelope: { sender, recipients: [address(`user${index % 1000}@example.net`)] },
        from: 'reports@example.com',
        messageId: `<${index}@example.com>`,
        subject: 'Report',
      },
      content,
    )
    .then(must);
}

async function deliver(queue: Queue, leased: LeasedMessage): Promise<void> {
  const reply: SmtpEvidence = {
    kind: 'smtp',
    stage: 'final',
    host: 'sink',
    code: 250,
    enhanced: '2.0.0',
    lines: ['OK'],
  };
  const now = Date.now();
  const verdicts = leased.recipients.map(({ address: recipient }) => ({
    outcome: 'accepted' as const,
    recipient,
    reply,
  }));
  must(await queue.settle(leased, queue.decide(leased, { startedAt: now, endedAt: now, verdicts })));
}

async function drain(queue: Queue, lane: string, width: number): Promise<number> {
  let done = 0;
  for (;;) {
    const leased = must(await queue.lease(lane, { limit: width }));
    if (leased.length === 0) return done;
    await Promise.all(leased.map((each) => deliver(queue, each)));
    done += leased.length;
  }
}

const folder = mkdtempSync(join(options.folder, 'bench-'));
const place = options.url === undefined ? { file: join(folder, 'queue.db') } : { url: Secret.of(options.url) };
const database = must(await openDatabase(place, { migrations: [queueMigrations] }));
try {
  const queue = must(await createQueue(database));
  await queue.setLanes(lanes);
  await timed(`accept, ${clients} at a time`, async () => {
    await side(count, clients, async (index) => void (await accept(queue, index)));
    return count;
  });
  await timed('lease and settle, 8 lanes, 20 at a time', async () => {
    const done = await Promise.all(lanes.map((lane) => drain(queue, lane, 20)));
    return done.reduce((sum, each) => sum + each, 0);
  });
  await timed('accept, lease and settle at once', async () => {
    const busy = new Map<string, Promise<number>>();
    const serve = (lane: string): void => {
      if (busy.has(lane)) return;
      busy.set(
        lane,
        drain(queue, lane, 20).finally(() => busy.delete(lane)),
      );
    };
    const subscription = queue.onWake(serve);
    await side(count, clients, async (index) => void (await accept(queue, index)));
    subscription.close();
    await Promise.all(busy.values());
    for (const lane of lanes) await drain(queue, lane, 20);
    return count;
  });
  await queue.stop();
} finally {
  await database.close();
  rmSync(folder, { recursive: true });
}
