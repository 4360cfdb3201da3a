/** R09 and R10: an upstream that is down for days, and one that answers a byte at a time. */
import { expect, test } from 'vitest';
import { OTHER_MAILBOX, testMessage } from './harness/messages.ts';
import { RawUpstream, STAGES, type Stage } from './harness/raw-upstream.ts';
import { report, size } from './harness/rows.ts';
import { handIn, NEXT_TRY_MS, surroundings, type Surroundings } from './harness/surroundings.ts';
import { eventually, submitOnce, World } from './harness/world.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** How much is stuck in one mailbox while another sends. */
const WAITING = size(300, 5000);
const QUEUED = size(30, 10_000);

/** Lets hours pass, and gives the most connections that came within one of them. */
async function passHours({ service, upstream }: Surroundings, hours: number): Promise<number> {
  let most = 0;
  for (let hour = 0; hour < hours; hour += 1) {
    const before = upstream.counts.sessions;
    // Minute by minute: what is due has to happen at about its time.
    for (let part = 0; part < 6; part += 1) await service.pass(10 * MINUTE_MS);
    most = Math.max(most, upstream.counts.sessions - before);
  }
  return most;
}

async function queueUp(around: Surroundings, name: string): Promise<void> {
  const clients = Array.from({ length: 4 }, async (_, client) => {
    for (let number = client; number < QUEUED; number += 4) await handIn(around, `${name}-${number}`, 300);
  });
  await Promise.all(clients);
}

test(`R09: down for ${size(8, 72)} hours with ${QUEUED} messages`, { timeout: size(360_000, 1_800_000) }, async () => {
  await using around = await surroundings();
  const { world, upstream, service } = around;
  upstream.behaviour = { at: ({ stage }) => (stage === 'greeting' ? { do: 'close' } : undefined) };
  await queueUp(around, 'down');
  const most = await passHours(around, size(8, 72));
  expect(world.ledger.delivered).toEqual([]);
  upstream.behaviour = { at: () => undefined };
  upstream.counts.mostSending = 0;
  expect(await service.drain(size(60_000, 600_000), NEXT_TRY_MS * 2)).toEqual([]);
  const { accepted, lost, doubled, altered } = world.ledger.verdict();
  const late = new Set(world.ledger.delivered.flatMap(({ about }) => about ?? []));
  report({
    row: 'R09',
    what: `the upstream is down for ${size(8, 72)} hours`,
    n: QUEUED,
    accepted,
    lost: lost.length,
    doubled: doubled.size,
    altered: altered.length,
    note: `${late.size} told that they are late; ${most} connections an hour at most while down, ${upstream.counts.mostSending} at a time after it`,
  });
  expect([lost, altered, [...doubled]]).toEqual([[], [], []]);
  expect(late.size).toBeGreaterThanOrEqual(1);
  expect(most).toBeLessThanOrEqual(60);
  expect(upstream.counts.mostSending).toBeLessThanOrEqual(3);
});

test('R09: beyond its lifetime a message ends with a notice, and not before', { timeout: 360_000 }, async () => {
  const lifetimeMs = 8 * HOUR_MS;
  await using around = await surroundings({
    service: { queue: { retryTimes: { lifetimeMs, delayNoticeMs: 4 * HOUR_MS } } },
  });
  const { world, upstream, service } = around;
  upstream.behaviour = {
    at: ({ stage, recipient }) =>
      stage === 'rcpt' && recipient === 'user@example.com' ? { do: 'say', text: '451 4.7.0 Later' } : undefined,
  };
  const ids = ['old-0', 'old-1', 'old-2'];
  for (const id of ids) await handIn(around, id, 300);
  await passHours(around, 7);
  const told = (): string[] => world.ledger.delivered.flatMap(({ about }) => about ?? []).toSorted();
  // Late, told once each, and not given up.
  expect(await eventually(() => told().length === ids.length)).toBe(true);
  expect((await service.list()).filter(({ state, isNotice }) => state === 'expired' && !isNotice)).toEqual([]);
  await passHours(around, 4);
  // The last attempt comes up to 67 minutes after the lifetime, and the notice of it is sent then.
  expect(await service.drain(90_000, 3 * NEXT_TRY_MS)).toEqual([]);
  const expired = (await service.list()).filter(({ state }) => state === 'expired');
  report({
    row: 'R09',
    what: 'beyond the lifetime (8 hours in place of 5 days)',
    n: ids.length,
    accepted: ids.length,
    lost: ids.filter((id) => !told().includes(id)).length,
    doubled: 0,
    altered: 0,
    note: 'each told of as late, then as failed',
  });
  expect(expired).toHaveLength(ids.length);
  expect(told()).toEqual([...ids, ...ids].toSorted());
});

test('R09: control: a service that gives up at the first attempt is caught', { timeout: 180_000 }, async () => {
  await using around = await surroundings({ mutant: 'takes a delay for a refusal' });
  const { world, upstream, service } = around;
  let isDown = true;
  upstream.behaviour = { at: ({ stage }) => (stage === 'greeting' && isDown ? { do: 'close' } : undefined) };
  await handIn(around, 'given-up', 300);
  await eventually(async () => (await service.list()).some(({ state }) => state === 'refused'));
  isDown = false;
  await service.drain(60_000, NEXT_TRY_MS);
  expect(world.ledger.verdict().told).toEqual(['given-up']);
});

