/** Cases of several nodes on one database. */
import assert from 'node:assert/strict';
import { statement } from '@postbearer/database';
import { sql } from 'kysely';
import {
  codeOf,
  DAY,
  enqueue,
  HOUR,
  inWorld,
  LANE,
  lease,
  leaseOne,
  losingAnswers,
  must,
  OTHER_LANE,
  report,
  settle,
  statesOf,
  type ConformanceOptions,
  type World,
} from './world.ts';
import type { Queue } from '../index.ts';

const LANES = Array.from({ length: 16 }, (_, index) => `default/lane${index}@example.com`);
const SECOND = 1000;

/** Lets time pass in steps of a beat, while these nodes live. */
async function live({ clock }: World, ms: number, ...nodes: readonly Queue[]): Promise<void> {
  for (let passed = 0; passed < ms; passed += 5 * SECOND) {
    clock.pass(5 * SECOND);
    for (const node of nodes) await node.tick();
  }
}

function ownersOf(nodes: Readonly<Record<string, Queue>>, lanes: readonly string[]): (string | undefined)[][] {
  return lanes.map((lane) => Object.keys(nodes).filter((name) => nodes[name]?.owns(lane)));
}

/** Defines them. */
export function defineNodes(options: ConformanceOptions): void {
  const { it } = options;

  it(
    'gives each lane one owner, and each node some, as nodes come and go',
    inWorld(options, async (world) => {
      const open = (node: string): Promise<Queue> => world.open({ node, lanes: LANES });
      const nodes: Record<string, Queue> = { a: await open('a') };
      assert.equal(nodes['a']?.lanes.length, LANES.length);
      for (const name of ['b', 'c']) {
        nodes[name] = await open(name);
        await live(world, 15 * SECOND, ...Object.values(nodes));
        assert.ok(ownersOf(nodes, LANES).every((owners) => owners.length === 1));
        for (const node of Object.values(nodes)) assert.ok(node.lanes.length >= 2, `${node.lanes.length} lanes`);
      }
      // One that says good-bye is not waited for, and only its lanes move.
      const before = ownersOf(nodes, LANES);
      await nodes['c']?.stop();
      const { c: _, ...rest } = nodes;
      await live(world, 5 * SECOND, ...Object.values(rest));
      const after = ownersOf(rest, LANES);
      assert.ok(after.every((owners) => owners.length === 1));
      assert.ok(before.every(([owner], index) => owner === 'c' || owner === after[index]?.[0]));
    }),
  );

  it(
    'gives a lane only to nodes that have its settings',
    inWorld(options, async (world) => {
      const a = await world.open({ node: 'a', lanes: LANES.slice(0, 8) });
      const b = await world.open({ node: 'b', lanes: LANES.slice(8) });
      await live(world, 15 * SECOND, a, b);
      assert.deepEqual(a.lanes.toSorted(), LANES.slice(0, 8).toSorted());
      assert.deepEqual(b.lanes.toSorted(), LANES.slice(8).toSorted());
      await b.setLanes([]);
      await live(world, 10 * SECOND, a, b);
      assert.deepEqual(b.lanes, []);
    }),
  );

  it(
    'takes over from a dead node within a minute, not before it has stopped, and whatever the clock says',
    inWorld(options, async (world) => {
      const { clock } = world;
      const dead = await world.open({ node: 'dead' });
      const ids = await Promise.all([enqueue(dead), enqueue(dead, { lane: OTHER_LANE })]);
      const inHand = await leaseOne(dead);
      const alive = await world.open({ node: 'alive', lanes: [] });
      await live(world, 5 * SECOND, dead, alive);
      await alive.setLanes([LANE, OTHER_LANE]);
      const all = { dead, alive };
      // From here on the dead one does nothing.
      clock.jump(40 * DAY);
      const handed = [LANE, OTHER_LANE].filter((lane) => alive.owns(lane));
      assert.deepEqual(handed, []);
      for (let seconds = 5; seconds < 30; seconds += 5) {
        await live(world, 5 * SECOND, alive);
        assert.deepEqual(ownersOf(all, [LANE]), [['dead']]);
        assert.equal(dead.mayStillSend(inHand), true);
      }
      await live(world, 5 * SECOND, alive);
      // It has stopped, and nobody sends for a while.
      assert.equal(dead.mayStillSend(inHand), false);
      assert.deepEqual(ownersOf(all, [LANE, OTHER_LANE]), [[], []]);
      await live(world, 30 * SECOND, alive);
      assert.deepEqual(ownersOf(all, [LANE, OTHER_LANE]), [['alive'], ['alive']]);
      assert.deepEqual(
        (await lease(alive)).map(({ id }) => id),
        [ids[0]],
      );
      assert.deepEqual(
        (await lease(alive, 1, OTHER_LANE)).map(({ id }) => id),
        [ids[1]],
      );
    }),
  );

  it(
    'lets a node that was paused neither lease nor settle',
    inWorld(options, async (world) => {
      const { clock, database } = world;
      const paused = await world.open({ node: 'a' });
      const id = await enqueue(paused);
      await enqueue(paused);
      const inHand = await leaseOne(paused);
      const other = await world.open({ node: 'b', lanes: [] });
      await live(world, 5 * SECOND, paused, other);
      await other.setLanes([LANE, OTHER_LANE]);
      await live(world, 60 * SECOND, other);
      const again = await leaseOne(other);
      assert.equal(again.id, id);
      // It wakes, and has not noticed yet: even where it believes that it still owns the lane, the fence keeps it out.
      assert.equal(paused.mayStillSend(inHand), false);
      assert.equal(codeOf(await paused.lease(LANE, { limit: 1 })), 'QUEUE_LANE_NOT_OURS');
      const late = paused.decide(inHand, report(clock, inHand, 'accepted'));
      assert.equal(must(await paused.settle(inHand, late)), false);
      assert.deepEqual(await statesOf(other, id), ['leased', 'queued']);
      await settle(world, other, again, 'accepted');
      // The control: a take that does not ask whose the lane is gets the next message.
      const taken = await database.batch([
        statement(sql`update message set state = 'leased' where state = 'queued' and lane = ${LANE} returning id`),
      ]);
      const outcome = must(taken);
      assert.equal(outcome.done && outcome.results[0].rows.length, 1);
    }),
  );

  it(
    'keeps a former owner out by the fence alone, when it has not noticed that it lost the lane',
    inWorld(options, async (world) => {
      const { database } = world;
      const queue = await world.open();
      await enqueue(queue);
      // Somebody else took it, just now.
      must(await database.batch([statement(sql`update lane set owner = 'other', fence = fence + 1`)]));
      assert.equal(queue.owns(LANE), true);
      assert.equal(codeOf(await queue.lease(LANE, { limit: 1 })), 'QUEUE_LANE_NOT_OURS');
    }),
  );

  it(
    'hands a lane over only when nothing of it is in flight',
    inWorld(options, async (world) => {
      const a = await world.open({ node: 'a', lanes: LANES });
      for (const lane of LANES) await enqueue(a, { lane });
      const inHand = (await Promise.all(LANES.map((lane) => lease(a, 1, lane)))).flat();
      const b = await world.open({ node: 'b', lanes: LANES });
      await live(world, 20 * SECOND, a, b);
      // It leases no more of what it is to hand over, and finishes what it has.
      assert.equal(b.lanes.length, 0);
      assert.ok(a.lanes.length < LANES.length);
      assert.ok(inHand.every((leased) => a.mayStillSend(leased)));
      for (const leased of inHand) await settle(world, a, leased, 'accepted');
      await live(world, 20 * SECOND, a, b);
      assert.equal(a.lanes.length + b.lanes.length, LANES.length);
      assert.ok(b.lanes.length > 0);
      const counts = must(await a.counts()).states;
      assert.deepEqual(counts, {});
    }),
  );

  it(
    'lets a node that starts again take its lanes at once, and stops an older run of it',
    inWorld(options, async (world) => {
      const older = await world.open({ node: 'a' });
      const id = await enqueue(older);
      const inHand = await leaseOne(older);
      const newer = await world.open({ node: 'a' });
      assert.deepEqual(newer.lanes.toSorted(), [OTHER_LANE, LANE]);
      assert.equal((await leaseOne(newer)).id, id);
      await live(world, 5 * SECOND, older);
      assert.equal(older.isReplaced, true);
      assert.equal(older.mayStillSend(inHand), false);
      assert.deepEqual(older.lanes, []);
      assert.equal(newer.isReplaced, false);
    }),
  );

  it(
    'stops sending when it cannot reach the database, and goes on when it can',
    inWorld(options, async (world) => {
      let isLost = false;
      const queue = await world.open({ on: losingAnswers(world.database, () => isLost) });
      isLost = true;
      await live(world, 30 * SECOND, queue);
      assert.deepEqual(queue.lanes, []);
      isLost = false;
      await live(world, 5 * SECOND, queue);
      assert.equal(queue.lanes.length, 2);
    }),
  );

  it(
    'wakes the node that owns the lane',
    inWorld(options, async (world) => {
      const owner = await world.open({ node: 'a' });
      const other = await world.open({ node: 'b', lanes: [] });
      owner.start();
      const woken: string[] = [];
      owner.onWake((lane) => woken.push(lane));
      // Notices are lost until the connection that listens stands; in production the look of every second makes up for it.
      while (!woken.includes(LANE)) {
        await enqueue(other);
        world.clock.pass(20);
        await owner.counts();
      }
    }),
  );

  it(
    'keeps what another living node is receiving',
    inWorld(options, async (world) => {
      const a = await world.open({ node: 'a' });
      const intake = a.intake();
      must(await intake.write(new Uint8Array(600_000)));
      const b = await world.open({ node: 'b' });
      await live(world, HOUR / 60, a, b);
      await intake.abandon();
      const left = await world.database.query(statement(sql<{ n: number }>`select count(*) as n from body_chunk`));
      assert.deepEqual(must(left), [{ n: 0 }]);
    }),
  );
}
