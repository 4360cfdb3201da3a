/**
 * Puts a backup in the place of a data folder's content.
 *
 * The rules of this file:
 * - the backup itself is only read; what is put in place is a copy that was checked and brought to this version first;
 * - nothing is put over a running service, and nothing over data without being asked; what was there is kept aside;
 * - whatever moment it is killed at, there is a whole database in the folder or none was there before;
 * - mail that had not ended when the backup was made is in it, and may have been sent since: that is said, not hidden.
 */
import { chmod, chown, copyFile, link, mkdir, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { failure, success, type Clock, type Result } from '@postbearer/core';
import { openDatabase, prepare, sqlBuilder, type Database } from '@postbearer/database';
import { backupMigrations, checkIntegrity, forgetBackupStatements, readBackup, type KeptFile } from './backup.ts';
import { restoreFaults } from './restore-faults.ts';
import { DATABASE_FILE, MIGRATIONS } from './store.ts';

/** What a restore is asked. */
export interface RestoreRequest {
  /** The backup. */
  readonly file: string;
  readonly dataFolder: string;
  /** Whether data that is there may be put aside. */
  readonly replaces: boolean;
  /** Whether the settings name a PostgreSQL database. */
  readonly usesPostgresql: boolean;
}

/** What came of it. */
export interface Restored {
  /** When the backup was made, milliseconds since 1970; absent in a copy that was made by other means. */
  readonly madeAt?: number;
  /** Messages that had not ended, by lane and state: they are sent, and may have been sent since the backup was made. */
  readonly notEnded: readonly { readonly lane: string; readonly state: string; readonly count: number }[];
  /** Where the data is that was there before. */
  readonly asideFolder?: string;
}

const BESIDE = ['-wal', '-shm'] as const;
const schema = sqlBuilder<{ schema_step: { owner: string; number: number } }>();
const steps = prepare(() => schema.selectFrom('schema_step').select('owner').where('owner', '=', 'queue'));
const messages = sqlBuilder<{ message: { lane: string; state: string; ended_at: number | null } }>();
const notEnded = prepare(() =>
  messages
    .selectFrom('message')
    .select((each) => ['lane', 'state', each.fn.countAll<number>().as('count')])
    .where('ended_at', 'is', null)
    .where('state', '<>', 'receiving')
    .groupBy(['lane', 'state'])
    .orderBy('lane'),
);

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

function unusable(file: string, error: unknown): Result<never> {
  const reason = error instanceof Error ? error.message : String(error);
  return failure(restoreFaults.make('SERVICE_BACKUP_UNUSABLE', { file, reason }));
}

interface Checked {
  readonly files: readonly KeptFile[];
  readonly restored: Restored;
}

/** Looks through a copy, brings it to this version, and takes out what belongs beside it. */
async function checkCopy(copy: string, file: string, clock: Clock): Promise<Result<Checked>> {
  const looked = await openDatabase({ file: copy });
  if (!looked.ok) return looked;
  try {
    const whole = await checkIntegrity(looked.value, file);
    if (!whole.ok) return whole;
    const ours = await looked.value.query(steps({}));
    if (!ours.ok) return ours;
    if (ours.value.length === 0) return unusable(file, 'it is a database of something else');
  } finally {
    await looked.value.close();
  }
  const current = await openDatabase({ file: copy }, { migrations: [...MIGRATIONS, backupMigrations], clock });
  if (!current.ok) return current;
  try {
    return await takeOut(current.value);
  } finally {
    await current.value.close();
  }
}

async function takeOut(database: Database): Promise<Result<Checked>> {
  const read = await readBackup(database);
  if (!read.ok) return read;
  const emptied = await database.batch(forgetBackupStatements());
  if (!emptied.ok) return emptied;
  const waiting = await database.query(notEnded({}));
  if (!waiting.ok) return waiting;
  const { madeAt, files } = read.value;
  return success({ files, restored: { notEnded: waiting.value, ...(madeAt === undefined ? {} : { madeAt }) } });
}

/** Makes sure that nobody works on data that is there, and that all of it is in its one file. */
async function settleOld(database: string): Promise<Result<void>> {
  const old = await openDatabase({ file: database });
  // A damaged file is what a restore is for.
  if (!old.ok) return old.fault.code === 'DATABASE_IN_USE' ? old : success(undefined);
  await old.value.close();
  return success(undefined);
}

async function flushFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const opened = await open(folder, 'r');
  try {
    await opened.sync();
  } finally {
    await opened.close();
  }
}

