/** The tables of apps and of the audit record. */
import { sqlBuilder, type MigrationSet } from '@postbearer/database';

/** Every table of this room. Times are milliseconds since 1970; lists are JSON. */
export interface AccessTables {
  app: {
    name: string;
    /** What is kept of its password; see `credential.ts`. */
    credential: string;
    /** That of the password before it, and until when that one is still taken. */
    previous_credential: string | null;
    previous_until: number | null;
    /** When it enrolled itself by calling in; null where a person added it. */
    learned_at: number | null;
    mailboxes: string;
    senders: string;
    networks: string;
    /** Accounts of the machine. */
    users: string;
    from_rule: string;
    created_at: number;
  };
  /** From where each app signed in well. */
  app_address: { app: string; address: string; seen_at: number };
  /** Who was turned away, and why. */
  refusal: {
    address: string;
    /** As the client gave it; empty where it gave none. */
    username: string;
    code: string;
    /** The app that it concerns; empty where there is none. */
    app: string;
    /** The sender that was not allowed; empty where it was not that. */
    sender: string;
    first_at: number;
    last_at: number;
    count: number;
  };
  /** How each app hands in. */
  app_use: {
    app: string;
    kind: 'PLAIN' | 'LOGIN' | 'address' | 'account' | 'key';
    security: 'starttls' | 'tls' | 'plain' | '';
    /** From where it did last. */
    address: string;
    first_at: number;
    last_at: number;
    count: number;
  };
  /** Networks whose devices enrol by calling in. */
  learning: {
    network: string;
    mailboxes: string;
    from_rule: string;
    started_at: number;
    until: number;
    actor: string;
  };
  api_key: {
    name: string;
    /** SHA-256 of the key, hexadecimal. */
    hash: string;
    scopes: string;
    mailboxes: string;
    senders: string;
    from_rule: string;
    requests_per_minute: number;
    created_at: number;
    expires_at: number | null;
    /** Of the last use, rounded down to the minute. */
    last_used_at: number | null;
  };
  audit: {
    id: string;
    at: number;
    /** Who did it: an account of the system, or a key. */
    actor: string;
    action: string;
    subject: string;
    details: string;
  };
}

/** Writes SQL for these tables. */
export const db: ReturnType<typeof sqlBuilder<AccessTables>> = sqlBuilder<AccessTables>();

/** The steps that make the tables. A released step never changes. */
export const accessMigrations: MigrationSet = {
  owner: 'access',
  migrations: [
    {
      number: 1,
      name: 'apps and audit',
      statements: [
        `create table app (
          name text primary key,
          credential text not null,
          mailboxes text not null,
          senders text not null,
          networks text not null,
          from_rule text not null,
          created_at bigint not null
        )`,
        `create table audit (
          id text primary key,
          at bigint not null,
          actor text not null,
          action text not null,
          subject text not null,
          details text not null
        )`,
        `create index audit_time on audit (at)`,
      ],
    },
    {
      number: 2,
      name: 'rotation of passwords, known addresses, who was turned away, learning',
      statements: [
        `alter table app add column previous_credential text`,
        `alter table app add column previous_until bigint`,
        `alter table app add column learned_at bigint`,
        `create table app_address (
          app text not null references app (name) on delete cascade,
          address text not null,
          seen_at bigint not null,
          primary key (app, address)
        )`,
        `create table refusal (
          address text not null,
          username text not null,
          code text not null,
          app text not null,
          sender text not null,
          first_at bigint not null,
          last_at bigint not null,
          count bigint not null,
          primary key (address, username, code, sender)
        )`,
        `create index refusal_time on refusal (last_at)`,
        `create table learning (
          network text primary key,
          mailboxes text not null,
          from_rule text not null,
          started_at bigint not null,
          until bigint not null,
          actor text not null
        )`,
      ],
    },
    {
      number: 3,
      name: 'accounts of the machine',
      statements: [`alter table app add column users text not null default '[]'`],
    },
    {
      number: 4,
      name: 'keys of the HTTP API',
      statements: [
        `create table api_key (
          name text primary key,
          hash text not null unique,
          scopes text not null,
          mailboxes text not null,
          senders text not null,
          from_rule text not null,
          requests_per_minute bigint not null,
          created_at bigint not null,
          expires_at bigint,
          last_used_at bigint
        )`,
      ],
    },
    {
      number: 5,
      name: 'how apps hand in',
      statements: [
        `create table app_use (
          app text not null,
          kind text not null,
          security text not null,
          address text not null,
          first_at bigint not null,
          last_at bigint not null,
          count bigint not null,
          primary key (app, kind, security)
        )`,
      ],
    },
  ],
};
