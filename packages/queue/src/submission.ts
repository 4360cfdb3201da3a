/** What is handed to the queue, and how it becomes rows. Pure: nothing here reaches a database. */
import type { Envelope } from '@postbearer/core';
import { prepare, type Statement, type ValueNamed } from '@postbearer/database';
import { db, PRIORITIES, type MessageRow, type Priority } from './schema.ts';
import { stateAfter } from './states.ts';

/** A message but for its bytes. */
export interface Submission {
  /** The upstream and mailbox that it goes through. */
  readonly lane: string;
  /** The app or part of this program that hands it in. */
  readonly app: string;
  readonly envelope: Envelope;
  /** The address of its From field. */
  readonly from: string;
  /** Its Message-ID field with brackets. */
  readonly messageId: string;
  readonly subject?: string;
  /** `normal` where it is left out. */
  readonly priority?: Priority;
  /** When it is to be sent, milliseconds since 1970; now where it is left out or past. */
  readonly sendAt?: number;
  /** Whether it tells of another message; about a notice there is never a notice. */
  readonly isNotice?: boolean;
  /** How it came in, for people: `smtp 192.0.2.7`. */
  readonly origin?: string;
  /** Makes repeating the same request safe, for 24 hours. */
  readonly idempotency?: IdempotencyKey;
}

/** What makes a request one request. */
export interface IdempotencyKey {
  /** Chosen by the app; its own keys alone matter. */
  readonly key: string;
  /** A digest of the request as the app sent it; the same key with another digest is refused. */
  readonly digest: string;
}

/** The bytes of one row of a body. Small enough to be in memory a few times, large enough to be worth a row. */
export const CHUNK_BYTES: number = 64 * 1024;

const LONGEST_TEXT = 1000;

/** A text of others as a column keeps it: no character that PostgreSQL refuses, not without end. */
function keptText(text: string, maxChars: number = LONGEST_TEXT): string {
  return text.slice(0, maxChars).toWellFormed().replaceAll('\0', '\u{fffd}');
}

type NewMessage = Omit<
  MessageRow,
  'hold_reason' | 'fault_code' | 'fault' | 'ended_at' | 'lease_number' | 'lease_call' | 'wait_left'
>;

/** The same as a type whose columns can be looked through. */
type NewMessageValues = { readonly [Column in keyof NewMessage]: NewMessage[Column] };

const insertMessage = prepare((value: ValueNamed<NewMessageValues>) =>
  db.insertInto('message').values({
    id: value('id'),
    lane: value('lane'),
    state: value('state'),
    priority: value('priority'),
    ready_at: value('ready_at'),
    app: value('app'),
    origin: value('origin'),
    sender: value('sender'),
    from_address: value('from_address'),
    message_id: value('message_id'),
    subject: value('subject'),
    dsn: value('dsn'),
    is_notice: value('is_notice'),
    recipients: value('recipients'),
    size_bytes: value('size_bytes'),
    accepted_at: value('accepted_at'),
    lifetime_from: value('lifetime_from'),
    attempts: value('attempts'),
    crashes: value('crashes'),
    leased_by: value('leased_by'),
    delay_told: value('delay_told'),
    has_body: value('has_body'),
    lease_number: 0,
    lease_call: 0,
  }),
);

const insertRecipient = prepare((value: ValueNamed<{ message: string; number: number; address: string; at: number }>) =>
  db.insertInto('recipient').values({
    message_id: value('message'),
    number: value('number'),
    address: value('address'),
    state: 'queued',
    changed_at: value('at'),
  }),
);

const insertChunk = prepare((value: ValueNamed<{ message: string; number: number; bytes: Uint8Array }>) =>
  db.insertInto('body_chunk').values({
    message_id: value('message'),
    number: value('number'),
    bytes: value('bytes'),
  }),
);

function recipientStatements(id: string, addresses: readonly string[], at: number): Statement[] {
  return addresses.map((address, number) => insertRecipient({ message: id, number, address, at }));
}

/** The statement that adds one piece of a body. */
export function chunkStatement(id: string, number: number, bytes: Uint8Array): Statement {
  return insertChunk({ message: id, number, bytes });
}

/** A message as a row, as it is when it is accepted. */
function acceptedRow(id: string, submission: Submission, sizeBytes: number, now: number): NewMessageValues {
  const { envelope, sendAt } = submission;
  const isLater = sendAt !== undefined && sendAt > now;
  return {
    id,
    lane: submission.lane,
    state: stateAfter(isLater ? 'schedule' : 'accept'),
    priority: PRIORITIES[submission.priority ?? 'normal'],
    ready_at: isLater ? sendAt : now,
    app: submission.app,
    origin: keptText(submission.origin ?? ''),
    sender: envelope.sender,
    from_address: keptText(submission.from).toLowerCase(),
    message_id: keptText(submission.messageId),
    subject: keptText(submission.subject ?? ''),
    dsn: envelope.dsn === undefined ? null : JSON.stringify(envelope.dsn),
    is_notice: submission.isNotice === true ? 1 : 0,
    recipients: envelope.recipients.length,
    size_bytes: sizeBytes,
    accepted_at: now,
    lifetime_from: isLater ? sendAt : now,
    attempts: 0,
    crashes: 0,
    leased_by: null,
    delay_told: 0,
    has_body: 1,
  };
}

/** The statements that store a message whose bytes are at hand. */
export function acceptStatements(
  id: string,
  submission: Submission,
  chunks: readonly Uint8Array[],
  now: number,
): Statement[] {
  const sizeBytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  return [
    insertMessage(acceptedRow(id, submission, sizeBytes, now)),
    ...recipientStatements(id, submission.envelope.recipients, now),
    ...chunks.map((chunk, number) => chunkStatement(id, number, chunk)),
  ];
}

/** The invisible row under which the pieces of a large body are stored. */
export function receivingStatement(id: string, node: string, now: number): Statement {
  return insertMessage({
    id,
    lane: '',
    state: stateAfter('begin'),
    priority: PRIORITIES.normal,
    ready_at: now,
    app: '',
    origin: '',
    sender: '',
    from_address: '',
    message_id: '',
    subject: '',
    dsn: null,
    is_notice: 0,
    recipients: 0,
    size_bytes: 0,
    accepted_at: now,
    lifetime_from: now,
    attempts: 0,
    crashes: 0,
    leased_by: node,
    delay_told: 0,
    has_body: 1,
  });
}

const acceptReceived = prepare((value: ValueNamed<NewMessageValues>) =>
  db
    .updateTable('message')
    .set({
      lane: value('lane'),
      state: value('state'),
      priority: value('priority'),
      ready_at: value('ready_at'),
      app: value('app'),
      origin: value('origin'),
      sender: value('sender'),
      from_address: value('from_address'),
      message_id: value('message_id'),
      subject: value('subject'),
      dsn: value('dsn'),
      is_notice: value('is_notice'),
      recipients: value('recipients'),
      size_bytes: value('size_bytes'),
      accepted_at: value('accepted_at'),
      lifetime_from: value('lifetime_from'),
      leased_by: null,
    })
    .where('id', '=', value('id'))
    .where('state', '=', 'receiving'),
);

/** The statements that make a received body a message; the first must change one row. */
export function acceptReceivedStatements(
  id: string,
  submission: Submission,
  sizeBytes: number,
  now: number,
): Statement[] {
  return [
    acceptReceived(acceptedRow(id, submission, sizeBytes, now)),
    ...recipientStatements(id, submission.envelope.recipients, now),
  ];
}
