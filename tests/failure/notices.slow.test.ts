/** R27 and R26: one notice for each failure, none about a notice, no storm; and a message that kills the service again and again. */
import { expect, test } from 'vitest';
import { MAILBOX } from './harness/messages.ts';
import type { Behaviour } from './harness/raw-upstream.ts';
import { report, size } from './harness/rows.ts';
import type { Service } from './harness/service.ts';
import { handIn, surroundings } from './harness/surroundings.ts';
import { eventually } from './harness/world.ts';

const FAILURES = size(300, 10_000);
/** The ceiling of a lane in an hour. */
const MOST_NOTICES = 60;

/** Refuses recipients, all of them or all but the mailbox that notices go to. */
function refuses(isNoticeTaken: boolean): Behaviour {
  return {
    at: ({ stage, recipient }) =>
      stage === 'rcpt' && !(isNoticeTaken && recipient === MAILBOX)
        ? { do: 'say', text: '550 5.1.1 User unknown' }
        : undefined,
  };
}

test(
  `R27: ${FAILURES} failures at once are told of ${MOST_NOTICES} times at most, each once`,
  { timeout: size(360_000, 900_000) },
  async () => {
    await using around = await surroundings();
    const { world, upstream, service } = around;
    upstream.behaviour = refuses(true);
    const clients = Array.from({ length: 8 }, async (_, client) => {
      for (let number = client; number < FAILURES; number += 8) await handIn(around, `storm-${number}`, 200);
    });
    await Promise.all(clients);
    expect(await service.drain(size(60_000, 600_000), 10_000)).toEqual([]);
    const notices = world.ledger.delivered.filter(({ about }) => about !== undefined);
    const refused = (await service.list()).filter(({ state, isNotice }) => state === 'refused' && !isNotice);
    report({
      row: 'R27',
      what: 'refusals at once: notices',
      n: FAILURES,
      accepted: world.ledger.accepted.length,
      lost: FAILURES - refused.length,
      doubled: notices.length - new Set(notices.map(({ about }) => about)).size,
      altered: 0,
      note: `${notices.length} notices; the others stand in the queue as refused`,
    });
    expect(refused).toHaveLength(FAILURES);
    expect(notices.length).toBe(Math.min(FAILURES, MOST_NOTICES));
    expect(new Set(notices.map(({ about }) => about)).size).toBe(notices.length);
  },
);

test('R27: there is no notice about a notice; a service that writes them is caught', { timeout: 360_000 }, async () => {
  const refusedIn = async (mutant?: 'tells of notices too'): Promise<number> => {
    await using around = await surroundings(mutant === undefined ? {} : { mutant });
    around.upstream.behaviour = refuses(false);
    for (const number of [0, 1, 2]) await handIn(around, `lonely-${number}`, 200);
    await around.service.drain(mutant === undefined ? 30_000 : 3000, 10_000);
    return (await around.service.list()).length;
  };
  expect(await refusedIn()).toBe(6);
  expect(await refusedIn('tells of notices too')).toBeGreaterThan(6);
});

test('R27: control: a service without a ceiling is caught', { timeout: 360_000 }, async () => {
  await using around = await surroundings({ mutant: 'tells without end' });
  around.upstream.behaviour = refuses(true);
  for (let number = 0; number < MOST_NOTICES + 5; number += 1) await handIn(around, `endless-${number}`, 200);
  await around.service.drain(60_000, 10_000);
  const notices = around.world.ledger.delivered.filter(({ about }) => about !== undefined);
  expect(notices.length).toBe(MOST_NOTICES + 5);
});

/** Lets time pass while nothing is in hand, so that what waits for different times does not come at the same one. */
async function isQuiet(service: Service): Promise<boolean> {
  try {
    const states = (await service.list()).map(({ state }) => state);
    if (!states.includes('leased') && !states.includes('queued')) await service.pass(500);
    return states.every((state) => state === 'delivered' || state === 'held');
  } catch {
    // It was killed just now.
    return false;
  }
}

/** Hands a message in that kills the service whenever it reaches the upstream; gives how often that happened. */
async function poison(mutant?: 'counts no crashes'): Promise<{
  kills: number;
  held: string[];
  open: number;
  lost: number;
  doubled: number;
  accepted: number;
  altered: number;
}> {
  await using around = await surroundings(mutant === undefined ? {} : { mutant });
  const { world, upstream, service } = around;
  let kills = 0;
  upstream.behaviour = {
    at({ stage, id }) {
      if (stage !== 'final' || id !== 'poison') return undefined;
      kills += 1;
      service.signal('SIGKILL');
      return { do: 'hang' };
    },
  };
  await service.control('holdLane', { lane: 'default/notifications@contoso.example', sender: '', actor: 'test' });
  for (const number of [0, 1, 2, 3, 4]) await handIn(around, `good-${number}`, 500);
  await handIn(around, 'poison', 500);
  for (const number of [5, 6, 7, 8, 9]) await handIn(around, `good-${number}`, 500);
  await service.control('releaseLane', { lane: 'default/notifications@contoso.example', sender: '', actor: 'test' });
  for (let start = 0; start < 6; start += 1) {
    await eventually(async () => service.hasEnded || (await isQuiet(service)), 60_000);
    if (!service.hasEnded) break;
    await service.start();
  }
  const listed = service.hasEnded ? [] : await service.list();
  const held = listed.filter(({ state }) => state === 'held').map(({ messageId }) => messageId);
  const open = listed.filter(({ state }) => !['held', 'delivered'].includes(state)).length;
  const { accepted, lost, doubled, altered } = world.ledger.verdict(
    new Set(held.map((name) => name.slice(1).split('@', 1)[0] ?? '')),
  );
  return { kills, held, open, lost: lost.length, doubled: doubled.size, accepted, altered: altered.length };
}

test(
  'R26: a message that kills the service is set aside after three crashes, and alone',
  { timeout: 540_000 },
  async () => {
    const end = await poison();
    report({
      row: 'R26',
      what: 'a message that kills the service each time it is sent',
      n: end.kills,
      accepted: end.accepted,
      lost: end.lost,
      doubled: end.doubled,
      altered: end.altered,
      note: 'set aside, and nothing else',
    });
    expect(end).toMatchObject({ kills: 3, held: ['<poison@ledger.example>'], open: 0, lost: 0, altered: 0 });
  },
);

test('R26: control: a service that counts no crashes is killed for ever', { timeout: 540_000 }, async () => {
  const end = await poison('counts no crashes');
  expect(end.kills).toBeGreaterThan(3);
});
