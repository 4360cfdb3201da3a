/** Cases of holds and of doubt. */
import assert from 'node:assert/strict';
import {
  DAY,
  DEFERRED,
  enqueue,
  HOUR,
  inWorld,
  LANE,
  lease,
  leaseOne,
  LINE_BROKE,
  MINUTE,
  must,
  SECRET_EXPIRED,
  SEND_AS_DENIED,
  settle,
  statesOf,
  waitForRetry,
  type ConformanceOptions,
} from './world.ts';

const UNCERTAIN = { outcome: 'uncertain', fault: LINE_BROKE } as const;
const NO_SECRET = { outcome: 'deferred', fault: SECRET_EXPIRED } as const;
const NO_SEND_AS = { outcome: 'refused', fault: SEND_AS_DENIED } as const;

function defineHolds(options: ConformanceOptions): void {
  const { it } = options;

  it(
    'holds the lane on a set-up fault, uses up no attempt, and drains after a probe that works',
    inWorld(options, async (world) => {
      const queue = await world.open();
      const ids = [await enqueue(queue), await enqueue(queue), await enqueue(queue)];
      const first = await leaseOne(queue);
      await settle(world, queue, first, NO_SECRET, { scope: 'lane', fault: SECRET_EXPIRED });
      assert.deepEqual(await lease(queue, 10), []);
      const [held] = must(await queue.holds());
      assert.deepEqual([held?.lane, held?.sender, held?.fault?.code], [LANE, '', SECRET_EXPIRED.code]);
      const { state, attempts, history } = must(await queue.get(first.id));
      assert.deepEqual({ state, attempts, used: history[0]?.isUsed }, { state: 'queued', attempts: 0, used: false });
      // Nothing expires while it is held, however long.
      world.clock.pass(30 * DAY);
      await queue.tick();
      const [probe] = must(await queue.lease(LANE, { limit: 10, probe: { scope: 'lane' } }));
      assert.equal(probe?.id, ids[0]);
      assert.ok(probe);
      await settle(world, queue, probe, NO_SECRET, { scope: 'lane', fault: SECRET_EXPIRED });
      assert.deepEqual(await lease(queue, 10), []);
      const [second] = must(await queue.lease(LANE, { limit: 1, probe: { scope: 'lane' } }));
      assert.ok(second);
      // The first attempt after the mend may be put off: it does not expire.
      await settle(world, queue, second, DEFERRED);
      assert.deepEqual(must(await queue.holds()), []);
      assert.deepEqual(await statesOf(queue, second.id), ['deferred', 'deferred']);
      assert.equal((await lease(queue, 10)).length, 2);
    }),
  );

  it(
    'asks for one attempt when a person releases a lane that a fault holds',
    inWorld(options, async (world) => {
      const queue = await world.open();
      await enqueue(queue);
      await settle(world, queue, await leaseOne(queue), NO_SECRET, { scope: 'lane', fault: SECRET_EXPIRED });
      assert.equal(must(await queue.holds())[0]?.isProbeAsked, false);
      must(await queue.release(LANE));
      assert.equal(must(await queue.holds())[0]?.isProbeAsked, true);
      assert.deepEqual(await lease(queue), []);
      const [probe] = must(await queue.lease(LANE, { limit: 1, probe: { scope: 'lane' } }));
      assert.ok(probe);
      await settle(world, queue, probe, 'accepted');
      assert.deepEqual(must(await queue.holds()), []);
    }),
  );

  it(
    'never gets stuck where a held lane has only messages whose From is held as well, whichever was held first',
    inWorld(options, async (world) => {
      for (const first of ['lane', 'sender'] as const) {
        const queue = await world.open();
        const ids = [await enqueue(queue), await enqueue(queue)];
        const lane = { verdict: NO_SECRET, hold: { scope: 'lane', fault: SECRET_EXPIRED } } as const;
        const sender = { verdict: NO_SEND_AS, hold: { scope: 'sender', fault: SEND_AS_DENIED } } as const;
        const [before, after] = first === 'lane' ? [lane, sender] : [sender, lane];
        const tried = await leaseOne(queue);
        await settle(world, queue, tried, before.verdict, before.hold);
        const scope = first === 'lane' ? { scope: 'lane' as const } : { scope: 'sender' as const, sender: tried.from };
        const [probe] = must(await queue.lease(LANE, { limit: 1, probe: scope }));
        assert.ok(probe);
        await settle(world, queue, probe, after.verdict, after.hold);
        await queue.tick();
        // Both are mended: what holds is tried, and everything goes.
        for (let tries = 0; tries < 4 && must(await queue.holds()).length > 0; tries += 1) {
          const [held] = must(await queue.holds()).toSorted((a, b) => a.sender.localeCompare(b.sender));
          const wanted =
            held?.sender === '' ? { scope: 'lane' as const } : { scope: 'sender' as const, sender: held?.sender ?? '' };
          const [next] = must(await queue.lease(LANE, { limit: 1, probe: wanted }));
          assert.ok(next, `nothing is leased to try the hold of ${held?.sender === '' ? 'the lane' : 'the sender'}`);
          await settle(world, queue, next, 'accepted');
          await queue.tick();
        }
        assert.deepEqual(must(await queue.holds()), []);
        for (const message of await lease(queue, 10)) await settle(world, queue, message, 'accepted');
        for (const id of ids) assert.equal(must(await queue.get(id)).state, 'delivered');
      }
    }),
  );

  it(
    'holds only what has the same From when the mailbox may not send as it',
    inWorld(options, async (world) => {
      const queue = await world.open();
      const denied = { from: 'Boss@Example.com' };
      const ids = [await enqueue(queue, denied), await enqueue(queue), await enqueue(queue, denied)];
      const first = await leaseOne(queue);
      await settle(world, queue, first, NO_SEND_AS, { scope: 'sender', fault: SEND_AS_DENIED });
      assert.deepEqual(await statesOf(queue, ids[0] ?? ''), ['held', 'queued']);
      // What has this From is put aside; what comes later is not leased either.
      assert.deepEqual(await statesOf(queue, ids[2] ?? ''), ['held', 'queued']);
      const late = await enqueue(queue, denied);
      assert.deepEqual(
        (await lease(queue, 10)).map(({ id }) => id),
        [ids[1]],
      );
      assert.equal(must(await queue.get(late)).holdReason, undefined);
      const probeOf = { scope: 'sender', sender: 'boss@example.com' } as const;
      const [probe] = must(await queue.lease(LANE, { limit: 1, probe: probeOf }));
      assert.equal(probe?.id, ids[0]);
      assert.ok(probe);
      await settle(world, queue, probe, 'accepted');
      assert.deepEqual(
        (await lease(queue, 10)).map(({ id }) => id),
        [ids[2], late],
      );
    }),
  );

  it(
    'waits for the person who holds a lane or a sender',
    inWorld(options, async (world) => {
      const queue = await world.open();
      await enqueue(queue, { from: 'boss@example.com' });
      const other = await enqueue(queue);
      must(await queue.hold(LANE, 'Boss@example.com'));
      const leased = await leaseOne(queue);
      assert.equal(leased.id, other);
      await settle(world, queue, leased, 'accepted');
      must(await queue.hold(LANE));
      must(await queue.release(LANE, 'boss@example.com'));
      assert.deepEqual(await lease(queue, 10), []);
      // A probe of a fault does not lift what a person holds.
      const [probe] = must(await queue.lease(LANE, { limit: 1, probe: { scope: 'lane' } }));
      assert.ok(probe);
      await settle(world, queue, probe, DEFERRED);
      assert.deepEqual(
        must(await queue.holds()).map(({ kind }) => kind),
        ['person'],
      );
      must(await queue.release(LANE));
      await waitForRetry(world, queue);
      assert.equal((await lease(queue, 10)).length, 1);
    }),
  );
}

