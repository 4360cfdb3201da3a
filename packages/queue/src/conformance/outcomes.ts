/** Cases of what becomes of messages: holds, doubt, giving up, commands of persons. */
import assert from 'node:assert/strict';
import {
  BODY,
  codeOf,
  DAY,
  enqueue,
  GREYLISTED,
  HOUR,
  inWorld,
  LANE,
  lease,
  leaseOne,
  LINE_BROKE,
  MINUTE,
  must,
  NO_SUCH_USER,
  SECRET_EXPIRED,
  SEND_AS_DENIED,
  settle,
  statesOf,
  submission,
  type ConformanceOptions,
  type World,
} from './world.ts';
import type { Queue } from '../index.ts';

const DEFERRED = { outcome: 'deferred', fault: GREYLISTED } as const;
const UNCERTAIN = { outcome: 'uncertain', fault: LINE_BROKE } as const;
const NO_SECRET = { outcome: 'deferred', fault: SECRET_EXPIRED } as const;
const NO_SEND_AS = { outcome: 'refused', fault: SEND_AS_DENIED } as const;

/** Lets the time until the next attempt pass. */
async function waitForRetry({ clock }: World, queue: Queue, ms: number = 70 * MINUTE): Promise<void> {
  clock.pass(ms);
  await queue.tick();
}

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
    'waits ten minutes anew after a restart',
    inWorld(options, async (world) => {
      const queue = await world.open();
      await enqueue(queue);
      await settle(world, queue, await leaseOne(queue), UNCERTAIN);
      world.clock.pass(9 * MINUTE);
      const again = await world.open();
      await again.tick();
      world.clock.pass(9 * MINUTE);
      await again.tick();
      assert.deepEqual(await lease(again), []);
      world.clock.pass(MINUTE);
      await again.tick();
      assert.equal((await lease(again)).length, 1);
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

function defineGivingUp(options: ConformanceOptions): void {
  const { it } = options;

  it(
    'tries for five days, tells of the delay once, and then of the end',
    inWorld(options, async (world) => {
      const queue = await world.open();
      const id = await enqueue(queue);
      const told: { readonly kind: string; readonly hours: number }[] = [];
      const begin = world.clock.now();
      const waits: number[] = [];
      for (let tries = 0; (await statesOf(queue, id))[0] !== 'expired'; tries += 1) {
        const [leased] = await lease(queue);
        if (leased === undefined) {
          await waitForRetry(world, queue, must(await queue.get(id)).readyAt - world.clock.now());
          continue;
        }
        const { notices, readyAt } = await settle(world, queue, leased, DEFERRED);
        waits.push((readyAt - world.clock.now()) / MINUTE);
        for (const { kind } of notices) told.push({ kind, hours: Math.round((world.clock.now() - begin) / HOUR) });
      }
      assert.deepEqual(
        told.map(({ kind }) => kind),
        ['delayed', 'failed'],
      );
      assert.ok((told[0]?.hours ?? 0) >= 4 && (told[0]?.hours ?? 0) <= 5, JSON.stringify(told));
      assert.ok((told[1]?.hours ?? 0) >= 120 && (told[1]?.hours ?? 0) <= 122, JSON.stringify(told));
      const between = waits.slice(0, -1);
      assert.ok(Math.min(...between) >= 5 && Math.max(...between) <= 67, JSON.stringify(between));
      assert.ok(
        between.every((wait, index) => wait >= (between[index - 1] ?? 0)),
        'each wait is at least as long',
      );
      assert.equal(must(await queue.get(id)).attempts, waits.length);
    }),
  );

  it(
    'expires nothing because the clock jumped ahead',
    inWorld(options, async (world) => {
      const queue = await world.open();
      const id = await enqueue(queue);
      await settle(world, queue, await leaseOne(queue), DEFERRED);
      world.clock.jump(40 * DAY);
      await queue.tick();
      // Due at once, and tried; not taken again, it lives on: its forty days never were.
      const { notices } = await settle(world, queue, await leaseOne(queue), DEFERRED);
      assert.deepEqual(notices, []);
      assert.deepEqual(await statesOf(queue, id), ['deferred', 'deferred']);
    }),
  );

  it(
    'leaves nothing waiting when the clock goes back',
    inWorld(options, async (world) => {
      const queue = await world.open();
      await enqueue(queue);
      await settle(world, queue, await leaseOne(queue), DEFERRED);
      const fresh = await enqueue(queue);
      world.clock.jump(-2 * DAY);
      assert.equal((await leaseOne(queue)).id, fresh);
      await waitForRetry(world, queue);
      assert.equal((await lease(queue)).length, 1);
    }),
  );

  it(
    'neither doubles nor loses anything in a thousand small jumps of the clock',
    inWorld(options, async (world) => {
      const queue = await world.open();
      const ids: string[] = [];
      const leased: string[] = [];
      for (let step = 0; step < 1000; step += 1) {
        world.clock.jump(step % 2 === 0 ? 5000 : -5000);
        world.clock.pass(7);
        if (step % 20 === 0) ids.push(await enqueue(queue));
        if (step % 10 === 5) {
          for (const each of await lease(queue, 5)) {
            leased.push(each.id);
            await settle(world, queue, each, 'accepted');
          }
        }
        if (step % 50 === 0) await queue.tick();
      }
      assert.deepEqual(leased, ids);
    }),
  );

  it(
    'sets a message aside over which its node died three times, and only then',
    inWorld(options, async (world) => {
      let queue = await world.open();
      const id = await enqueue(queue);
      for (const [state, crashes] of [
        ['queued', 1],
        ['deferred', 2],
        ['held', 3],
      ] as const) {
        assert.equal((await leaseOne(queue)).id, id);
        // The node starts again without having settled anything.
        queue = await world.open();
        const found = must(await queue.get(id));
        assert.deepEqual([found.state, found.crashes], [state, crashes]);
        if (state === 'deferred') await waitForRetry(world, queue, MINUTE);
      }
      await waitForRetry(world, queue, DAY);
      assert.deepEqual(await lease(queue), []);
      const { fault, holdReason } = must(await queue.get(id));
      assert.deepEqual([fault?.code, holdReason], ['QUEUE_MESSAGE_SET_ASIDE', 'crashes']);
      assert.equal(must(await queue.change('release', id)), 'queued');
      await settle(world, queue, await leaseOne(queue), 'accepted');
      assert.equal(must(await queue.get(id)).crashes, 0);
    }),
  );

  it(
    'takes back a lease that ran out by the monotonic clock, not by the other',
    inWorld(options, async (world) => {
      const queue = await world.open({ nodeTimes: { leaseMs: 3000 } });
      await enqueue(queue);
      await leaseOne(queue);
      world.clock.jump(40 * DAY);
      await queue.tick();
      assert.deepEqual(await lease(queue), []);
      world.clock.pass(3000);
      await queue.tick();
      assert.equal((await lease(queue)).length, 1);
    }),
  );
}

function defineCommands(options: ConformanceOptions): void {
  const { it } = options;

  it(
    'sends what is scheduled at its time, and not if it is called back',
    inWorld(options, async (world) => {
      const queue = await world.open();
      const sendAt = world.clock.now() + HOUR;
      const [kept, cancelled] = [await enqueue(queue, { sendAt }), await enqueue(queue, { sendAt })];
      assert.deepEqual(await statesOf(queue, kept), ['scheduled', 'queued']);
      assert.deepEqual(await lease(queue), []);
      assert.equal(must(await queue.change('cancel', cancelled)), 'cancelled');
      await waitForRetry(world, queue, HOUR);
      assert.deepEqual(
        (await lease(queue, 10)).map(({ id }) => id),
        [kept],
      );
      assert.deepEqual(await statesOf(queue, cancelled), ['cancelled', 'cancelled']);
      assert.equal(codeOf(await queue.change('cancel', kept)), 'QUEUE_NOT_POSSIBLE');
    }),
  );

  it(
    'tries what was refused once more when a person asks for it, and only those who do not have it',
    inWorld(options, async (world) => {
      const queue = await world.open();
      const id = await enqueue(queue, { to: ['a@example.net', 'b@example.net'] });
      await settle(world, queue, await leaseOne(queue), (recipient) =>
        recipient === 'a@example.net' ? 'accepted' : { outcome: 'refused', fault: NO_SUCH_USER },
      );
      assert.deepEqual(await statesOf(queue, id), ['refused', 'delivered', 'refused']);
      assert.equal(must(await queue.change('retry', id)), 'queued');
      const again = await leaseOne(queue);
      assert.deepEqual(again.message.envelope.recipients, ['b@example.net']);
      await settle(world, queue, again, 'accepted');
      assert.deepEqual(await statesOf(queue, id), ['delivered', 'delivered', 'delivered']);
      assert.equal(codeOf(await queue.change('retry', id)), 'QUEUE_NOT_POSSIBLE');
    }),
  );

  it(
    'tries what waits at once when a person asks for it',
    inWorld(options, async (world) => {
      const queue = await world.open();
      const id = await enqueue(queue);
      await settle(world, queue, await leaseOne(queue), DEFERRED);
      assert.deepEqual(await lease(queue), []);
      must(await queue.change('retry', id));
      assert.equal((await leaseOne(queue)).id, id);
    }),
  );

  it(
    'discards what waits, and leaves alone what is being sent',
    inWorld(options, async (world) => {
      const queue = await world.open();
      const [first, second] = [await enqueue(queue), await enqueue(queue)];
      const leased = await leaseOne(queue);
      assert.equal(codeOf(await queue.change('discard', first)), 'QUEUE_NOT_POSSIBLE');
      assert.equal(must(await queue.change('discard', second)), 'discarded');
      await settle(world, queue, leased, 'accepted');
      assert.deepEqual(await lease(queue, 10), []);
      assert.equal(must(await queue.get(second)).endedAt, world.clock.now());
      assert.equal(codeOf(await queue.change('discard', 'nothing')), 'QUEUE_MESSAGE_UNKNOWN');
    }),
  );

  it(
    'tries nothing again whose content is no longer kept',
    inWorld(options, async (world) => {
      const queue = await world.open();
      const id = await enqueue(queue);
      must(await queue.change('discard', id));
      await waitForRetry(world, queue, 4 * DAY);
      assert.equal(must(await queue.get(id)).hasBody, false);
      assert.equal(codeOf(await queue.change('retry', id)), 'QUEUE_BODY_GONE');
      assert.equal(codeOf(await queue.openBody(id)), 'QUEUE_BODY_GONE');
    }),
  );

  it(
    'keeps content for days and records for weeks, and what has not ended for ever',
    inWorld(options, async (world) => {
      const queue = await world.open({ retention: { recordDays: 0.001 } });
      const longer = submission({ subject: 'waits' });
      const waiting = must(await queue.enqueue(longer, BODY)).id;
      must(await queue.hold(LANE));
      const ended = await Promise.all(Array.from({ length: 250 }, () => enqueue(queue)));
      for (const id of ended) must(await queue.change('discard', id));
      // A jump of the clock throws nothing away, and no setting goes below a day.
      world.clock.jump(400 * DAY);
      await waitForRetry(world, queue, 23 * HOUR);
      assert.equal(must(await queue.list({ states: ['discarded'] }, { limit: 500 })).messages.length, 250);
      await waitForRetry(world, queue, 2 * HOUR);
      assert.equal(must(await queue.list()).messages.length, 1);
      assert.equal(must(await queue.get(waiting)).hasBody, true);
    }),
  );
}

/** Defines them. */
export function defineOutcomes(options: ConformanceOptions): void {
  const { describe } = options;
  describe('holds', () => defineHolds(options));
  describe('doubt', () => defineDoubt(options));
  describe('giving up', () => defineGivingUp(options));
  describe('commands and retention', () => defineCommands(options));
}
