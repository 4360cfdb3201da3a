/**
 * Taking messages out of a lane to send them.
 *
 * A lease is exclusive: the row of the lane is written first, by its owner's fencing number, so two leases of a lane come one
 * after the other and a former owner gets nothing. Each lease of a message raises the message's own fencing number, by
 * which settling is checked. No clock decides who has a message.
 *
 * A message that was in hand when its node died may be what killed it. After the first time such suspects are leased one at a
 * time in each lane, after the second one at a time in the whole node, beside whatever else: so the one that kills is soon
 * alone with its crashes, and the others go on at once.
 */
import { failure, success, type Envelope, type MailboxAddress, type Result } from '@postbearer/core';
import { mustChange, passPoint, prepare, type Statement, type ValueNamed } from '@postbearer/database';
import { sql, type RawBuilder } from 'kysely';
import { bodySource } from './body.ts';
import type { QueueContext } from './context.ts';
import { queueFaults } from './faults.ts';
import type { LeasedMessage, LeasedRecipient } from './leased-message.ts';
import { STRIDES, type Passes } from './lease-order.ts';
import { db, PRIORITIES, type MessageRow, type Priority, type RecipientRow } from './schema.ts';
import { isEnded, type EndedState } from './states.ts';
import { CHUNK_BYTES } from './submission.ts';

/** What a lease asks for. */
export interface LeaseRequest {
  readonly lane: string;
  /** The fencing number under which this node owns the lane. */
  readonly fence: number;
  readonly limit: number;
  readonly passes: Passes;
  /** Which call of this run it is. */
  readonly call: number;
  /** Tries whether a hold is mended: of the lane, or of this From. */
  readonly probe?: { readonly scope: 'lane' } | { readonly scope: 'sender'; readonly sender: string };
}

type LeasedRow = Pick<
  MessageRow,
  | 'id'
  | 'lane'
  | 'priority'
  | 'ready_at'
  | 'app'
  | 'sender'
  | 'from_address'
  | 'message_id'
  | 'subject'
  | 'dsn'
  | 'is_notice'
  | 'size_bytes'
  | 'accepted_at'
  | 'lifetime_from'
  | 'attempts'
  | 'lease_number'
  | 'delay_told'
>;

const RETURNED = sql.raw<LeasedRow>(
  'id, lane, priority, ready_at, app, sender, from_address, message_id, subject, dsn, is_notice, size_bytes, accepted_at, lifetime_from, attempts, lease_number, delay_told',
);

/** Written by every lease: the next one waits for it, and a change of owner too. */
const takeTurn = prepare((value: ValueNamed<{ lane: string; node: string; fence: number }>) =>
  db
    .updateTable('lane')
    .set((lane) => ({ turn: lane('turn', '+', 1) }))
    .where('name', '=', value('lane'))
    .where('owner', '=', value('node'))
    .where('fence', '=', value('fence')),
);

interface LeaseValues extends Readonly<Record<string, string | number>> {
  readonly run: string;
  readonly call: number;
  readonly lane: string;
  readonly limit: number;
  readonly pass0: number;
  readonly pass1: number;
  readonly pass2: number;
}

// `limit $n + 0`: for a bare value SQLite plans the statement anew at each use (measured: half of the time of a lease).
/** The first messages of one priority, each with the pass at which it is its turn. */
function candidates(
  value: ValueNamed<LeaseValues>,
  priority: 0 | 1 | 2,
  held: RawBuilder<unknown>,
): RawBuilder<unknown> {
  const first = sql`select id, priority, ready_at from message where lane = ${value('lane')} and state = 'queued' and priority = ${sql.lit(priority)} and crashes = 0 and not exists (${held}) order by ready_at, id limit ${value('limit')} + 0`;
  return sql`select id, priority, ${value(`pass${priority}`)} + ${sql.lit(STRIDES[priority])} * row_number() over (order by ready_at, id) as pass from (${first}) as ${sql.raw(`class${priority}`)}`;
}

