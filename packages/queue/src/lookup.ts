/**
 * Finding messages again: lists page by page, one message with its recipients and attempts.
 *
 * A page for which one index has the order is read from it, so the first page of a hundred thousand comes as quickly as of
 * ten. Anything else, as words in a subject, is looked for stretch by stretch from the newest on, for a bounded time; the page
 * then says where to go on, though it may hold less than was asked for, or nothing.
 */
import { failure, success, type Fault, type Result } from '@postbearer/core';
import { prepare, statement, type Database, type ValueNamed } from '@postbearer/database';
import { sql, type Compilable, type RawBuilder, type SelectQueryBuilder, type SqlBool } from 'kysely';
import type { QueueContext } from './context.ts';
import { queueFaults } from './faults.ts';
import { firstIdAt } from './message-id.ts';
import { db, PRIORITIES, type HoldReason, type MessageRow, type Priority, type QueueTables } from './schema.ts';
import type { AttemptReply } from './settle.ts';
import type { MessageState, RecipientState } from './states.ts';

/** What a message looked for must be; all of it. */
export interface MessageFilter {
  readonly states?: readonly MessageState[];
  readonly lane?: string;
  readonly app?: string;
  /** A recipient's address, in any case. */
  readonly recipient?: string;
  /** The address of the From field, in any case. */
  readonly from?: string;
  /** The Message-ID field with its brackets. */
  readonly messageId?: string;
  readonly faultCode?: string;
  /** Words in the subject, in any case. */
  readonly subject?: string;
  /** A text within the subject, the Message-ID, the address of the From field or that of a recipient, in any case. */
  readonly search?: string;
  /** Accepted at or after, milliseconds since 1970. */
  readonly since?: number;
  /** Accepted before, milliseconds since 1970. */
  readonly until?: number;
}

/** Which page of a list. */
export interface PageRequest {
  /** At most 500; 50 where it is left out. */
  readonly limit?: number;
  /** The `next` of the page before. */
  readonly after?: string;
}

/** A message as a list shows it. Times are milliseconds since 1970. */
export interface MessageRecord {
  readonly id: string;
  readonly lane: string;
  readonly state: MessageState;
  readonly priority: Priority;
  /** When it may be sent. */
  readonly readyAt: number;
  readonly app: string;
  readonly origin: string;
  readonly sender: string;
  readonly from: string;
  readonly messageId: string;
  readonly subject: string;
  readonly recipientCount: number;
  readonly sizeBytes: number;
  readonly isNotice: boolean;
  readonly acceptedAt: number;
  readonly attempts: number;
  readonly crashes: number;
  /** Whether its content is still kept. */
  readonly hasBody: boolean;
  readonly holdReason?: HoldReason;
  /** The last fault. */
  readonly fault?: Fault;
  readonly leasedBy?: string;
  readonly endedAt?: number;
}

/** A page of a list, the newest first. */
export interface MessagePage {
  /** As many as were asked for, or fewer where more would have taken too long to find. */
  readonly messages: readonly MessageRecord[];
  /** Where the next page begins; absent on the last. */
  readonly next?: string;
}

/** What was tried once with a message. */
export interface AttemptRecord {
  readonly number: number;
  readonly node: string;
  readonly startedAt: number;
  readonly endedAt: number;
  /** Whether it counts; an attempt that met a set-up fault does not. */
  readonly isUsed: boolean;
  readonly replies: readonly AttemptReply[];
}

/** One recipient of a message. */
export interface RecipientRecord {
  readonly number: number;
  readonly address: string;
  readonly state: RecipientState;
  readonly faultCode?: string;
  readonly changedAt: number;
}

/** A message with all that is known of it. */
export interface MessageDetails extends MessageRecord {
  readonly recipients: readonly RecipientRecord[];
  /** What was tried, the newest first. */
  readonly history: readonly AttemptRecord[];
}

/** A page of a list with all that is known of each message. */
export interface DetailsPage extends MessagePage {
  readonly messages: readonly MessageDetails[];
}

const DEFAULT_LIMIT = 50;
const LARGEST_LIMIT = 500;
/** How many messages a search looks through at once. */
const SEARCH_STRETCH = 2000;
/** After this long a search ends with what it has found, milliseconds. */
const SEARCH_MS = 100;

type RecipientRow = QueueTables['recipient'];
type AttemptRow = QueueTables['attempt'];
type MessageQuery = SelectQueryBuilder<QueueTables, 'message', MessageRow>;

