/**
 * All SQL that is not the same on both databases.
 *
 * Everything else, in every package, is one text for both.
 */

import type { DatabaseKind } from './database.ts';

/** How a SQLite file is used. */
export const sqliteDialect = {
  /**
   * Runs on a fresh connection, in this order. The lock comes before the first use of the write-ahead log, so that the
   * log's index lives in our memory and no other process can open the file (sqlite.org/wal.html, section 8).
   */
  setUp: [
    'pragma locking_mode = exclusive',
    'pragma journal_mode = wal',
    'pragma synchronous = full',
    // On macOS a plain fsync leaves the bytes in the cache of the disk.
    'pragma fullfsync = on',
    'pragma checkpoint_fullfsync = on',
    'pragma foreign_keys = on',
    'pragma temp_store = memory',
    // The log is copied back between two groups, by us, and never while somebody waits for a commit.
    'pragma wal_autocheckpoint = 0',
    'pragma cache_size = -8192',
  ],
  /** What must be true afterwards: the statement, the column of its only row, the value. */
  mustBe: [
    { ask: 'pragma journal_mode', column: 'journal_mode', value: 'wal' },
    { ask: 'pragma synchronous', column: 'synchronous', value: 2 },
    { ask: 'pragma foreign_keys', column: 'foreign_keys', value: 1 },
    { ask: 'pragma locking_mode', column: 'locking_mode', value: 'exclusive' },
  ],
  /** Takes the exclusive lock now, not at the first use. */
  takeLock: ['begin exclusive', 'commit'],
  /** Moves the log into the database file and starts it anew; `busy` is 0 when that was done. */
  emptyLog: 'pragma wal_checkpoint(restart)',
  /** How many pages are in the log. Before SQLite 3.51 this copies them as well, as far as nobody reads them. */
  measureLog: 'pragma wal_checkpoint(noop)',
  begin: 'begin immediate',
  commit: 'commit',
  rollback: 'rollback',
  savepoint: 'savepoint one',
  release: 'release one',
  undo: 'rollback to one',
} as const;

/** Keeps a second node from migrating at the same time, until the end of the batch; a SQLite file has one user anyway. */
export const migrationLock: Readonly<Record<DatabaseKind, string | undefined>> = {
  sqlite: undefined,
  // Any number that nothing else on the server uses: the letters "postbear" as bytes.
  postgresql: 'select pg_advisory_xact_lock(8101821198367023474)',
};

/** What a PostgreSQL session is asked and told. */
export const postgresqlDialect = {
  /**
   * Runs on each new connection. A stronger setting of the administrator (`remote_apply`) is left as it is; a standby
   * cannot take changes, and reads there may be behind (see the Jepsen report on Amazon RDS for PostgreSQL 17.4, 2025-04).
   */
  setUp: `select
    set_config('synchronous_commit', case when current_setting('synchronous_commit') = 'remote_apply' then 'remote_apply' else 'on' end, false) as synchronous_commit,
    current_setting('fsync') as fsync,
    current_setting('full_page_writes') as full_page_writes,
    case when pg_is_in_recovery() then 'standby' else 'primary' end as role`,
  /** What must come back: a column, and the values that are good. */
  mustBe: [
    { column: 'synchronous_commit', values: ['on', 'remote_apply'] },
    { column: 'fsync', values: ['on'] },
    { column: 'full_page_writes', values: ['on'] },
  ],
  notify: 'select pg_notify($1, $2)',
} as const;

/**
 * A statement that fails on PostgreSQL with {@link UNMET} where it does not change `rows` rows.
 *
 * The division is by a count that is known only when the statement has run, so that no planner does it earlier.
 */
export function checkedText(text: string, rows: number): string {
  return `with changed as (${text} returning 1) select 1 / (case when count(*) = ${rows} then 1 else 0 end) from changed`;
}

/** division_by_zero: nothing else that we ask for divides. */
export const UNMET = '22012';
