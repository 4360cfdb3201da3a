/** Cases of leasing and settling. */
import assert from 'node:assert/strict';
import { statement } from '@postbearer/database';
import { sql } from 'kysely';
import {
  address,
  BODY,
  codeOf,
  enqueue,
  GREYLISTED,
  HOUR,
  inWorld,
  LANE,
  lease,
  leaseOne,
  losingAnswers,
  MINUTE,
  must,
  NO_SUCH_USER,
  OTHER_LANE,
  report,
  settle,
  statesOf,
  submission,
  type ConformanceOptions,
  type World,
} from './world.ts';

const MANY = 5000;
const WORKERS = 8;

/** Puts many messages into the lane quickly. */
async function enqueueMany({ database }: World, queue: Parameters<typeof enqueue>[0], count: number): Promise<void> {
  const statements = Array.from({ length: count }, () => queue.prepareMessage(submission(), BODY)).flatMap(
    (prepared) => prepared.statements,
  );
  for (let start = 0; start < statements.length; start += 1000) {
    must(await database.batch(statements.slice(start, start + 1000)));
  }
}

/** How many of the names stand there more than once. */
function doubled(ids: readonly string[]): number {
  return ids.length - new Set(ids).size;
}

/** Several workers at once, each until there is nothing left. */
async function together(next: () => Promise<readonly string[]>): Promise<string[]> {
  const all: string[] = [];
  const work = async (): Promise<void> => {
    for (let ids = await next(); ids.length > 0; ids = await next()) all.push(...ids);
  };
  await Promise.all(Array.from({ length: WORKERS }, work));
  return all;
}

