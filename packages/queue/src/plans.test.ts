/** SQLite's planner takes an index for everything that the queue asks, and the right one where it matters. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase, type Database, type Statement } from '@postbearer/database';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  BODY,
  enqueue,
  SEND_AS_DENIED,
  HOUR,
  LANE,
  lease,
  ManualClock,
  must,
  OTHER_LANE,
  report,
  submission,
} from './conformance/world.ts';
import { createQueue, queueMigrations } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'queue-plans-'));
const asked = new Map<string, Statement>();
let database: Database;

/** Writes down everything that it is asked. */
function recording(inner: Database): Database {
  const record = (statement: Statement): void => void asked.set(statement.text, statement);
  return {
    kind: inner.kind,
    query: (statement) => {
      record(statement);
      return inner.query(statement);
    },
    batch: (statements) => {
      for (const each of statements) record(each);
      return inner.batch(statements);
    },
    notify: (channel, payload) => inner.notify(channel, payload),
    subscribe: (channel, listener) => inner.subscribe(channel, listener),
    backup: (file) => inner.backup(file),
    close: () => inner.close(),
  };
}

async function planOf({ text, values }: Statement): Promise<string[]> {
  const explain = { text: `explain query plan ${text}`, values, reads: true, isPrepared: false };
  return must(await database.query<{ detail: string }>(explain)).map(({ detail }) => detail);
}

/** Steps that walk through a whole table that grows, or a whole index of everything that it ever held. */
function fullScans(plan: readonly string[]): string[] {
  const tables = 'message|recipient|attempt|body_chunk|idempotency_key';
  const whole = 'sqlite_autoindex_\\w+|message_lane|message_app|message_name|recipient_address';
  const scan = new RegExp(`^SCAN (?:${tables})(?: USING (?:COVERING )?INDEX (?:${whole}))?$`);
  return plan.filter((step) => scan.test(step));
}

/** Every kind of thing that is ever asked. */
async function useEverything(): Promise<void> {
  const clock = new ManualClock();
  const queue = must(await createQueue(recording(database), { clock }));
  await queue.setLanes([LANE, OTHER_LANE]);
  const holds = { scope: 'sender', fault: SEND_AS_DENIED } as const;
  for (const outcome of ['deferred', 'uncertain', 'refused'] as const) {
    await enqueue(queue, { to: ['a@example.net', 'b@example.net'], idempotency: { key: outcome, digest: '' } });
    const [leased] = await lease(queue);
    if (leased === undefined) throw new Error('nothing leased');
    const mixed = report(clock, leased, (to) => (to.startsWith('a') ? 'accepted' : { outcome, fault: holds.fault }));
    const decision = queue.decide(leased, outcome === 'refused' ? { ...mixed, hold: holds } : mixed);
    must(await queue.settle(leased, decision));
    must(await queue.settle(leased, decision));
  }
  await enqueue(queue, { idempotency: { key: 'deferred', digest: '' } });
  const large = await enqueue(queue, {}, new Uint8Array(400_000));
  for await (const _ of must(await queue.openBody(large)).open());
  const abandoned = queue.intake();
  await abandoned.write(new Uint8Array(400_000));
  await abandoned.abandon();
  await queue.giveBack(await lease(queue));
  await lease(queue);
  for (const probe of [{ scope: 'lane' }, { scope: 'sender', sender: 'reports@example.com' }] as const) {
    must(await queue.lease(LANE, { limit: 1, probe }));
  }
  for (const verb of ['retry', 'release', 'discard', 'cancel'] as const) {
    await queue.change(verb, must(await queue.enqueue(submission({ sendAt: 8e12 }), BODY)).id);
  }
  must(await queue.hold(LANE));
  must(await queue.release(LANE));
  must(await queue.counts());
  must(await queue.queuedOf('crm'));
  const filters = [
    {},
    { states: ['queued'] },
    { states: ['queued', 'delivered'] },
    { lane: LANE },
    { app: 'crm' },
  ] as const;
  const more = [
    { recipient: 'a@example.net' },
    { messageId: '<1@example.com>' },
    { subject: 'x' },
    { search: 'x', states: ['queued', 'delivered'] },
    { states: ['held'], lane: LANE },
    { since: 1, until: 2 },
  ];
  for (const filter of [...filters, ...more]) must(await queue.list(filter, { after: 'z', limit: 10 }));
  must(await queue.get(large));
  clock.pass(HOUR);
  await queue.tick();
  await queue.stop();
  const again = must(await createQueue(recording(database), { clock }));
  await again.setLanes([LANE]);
  await again.stop();
}

