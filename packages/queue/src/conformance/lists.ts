/** Cases of lists and counts. */
import assert from 'node:assert/strict';
import {
  enqueue,
  GREYLISTED,
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
  type ConformanceOptions,
  type World,
} from './world.ts';
import type { MessageFilter, Queue } from '../index.ts';

/** Reads a list to its end, page by page. */
async function allPages(queue: Queue, filter: MessageFilter, limit: number): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let after: string | undefined, isFirst = true; isFirst || after !== undefined; isFirst = false) {
    const page = must(await queue.list(filter, after === undefined ? { limit } : { limit, after }));
    ids.push(...page.messages.map(({ id }) => id));
    after = page.next;
  }
  return ids;
}

/** A queue with one message in each of several states, by state. */
async function variety(world: World, queue: Queue): Promise<Readonly<Record<string, string>>> {
  const delivered = await enqueue(queue, { app: 'shop', to: ['Ann@Example.net', 'bob@example.net'] });
  await settle(world, queue, await leaseOne(queue), 'accepted');
  const refused = await enqueue(queue, { from: 'Boss@Example.com', messageId: '<2@example.com>' });
  await settle(world, queue, await leaseOne(queue), { outcome: 'refused', fault: NO_SUCH_USER });
  world.clock.pass(HOUR);
  await queue.tick();
  const deferred = await enqueue(queue, { subject: 'Quarterly 100% Report_1' });
  await settle(world, queue, await leaseOne(queue), { outcome: 'deferred', fault: GREYLISTED });
  const leased = await enqueue(queue, { to: ['ann@example.net'] });
  await lease(queue);
  const scheduled = await enqueue(queue, { sendAt: world.clock.now() + HOUR });
  const queued = await enqueue(queue, { lane: OTHER_LANE });
  return { delivered, refused, deferred, leased, scheduled, queued };
}

/** Defines them. */
export function defineLists(options: ConformanceOptions): void {
  const { it } = options;

  it(
    'lists every message once, the newest first, whatever the size of the pages',
    inWorld(options, async ({ open, clock }) => {
      const queue = await open();
      const ids: string[] = [];
      for (let count = 0; count < 107; count += 1) {
        ids.push(await enqueue(queue));
        if (count % 10 === 0) clock.pass(1);
        // A clock that goes back does not disturb the order.
        if (count === 50) clock.jump(-HOUR);
      }
      for (const limit of [1, 10, 107, 500]) {
        assert.deepEqual(await allPages(queue, {}, limit), ids.toReversed());
        assert.deepEqual(await allPages(queue, { states: ['queued', 'deferred'] }, limit), ids.toReversed());
      }
    }),
  );

  it(
    'finds messages by what is known of them',
    inWorld(options, async (world) => {
      const queue = await world.open();
      const ids = await variety(world, queue);
      const found = async (filter: MessageFilter): Promise<readonly string[]> => {
        const byId = new Map(Object.entries(ids).map(([name, id]) => [id, name]));
        return (await allPages(queue, filter, 2)).map((id) => byId.get(id) ?? id);
      };
      const hourAgo = world.clock.now() - HOUR;
      assert.deepEqual(await found({ states: ['delivered'] }), ['delivered']);
      assert.deepEqual(await found({ states: ['refused', 'deferred', 'delivered'] }), [
        'deferred',
        'refused',
        'delivered',
      ]);
      assert.deepEqual(await found({ states: [] }), []);
      assert.deepEqual(await found({ lane: OTHER_LANE }), ['queued']);
      assert.deepEqual(await found({ app: 'shop' }), ['delivered']);
      assert.deepEqual(await found({ recipient: 'ANN@example.NET' }), ['leased', 'delivered']);
      assert.deepEqual(await found({ recipient: 'bob@example.net', states: ['deferred'] }), []);
      assert.deepEqual(await found({ from: 'boss@example.com' }), ['refused']);
      assert.deepEqual(await found({ messageId: '<2@example.com>' }), ['refused']);
      assert.deepEqual(await found({ faultCode: GREYLISTED.code }), ['deferred']);
      assert.deepEqual(await found({ subject: 'quarterly 100% report_' }), ['deferred']);
      assert.deepEqual(await found({ subject: '100_' }), []);
      assert.deepEqual(await found({ search: 'QUARTERLY 100%' }), ['deferred']);
      assert.deepEqual(await found({ search: 'ann@example' }), ['leased', 'delivered']);
      assert.deepEqual(await found({ search: 'boss@' }), ['refused']);
      assert.deepEqual(await found({ search: '<2@', states: ['refused', 'queued'] }), ['refused']);
      assert.deepEqual(await found({ search: 'nowhere_' }), []);
      assert.deepEqual(await found({ states: ['queued', 'leased'], lane: LANE, app: 'crm' }), ['leased']);
      assert.deepEqual(await found({ until: hourAgo + 1 }), ['refused', 'delivered']);
      assert.deepEqual(await found({ since: hourAgo + 1, lane: LANE }), ['scheduled', 'leased', 'deferred']);
    }),
  );

  it(
    'knows how much of an app waits, and forgets nothing that it took in',
    inWorld(options, async (world) => {
      const queue = await world.open();
      const load = async (app: string): Promise<readonly number[]> => {
        const { messages, bytes } = must(await queue.queuedOf(app));
        return [messages, bytes];
      };
      assert.deepEqual(await load('crm'), [0, 0]);
      await enqueue(queue, {}, new Uint8Array(1000));
      await enqueue(queue, { app: 'shop' });
      await enqueue(queue, { sendAt: world.clock.now() + HOUR }, new Uint8Array(300_000));
      assert.deepEqual(await load('crm'), [2, 301_000]);
      await settle(world, queue, await leaseOne(queue), 'accepted');
      // It may count too much for a moment.
      assert.deepEqual(await load('crm'), [2, 301_000]);
      world.clock.pass(1000);
      assert.deepEqual(await load('crm'), [1, 300_000]);
    }),
  );

  it(
    'counts what waits, where, since when and why',
    inWorld(options, async (world) => {
      const queue = await world.open();
      const begin = world.clock.now();
      await variety(world, queue);
      must(await queue.hold(OTHER_LANE));
      const { states, lanes, stuck } = must(await queue.counts());
      assert.deepEqual(states, { refused: 1, deferred: 1, leased: 1, scheduled: 1, queued: 1 });
      assert.deepEqual(
        lanes.map(({ lane, owner, queued, leased, oldestReadyAt, holds }) => [
          lane,
          owner,
          queued,
          leased,
          oldestReadyAt === undefined ? undefined : oldestReadyAt - begin,
          holds.length,
        ]),
        [
          [OTHER_LANE, 'node', 1, 0, HOUR, 1],
          [LANE, 'node', 0, 1, undefined, 0],
        ],
      );
      assert.deepEqual(
        stuck.toSorted((a, b) => (a.state < b.state ? -1 : 1)),
        [
          { state: 'deferred', faultCode: GREYLISTED.code, lane: LANE, count: 1 },
          { state: 'scheduled', lane: LANE, count: 1 },
        ],
      );
      world.clock.pass(10 * MINUTE);
      await queue.tick();
      assert.equal(must(await queue.counts()).states.queued, 2);
    }),
  );
}
