/** Holds of lanes and of senders: why something waits although it could be sent. */
import type { Fault, Result } from '@postbearer/core';
import { prepare, type Database, type Statement, type ValueNamed } from '@postbearer/database';
import { sql } from 'kysely';
import { db } from './schema.ts';
import { stateAfter } from './states.ts';

/** A hold that stands. */
export interface Hold {
  readonly lane: string;
  /** The From that is held; empty for the whole lane. */
  readonly sender: string;
  /** A set-up fault, which a probe may find mended; or a person, who alone lifts it. */
  readonly kind: 'fault' | 'person';
  readonly fault?: Fault;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** Whether a person asked to try it now. */
  readonly isProbeAsked: boolean;
}

const allHolds = prepare(() => db.selectFrom('lane_hold').selectAll().orderBy('lane').orderBy('sender'));

const holdByPerson = prepare((value: ValueNamed<{ lane: string; sender: string; since: number }>) =>
  db
    .insertInto('lane_hold')
    .values({
      lane: value('lane'),
      sender: value('sender'),
      kind: 'person',
      fault_code: null,
      fault: null,
      since: value('since'),
      probe_asked: 0,
    })
    .onConflict((conflict) => conflict.columns(['lane', 'sender']).doUpdateSet({ kind: 'person', probe_asked: 0 })),
);

const liftByPerson = prepare((value: ValueNamed<{ lane: string; sender: string }>) =>
  db
    .deleteFrom('lane_hold')
    .where('lane', '=', value('lane'))
    .where('sender', '=', value('sender'))
    .where('kind', '=', 'person'),
);

const askProbe = prepare((value: ValueNamed<{ lane: string; sender: string }>) =>
  db
    .updateTable('lane_hold')
    .set({ probe_asked: 1 })
    .where('lane', '=', value('lane'))
    .where('sender', '=', value('sender'))
    .where('kind', '=', 'fault'),
);

/** Every hold, by lane. */
export async function listHolds(database: Database): Promise<Result<readonly Hold[]>> {
  const found = await database.query(allHolds({}));
  if (!found.ok) return found;
  const holds = found.value.map(({ lane, sender, kind, fault, since, probe_asked }) => ({
    lane,
    sender,
    kind,
    ...(fault === null ? {} : { fault: JSON.parse(fault) as Fault }),
    since,
    isProbeAsked: probe_asked === 1,
  }));
  return { ok: true, value: holds };
}

/** The statement by which a person holds a lane, or one sender in it. */
export function holdStatement(lane: string, sender: string, since: number): Statement {
  return holdByPerson({ lane, sender, since });
}

/** The statements by which a person releases: their own hold ends, and for that of a fault one attempt is asked for first. */
export function releaseStatements(lane: string, sender: string): Statement[] {
  return [liftByPerson({ lane, sender }), askProbe({ lane, sender })];
}

/** Moves a part of the messages, and says of which lanes they are. */
type MovePart = (values: { readonly limit: number }) => Statement<{ lane: string }>;

/** Puts messages of held senders aside, so that leasing does not step over them again and again; a part at a time. */
export const setAsideHeldSenders: MovePart = prepare(
  (value: ValueNamed<{ limit: number }>) =>
    sql<{
      lane: string;
    }>`update message set state = ${sql.lit(stateAfter('hold-sender'))}, hold_reason = 'sender' where state = 'queued' and id in (select message.id from lane_hold join message on message.lane = lane_hold.lane and message.from_address = lane_hold.sender where lane_hold.sender <> '' and message.state = 'queued' limit ${value('limit')}) returning lane`,
);

/** Takes messages back whose sender is no longer held; a part at a time. */
export const takeBackMendedSenders: MovePart = prepare(
  (value: ValueNamed<{ limit: number }>) =>
    sql<{
      lane: string;
    }>`update message set state = ${sql.lit(stateAfter('mend'))}, hold_reason = null where state = 'held' and id in (select id from message where state = 'held' and hold_reason = 'sender' and not exists (select 1 from lane_hold where lane_hold.lane = message.lane and lane_hold.sender = message.from_address) limit ${value('limit')}) returning lane`,
);
