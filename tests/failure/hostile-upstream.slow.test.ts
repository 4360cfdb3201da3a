/** R11, R12, R13: an upstream that breaks off, loses its last word, or says everything that it may say. */
import { expect, test } from 'vitest';
import { SEEN_SMTP_REPLIES } from '../../packages/microsoft365/src/testing/seen-replies.ts';
import { testMessage } from './harness/messages.ts';
import { draws, drawBetween, seed } from './harness/random.ts';
import type { Deed, Stage } from './harness/raw-upstream.ts';
import { report, size } from './harness/rows.ts';
import { stuffed } from './harness/smtp-client.ts';
import { handIn, NEXT_TRY_MS, surroundings } from './harness/surroundings.ts';
import { eventually } from './harness/world.ts';

const MINUTE_MS = 60_000;
/** Longer than a connection is kept. */
const IDLE_MS = 5000;

/** The offsets at which the line breaks: all over the message, around its end, and after it. */
function offsets(total: number, count: number): number[] {
  const random = draws();
  const atTheEnd = [6, 5, 4, 3, 2, 1, 0].map((left) => total - left);
  const inside = Array.from({ length: count - atTheEnd.length - 2 }, () => drawBetween(random, 2, total - 7));
  return [0, 1, ...inside, ...atTheEnd];
}

test(
  `R11: a line that breaks within a message loses and doubles nothing (seed ${seed})`,
  { timeout: 540_000 },
  async () => {
    await using around = await surroundings();
    const { world, upstream, service } = around;
    const total = stuffed(testMessage('x', 3000).bytes).length;
    const cuts = offsets(total, size(40, 400)).map((afterBytes, index) => ({
      afterBytes,
      how: index % 2 === 0 ? ('close' as const) : ('reset' as const),
    }));
    const left = [...cuts];
    upstream.behaviour = { at: () => undefined, cutContent: () => left.shift() };
    for (const index of cuts.keys()) await handIn(around, `broken-${index}`);
    expect(await service.drain(150_000, NEXT_TRY_MS)).toEqual([]);
    expect(left).toEqual([]);
    const { accepted, lost, doubled, altered } = world.ledger.verdict();
    report({
      row: 'R11',
      what: 'the line breaks at an offset of the content',
      n: cuts.length,
      accepted,
      lost: lost.length,
      doubled: doubled.size,
      altered: altered.length,
    });
    expect([lost, altered, [...doubled]]).toEqual([[], [], []]);
  },
);

test('R12: a final 250 that is lost costs one copy at most, and is told of', { timeout: 540_000 }, async () => {
  await using around = await surroundings();
  const { world, upstream, service } = around;
  const [messages, losses] = [size(100, 1000), size(10, 100)];
  const every = messages / losses;
  const struck = new Set<string>();
  upstream.behaviour = {
    at({ stage, id = '' }) {
      const number = Number(id.split('-')[1]);
      if (stage !== 'final' || number % every !== 0 || struck.has(id)) return undefined;
      struck.add(id);
      return { do: 'close' };
    },
  };
  for (let index = 0; index < messages; index += 1) await handIn(around, `final-${index}`, 500);
  expect(await service.drain(150_000, NEXT_TRY_MS)).toEqual([]);
  const { accepted, lost, doubled, altered } = world.ledger.verdict();
  report({
    row: 'R12',
    what: 'the final 250 of the upstream is lost',
    n: losses,
    accepted,
    lost: lost.length,
    doubled: doubled.size,
    altered: altered.length,
  });
  expect([lost, altered]).toEqual([[], []]);
  expect(new Set(doubled.keys())).toEqual(struck);
  expect([...doubled.values()].every((copies) => copies === 2)).toBe(true);
  const copies = Map.groupBy(world.ledger.delivered, ({ id }) => id);
  for (const id of struck) expect(new Set(copies.get(id)?.map(({ messageId }) => messageId)).size).toBe(1);
  const told = service.events.filter(
    ({ event, outcome }) => event === 'message.not-accepted' && outcome === 'uncertain',
  );
  expect(told).toHaveLength(losses);
});

const AT_STAGE: Readonly<Record<string, Stage>> = { content: 'final', connect: 'greeting' };

/** Every reply of the list that says 4yz or 5yz at a stage that this upstream plays, once each. */
const REPLIES = [
  ...new Map(
    SEEN_SMTP_REPLIES.filter(({ reply }) => /^[45]\d\d /.test(reply) && !/[\r\n]/.test(reply)).map(
      ({ stage, reply }) => [`${stage} ${reply}`, { stage: AT_STAGE[stage] ?? (stage as Stage), reply }],
    ),
  ).values(),
].filter(({ stage }) => ['greeting', 'auth', 'mail', 'rcpt', 'data', 'final'].includes(stage));