/** Keeps what is there aside, the database under its name until the new one takes its place. */
async function keepAside({ dataFolder }: RestoreRequest, files: readonly KeptFile[], now: number): Promise<string> {
  const aside = join(dataFolder, `before-restore-${new Date(now).toISOString().replaceAll(/[:.]/g, '-')}`);
  await mkdir(aside, { mode: 0o700 });
  const database = join(dataFolder, DATABASE_FILE);
  for (const end of BESIDE)
    if (await exists(database + end)) await rename(database + end, join(aside, DATABASE_FILE + end));
  await link(database, join(aside, DATABASE_FILE));
  for (const { name } of files) {
    if (!(await exists(join(dataFolder, name)))) continue;
    await mkdir(dirname(join(aside, name)), { recursive: true, mode: 0o700 });
    await rename(join(dataFolder, name), join(aside, name));
  }
  await flushFolder(aside);
  return aside;
}

async function writeKept(dataFolder: string, files: readonly KeptFile[]): Promise<readonly string[]> {
  const written: string[] = [];
  for (const { name, mode, bytes } of files) {
    const path = join(dataFolder, name);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFile(path, bytes, { mode });
    await chmod(path, mode);
    written.push(dirname(path), path);
  }
  return written;
}

/** What root puts in place belongs to the account of the service. */
async function giveToOwner(dataFolder: string, paths: readonly string[]): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = await stat(dataFolder);
  for (const path of paths) await chown(path, uid, gid);
}

async function putInPlace(request: RestoreRequest, copy: string, checked: Checked, now: number): Promise<Restored> {
  const { dataFolder } = request;
  const database = join(dataFolder, DATABASE_FILE);
  const asideFolder = (await exists(database)) ? await keepAside(request, checked.files, now) : undefined;
  const written = await writeKept(dataFolder, checked.files);
  await giveToOwner(dataFolder, [copy, ...written]);
  await rename(copy, database);
  await flushFolder(dataFolder);
  return { ...checked.restored, ...(asideFolder === undefined ? {} : { asideFolder }) };
}

/**
 * Restores a backup into a data folder in which no service runs.
 *
 * Fails with `SERVICE_RESTORE_ELSEWHERE`, `SERVICE_BACKUP_UNUSABLE`, `SERVICE_DATA_EXISTS`, `DATABASE_DAMAGED`, `DATABASE_SCHEMA_NEWER`, `DATABASE_IN_USE`, or with
 * what else the database reports; the folder is as it was then.
 */
export async function restoreBackup(request: RestoreRequest, clock: Clock): Promise<Result<Restored>> {
  const { file, dataFolder, replaces, usesPostgresql } = request;
  if (usesPostgresql) return failure(restoreFaults.make('SERVICE_RESTORE_ELSEWHERE'));
  const database = join(dataFolder, DATABASE_FILE);
  const copy = `${database}.restoring`;
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  const isThere = await exists(database);
  if (isThere && !replaces) return failure(restoreFaults.make('SERVICE_DATA_EXISTS', { folder: dataFolder, file }));
  if (isThere) {
    const settled = await settleOld(database);
    if (!settled.ok) return settled;
  }
  const leftovers = ['', ...BESIDE].map((end) => copy + end);
  try {
    for (const left of leftovers) await rm(left, { force: true });
    try {
      await copyFile(file, copy);
      await chmod(copy, 0o600);
    } catch (error) {
      return unusable(file, error);
    }
    const checked = await checkCopy(copy, file, clock);
    if (!checked.ok) return checked;
    return success(await putInPlace(request, copy, checked.value, clock.now()));
  } finally {
    for (const left of leftovers) await rm(left, { force: true });
  }
}