beforeAll(async () => {
  database = must(await openDatabase({ file: join(folder, 'plans.db') }, { migrations: [queueMigrations] }));
  await useEverything();
});

afterAll(async () => {
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('every statement', () => {
  it('finds its rows by an index', async () => {
    expect(asked.size).toBeGreaterThan(50);
    const slow: string[] = [];
    for (const statement of asked.values()) {
      const scans = fullScans(await planOf(statement));
      if (scans.length > 0) slow.push(`${scans.join(', ')}: ${statement.text}`);
    }
    expect(slow).toEqual([]);
  });

  it('would be caught without one', async () => {
    const scan = { text: `select id from message where subject = 'x'`, values: [], reads: true, isPrepared: false };
    expect(fullScans(await planOf(scan))).toEqual(['SCAN message']);
    const byLane = { ...scan, text: 'select lane, count(*) from message group by lane' };
    expect(fullScans(await planOf(byLane))).toEqual(['SCAN message USING COVERING INDEX message_lane']);
  });
});

describe('the statements that run all the time', () => {
  it.each([
    ['leasing', /^update message set state = 'leased'.*row_number/, 'message_ready', 3],
    [
      'the recipients of a lease',
      /^select "recipient"."message_id", "recipient"."number".*"lease_call"/,
      'message_leased',
      1,
    ],
    [
      'the bodies of a lease',
      /^select "body_chunk"."message_id", "body_chunk"."bytes".*"lease_call"/,
      'message_leased',
      1,
    ],
    [
      'what is due',
      /^update message set state = 'queued' where state in \('scheduled', 'deferred'\)/,
      'message_due',
      1,
    ],
    ['what is in doubt', /"message"."state" = 'uncertain'/, 'message_state', 1],
    ['leases of others', /"message"."leased_by" <> /, 'message_leased', 1],
    ['leases of this run', /^select "id", "lease_number", "lease_call"/, 'message_leased', 1],
    ['counting what is queued', /count\(\*\) as count, min\(ready_at\)/, 'message_ready', 1],
    ['counting what is leased', /^select lane from message where state = 'leased'/, 'message_leased', 1],
    ['counting why things are stuck', /^select state, fault_code, lane, count/, 'message_why', 1],
    ['what waits of an app', /^select count\(\*\) as messages/, 'message_load', 1],
    ['bodies that are old', /^delete from body_chunk/, 'message_body', 1],
    ['a list of one state', /^select \* from \(select \* from .*"state" = 'queued'/, 'message_state', 1],
    ['a list of one lane', /^select "message"\.\* from "message" where .*"lane" = /, 'message_lane', 1],
  ])('%s', async (_, text, index, times) => {
    const statements = [...asked.values()].filter((statement) => text.test(statement.text));
    expect(statements.length, String(text)).toBeGreaterThan(0);
    for (const statement of statements) {
      const plan = await planOf(statement);
      expect(
        plan.filter((step) => step.includes(`INDEX ${index} `) || step.endsWith(`INDEX ${index}`)),
        plan.join('\n'),
      ).toHaveLength(times);
      // Not what the lane ever sent.
      if (index !== 'message_lane') expect(plan.filter((step) => step.includes('message_lane'))).toEqual([]);
    }
  });
});