/** The suspect whose turn it is, first among those of its priority. */
function suspect(value: ValueNamed<LeaseValues>, held: RawBuilder<unknown>): RawBuilder<unknown> {
  // Neither depends on the message: each is found once, and only where there is a suspect.
  const inHand = sql`from message as other where other.state = 'leased' and other.leased_by = ${value('run')}`;
  // An expression, so that no planner walks through all that the lane ever sent.
  const ofLane = sql`(select count(*) ${inHand} and other.lane || '' = ${value('lane')} and other.crashes > 0) = 0`;
  const ofNode = sql`(select count(*) ${inHand} and other.crashes > 1) = 0`;
  const mayGo = sql`((crashes = 1 and ${ofLane}) or (crashes > 1 and ${ofNode}))`;
  const first = sql`select id, priority from message where lane = ${value('lane')} and state = 'queued' and crashes > 0 and ${mayGo} and not exists (${held}) order by ready_at, id limit 1`;
  return sql`select id, priority, case priority when 0 then ${value('pass0')} + 0 when 1 then ${value('pass1')} + 0 else ${value('pass2')} + 0 end as pass from (${first}) as suspect`;
}

function leaseStatement(heldBy: string): (values: LeaseValues) => Statement<LeasedRow> {
  return prepare((value: ValueNamed<LeaseValues>) => {
    const held = sql`select 1 from lane_hold where lane_hold.lane = message.lane and ${sql.raw(heldBy)}`;
    const classes = ([0, 1, 2] as const).map((priority) => candidates(value, priority, held));
    const ranked = sql.join([...classes, suspect(value, held)], sql` union all `);
    return sql<LeasedRow>`update message set state = 'leased', lease_number = lease_number + 1, leased_by = ${value('run')}, lease_call = ${value('call')} where state = 'queued' and id in (select id from (${ranked}) as ranked order by pass, priority limit ${value('limit')} + 0) returning ${RETURNED}`;
  });
}

const lease = leaseStatement(`lane_hold.sender in ('', message.from_address)`);
/** Looks past a hold of the lane. */
const probeLane = leaseStatement(`lane_hold.sender = message.from_address and lane_hold.sender <> ''`);

const probeSender = prepare(
  (value: ValueNamed<{ run: string; call: number; lane: string; sender: string }>) =>
    sql<LeasedRow>`update message set state = 'leased', hold_reason = null, lease_number = lease_number + 1, leased_by = ${value('run')}, lease_call = ${value('call')} where state = 'held' and id in (select id from message where state = 'held' and lane = ${value('lane')} and from_address = ${value('sender')} and hold_reason = 'sender' and not exists (select 1 from lane_hold where lane_hold.lane = message.lane and lane_hold.sender = '') order by ready_at, id limit 1) returning ${RETURNED}`,
);

/**
 * Looks past a hold of the lane, at what is held for its sender: where nothing else waits, the lane would never be tried again.
 * A sender that a person holds is left alone.
 */
const probeLaneBySender = prepare(
  (value: ValueNamed<{ run: string; call: number; lane: string }>) =>
    sql<LeasedRow>`update message set state = 'leased', hold_reason = null, lease_number = lease_number + 1, leased_by = ${value('run')}, lease_call = ${value('call')} where state = 'held' and id in (select id from message where state = 'held' and lane = ${value('lane')} and hold_reason = 'sender' and exists (select 1 from lane_hold where lane_hold.lane = message.lane and lane_hold.sender = '' and lane_hold.fault_code is not null) and exists (select 1 from lane_hold where lane_hold.lane = message.lane and lane_hold.sender = message.from_address and lane_hold.fault_code is not null) order by ready_at, id limit 1) returning ${RETURNED}`,
);

type CallValues = { readonly run: string; readonly call: number };

const leasedRecipients = prepare((value: ValueNamed<CallValues>) =>
  db
    .selectFrom('message')
    .innerJoin('recipient', 'recipient.message_id', 'message.id')
    .select(['recipient.message_id', 'recipient.number', 'recipient.address', 'recipient.state'])
    .where('message.state', '=', sql.lit('leased'))
    .where('message.leased_by', '=', value('run'))
    .where('message.lease_call', '=', value('call'))
    .orderBy('recipient.message_id')
    .orderBy('recipient.number'),
);

/** The bodies that fit into one chunk come with the lease. */
const leasedBodies = prepare((value: ValueNamed<CallValues>) =>
  db
    .selectFrom('message')
    .innerJoin('body_chunk', 'body_chunk.message_id', 'message.id')
    .select(['body_chunk.message_id', 'body_chunk.bytes'])
    .where('message.state', '=', sql.lit('leased'))
    .where('message.leased_by', '=', value('run'))
    .where('message.lease_call', '=', value('call'))
    .where('message.size_bytes', '<=', sql.lit(CHUNK_BYTES))
    .where('body_chunk.number', '=', sql.lit(0)),
);