function recordOf(row: MessageRow): MessageRecord {
  return {
    id: row.id,
    lane: row.lane,
    state: row.state,
    priority: (Object.keys(PRIORITIES) as Priority[]).find((name) => PRIORITIES[name] === row.priority) ?? 'normal',
    readyAt: row.ready_at,
    app: row.app,
    origin: row.origin,
    sender: row.sender,
    from: row.from_address,
    messageId: row.message_id,
    subject: row.subject,
    recipientCount: row.recipients,
    sizeBytes: row.size_bytes,
    isNotice: row.is_notice === 1,
    acceptedAt: row.accepted_at,
    attempts: row.attempts,
    crashes: row.crashes,
    hasBody: row.has_body === 1,
    ...(row.hold_reason === null ? {} : { holdReason: row.hold_reason }),
    ...(row.fault === null ? {} : { fault: JSON.parse(row.fault) as Fault }),
    ...(row.leased_by === null ? {} : { leasedBy: row.leased_by }),
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
  };
}

/** Everything of a filter but states, as conditions on `message`. */
function filtered(filter: MessageFilter, after: string | undefined): MessageQuery {
  let query: MessageQuery = db.selectFrom('message').selectAll('message');
  if (after !== undefined) query = query.where('id', '<', after);
  if (filter.since !== undefined) query = query.where('id', '>=', firstIdAt(filter.since));
  if (filter.until !== undefined) query = query.where('id', '<', firstIdAt(filter.until));
  if (filter.lane !== undefined) query = query.where('lane', '=', filter.lane);
  if (filter.app !== undefined) query = query.where('app', '=', filter.app);
  if (filter.from !== undefined) query = query.where('from_address', '=', filter.from.toLowerCase());
  if (filter.messageId !== undefined) query = query.where('message_id', '=', filter.messageId);
  if (filter.faultCode !== undefined) query = query.where('fault_code', '=', filter.faultCode);
  if (filter.subject !== undefined) query = query.where(holds('subject', likePattern(filter.subject)));
  if (filter.search !== undefined) query = query.where(holdsAnywhere(likePattern(filter.search)));
  if (filter.recipient === undefined) return query;
  const found = db
    .selectFrom('recipient')
    .select('message_id')
    .where(sql`lower(address)`, '=', filter.recipient.toLowerCase());
  return query.where('id', 'in', after === undefined ? found : found.where('message_id', '<', after));
}

function likePattern(words: string): string {
  return `%${words.toLowerCase().replaceAll(/[\\%_]/g, (character) => `\\${character}`)}%`;
}

function holds(column: string, pattern: string): RawBuilder<SqlBool> {
  return sql<SqlBool>`lower(${sql.ref(column)}) like ${pattern} escape '\\'`;
}

function holdsAnywhere(pattern: string): RawBuilder<SqlBool> {
  const columns = ['subject', 'message_id', 'from_address'].map((column) => holds(column, pattern));
  const recipient = sql`exists (select 1 from recipient where recipient.message_id = message.id and ${holds('address', pattern)})`;
  return sql<SqlBool>`(${sql.join([...columns, recipient], sql` or `)})`;
}

/** Whether one index gives the page in order, so that nothing is stepped over without end. */
function isInOrder({ states, lane, app, recipient, messageId, ...others }: MessageFilter): boolean {
  const { since: _since, until: _until, ...unindexed } = others;
  if (Object.values(unindexed).some((value) => value !== undefined)) return false;
  // Few messages share a recipient or a Message-ID: they are sorted once they are found.
  if (recipient !== undefined || messageId !== undefined) return true;
  return [states, lane, app].filter((value) => value !== undefined).length <= 1;
}

/** The newest of a query, in order; each state by itself, because an index gives the order within one state only. */
function newest(
  query: MessageQuery,
  states: readonly MessageState[] | undefined,
  limit: number,
): Compilable<MessageRow> {
  const inOrder = (part: MessageQuery): MessageQuery => part.orderBy('id', 'desc').limit(limit);
  if (states === undefined) return inOrder(query.where('state', '<>', sql.lit('receiving')));
  const [first, ...rest] = states.map((state) => {
    const part = query.where('state', '=', sql.lit(state));
    // Said once more for the index that leaves out what is delivered.
    const indexed = state === 'delivered' ? part : part.where('state', '<>', sql.lit('delivered'));
    return db.selectFrom(inOrder(indexed).as('part')).selectAll();
  });
  if (first === undefined) return query.where(sql.lit(1), '=', sql.lit(0));
  let all = first;
  for (const part of rest) all = all.unionAll(part);
  return db.selectFrom(all.as('page')).selectAll().orderBy('id', 'desc').limit(limit);
}

/** Where a stretch ends that begins below `after`; `undefined` where it reaches the oldest. */
async function stretchEnd(database: Database, after: string | undefined): Promise<Result<string | undefined>> {
  const ids = db
    .selectFrom('message')
    .select('id')
    .orderBy('id', 'desc')
    .limit(1)
    .offset(SEARCH_STRETCH - 1);
  const found = await database.query(statement(after === undefined ? ids : ids.where('id', '<', after)));
  return found.ok ? success(found.value[0]?.id) : found;
}

