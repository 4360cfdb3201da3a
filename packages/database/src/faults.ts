/** The faults of opening and using a database. */
import { defineFaults, type FaultCatalogue } from '@postbearer/core';

const SQLITE_WAL = { source: 'sqlite.org/pragma.html#pragma_synchronous', read: '2026-11-24' } as const;
const POSTGRESQL_WAL = {
  source: 'postgresql.org/docs/current/runtime-config-wal.html',
  read: '2026-11-24',
} as const;

/** Every code of this package. */
export type DatabaseFaultCode =
  | 'DATABASE_FILE_UNUSABLE'
  | 'DATABASE_IN_USE'
  | 'DATABASE_DAMAGED'
  | 'DATABASE_NOT_DURABLE'
  | 'DATABASE_SCHEMA_NEWER'
  | 'DATABASE_DISK_FULL'
  | 'DATABASE_IO_FAILED'
  | 'DATABASE_UNAVAILABLE'
  | 'DATABASE_REFUSED'
  | 'DATABASE_OUTCOME_UNKNOWN'
  | 'DATABASE_URL_INVALID'
  | 'DATABASE_BACKUP_UNSUPPORTED'
  | 'DATABASE_BACKUP_FAILED';

/** Faults of the database file, the database server, and what they are asked. */
export const databaseFaults: FaultCatalogue<DatabaseFaultCode> = defineFaults<DatabaseFaultCode>({
  DATABASE_FILE_UNUSABLE: {
    title: 'Database file not usable',
    message: 'The database file {file} cannot be opened: {reason}.',
    cause: 'The folder or the file does not exist, is no database, or belongs to another account.',
    remedy: { steps: ['Give the account that runs Postbearer the right to read and write {file} and its folder.'] },
    next: 'fix-configuration',
  },
  DATABASE_IN_USE: {
    title: 'Database already in use',
    message: 'The database file {file} is in use by another process.',
    cause: 'Only one process may work on a SQLite file; a second would send the same mail again.',
    remedy: {
      steps: [
        'End the other process, or give this one a data folder of its own.',
        'To run several nodes, use PostgreSQL.',
      ],
    },
    next: 'fix-configuration',
  },
  DATABASE_DAMAGED: {
    title: 'Database file damaged',
    message: 'The database file {file} is damaged: {reason}.',
    cause: 'The disk, or a program that wrote into the file, changed bytes in it.',
    remedy: { steps: ['Keep a copy of the file and of the files beside it.', 'Restore the last backup.'] },
    next: 'needs-person',
  },
  DATABASE_NOT_DURABLE: {
    title: 'Database does not keep what it confirms',
    message: 'The database is set to {setting}, but {wanted} is needed.',
    cause: 'With this setting a power cut loses mail that was already accepted.',
    remedy: { steps: ['Set {wanted} on the database.'] },
    next: 'fix-configuration',
    ...POSTGRESQL_WAL,
  },
  DATABASE_SCHEMA_NEWER: {
    title: 'Database belongs to a newer version',
    message:
      'The tables of "{owner}" have version {found}, and this version of Postbearer knows them up to version {known}.',
    cause: 'A newer version of Postbearer has worked on this database.',
    remedy: { steps: ['Run the newer version again, or restore the backup from before the upgrade.'] },
    next: 'fix-configuration',
  },
  DATABASE_DISK_FULL: {
    title: 'Disk full',
    message: 'There is no space left for the database {place}; nothing was stored.',
    cause: 'The file system or the quota of the account is full.',
    remedy: { steps: ['Free space where {place} lies. Work goes on by itself.'] },
    next: 'retry',
  },
  DATABASE_IO_FAILED: {
    title: 'Disk error',
    message: 'The database {place} could not be read or written: {reason}. Nothing was stored.',
    cause: 'The disk or the file system reported an error.',
    remedy: { steps: ['Look for errors of the disk in the log of the system, and replace it where it fails.'] },
    next: 'retry',
  },
  DATABASE_UNAVAILABLE: {
    title: 'Database not available',
    message: 'The database {place} cannot be reached: {reason}.',
    cause: 'The database server is down, restarting, or behind a network that does not let this machine through.',
    remedy: { steps: ['Start the database server. Work goes on by itself.'] },
    next: 'retry',
  },
  DATABASE_REFUSED: {
    title: 'Database refused us',
    message: 'The database {place} refused the connection: {reason}.',
    cause: 'User, password, database name or the rights of the user are wrong.',
    remedy: { steps: ['Correct the database URL, or the rights of its user.'] },
    next: 'fix-configuration',
  },
  DATABASE_OUTCOME_UNKNOWN: {
    title: 'Not known whether it was stored',
    message: 'The database {place} failed while it was storing: {reason}. The change may have been stored or not.',
    cause: 'The disk or the connection broke after the change was handed over and before it was confirmed.',
    remedy: { steps: ['Look whether the change is there before doing it again.'] },
    next: 'uncertain',
    ...SQLITE_WAL,
  },
  DATABASE_URL_INVALID: {
    title: 'Database URL not usable',
    message: 'The database URL cannot be used: {reason}.',
    cause: 'A database URL names a PostgreSQL server: postgresql://user:password@host:5432/name.',
    remedy: { steps: ['Correct the database URL in the settings.'] },
    next: 'fix-configuration',
  },
  DATABASE_BACKUP_UNSUPPORTED: {
    title: 'Backup belongs to the database server',
    message: 'Postbearer makes no backup of PostgreSQL.',
    cause: 'PostgreSQL has tools of its own that copy a running database.',
    remedy: {
      steps: ['Use the backup of your database server.'],
      command: 'pg_dump --format=custom --file={file} {database}',
    },
    next: 'fix-configuration',
  },
  DATABASE_BACKUP_FAILED: {
    title: 'Backup not written',
    message: 'The backup {file} could not be written: {reason}.',
    cause: 'The folder does not exist, is full, or may not be written by this account.',
    remedy: { steps: ['Choose a folder with space that the account of Postbearer may write.'] },
    next: 'fix-configuration',
  },
});
