/** Opens the database that the settings name, and brings its tables up to date. */
import type { Clock, Result, Secret } from '@postbearer/core';
import type { Database } from './database.ts';
import { migrate, type MigrationSet } from './migrations.ts';
import { openSqlite } from './sqlite/sqlite-database.ts';

/** Where the database is: a file of SQLite, or the URL of a PostgreSQL server, which holds its password. */
export type DatabasePlace = { readonly file: string } | { readonly url: Secret };

/** What opening takes besides the place. */
export interface OpenOptions {
  /** The tables that must be there; none where left out. */
  readonly migrations?: readonly MigrationSet[];
  /** For the pauses between attempts to connect. */
  readonly clock?: Clock;
}

/**
 * Opens a database.
 *
 * A file and its folder are made where they are missing, with modes 0600 and 0700. Settings on which durability rests are
 * set and asked back; where they do not hold, nothing is opened.
 */
export async function openDatabase(place: DatabasePlace, options: OpenOptions = {}): Promise<Result<Database>> {
  if (!('file' in place)) throw new Error('PostgreSQL comes next');
  const opened = await openSqlite(place.file);
  if (!opened.ok) return opened;
  const migrated = await migrate(opened.value, options.migrations ?? []);
  if (migrated.ok) return opened;
  await opened.value.close();
  return migrated;
}