function leaseFor(request: LeaseRequest, run: string, isBySender: boolean): Statement<LeasedRow> {
  const { lane, limit, passes, call, probe } = request;
  if (isBySender) return probeLaneBySender({ run, call, lane });
  if (probe?.scope === 'sender') return probeSender({ run, call, lane, sender: probe.sender });
  const values = { run, call, lane, limit, pass0: passes[0], pass1: passes[1], pass2: passes[2] };
  return (probe === undefined ? lease : probeLane)(values);
}

/** Leases messages. Fails with `QUEUE_LANE_NOT_OURS` or what the database reports; leases nothing then. */
export async function leaseMessages(
  context: QueueContext,
  request: LeaseRequest,
): Promise<Result<readonly LeasedMessage[]>> {
  const leased = await leaseBy(context, request, false);
  const isEmptyProbe = request.probe?.scope === 'lane' && leased.ok && leased.value.length === 0;
  return isEmptyProbe ? await leaseBy(context, request, true) : leased;
}

async function leaseBy(
  context: QueueContext,
  request: LeaseRequest,
  isBySender: boolean,
): Promise<Result<readonly LeasedMessage[]>> {
  const { database, run, node } = context;
  const { lane, fence, call } = request;
  const ours = { run, call };
  passPoint('lease:before');
  const outcome = await database.batch([
    mustChange(takeTurn({ lane, node, fence }), 1),
    leaseFor(request, run, isBySender),
    leasedRecipients(ours),
    leasedBodies(ours),
  ]);
  passPoint('lease:after');
  if (!outcome.ok) return outcome;
  if (!outcome.value.done) return failure(queueFaults.make('QUEUE_LANE_NOT_OURS', { lane, node }));
  const [, messages, recipients, bodies] = outcome.value.results;
  const bodyOf = new Map(bodies.rows.map(({ message_id, bytes }) => [message_id, bytes]));
  const recipientsOf = Map.groupBy(recipients.rows, ({ message_id }) => message_id);
  return success(
    messages.rows
      .toSorted((a, b) => a.priority - b.priority || a.ready_at - b.ready_at || (a.id < b.id ? -1 : 1))
      .map((row) => leasedMessage(context, request, row, recipientsOf.get(row.id) ?? [], bodyOf.get(row.id))),
  );
}

type RecipientPart = Pick<RecipientRow, 'number' | 'address' | 'state'>;

function openRecipient({ number, address, state }: RecipientPart): LeasedRecipient[] {
  return isEnded(state) ? [] : [{ number, address: address as MailboxAddress, state }];
}

function endedState({ state }: RecipientPart): EndedState[] {
  return isEnded(state) ? [state] : [];
}

function priorityOf(stored: number): Priority {
  return (Object.keys(PRIORITIES) as Priority[]).find((name) => PRIORITIES[name] === stored) ?? 'normal';
}

function leasedMessage(
  context: QueueContext,
  { probe }: LeaseRequest,
  row: LeasedRow,
  rows: readonly RecipientPart[],
  body: Uint8Array | undefined,
): LeasedMessage {
  const recipients = rows.flatMap(openRecipient);
  const envelope: Envelope = {
    sender: row.sender as MailboxAddress | '',
    recipients: recipients.map(({ address }) => address),
    ...(row.dsn === null ? {} : { dsn: JSON.parse(row.dsn) as NonNullable<Envelope['dsn']> }),
  };
  return {
    id: row.id,
    lane: row.lane,
    leaseNumber: row.lease_number,
    ...(probe === undefined ? {} : { probe: probe.scope }),
    message: { envelope, content: body ?? bodySource(context.database, row.id, row.size_bytes) },
    recipients,
    endedStates: rows.flatMap(endedState),
    app: row.app,
    from: row.from_address,
    messageId: row.message_id,
    subject: row.subject,
    priority: priorityOf(row.priority),
    isNotice: row.is_notice === 1,
    isDelayTold: row.delay_told === 1,
    sizeBytes: row.size_bytes,
    attempts: row.attempts,
    acceptedAt: row.accepted_at,
    readyAt: row.ready_at,
    ageMs: context.watch.cautiousNow() - row.lifetime_from,
  };
}