/** Lists messages, the newest first. */
export async function listMessages(
  { database, clock }: Pick<QueueContext, 'database' | 'clock'>,
  filter: MessageFilter,
  { limit = DEFAULT_LIMIT, after }: PageRequest = {},
): Promise<Result<MessagePage>> {
  const size = Math.max(1, Math.min(limit, LARGEST_LIMIT));
  const untilMs = clock.monotonicMs() + SEARCH_MS;
  const rows: MessageRow[] = [];
  for (let from = startOf(filter, after); ;) {
    const stretch = isInOrder(filter) ? success(undefined) : await stretchEnd(database, from);
    if (!stretch.ok) return stretch;
    const end = stretch.value;
    const part = end === undefined ? filtered(filter, from) : filtered(filter, from).where('id', '>=', end);
    const found = await database.query(statement(newest(part, filter.states, size + 1 - rows.length)));
    if (!found.ok) return found;
    rows.push(...found.value);
    const goOn = end !== undefined && end > firstIdAt(filter.since ?? 0) ? end : undefined;
    if (goOn !== undefined && rows.length <= size && clock.monotonicMs() < untilMs) {
      from = goOn;
      continue;
    }
    const messages = rows.slice(0, size).map(recordOf);
    const next = rows.length > size ? messages.at(-1)?.id : goOn;
    return success({ messages, ...(next === undefined ? {} : { next }) });
  }
}

/** Below which message a list begins. */
function startOf({ until }: MessageFilter, after: string | undefined): string | undefined {
  if (until === undefined) return after;
  const first = firstIdAt(until);
  return after !== undefined && after < first ? after : first;
}

const oneMessage = prepare((value: ValueNamed<{ id: string }>) =>
  db.selectFrom('message').selectAll().where('id', '=', value('id')).where('state', '<>', 'receiving'),
);

function recipientRecord({ number, address, state, fault_code, changed_at }: RecipientRow): RecipientRecord {
  return {
    number,
    address,
    state,
    ...(fault_code === null ? {} : { faultCode: fault_code }),
    changedAt: changed_at,
  };
}

function attemptRecord({ number, node, started_at, ended_at, is_used, replies }: AttemptRow): AttemptRecord {
  return {
    number,
    node,
    startedAt: started_at,
    endedAt: ended_at,
    isUsed: is_used === 1,
    replies: JSON.parse(replies) as AttemptReply[],
  };
}

/** Messages with all that is known of them, asked for together. */
async function withDetails(
  database: Database,
  messages: readonly MessageRecord[],
): Promise<Result<readonly MessageDetails[]>> {
  const ids = messages.map(({ id }) => id);
  if (ids.length === 0) return success([]);
  const [recipients, attempts] = await Promise.all([
    database.query(
      statement(
        db.selectFrom('recipient').selectAll().where('message_id', 'in', ids).orderBy('message_id').orderBy('number'),
      ),
    ),
    database.query(
      statement(
        db
          .selectFrom('attempt')
          .selectAll()
          .where('message_id', 'in', ids)
          .orderBy('message_id')
          .orderBy('number', 'desc'),
      ),
    ),
  ]);
  if (!recipients.ok) return recipients;
  if (!attempts.ok) return attempts;
  const recipientsOf = Map.groupBy(recipients.value, (row) => row.message_id);
  const attemptsOf = Map.groupBy(attempts.value, (row) => row.message_id);
  return success(
    messages.map((message) => ({
      ...message,
      recipients: (recipientsOf.get(message.id) ?? []).map(recipientRecord),
      history: (attemptsOf.get(message.id) ?? []).map(attemptRecord),
    })),
  );
}

/** One message with its recipients and everything that was tried. Fails with `QUEUE_MESSAGE_UNKNOWN` or what the database reports. */
export async function getMessage(database: Database, id: string): Promise<Result<MessageDetails>> {
  const messages = await database.query(oneMessage({ id }));
  if (!messages.ok) return messages;
  const found = await withDetails(database, messages.value.map(recordOf));
  if (!found.ok) return found;
  const [message] = found.value;
  return message === undefined ? failure(queueFaults.make('QUEUE_MESSAGE_UNKNOWN', { id })) : success(message);
}

/** A page of messages with all that is known of each, the newest first. */
export async function listDetails(
  context: Pick<QueueContext, 'clock' | 'database'>,
  filter: MessageFilter,
  page: PageRequest,
): Promise<Result<DetailsPage>> {
  const listed = await listMessages(context, filter, page);
  if (!listed.ok) return listed;
  const messages = await withDetails(context.database, listed.value.messages);
  return messages.ok ? success({ ...listed.value, messages: messages.value }) : messages;
}
