/** R19: SIGTERM under load, again and again; and with an upstream that hangs. */
import { expect, test } from 'vitest';
import { testMessage } from './harness/messages.ts';
import { draws, drawBetween, seed } from './harness/random.ts';
import { report, size } from './harness/rows.ts';
import { ScriptedClient } from './harness/script.ts';
import { eventually, submitOnce, World } from './harness/world.ts';

const RESTARTS = size(10, 100);

test(
  `${RESTARTS} restarts under load lose and double nothing (seed ${seed})`,
  { timeout: size(540_000, 1_200_000) },
  async () => {
    await using world = await World.make();
    const random = draws();
    const service = world.service();
    const clients = ['a', 'b', 'c'].map((name) => new ScriptedClient(world, `restart-${name}`));
    let slowestMs = 0;
    for (let restart = 0; restart < RESTARTS; restart += 1) {
      await service.start();
      const load = Promise.all(clients.map(async (client) => await client.run(service, 1000)));
      // oxlint-disable-next-line promise/avoid-new -- at a moment that nothing announces
      await new Promise((resolve) => setTimeout(resolve, drawBetween(random, 50, 600)));
      const asked = performance.now();
      await service.stop();
      slowestMs = Math.max(slowestMs, performance.now() - asked);
      expect(service.ending).toBe(0);
      await load;
    }
    await service.start();
    expect(await service.drain()).toEqual([]);
    const { accepted, lost, doubled, altered } = world.ledger.verdict();
    report({
      row: 'R19',
      what: 'SIGTERM under load',
      n: RESTARTS,
      accepted,
      lost: lost.length,
      doubled: doubled.size,
      altered: altered.length,
      note: `ended within ${Math.round(slowestMs)} ms`,
    });
    expect([lost, altered]).toEqual([[], []]);
    expect([...doubled]).toEqual([]);
  },
);

test('control: ending without a last word doubles what was on its way', { timeout: 180_000 }, async () => {
  await using world = await World.make();
  const service = world.service();
  await service.start();
  service.killAt('settle:before');
  await submitOnce(service.smtpPort, testMessage('cut'), world.ledger);
  await service.ended();
  service.killAt();
  await service.start();
  await service.drain();
  expect(world.ledger.verdict().doubled.size).toBe(1);
});

test(
  'with an upstream that hangs it ends in time, keeps the message, and a second signal does not wait',
  { timeout: 270_000 },
  async () => {
    await using world = await World.make();
    const service = world.service();
    await service.start();
    await world.sink.fault({ stage: 'rcpt', action: { kind: 'hang' } });
    await submitOnce(service.smtpPort, testMessage('hung'), world.ledger);
    const isHanging = (): boolean =>
      service.events.some(({ event, text }) => event === 'smtp.dialogue' && String(text).startsWith('RCPT'));
    expect(await eventually(isHanging)).toBe(true);
    const asked = performance.now();
    await service.stop();
    expect(service.ending).toBe(0);
    const tookMs = performance.now() - asked;
    // Ten seconds are promised; the machine may be busy.
    expect(tookMs).toBeLessThan(20_000);
    await service.start();
    expect(await eventually(async () => (await service.list()).some(({ state }) => state === 'leased'))).toBe(true);
    service.signal('SIGTERM');
    expect(await eventually(() => service.hasEnded, 300)).toBe(false);
    service.signal('SIGTERM');
    await service.ended();
    expect(service.ending).toBe(130);
    await world.sink.clear();
    await service.start();
    expect(await service.drain()).toEqual([]);
    const { accepted, lost, doubled, altered } = world.ledger.verdict();
    report({
      row: 'R19',
      what: 'SIGTERM while the upstream hangs; a second signal',
      n: 2,
      accepted,
      lost: lost.length,
      doubled: doubled.size,
      altered: altered.length,
      note: `ended after ${Math.round(tookMs)} ms`,
    });
    expect([lost, altered, [...doubled]]).toEqual([[], [], []]);
  },
);