/** Defines them. */
export function defineLeasing(options: ConformanceOptions): void {
  const { it } = options;

  it(
    `gives each of ${MANY} messages to one of ${WORKERS} workers`,
    inWorld(options, async (world) => {
      const queue = await world.open();
      await enqueueMany(world, queue, MANY);
      const ids = await together(async () => (await lease(queue, 20)).map(({ id }) => id));
      assert.equal(ids.length, MANY);
      assert.equal(doubled(ids), 0);
    }),
  );

  it(
    'would give them out twice without the row of the lane: the case above can fail',
    inWorld(options, async (world) => {
      const { database } = world;
      await enqueueMany(world, await world.open(), 500);
      const look = sql<{ id: string }>`select id from message where state = 'queued' order by id limit 20`;
      const ids = await together(async () => {
        const found = must(await database.query(statement(look)));
        const named = found.map(({ id }) => id);
        await database.batch(named.map((id) => statement(sql`update message set state = 'leased' where id = ${id}`)));
        return named;
      });
      assert.ok(doubled(ids) > 0);
    }),
  );

  it(
    'settles each recipient by its own verdict, and keeps what was said',
    inWorld(options, async (world) => {
      const queue = await world.open();
      const id = await enqueue(queue, { to: ['a@example.net', 'b@example.net', 'c@example.net', 'd@example.net'] });
      const outcomes = { a: 'accepted', b: NO_SUCH_USER, c: GREYLISTED, d: GREYLISTED } as const;
      const first = await leaseOne(queue);
      const decision = await settle(world, queue, first, (recipient) => {
        const outcome = outcomes[recipient[0] as keyof typeof outcomes];
        if (outcome === 'accepted') return outcome;
        return { outcome: outcome === NO_SUCH_USER ? 'refused' : 'deferred', fault: outcome };
      });
      assert.deepEqual(await statesOf(queue, id), ['deferred', 'delivered', 'refused', 'deferred', 'deferred']);
      assert.deepEqual(
        decision.notices.map(({ kind, recipients }) => [kind, recipients.map((each) => each.address)]),
        [['failed', ['b@example.net']]],
      );
      const { history, attempts, fault } = must(await queue.get(id));
      assert.equal(attempts, 1);
      assert.equal(fault?.code, GREYLISTED.code);
      assert.deepEqual(
        history[0]?.replies.map(({ recipients, verdict }) => [recipients, verdict.outcome]),
        [
          [[0], 'accepted'],
          [[1], 'refused'],
          [[2, 3], 'deferred'],
        ],
      );
      // The rest is tried again, and only the rest.
      world.clock.pass(10 * MINUTE);
      await queue.tick();
      const second = await leaseOne(queue);
      assert.deepEqual(second.message.envelope.recipients, ['c@example.net', 'd@example.net']);
      await settle(world, queue, second, 'accepted');
      assert.deepEqual(await statesOf(queue, id), ['refused', 'delivered', 'refused', 'delivered', 'delivered']);
      assert.equal(must(await queue.get(id)).history.length, 2);
    }),
  );

  it(
    'settles nothing for whoever lost the lease',
    inWorld(options, async (world) => {
      const { database, clock, open } = world;
      const queue = await open({ nodeTimes: { leaseMs: 3000 } });
      const id = await enqueue(queue);
      const stale = await leaseOne(queue);
      assert.equal(queue.mayStillSend(stale), true);
      clock.pass(3000);
      assert.equal(queue.mayStillSend(stale), false);
      await queue.tick();
      const fresh = await leaseOne(queue);
      assert.ok(fresh.leaseNumber > stale.leaseNumber);
      const refused = { outcome: 'refused', fault: NO_SUCH_USER } as const;
      const late = queue.decide(stale, report(clock, stale, refused));
      const notice = queue.prepareMessage(submission({ isNotice: true }), BODY);
      assert.equal(must(await queue.settle(stale, late, { messages: [notice] })), false);
      assert.deepEqual(await statesOf(queue, id), ['leased', 'queued']);
      assert.equal(codeOf(await queue.get(notice.id)), 'QUEUE_MESSAGE_UNKNOWN');
      await settle(world, queue, fresh, 'accepted');
      assert.deepEqual(await statesOf(queue, id), ['delivered', 'delivered']);
      // The control: a settlement that does not compare the fencing number overwrites the one that counts.
      must(await database.batch([statement(sql`update message set state = ${late.state} where id = ${id}`)]));
      assert.deepEqual((await statesOf(queue, id))[0], 'refused');
    }),
  );

  it(
    'writes a notice with the verdict that it tells of',
    inWorld(options, async (world) => {
      const queue = await world.open();
      await enqueue(queue);
      const leased = await leaseOne(queue);
      const decision = queue.decide(leased, report(world.clock, leased, { outcome: 'refused', fault: NO_SUCH_USER }));
      const notice = queue.prepareMessage(
        submission({
          lane: OTHER_LANE,
          isNotice: true,
          envelope: { sender: '', recipients: [address('reports@example.com')] },
        }),
        BODY,
      );
      const woken: string[] = [];
      queue.onWake((lane) => woken.push(lane));
      assert.equal(must(await queue.settle(leased, decision, { messages: [notice] })), true);
      assert.ok(woken.includes(OTHER_LANE));
      const told = await leaseOne(queue, OTHER_LANE);
      assert.equal(told.id, notice.id);
      assert.equal(told.message.envelope.sender, '');
      // Of a notice nobody is told.
      const failed = await settle(world, queue, told, { outcome: 'refused', fault: NO_SUCH_USER });
      assert.deepEqual(failed.notices, []);
    }),
  );

  it(
    'finds what was stored when settling is done again',
    inWorld(options, async (world) => {
      const queue = await world.open();
      const id = await enqueue(queue);
      const leased = await leaseOne(queue);
      const decision = queue.decide(leased, report(world.clock, leased, 'accepted'));
      assert.equal(must(await queue.settle(leased, decision)), true);
      assert.equal(must(await queue.settle(leased, decision)), true);
      assert.equal(must(await queue.get(id)).history.length, 1);
    }),
  );

  it(
    'gives nothing of a lane that is another node’s',
    inWorld(options, async ({ open }) => {
      const queue = await open();
      await enqueue(queue, { lane: 'default/unknown@example.com' });
      assert.equal(codeOf(await queue.lease('default/unknown@example.com', { limit: 1 })), 'QUEUE_LANE_NOT_OURS');
      assert.deepEqual(queue.lanes.toSorted(), [OTHER_LANE, LANE]);
    }),
  );

  it(
    'lets the urgent go first, and starves nobody',
    inWorld(options, async (world) => {
      const queue = await world.open();
      for (let count = 0; count < 120; count += 1) await enqueue(queue, { priority: 'bulk', subject: `bulk` });
      const reset = await enqueue(queue, { priority: 'urgent' });
      const normal = await enqueue(queue, { priority: 'normal' });
      const first = await lease(queue, 3);
      assert.deepEqual(first.map(({ id }) => id).slice(0, 2), [reset, normal]);
      assert.equal(first[2]?.priority, 'bulk');
      // A stream of urgent ones without end does not stop the bulk.
      const seen = { urgent: 0, normal: 0, bulk: 0 };
      for (let count = 0; count < 100; count += 1) {
        await enqueue(queue, { priority: 'urgent' });
        seen[(await leaseOne(queue)).priority] += 1;
      }
      assert.ok(seen.bulk >= 5, JSON.stringify(seen));
      assert.ok(seen.urgent >= 90, JSON.stringify(seen));
    }),
  );

  it(
    'keeps the order of arrival within a priority',
    inWorld(options, async ({ open, clock }) => {
      const queue = await open();
      const ids: string[] = [];
      for (let count = 0; count < 30; count += 1) {
        ids.push(await enqueue(queue));
        if (count % 3 === 0) clock.pass(1);
      }
      const leased = [...(await lease(queue, 7)), ...(await lease(queue, 23))];
      assert.deepEqual(
        leased.map(({ id }) => id),
        ids,
      );
    }),
  );

  it(
    'puts back what was not tried, as if nothing had been',
    inWorld(options, async ({ open }) => {
      const queue = await open();
      const id = await enqueue(queue);
      const leased = await lease(queue);
      must(await queue.giveBack(leased));
      const { state, attempts, crashes } = must(await queue.get(id));
      assert.deepEqual({ state, attempts, crashes }, { state: 'queued', attempts: 0, crashes: 0 });
      assert.equal((await leaseOne(queue)).id, id);
    }),
  );

  it(
    'makes a lease last that is renewed or being settled',
    inWorld(options, async ({ open, clock }) => {
      const queue = await open({ nodeTimes: { leaseMs: 3000 } });
      await enqueue(queue);
      const leased = await leaseOne(queue);
      for (let count = 0; count < 5; count += 1) {
        clock.pass(2000);
        queue.renew(leased);
        await queue.tick();
      }
      assert.equal(queue.mayStillSend(leased), true);
      assert.deepEqual(await lease(queue), []);
    }),
  );

  it(
    'gives back what was leased by a call whose answer was lost, and finds a settlement whose answer was',
    inWorld(options, async (world) => {
      const { database, clock, open } = world;
      let isLost = false;
      const queue = await open({ on: losingAnswers(database, () => isLost) });
      const id = await enqueue(queue);
      isLost = true;
      assert.equal(codeOf(await queue.lease(LANE, { limit: 1 })), 'DATABASE_OUTCOME_UNKNOWN');
      isLost = false;
      assert.deepEqual(await statesOf(queue, id), ['leased', 'queued']);
      await queue.tick();
      const { state, crashes } = must(await queue.get(id));
      assert.deepEqual({ state, crashes }, { state: 'queued', crashes: 0 });
      const leased = await leaseOne(queue);
      const decision = queue.decide(leased, report(clock, leased, 'accepted'));
      isLost = true;
      assert.equal(codeOf(await queue.settle(leased, decision)), 'DATABASE_OUTCOME_UNKNOWN');
      isLost = false;
      // However long it takes until there is an answer: what is known is not tried again.
      clock.pass(HOUR);
      await queue.tick();
      assert.equal(must(await queue.settle(leased, decision)), true);
      assert.deepEqual(await statesOf(queue, id), ['delivered', 'delivered']);
    }),
  );
}
