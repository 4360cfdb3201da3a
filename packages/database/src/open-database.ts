/** Opens the database that the settings name, and brings its tables up to date. */
import { systemClock, type Clock, type Result, type Secret } from '@postbearer/core';
import type { Database } from './database.ts';
import { migrate, type MigrationSet } from './migrations.ts';

/** Where the database is: a file of SQLite, or the URL of a PostgreSQL server, which may hold a password. */
export type DatabasePlace = { readonly file: string } | { readonly url: Secret };

/** What opening takes besides the place. */
export interface OpenOptions {
  /** The tables that must be there; none where left out. */
  readonly migrations?: readonly MigrationSet[];
  /** For the pauses between attempts to connect. */
  readonly clock?: Clock;
}

// Each driver is loaded only where its database is used.
async function openPlace(place: DatabasePlace, clock: Clock): Promise<Result<Database>> {
  if ('file' in place) {
    const { openSqlite } = await import('./sqlite/sqlite-database.ts');
    return openSqlite(place.file);
  }
  const { connectionSettings } = await import('./postgresql/connection-settings.ts');
  const settings = connectionSettings(place.url);
  if (!settings.ok) return settings;
  const { openPostgresql } = await import('./postgresql/postgresql-database.ts');
  return openPostgresql(settings.value, clock);
}

/**
 * Opens a database and brings its tables up to date.
 *
 * A file and its folder are made where they are missing, with modes 0600 and 0700. Settings on which durability rests are
 * set and asked back; where they do not hold, nothing is opened (`DATABASE_NOT_DURABLE`).
 *
 * @example
 * ```ts
 * import { mkdtempSync, rmSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { openDatabase, prepare, sqlBuilder, type ValueNamed } from '@postbearer/database';
 *
 * const folder = mkdtempSync(join(tmpdir(), 'sample-'));
 * const tables = { owner: 'sample', migrations: [{ number: 1, name: 'notes', statements: ['create table note (text text)'] }] };
 * const opened = await openDatabase({ file: join(folder, 'notes.db') }, { migrations: [tables] });
 * if (!opened.ok) throw new Error(opened.fault.message);
 *
 * const db = sqlBuilder<{ note: { text: string } }>();
 * const add = prepare((value: ValueNamed<{ text: string }>) => db.insertInto('note').values({ text: value('text') }));
 * const notes = prepare(() => db.selectFrom('note').select('text'));
 * await opened.value.batch([add({ text: 'one' }), add({ text: 'two' })]);
 * const found = await opened.value.query(notes({}));
 * found.ok && found.value; // => [{ text: 'one' }, { text: 'two' }]
 *
 * await opened.value.close();
 * rmSync(folder, { recursive: true });
 * ```
 */
export async function openDatabase(place: DatabasePlace, options: OpenOptions = {}): Promise<Result<Database>> {
  const opened = await openPlace(place, options.clock ?? systemClock);
  if (!opened.ok) return opened;
  let isMigrated = false;
  try {
    const migrated = await migrate(opened.value, options.migrations ?? []);
    isMigrated = migrated.ok;
    return migrated.ok ? opened : migrated;
  } finally {
    if (!isMigrated) await opened.value.close();
  }
}
