/** The faults of putting a backup in place. */
import { defineFaults, type FaultCatalogue } from '@postbearer/core';

/** Faults of a backup, and of the folder into which it is restored. */
export const restoreFaults: FaultCatalogue<
  'SERVICE_BACKUP_UNUSABLE' | 'SERVICE_DATA_EXISTS' | 'SERVICE_RESTORE_ELSEWHERE'
> = defineFaults({
  SERVICE_BACKUP_UNUSABLE: {
    title: 'Not a backup',
    message: '{file} cannot be restored: {reason}.',
    cause: 'The file does not exist, may not be read, or was not made by postbearer backup.',
    remedy: { steps: ['Name a file that postbearer backup made.'] },
    next: 'fix-configuration',
  },
  SERVICE_DATA_EXISTS: {
    title: 'Data already there',
    message: 'The folder {folder} holds the data of a service.',
    cause: 'A restore would take the place of it.',
    remedy: {
      steps: ['Restore into another folder, or say that what is there is to be put aside. It is kept.'],
      command: 'postbearer restore {file} --data {folder} --replace',
    },
    next: 'fix-configuration',
  },
  SERVICE_RESTORE_ELSEWHERE: {
    title: 'PostgreSQL is restored by its own tools',
    message: 'The settings name a PostgreSQL database, and a backup of it is restored into it by pg_restore.',
    cause: 'postbearer restore puts back the SQLite file of a data folder.',
    remedy: {
      steps: ['Stop every node, and restore into an empty database.'],
      command: 'pg_restore --clean --if-exists --dbname={database} FILE',
    },
    next: 'fix-configuration',
  },
});
