/**
 * Which files were taken in, so that none is taken twice.
 *
 * A row is stored in the batch that takes the message, and goes once the file is gone from the disk. However long the service
 * is down in between, the file is known when it comes up.
 */
import { success, type Result } from '@postbearer/core';
import {
  mustChange,
  prepare,
  sqlBuilder,
  type Database,
  type MigrationSet,
  type Statement,
  type ValueNamed,
} from '@postbearer/database';

interface SendmailTables {
  sendmail_file: { name: string; /** Whose folder it is in. */ node: string; taken_at: number };
}

const db = sqlBuilder<SendmailTables>();

/** The steps that make the table. A released step never changes. */
export const sendmailMigrations: MigrationSet = {
  owner: 'sendmail',
  migrations: [
    {
      number: 1,
      name: 'files that were taken in',
      statements: [`create table sendmail_file (name text primary key, node text not null, taken_at bigint not null)`],
    },
  ],
};

const insertFile = prepare((value: ValueNamed<{ name: string; node: string; at: number }>) =>
  db
    .insertInto('sendmail_file')
    .values({ name: value('name'), node: value('node'), taken_at: value('at') })
    .onConflict((conflict) => conflict.doNothing()),
);

const filesOf = prepare((value: ValueNamed<{ node: string }>) =>
  db.selectFrom('sendmail_file').select('name').where('node', '=', value('node')),
);

const findFile = prepare((value: ValueNamed<{ name: string }>) =>
  db.selectFrom('sendmail_file').select('name').where('name', '=', value('name')),
);

const deleteFile = prepare((value: ValueNamed<{ name: string }>) =>
  db.deleteFrom('sendmail_file').where('name', '=', value('name')),
);

/** Notes a file as taken; its batch is undone where it was already. */
export function takenStatement(name: string, node: string, now: number): Statement {
  return mustChange(insertFile({ name, node, at: now }), 1);
}

/** Whether a file was taken. */
export async function isTaken(database: Database, name: string): Promise<Result<boolean>> {
  const found = await database.query(findFile({ name }));
  return found.ok ? success(found.value.length > 0) : found;
}

/** The files of a node that were taken and may still be there. */
export async function takenFiles(database: Database, node: string): Promise<Result<readonly string[]>> {
  const found = await database.query(filesOf({ node }));
  return found.ok ? success(found.value.map(({ name }) => name)) : found;
}

/** Forgets files that are gone from the disk. */
export async function forgetFiles(database: Database, names: readonly string[]): Promise<Result<void>> {
  if (names.length === 0) return success(undefined);
  const done = await database.batch(names.map((name) => deleteFile({ name })));
  return done.ok ? success(undefined) : done;
}
