/**
 * What is thrown away, and when.
 *
 * The content of a message goes some days after it ended, its record some weeks after. Nothing that has not ended is ever
 * removed. Ages are counted by a clock that believes no jump, and a floor keeps a slip in the settings from emptying the
 * records. Everything goes in small parts, so that mail need not wait for it.
 */
import { passPoint, prepare, type Statement, type ValueNamed } from '@postbearer/database';
import { sql } from 'kysely';
import type { QueueContext } from './context.ts';
import { firstIdAt } from './message-id.ts';

const DAY_MS = 24 * 60 * 60_000;
const KEY_KEPT_MS = DAY_MS;

/** How many messages go in one statement, and how many statements in one run. */
const PART = 100;
const PARTS = 20;

/** How long things are kept, days. */
export interface Retention {
  /** The content of messages that ended. */
  readonly bodyDays: number;
  /** The records of messages that ended. */
  readonly recordDays: number;
}

/** What is kept where nothing else is set. */
export const DEFAULT_RETENTION: Retention = { bodyDays: 3, recordDays: 30 };

/** No record goes earlier than this, days, whatever is set. */
const FEWEST_RECORD_DAYS = 1;

const oldBodies = `select id from message where has_body = 1 and ended_at is not null and ended_at < `;

const removeChunks = prepare(
  (value: ValueNamed<{ before: number; limit: number }>) =>
    sql`delete from body_chunk where message_id in (${sql.raw(oldBodies)} ${value('before')} order by ended_at limit ${value('limit')})`,
);

const markRemoved = prepare(
  (value: ValueNamed<{ before: number; limit: number }>) =>
    sql`update message set has_body = 0 where id in (${sql.raw(oldBodies)} ${value('before')} order by ended_at limit ${value('limit')})`,
);

const removeRecords = prepare(
  (value: ValueNamed<{ id: string; before: number; limit: number }>) =>
    sql`delete from message where id in (select id from message where id < ${value('id')} and ended_at < ${value('before')} order by id limit ${value('limit')})`,
);

const removeKeys = prepare(
  (value: ValueNamed<{ before: number; limit: number }>) =>
    sql`delete from idempotency_key where created_at < ${value('before')} and (app, key) in (select app, key from idempotency_key where created_at < ${value('before')} limit ${value('limit')})`,
);

/** Half a message of a run that is no more. */
const removeReceiving = prepare(
  (value: ValueNamed<{ limit: number }>) =>
    sql`delete from message where state = 'receiving' and id in (select id from message where state = 'receiving' and state <> 'delivered' and not exists (select 1 from node where message.leased_by = node.id || '/' || node.incarnation) limit ${value('limit')})`,
);

/** Throws away what is old enough. */
export async function tidyUp(context: QueueContext, retention: Retention): Promise<void> {
  const now = context.watch.cautiousNow();
  const recordDays = Math.max(retention.recordDays, FEWEST_RECORD_DAYS);
  const bodiesBefore = now - Math.min(retention.bodyDays, recordDays) * DAY_MS;
  const recordsBefore = now - recordDays * DAY_MS;
  const bodies = { before: bodiesBefore, limit: PART };
  passPoint('purge-bodies:before');
  await inParts(context, [removeChunks(bodies), markRemoved(bodies)]);
  passPoint('purge-bodies:after');
  await inParts(context, [removeRecords({ id: firstIdAt(recordsBefore), before: recordsBefore, limit: PART })]);
  passPoint('purge-records:after');
  await inParts(context, [removeKeys({ before: now - KEY_KEPT_MS, limit: PART })]);
  passPoint('purge-keys:after');
  await removeHalfMessages(context);
}

/** Removes what was received of messages whose node is gone. */
export async function removeHalfMessages(context: QueueContext): Promise<void> {
  passPoint('clear-half:before');
  await inParts(context, [removeReceiving({ limit: PART })]);
  passPoint('clear-half:after');
}

async function inParts({ database }: QueueContext, statements: readonly Statement[]): Promise<void> {
  for (let part = 0; part < PARTS; part += 1) {
    const outcome = await database.batch(statements);
    if (!outcome.ok || !outcome.value.done) return;
    if ((outcome.value.results.at(-1)?.changed ?? 0) < PART) return;
  }
}