function defineDoubt(options: ConformanceOptions): void {
  const { it } = options;

  it(
    'sends again after an uncertain outcome no sooner than after ten minutes, whatever the clock says',
    inWorld(options, async (world) => {
      const queue = await world.open();
      const id = await enqueue(queue);
      const leased = await leaseOne(queue);
      await settle(world, queue, leased, UNCERTAIN);
      assert.deepEqual(await statesOf(queue, id), ['uncertain', 'uncertain']);
      await queue.tick();
      world.clock.jump(HOUR);
      world.clock.pass(10 * MINUTE - 1);
      await queue.tick();
      assert.deepEqual(await lease(queue), []);
      world.clock.jump(-2 * DAY);
      world.clock.pass(1);
      await queue.tick();
      const again = await leaseOne(queue);
      assert.equal(again.messageId, leased.messageId);
      await settle(world, queue, again, 'accepted');
      assert.deepEqual(await statesOf(queue, id), ['delivered', 'delivered']);
    }),
  );

  it(
    'goes on with what is left of the ten minutes after a restart, whatever the clock says',
    inWorld(options, async (world) => {
      let queue = await world.open();
      await enqueue(queue);
      await settle(world, queue, await leaseOne(queue), UNCERTAIN);
      const pass = async (ms: number): Promise<void> => {
        // The wait begins when it is first seen.
        await queue.tick();
        for (let left = ms; left > 0; left -= MINUTE) await waitForRetry(world, queue, Math.min(left, MINUTE));
      };
      await pass(4 * MINUTE);
      // It dies: what passed since the last note is waited for again.
      await pass(MINUTE / 2);
      queue = await world.open();
      world.clock.jump(DAY);
      await pass(3 * MINUTE + MINUTE / 2);
      // It ends in peace: nothing is.
      await queue.stop();
      queue = await world.open();
      world.clock.jump(-DAY);
      await pass(2 * MINUTE + MINUTE / 2 - 1);
      assert.deepEqual(await lease(queue), []);
      await pass(1);
      assert.equal((await lease(queue)).length, 1);
    }),
  );

  it(
    'does not send again where that is chosen, and says so',
    inWorld(options, async (world) => {
      const queue = await world.open({ uncertain: 'stop' });
      const id = await enqueue(queue);
      const { notices } = await settle(world, queue, await leaseOne(queue), UNCERTAIN);
      assert.deepEqual(await statesOf(queue, id), ['unconfirmed', 'unconfirmed']);
      assert.deepEqual(
        notices.map(({ kind }) => kind),
        ['unconfirmed'],
      );
    }),
  );

  it(
    'waits for a person where that is chosen',
    inWorld(options, async (world) => {
      const queue = await world.open({ uncertain: 'ask' });
      const id = await enqueue(queue);
      await settle(world, queue, await leaseOne(queue), UNCERTAIN);
      await waitForRetry(world, queue, DAY);
      assert.deepEqual(await lease(queue), []);
      assert.equal(must(await queue.get(id)).holdReason, 'uncertain');
      assert.equal(must(await queue.change('release', id)), 'queued');
      assert.equal((await leaseOne(queue)).id, id);
    }),
  );
}

/** Defines them. */
export function defineHoldsAndDoubt(options: ConformanceOptions): void {
  const { describe } = options;
  describe('holds', () => defineHolds(options));
  describe('doubt', () => defineDoubt(options));
}
