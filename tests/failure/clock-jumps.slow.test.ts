/**
 * R08: the wall clock of the running service jumps: an hour, forty days, two days back, and to and fro.
 *
 * libfaketime changes what the program reads as the time of day, as a person or a time server would; the monotonic clock goes on.
 */
import { globSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { itWithTool } from '../setup/foreign-tools.ts';
import { testMessage } from './harness/messages.ts';
import { draws, seed } from './harness/random.ts';
import { report, size } from './harness/rows.ts';
import type { Service } from './harness/service.ts';
import { handIn, NEXT_TRY_MS, surroundings } from './harness/surroundings.ts';
import { eventually, submitOnce, World } from './harness/world.ts';

const HOUR_S = 3600;
const DAY_S = 24 * HOUR_S;
const STEPS = size(100, 1000);

/** The jumps that are made one after the other, seconds from the real time. */
const JUMPS: readonly (readonly [string, number])[] = [
  ['an hour on', HOUR_S],
  ['forty days on', 40 * DAY_S],
  ['two days back', -2 * DAY_S],
  ['back to the real time', 0],
];

class FakedTime {
  readonly environment: Readonly<Record<string, string>>;
  readonly #file: string;

  constructor(folder: string) {
    this.#file = join(folder, 'time');
    const [library = ''] = globSync('/usr/lib/*/faketime/libfaketime.so.1');
    this.set(0);
    this.environment = {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1',
    };
  }

  set(seconds: number): void {
    writeFileSync(this.#file, `${seconds < 0 ? '-' : '+'}${Math.abs(seconds)}`);
  }
}

/** When the last thing was told, by the clock of the service. */
function lastTold(service: Service): number {
  return Date.parse(service.events.at(-1)?.time ?? '');
}

itWithTool(
  'faketime',
  `jumps of the clock lose, double and hold up nothing (seed ${seed})`,
  async () => {
    await using world = await World.make();
    const time = new FakedTime(world.folder);
    const service = world.service({ environment: time.environment });
    await service.start();
    let number = 0;
    const send = async (): Promise<void> => {
      number += 1;
      const reply = await submitOnce(service.smtpPort, testMessage(`jump-${number}`, 500), world.ledger);
      expect(reply?.code).toBe(250);
    };
    await send();
    for (const [name, seconds] of JUMPS) {
      // One waits over the jump, one is handed in after it.
      await service.control('holdLane', { lane: 'default/notifications@contoso.example', sender: '', actor: 'test' });
      await send();
      time.set(seconds);
      await send();
      await service.control('releaseLane', {
        lane: 'default/notifications@contoso.example',
        sender: '',
        actor: 'test',
      });
      expect(await service.drain(20_000), name).toEqual([]);
      // The service did read another time.
      expect(Math.abs(lastTold(service) - Date.now() - seconds * 1000)).toBeLessThan(60_000);
    }
    const random = draws();
    for (let step = 0; step < STEPS; step += 1) {
      time.set(Math.floor(random() * 11) - 5);
      if (step % 5 === 0) await send();
    }
    expect(await service.drain(20_000)).toEqual([]);
    const tokens = (await world.sink.counters()).tokenRequests;
    const { accepted, lost, doubled, altered, told } = world.ledger.verdict();
    report({
      row: 'R08',
      what: 'jumps of the wall clock: +1 h, +40 d, -2 d, and steps of 5 s',
      n: JUMPS.length + STEPS,
      accepted,
      lost: lost.length,
      doubled: doubled.size,
      altered: altered.length,
      note: `${told.length} told of as failed, ${tokens} tokens`,
    });
    expect([lost, altered, told, [...doubled]]).toEqual([[], [], [], []]);
    // One at the start, and one more at most for each jump beyond the life of a token.
    expect(tokens).toBeLessThanOrEqual(1 + JUMPS.length);
  },
  size(270_000, 300_000),
);

/** A message that waits for its next attempt while the clock jumps, with an upstream that refuses for now; gives whether it expired. */
async function jumpsWhileDeferred(mutant?: 'counts ages by the wall clock'): Promise<{ told: number; copies: number }> {
  await using around = await surroundings({
    // How much time passes depends on how busy the machine is; being late is not what this is about.
    service: { queue: { retryTimes: { lifetimeMs: 5 * DAY_S * 1000, delayNoticeMs: 100 * DAY_S * 1000 } } },
    ...(mutant === undefined ? {} : { mutant }),
  });
  const { world, upstream, service } = around;
  upstream.behaviour = {
    at: ({ stage, recipient }) =>
      stage === 'rcpt' && recipient === 'user@example.com' ? { do: 'say', text: '451 4.7.0 Later' } : undefined,
  };
  await handIn(around, 'waits', 300);
  const attempts = async (): Promise<number> => (await service.list()).find(({ isNotice }) => !isNotice)?.attempts ?? 0;
  await eventually(async () => (await attempts()) === 1);
  await service.jump(40 * DAY_S * 1000);
  for (let pass = 0; pass < 3; pass += 1) await service.pass(NEXT_TRY_MS);
  await eventually(async () => (await attempts()) >= 2);
  await service.jump(-42 * DAY_S * 1000);
  const before = await attempts();
  // None waits for two days because the clock says so: the next attempt comes within the longest wait.
  for (let pass = 0; pass < 12 && (await attempts()) === before; pass += 1) await service.pass(NEXT_TRY_MS);
  expect(await attempts()).toBeGreaterThan(mutant === undefined ? before : 0);
  upstream.behaviour = { at: () => undefined };
  expect(await service.drain(90_000, 10 * NEXT_TRY_MS)).toEqual([]);
  const { delivered } = world.ledger;
  return {
    told: delivered.filter(({ about }) => about !== undefined).length,
    copies: delivered.filter(({ id }) => id === 'waits').length,
  };
}

test('a jump of forty days expires nothing, and one back delays nothing', { timeout: 270_000 }, async () => {
  const end = await jumpsWhileDeferred();
  report({
    row: 'R08',
    what: 'jumps of +40 d and -42 d while a message waits for its next attempt',
    n: 2,
    accepted: 1,
    lost: 1 - end.copies,
    doubled: 0,
    altered: 0,
    note: `${end.told} told of as failed`,
  });
  expect(end).toEqual({ told: 0, copies: 1 });
});

test('control: a service that counts ages by the wall clock is caught', { timeout: 270_000 }, async () => {
  const end = await jumpsWhileDeferred('counts ages by the wall clock');
  expect(end.told).toBeGreaterThan(0);
});
