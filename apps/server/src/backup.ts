/**
 * A copy of everything that a data folder holds, in one file, while the service runs or not.
 *
 * The rules of this file:
 * - a backup is the SQLite file of the service at one moment, with the certificate that was made for it and the identity of
 *   the node as rows of a table of its own, so that devices which were told to trust the certificate go on doing so;
 * - it is checked before it gets its name, and replaces an earlier one of that name only when it is whole;
 * - it holds mail, hashes of passwords and the key of that certificate: mode 0600, and to be kept as the data folder is.
 */
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { failure, success, type Clock, type Result } from '@postbearer/core';
import {
  databaseFaults,
  openDatabase,
  prepare,
  sqlBuilder,
  type Database,
  type MigrationSet,
  type Statement,
  type ValueNamed,
} from '@postbearer/database';
import type { MadeBackup } from './api/control.ts';

/** A file of the data folder beside the database. */
export interface KeptFile {
  /** Its path within the data folder, with slashes. */
  readonly name: string;
  readonly mode: number;
  readonly bytes: Uint8Array;
}

interface BackupTables {
  backup_file: { name: string; mode: number; bytes: Uint8Array };
  backup_made: { at: number };
  pragma_integrity_check: { integrity_check: string };
}

/** Files that belong to the data of a service; a list, so that nothing else that lies there gets into a backup. */
const KEPT: readonly { readonly name: string; readonly mode: number }[] = [
  { name: 'certificate/relay.key', mode: 0o600 },
  { name: 'certificate/relay.pem', mode: 0o644 },
  { name: 'node-identity', mode: 0o600 },
];

const db = sqlBuilder<BackupTables>();

/** The tables that a backup has beside those of the service. They are empty in a running one. */
export const backupMigrations: MigrationSet = {
  owner: 'backup',
  migrations: [
    {
      number: 1,
      name: 'files beside the database',
      statements: [
        `create table backup_file (name text primary key, mode bigint not null, bytes bytea not null)`,
        `create table backup_made (at bigint not null)`,
      ],
    },
  ],
};

const insertFile = prepare((value: ValueNamed<{ name: string; mode: number; bytes: Uint8Array }>) =>
  db.insertInto('backup_file').values({ name: value('name'), mode: value('mode'), bytes: value('bytes') }),
);
const insertMade = prepare((value: ValueNamed<{ at: number }>) =>
  db.insertInto('backup_made').values({ at: value('at') }),
);
const allFiles = prepare(() => db.selectFrom('backup_file').selectAll());
const whenMade = prepare(() => db.selectFrom('backup_made').select('at'));
const deleteFiles = prepare(() => db.deleteFrom('backup_file'));
const deleteMade = prepare(() => db.deleteFrom('backup_made'));
const integrity = prepare(() => db.selectFrom('pragma_integrity_check').select('integrity_check'));

/** Empties the tables of a backup. */
export function forgetBackupStatements(): readonly Statement[] {
  return [deleteFiles({}), deleteMade({})];
}

/** What a backup says of itself: when it was made, by the wall clock, and the files in it. */
export async function readBackup(
  database: Database,
): Promise<Result<{ readonly madeAt: number | undefined; readonly files: readonly KeptFile[] }>> {
  const files = await database.query(allFiles({}));
  if (!files.ok) return files;
  const made = await database.query(whenMade({}));
  if (!made.ok) return made;
  // Nothing else is put into a folder, whatever somebody wrote into the file.
  const known = KEPT.flatMap(({ name, mode }) => {
    const bytes = files.value.find((each) => each.name === name)?.bytes;
    return bytes === undefined ? [] : [{ name, mode, bytes }];
  });
  return success({ madeAt: made.value[0]?.at, files: known });
}

/** Looks through the whole of a SQLite file. Fails with `DATABASE_DAMAGED`. */
export async function checkIntegrity(database: Database, file: string): Promise<Result<void>> {
  const found = await database.query(integrity({}));
  if (!found.ok) return found;
  const [first] = found.value;
  if (found.value.length === 1 && first?.integrity_check === 'ok') return success(undefined);
  return failure(
    databaseFaults.make('DATABASE_DAMAGED', { file, reason: first?.integrity_check ?? 'nothing was said' }),
  );
}

async function keptFiles(dataFolder: string): Promise<readonly KeptFile[]> {
  const found = await Promise.all(
    KEPT.map(async ({ name, mode }) => {
      const bytes = await readFile(join(dataFolder, name)).catch(() => undefined);
      return bytes === undefined ? [] : [{ name, mode, bytes }];
    }),
  );
  return found.flat();
}

/** Adds to a copy of the database what else belongs to a backup, and checks it. */
async function complete(file: string, kept: readonly KeptFile[], now: number): Promise<Result<void>> {
  const copy = await openDatabase({ file }, { migrations: [backupMigrations] });
  if (!copy.ok) return copy;
  try {
    const added = await copy.value.batch([
      ...forgetBackupStatements(),
      ...kept.map((each) => insertFile({ ...each })),
      insertMade({ at: now }),
    ]);
    return added.ok ? await checkIntegrity(copy.value, file) : added;
  } finally {
    await copy.value.close();
  }
}

async function flush(path: string): Promise<void> {
  const opened = await open(path, 'r');
  try {
    await opened.sync();
  } finally {
    await opened.close();
  }
}

async function putInPlace(partial: string, file: string): Promise<Result<MadeBackup>> {
  try {
    await flush(partial);
    const { size } = await stat(partial);
    await rename(partial, file);
    // Windows cannot open a folder; there the file system keeps its names by itself.
    if (process.platform !== 'win32') await flush(dirname(file));
    return success({ file, sizeBytes: size, tookMs: 0 });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return failure(databaseFaults.make('DATABASE_BACKUP_FAILED', { file, reason }));
  }
}

/**
 * Makes a backup.
 *
 * Fails with `DATABASE_BACKUP_UNSUPPORTED` on PostgreSQL, with `DATABASE_BACKUP_FAILED`, or with what the database reports;
 * an earlier file of that name is as it was then.
 *
 * @param file - an absolute path.
 */
export async function makeBackup(
  database: Database,
  dataFolder: string,
  file: string,
  clock: Clock,
): Promise<Result<MadeBackup>> {
  const begunMs = clock.monotonicMs();
  const partial = `${file}.making`;
  try {
    const copied = await database.backup(database.kind === 'sqlite' ? partial : file);
    if (!copied.ok) return copied;
    const completed = await complete(partial, await keptFiles(dataFolder), clock.now());
    if (!completed.ok) return completed;
    const made = await putInPlace(partial, file);
    return made.ok ? success({ ...made.value, tookMs: Math.round(clock.monotonicMs() - begunMs) }) : made;
  } finally {
    await rm(partial, { force: true });
  }
}
