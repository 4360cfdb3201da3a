/** The tables of monitoring: their columns for the compiler, their SQL for the database, both in one place. */
import { sqlBuilder, type MigrationSet } from '@postbearer/database';

/** Every table of this room. Times are milliseconds since 1970. */
export interface MonitoringTables {
  /** What happened on a day, as each node counted it. */
  day_count: { /** Days since 1970, UTC. */ day: number; node: string; name: string; count: number };
  /** Written by whoever wants to know whether the database can be written. */
  write_probe: { node: string; at: number };
  /** What a webhook has still to be told. */
  webhook_event: {
    webhook: string;
    /** The `webhook-id`. */
    id: string;
    event: string;
    created_at: number;
    /** What is sent, byte for byte. */
    body: string;
    state: 'waiting' | 'parked';
    attempts: number;
    due_at: number;
    /** Why the last attempt failed, for people. */
    reason: string | null;
  };
}

/** Writes SQL for these tables. */
export const db: ReturnType<typeof sqlBuilder<MonitoringTables>> = sqlBuilder<MonitoringTables>();

/** The steps that make the tables. A released step never changes. */
export const monitoringMigrations: MigrationSet = {
  owner: 'monitoring',
  migrations: [
    {
      number: 1,
      name: 'counts of days, events for webhooks',
      statements: [
        `create table day_count (day bigint not null, node text not null, name text not null, count bigint not null, primary key (day, node, name))`,
        `create table write_probe (node text primary key, at bigint not null)`,
        `create table webhook_event (
          webhook text not null,
          id text not null,
          event text not null,
          created_at bigint not null,
          body text not null,
          state text not null,
          attempts bigint not null,
          due_at bigint not null,
          reason text,
          primary key (webhook, id)
        )`,
        `create index webhook_event_due on webhook_event (webhook, state, due_at)`,
      ],
    },
  ],
};
