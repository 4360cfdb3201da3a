/** Cases of taking messages in. */
import assert from 'node:assert/strict';
import { mustChange, statement } from '@postbearer/database';
import { sql } from 'kysely';
import {
  BODY,
  bytesOf,
  codeOf,
  DAY,
  enqueue,
  HOUR,
  inWorld,
  lease,
  leaseOne,
  must,
  readAll,
  submission,
  type ConformanceOptions,
} from './world.ts';

const KEY = { key: 'order-17', digest: 'sha256:one' };

/** Defines them. */
export function defineIntake(options: ConformanceOptions): void {
  const { it } = options;

  it(
    'gives out what was taken in, byte for byte',
    inWorld(options, async ({ open, clock }) => {
      const queue = await open();
      const to = ['Ann.Smith@Example.net', 'bob@example.net'];
      const dsn = { notify: ['failure'], envelopeId: 'QQ' } as const;
      const given = submission({ to, priority: 'urgent', origin: 'smtp 192.0.2.7' });
      const envelope = { ...given.envelope, dsn };
      const { id, isNew } = must(await queue.enqueue({ ...given, envelope }, BODY));
      assert.equal(isNew, true);
      const leased = await leaseOne(queue);
      assert.equal(leased.id, id);
      assert.deepEqual(leased.message.envelope, envelope);
      assert.deepEqual(await readAll(leased.message.content), BODY);
      const { state, recipients, sizeBytes, acceptedAt, origin } = must(await queue.get(id));
      assert.deepEqual(
        { state, sizeBytes, acceptedAt, origin, recipients: recipients.map((each) => each.address) },
        { state: 'leased', sizeBytes: BODY.length, acceptedAt: clock.now(), origin: 'smtp 192.0.2.7', recipients: to },
      );
    }),
  );

  it(
    'stores a large message ahead, and shows it only when it is whole',
    inWorld(options, async ({ open }) => {
      const queue = await open();
      const content = bytesOf(1_300_001);
      const intake = queue.intake();
      // Pieces of odd sizes, in one buffer that is used again and again, as a socket gives them.
      const buffer = new Uint8Array(7919);
      for (let start = 0; start < content.length; start += buffer.length) {
        const piece = content.subarray(start, start + buffer.length);
        buffer.set(piece);
        must(await intake.write(buffer.subarray(0, piece.length)));
      }
      assert.deepEqual(must(await queue.list()).messages, []);
      assert.deepEqual(await lease(queue), []);
      assert.equal(codeOf(await queue.get(intake.id)), 'QUEUE_MESSAGE_UNKNOWN');
      must(await intake.accept(submission()));
      const leased = await leaseOne(queue);
      assert.equal(leased.id, intake.id);
      assert.equal(leased.sizeBytes, content.length);
      assert.deepEqual(await readAll(leased.message.content), content);
      assert.deepEqual(await readAll(must(await queue.openBody(intake.id))), content);
    }),
  );

  for (const size of [0, 1, 65_535, 65_536, 65_537, 262_143, 262_144, 262_145, 327_680]) {
    it(
      `keeps ${size} bytes as they are`,
      inWorld(options, async ({ open }) => {
        const queue = await open();
        const content = bytesOf(size, size + 1);
        await enqueue(queue, {}, content);
        assert.deepEqual(await readAll((await leaseOne(queue)).message.content), content);
      }),
    );
  }

  it(
    'leaves nothing of a message that was given up, nor of one whose run ended',
    inWorld(options, async ({ open, database }) => {
      const half = bytesOf(600_000);
      const rows = async (): Promise<number> =>
        must(await database.query(statement(sql<{ n: number }>`select count(*) as n from body_chunk`)))[0]?.n ?? -1;
      const first = await open();
      const given = first.intake();
      must(await given.write(half));
      const left = first.intake();
      must(await left.write(half));
      assert.equal(await rows(), 16);
      await given.abandon();
      assert.equal(await rows(), 8);
      // The same node starts again: the old run is no more.
      await open();
      assert.equal(await rows(), 0);
      assert.equal(codeOf(await left.accept(submission())), 'QUEUE_INTAKE_LOST');
    }),
  );

  it(
    'makes one message of a request that is repeated, a hundred times at once and over a restart',
    inWorld(options, async ({ open, clock }) => {
      const queue = await open();
      const request = submission({ idempotency: KEY });
      const answers = await Promise.all(Array.from({ length: 100 }, () => queue.enqueue(request, BODY)));
      const ids = new Set(answers.map((answer) => must(answer).id));
      assert.equal(ids.size, 1);
      assert.equal(answers.filter((answer) => must(answer).isNew).length, 1);
      clock.pass(23 * HOUR);
      const again = await open();
      assert.deepEqual(must(await again.enqueue(request, BODY)), { id: [...ids][0], isNew: false });
      assert.equal(must(await again.list()).messages.length, 1);
      // The control: without the key each request is a message.
      await Promise.all([enqueue(again), enqueue(again)]);
      assert.equal(must(await again.list()).messages.length, 3);
    }),
  );

  it(
    'refuses a key that was used for other content, keeps keys of apps apart, and forgets them after a day',
    inWorld(options, async ({ open, clock }) => {
      const queue = await open();
      const first = await enqueue(queue, { idempotency: KEY });
      const other = { ...KEY, digest: 'sha256:two' };
      assert.equal(codeOf(await queue.enqueue(submission({ idempotency: other }), BODY)), 'QUEUE_KEY_REUSED');
      assert.notEqual(await enqueue(queue, { idempotency: other, app: 'shop' }), first);
      clock.pass(DAY + 1);
      assert.notEqual(await enqueue(queue, { idempotency: other }), first);
    }),
  );

  it(
    'forgets no key because the clock jumped ahead',
    inWorld(options, async ({ open, clock }) => {
      const queue = await open();
      const first = await enqueue(queue, { idempotency: KEY });
      clock.jump(40 * DAY);
      await queue.tick();
      assert.equal(await enqueue(queue, { idempotency: KEY }), first);
      // The control: a day that really passed.
      clock.pass(DAY + 1);
      assert.notEqual(await enqueue(queue, { idempotency: KEY }), first);
    }),
  );

  it(
    'repeats a large message by its key and keeps nothing of the second copy',
    inWorld(options, async ({ open, database }) => {
      const queue = await open();
      const content = bytesOf(500_000);
      const first = await enqueue(queue, { idempotency: KEY }, content);
      assert.equal(await enqueue(queue, { idempotency: KEY }, content), first);
      const found = await database.query(
        statement(sql<{ n: number }>`select count(distinct message_id) as n from body_chunk`),
      );
      assert.deepEqual(must(found), [{ n: 1 }]);
    }),
  );

  it(
    'stores the statements of the caller with the message, or neither',
    inWorld(options, async ({ open, database }) => {
      const queue = await open();
      must(await database.batch([statement(sql`create table reset (token text not null, used bigint not null)`)]));
      must(await database.batch([statement(sql`insert into reset values ('t', 0)`)]));
      const use = mustChange(statement(sql`update reset set used = 1 where token = 't' and used = 0`), 1);
      const both = await Promise.all([1, 2].map(() => queue.enqueue(submission(), BODY, { statements: [use] })));
      assert.equal(both.filter((each) => each.ok).length, 1);
      const refused = both.find((each) => !each.ok);
      assert.equal(refused === undefined ? '' : codeOf(refused), 'QUEUE_BATCH_UNDONE');
      assert.equal(must(await queue.list()).messages.length, 1);
    }),
  );

  it(
    'wakes whoever waits for the lane',
    inWorld(options, async ({ open }) => {
      const queue = await open();
      const woken: string[] = [];
      const subscription = queue.onWake((lane) => woken.push(lane));
      await enqueue(queue);
      await enqueue(queue, { sendAt: 8e12 });
      subscription.close();
      assert.ok(woken.length > 0);
      assert.deepEqual([...new Set(woken)], [submission().lane]);
    }),
  );

  it(
    'keeps texts that a database would refuse or cut',
    inWorld(options, async ({ open }) => {
      const queue = await open();
      const id = await enqueue(queue, { subject: `a\0b\u{d800}${'x'.repeat(5000)}` });
      const { subject } = must(await queue.get(id));
      assert.match(subject, /^a\u{fffd}b\u{fffd}x+$/u);
      assert.equal(subject.length, 1000);
    }),
  );
}
