/** The tables of the queue: their columns for the compiler, their SQL for the database, both in one place. */
import type { MigrationSet } from '@postbearer/database';
import { sqlBuilder } from '@postbearer/database';
import type { MessageState, RecipientState } from './states.ts';

/** How urgent a message is, as it is stored: the smaller the sooner. */
export const PRIORITIES = { urgent: 0, normal: 1, bulk: 2 } as const;

/** How urgent a message is: a password reset goes before a report. */
export type Priority = keyof typeof PRIORITIES;

/** Why a message is held: a fault of its sender, a person, a doubtful outcome, or a node that died over it again and again. */
export type HoldReason = 'sender' | 'person' | 'uncertain' | 'crashes';

/** A row of `message`. Times are milliseconds since 1970; flags are 0 or 1. */
export interface MessageRow {
  id: string;
  lane: string;
  state: MessageState;
  priority: number;
  /** When it may be sent: orders what is queued, and says when what waits is due. */
  ready_at: number;
  app: string;
  /** How it came in, for people: `smtp 192.0.2.7`. */
  origin: string;
  /** The reverse path. */
  sender: string;
  /** The address of the From field, in lower case. */
  from_address: string;
  /** The Message-ID field with its brackets. */
  message_id: string;
  subject: string;
  /** What else the envelope asked for, as JSON. */
  dsn: string | null;
  is_notice: number;
  recipients: number;
  size_bytes: number;
  accepted_at: number;
  /** From when on its lifetime counts. */
  lifetime_from: number;
  attempts: number;
  crashes: number;
  /** The fencing number: one more with each lease. */
  lease_number: number;
  /** Node and incarnation that has it, or that is receiving it. */
  leased_by: string | null;
  /** Which call of that node leased it. */
  lease_call: number;
  hold_reason: HoldReason | null;
  fault_code: string | null;
  /** The last fault, whole, as JSON. */
  fault: string | null;
  delay_told: number;
  has_body: number;
  ended_at: number | null;
  /** How long a message of uncertain outcome still waits, milliseconds, as it was last noted. */
  wait_left: number | null;
}

/** A row of `recipient`. */
export interface RecipientRow {
  message_id: string;
  number: number;
  address: string;
  state: RecipientState;
  fault_code: string | null;
  changed_at: number;
}

/** Every table of the queue. */
export interface QueueTables {
  message: MessageRow;
  recipient: RecipientRow;
  attempt: {
    message_id: string;
    /** The fencing number of its lease. */
    number: number;
    node: string;
    started_at: number;
    ended_at: number;
    /** Whether it counts; an attempt that met a set-up fault does not. */
    is_used: number;
    /** What was said about which recipients, as JSON. */
    replies: string;
  };
  body_chunk: { message_id: string; number: number; bytes: Uint8Array };
  idempotency_key: { app: string; key: string; digest: string; message_id: string; created_at: number };
  lane: {
    name: string;
    /** The node that sends for it; null where none does. */
    owner: string | null;
    /** One more with each change of owner. */
    fence: number;
    /** Counts leases; written by each, so that leases of one lane come one after the other. */
    turn: number;
  };
  lane_hold: {
    lane: string;
    /** The From that is held; empty for the whole lane. */
    sender: string;
    kind: 'fault' | 'person';
    fault_code: string | null;
    fault: string | null;
    since: number;
    /** Whether a person asked to try it now. */
    probe_asked: number;
  };
  node: {
    id: string;
    incarnation: number;
    counter: number;
    /** The lanes that this node has settings for, as a JSON list. */
    lanes: string;
  };
}

/** Writes SQL for these tables. */
export const db: ReturnType<typeof sqlBuilder<QueueTables>> = sqlBuilder<QueueTables>();

/** The steps that make the tables. A released step never changes. */
export const queueMigrations: MigrationSet = {
  owner: 'queue',
  migrations: [
    {
      number: 1,
      name: 'messages, recipients, attempts, bodies, lanes, nodes',
      statements: [
        `create table message (
          id text primary key,
          lane text not null,
          state text not null,
          priority bigint not null,
          ready_at bigint not null,
          app text not null,
          origin text not null,
          sender text not null,
          from_address text not null,
          message_id text not null,
          subject text not null,
          dsn text,
          is_notice bigint not null,
          recipients bigint not null,
          size_bytes bigint not null,
          accepted_at bigint not null,
          lifetime_from bigint not null,
          attempts bigint not null,
          crashes bigint not null,
          lease_number bigint not null,
          leased_by text,
          lease_call bigint not null,
          hold_reason text,
          fault_code text,
          fault text,
          delay_told bigint not null,
          has_body bigint not null,
          ended_at bigint
        )`,
        // Leasing: the next of a lane. Messages that are sent leave it, so it stays as small as the queue.
        `create index message_ready on message (lane, priority, ready_at, id, from_address) where state = 'queued'`,
        `create index message_leased on message (leased_by, lease_call) where state = 'leased'`,
        `create index message_due on message (ready_at) where state in ('scheduled', 'deferred')`,
        `create index message_held on message (lane, from_address) where state = 'held'`,
        // "Why are they stuck": counted from the index alone.
        `create index message_why on message (state, fault_code, lane) where state in ('scheduled', 'deferred', 'uncertain', 'held')`,
        // Lists, page by page. What is delivered is nearly everything, so a list of it needs no index of its own.
        `create index message_state on message (state, id) where state <> 'delivered'`,
        `create index message_lane on message (lane, id)`,
        `create index message_app on message (app, id)`,
        `create index message_name on message (message_id)`,
        `create index message_body on message (ended_at) where has_body = 1 and ended_at is not null`,
        `create table recipient (
          message_id text not null references message (id) on delete cascade,
          number bigint not null,
          address text not null,
          state text not null,
          fault_code text,
          changed_at bigint not null,
          primary key (message_id, number)
        )`,
        `create index recipient_address on recipient (lower(address), message_id)`,
        `create table attempt (
          message_id text not null references message (id) on delete cascade,
          number bigint not null,
          node text not null,
          started_at bigint not null,
          ended_at bigint not null,
          is_used bigint not null,
          replies text not null,
          primary key (message_id, number)
        )`,
        `create table body_chunk (
          message_id text not null references message (id) on delete cascade,
          number bigint not null,
          bytes bytea not null,
          primary key (message_id, number)
        )`,
        `create table idempotency_key (
          app text not null,
          key text not null,
          digest text not null,
          message_id text not null,
          created_at bigint not null,
          primary key (app, key)
        )`,
        `create index idempotency_key_age on idempotency_key (created_at)`,
        `create table lane (name text primary key, owner text, fence bigint not null, turn bigint not null)`,
        `create table lane_hold (
          lane text not null,
          sender text not null,
          kind text not null,
          fault_code text,
          fault text,
          since bigint not null,
          probe_asked bigint not null,
          primary key (lane, sender)
        )`,
        `create table node (
          id text primary key,
          incarnation bigint not null,
          counter bigint not null,
          lanes text not null
        )`,
      ],
    },
    {
      number: 2,
      name: 'what waits of an app, messages that may kill, waits that go on after a restart',
      statements: [
        `create index message_load on message (app, size_bytes) where ended_at is null`,
        // Messages that were in hand when a node died; each is tried alone.
        `create index message_suspect on message (lane, ready_at, id) where state = 'queued' and crashes > 0`,
        // What is left of the wait of an uncertain outcome; null where nothing was noted, and then the whole wait is left.
        `alter table message add column wait_left bigint`,
      ],
    },
  ],
};
