/** Cases of giving up, of commands of persons, and of what is kept. */
import assert from 'node:assert/strict';
import {
  BODY,
  codeOf,
  DAY,
  DEFERRED,
  enqueue,
  HOUR,
  inWorld,
  LANE,
  lease,
  leaseOne,
  MINUTE,
  must,
  NO_SUCH_USER,
  OTHER_LANE,
  settle,
  statesOf,
  submission,
  waitForRetry,
  type ConformanceOptions,
} from './world.ts';
import type { LeasedMessage } from '../index.ts';

/** Draws from 0 up to 1, the same each time. */
function fractions(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
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
        ['queued', 2],
        ['held', 3],
      ] as const) {
        assert.equal((await leaseOne(queue)).id, id);
        // The node starts again without having settled anything.
        queue = await world.open();
        const found = must(await queue.get(id));
        assert.deepEqual([found.state, found.crashes], [state, crashes]);
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
    'finds the message that kills among others, and sets aside no other',
    inWorld(options, async (world) => {
      const random = fractions(11);
      let queue = await world.open();
      const sent = new Set<string>();
      const ids: string[] = [];
      const lanes = [LANE, OTHER_LANE];
      for (let count = 0; count < 40; count += 1) ids.push(await enqueue(queue, { lane: lanes[count % 2] ?? LANE }));
      const killer = ids[Math.floor(random() * 10)] ?? '';
      let crashes = 0;
      // Twelve in hand in two lanes; which of them is sent first nobody knows.
      const inHand = new Map<string, LeasedMessage>();
      for (;;) {
        for (const lane of lanes) {
          const room = 6 - [...inHand.values()].filter((each) => each.lane === lane).length;
          for (const each of room === 0 ? [] : await lease(queue, room, lane)) inHand.set(each.id, each);
        }
        const next = [...inHand.values()][Math.floor(random() * inHand.size)];
        if (next === undefined) break;
        inHand.delete(next.id);
        if (next.id === killer) {
          crashes += 1;
          inHand.clear();
          queue = await world.open();
        } else {
          sent.add(next.id);
          await settle(world, queue, next, 'accepted');
        }
      }
      assert.equal(crashes, 3);
      assert.deepEqual(
        ids.filter((id) => !sent.has(id)),
        [killer],
      );
      assert.equal(must(await queue.get(killer)).holdReason, 'crashes');
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
  describe('giving up', () => defineGivingUp(options));
  describe('commands and retention', () => defineCommands(options));
}