test(
  `R13: each of ${REPLIES.length} refusals that Microsoft gives ends in one delivery or one notice`,
  { timeout: 720_000 },
  async () => {
    await using around = await surroundings();
    const { world, upstream, service } = around;
    const wrong: string[] = [];
    for (const [index, { stage, reply }] of REPLIES.entries()) {
      const id = `refused-${index}`;
      let isSaid = false;
      upstream.behaviour = {
        at(moment) {
          if (isSaid || moment.stage !== stage) return undefined;
          isSaid = true;
          return { do: 'say', text: reply };
        },
      };
      await handIn(around, id, 300);
      const open = await service.drain(60_000, NEXT_TRY_MS);
      const lines = world.ledger.delivered;
      const [copies, notices] = [lines.filter((line) => line.id === id), lines.filter((line) => line.about === id)];
      const isRight = reply.startsWith('4')
        ? copies.length === 1 && notices.length === 0
        : copies.length + notices.length === 1;
      // Connections are kept: the next refusal of a sign-in needs a new one.
      await service.pass(IDLE_MS);
      if (!isRight || open.length > 0)
        wrong.push(`${stage} ${reply}: ${copies.length} copies, ${notices.length} notices, ${open.length} stay`);
      if (!isSaid) wrong.push(`${stage} ${reply}: was never said`);
    }
    const { accepted, lost, doubled, altered, told } = world.ledger.verdict();
    report({
      row: 'R13',
      what: 'each refusal of the Microsoft list, once',
      n: REPLIES.length,
      accepted,
      lost: lost.length,
      doubled: doubled.size,
      altered: altered.length,
      note: `${told.length} told of by a notice`,
    });
    expect(wrong).toEqual([]);
    expect([lost, altered, [...doubled]]).toEqual([[], [], []]);
  },
);

const ODD: readonly (readonly [string, Deed])[] = [
  ['a reply of many lines', { do: 'write', bytes: `${'451-4.7.0 wait\r\n'.repeat(50)}451 4.7.0 wait\r\n` }],
  ['a reply of 10 MB', { do: 'write', bytes: `451 4.7.0 ${'x'.repeat(10 * 1024 * 1024)}\r\n` }],
  ['lines without end', { do: 'write', bytes: '451-4.7.0 wait\r\n'.repeat(700_000) }],
  ['NUL', { do: 'write', bytes: '451 4.7.0 a\0b\r\n' }],
  ['no ASCII', { do: 'write', bytes: '451 4.7.0 \u00e9\u00ff\u0080\r\n' }],
  ['no number', { do: 'write', bytes: 'hello\r\n' }],
  ['421', { do: 'say', text: '421 4.3.2 Service shutting down' }],
];

test('R13: odd replies and 421 at each stage delay a message, and cost no memory', { timeout: 720_000 }, async () => {
  await using around = await surroundings();
  const { world, upstream, service } = around;
  await handIn(around, 'odd-first', 300);
  await service.drain(60_000, MINUTE_MS);
  const before = await service.memory();
  let number = 0;
  const left: string[] = [];
  for (const stage of ['greeting', 'auth', 'mail', 'rcpt', 'data', 'final'] as const) {
    for (const [name, deed] of ODD) {
      let isDone = false;
      upstream.behaviour = {
        at(moment) {
          if (isDone || moment.stage !== stage) return undefined;
          isDone = true;
          return deed;
        },
      };
      await handIn(around, `odd-${number}`, 300);
      number += 1;
      const open = await service.drain(60_000, NEXT_TRY_MS);
      if (open.length > 0) left.push(`${name} at ${stage}`);
      await service.pass(IDLE_MS);
      await eventually(() => upstream.open === 0, 5000);
    }
  }
  const grown = (await service.memory()) - before;
  const { accepted, lost, doubled, altered } = world.ledger.verdict();
  report({
    row: 'R13',
    what: 'odd replies and 421 at six stages',
    n: number,
    accepted,
    lost: lost.length,
    doubled: doubled.size,
    altered: altered.length,
    note: `memory ${Math.round(grown / 1024 / 1024)} MB more`,
  });
  expect(left).toEqual([]);
  expect([lost, altered]).toEqual([[], []]);
  // After the end of a message an answer that is none leaves it uncertain, and it is sent again.
  expect(doubled.size).toBeLessThanOrEqual(ODD.length);
  expect(grown).toBeLessThan(150 * 1024 * 1024);
});

test('control: a service that takes a broken line for an end is caught losing', { timeout: 180_000 }, async () => {
  await using around = await surroundings({ mutant: 'takes a broken line for an end' });
  const cuts = [100, 1000, 2000];
  around.upstream.behaviour = {
    at: () => undefined,
    cutContent() {
      const afterBytes = cuts.shift();
      return afterBytes === undefined ? undefined : { afterBytes, how: 'close' };
    },
  };
  for (const number of [0, 1, 2]) await handIn(around, `taken-${number}`);
  await around.service.drain(60_000, NEXT_TRY_MS);
  expect(around.world.ledger.verdict().lost).toHaveLength(3);
});

test('control: a service that sends everything twice is caught doubling', { timeout: 180_000 }, async () => {
  await using around = await surroundings({ mutant: 'sends everything twice' });
  await handIn(around, 'twice');
  await around.service.drain(60_000, NEXT_TRY_MS);
  expect(around.world.ledger.verdict().doubled.size).toBe(1);
});

test('control: a service that takes a refusal for a delivery is caught losing', { timeout: 180_000 }, async () => {
  await using around = await surroundings({ mutant: 'takes a refusal for a delivery' });
  around.upstream.behaviour = {
    at: ({ stage }) => (stage === 'rcpt' ? { do: 'say', text: '550 5.1.1 User unknown' } : undefined),
  };
  await handIn(around, 'refused');
  await around.service.drain(60_000, NEXT_TRY_MS);
  expect(around.world.ledger.verdict().lost).toHaveLength(1);
});