/** How long each stage may take (RFC 5321 section 4.5.3.2; where it names none, ours). */
const LIMIT_MINUTES: Readonly<Record<Stage, number>> = {
  greeting: 5,
  ehlo: 5,
  starttls: 2,
  auth: 2,
  mail: 5,
  rcpt: 5,
  data: 2,
  final: 10,
};

test(
  'R10: an upstream that drips ends each stage at its limit, and costs no message',
  { timeout: 540_000 },
  async () => {
    await using around = await surroundings();
    const { world, upstream, service } = around;
    const wrong: string[] = [];
    for (const stage of STAGES) {
      let isSlow = true;
      upstream.behaviour = {
        at: (moment) => (isSlow && moment.stage === stage ? { do: 'drip', everyMs: 20 } : undefined),
      };
      const before = upstream.counts.sessions;
      await handIn(around, `slow-${stage}`, 300);
      await eventually(() => upstream.counts.sessions > before && upstream.dripping > 0);
      const step = 0.25;
      let minutes = 0;
      for (; minutes < 30 && upstream.dripping > 0; minutes += step) await service.pass(step * MINUTE_MS);
      isSlow = false;
      const limit = LIMIT_MINUTES[stage];
      if (minutes < limit * 0.8 || minutes > limit + 1)
        wrong.push(`${stage}: ended after ${minutes} minutes, not ${limit}`);
      const open = await service.drain(60_000, NEXT_TRY_MS);
      if (open.length > 0) wrong.push(`${stage}: ${open.length} stay`);
      await service.pass(5000);
    }
    const { accepted, lost, doubled, altered } = world.ledger.verdict();
    report({
      row: 'R10',
      what: 'a byte at a time, at eight stages',
      n: STAGES.length,
      accepted,
      lost: lost.length,
      doubled: doubled.size,
      altered: altered.length,
      note: 'ended at 5, 5, 2, 2, 5, 5, 2 and 10 minutes',
    });
    expect(wrong).toEqual([]);
    expect([lost, altered]).toEqual([[], []]);
    // After the end of a message nobody can know: the upstream has it, and gets it once more.
    expect([...doubled]).toEqual([['slow-final', 2]]);
  },
);

test(
  'R10, R26: a mailbox whose upstream drips, with a long queue, holds up no other',
  { timeout: 360_000 },
  async () => {
    await using world = await World.make();
    await using slow = await RawUpstream.start(world.ledger, world.folder);
    const service = world.service({ smtp: slow.smtpSettings(world.sink), otherSmtp: {} });
    await service.start();
    slow.behaviour = { at: ({ stage }) => (stage === 'mail' ? { do: 'drip', everyMs: 50 } : undefined) };
    /** How long each message of the other mailbox takes from its confirmation to the sink, milliseconds, in order. */
    const times = async (name: string): Promise<number[]> => {
      const taken: number[] = [];
      for (let number = 0; number < 30; number += 1) {
        const id = `${name}-${number}`;
        const begun = performance.now();
        const reply = await submitOnce(service.smtpPort, testMessage(id, 300, OTHER_MAILBOX), world.ledger, {
          sender: OTHER_MAILBOX,
        });
        expect(reply?.code).toBe(250);
        expect(await eventually(() => world.ledger.delivered.some((line) => line.id === id))).toBe(true);
        taken.push(performance.now() - begun);
      }
      return taken.toSorted((a, b) => a - b);
    };
    await times('warm');
    const alone = await times('alone');
    for (let number = 0; number < WAITING; number += 1)
      await submitOnce(service.smtpPort, testMessage(`stuck-${number}`, 300), world.ledger);
    expect(await eventually(() => slow.dripping > 0)).toBe(true);
    const beside = await times('beside');
    expect(slow.dripping).toBeGreaterThan(0);
    const median = (sorted: readonly number[]): number => Math.round(sorted[Math.floor(sorted.length / 2)] ?? 0);
    report({
      row: 'R10',
      what: `another mailbox beside ${WAITING} messages that are stuck`,
      n: beside.length,
      accepted: beside.length,
      lost: 0,
      doubled: 0,
      altered: 0,
      note: `median ${median(alone)} ms alone, ${median(beside)} ms beside`,
    });
    // Far from what is measured: the machine may be busy.
    expect(median(beside)).toBeLessThan(median(alone) * 5 + 500);
    await service.kill();
  },
);

test('R10: control: a service that waits twice as long is caught', { timeout: 180_000 }, async () => {
  await using around = await surroundings({ mutant: 'waits too long' });
  const { upstream, service } = around;
  upstream.behaviour = { at: ({ stage }) => (stage === 'mail' ? { do: 'drip', everyMs: 20 } : undefined) };
  await handIn(around, 'waited', 300);
  await eventually(() => upstream.dripping > 0);
  await service.pass(6 * MINUTE_MS);
  expect(upstream.dripping).toBeGreaterThan(0);
});
