/** The tables of apps and of the audit record. */
import { sqlBuilder, type MigrationSet } from '@postbearer/database';

/** Every table of this room. Times are milliseconds since 1970; lists are JSON. */
export interface AccessTables {
  app: {
    name: string;
    /** SHA-256 of its password, hexadecimal. */
    credential: string;
    mailboxes: string;
    senders: string;
    networks: string;
    from_rule: string;
    created_at: number;
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
  ],
};
