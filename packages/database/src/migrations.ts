/**
 * Tables come and change by numbered steps, forwards only.
 *
 * Each step is one atomic batch together with the row that says it was done, so a kill leaves it done or not begun. Who
 * owns tables gives its steps under its own name; the numbers of an owner begin at 1 and have no gap. A step never
 * changes once it is released. Expand first, contract a release later: nodes of two versions work side by side.
 */
import { failure, success, type Result } from '@postbearer/core';
import { sql } from 'kysely';
import type { Database, DatabaseKind } from './database.ts';
import { migrationLock } from './dialect.ts';
import { databaseFaults } from './faults.ts';
import { passPoint } from './point.ts';
import { mustChange, prepare, sqlBuilder, statement, type ValueNamed } from './statement.ts';

/** One step. */
export interface Migration {
  /** From 1, without gaps. */
  readonly number: number;
  /** What it does, in a few words. */
  readonly name: string;
  /** SQL that both databases understand. */
  readonly statements: readonly string[];
}

/** The steps of one owner of tables. */
export interface MigrationSet {
  /** The owner: the name of a package or a room. */
  readonly owner: string;
  readonly migrations: readonly Migration[];
}

interface StepTable {
  owner: string;
  number: number;
  name: string;
}

const db = sqlBuilder<{ schema_step: StepTable }>();

const createTable = statement(
  sql`create table if not exists schema_step (owner text not null, number bigint not null, name text not null, primary key (owner, number))`,
);

const version = prepare((value: ValueNamed<{ owner: string }>) =>
  db
    .selectFrom('schema_step')
    .select((step) => step.fn.max('number').as('number'))
    .where('owner', '=', value('owner')),
);

const recordStep = prepare((value: ValueNamed<{ owner: string; number: number; name: string }>) =>
  db
    .insertInto('schema_step')
    .values({ owner: value('owner'), number: value('number'), name: value('name') })
    .onConflict((conflict) => conflict.doNothing()),
);

function checkNumbers({ owner, migrations }: MigrationSet): void {
  for (const [index, { number }] of migrations.entries()) {
    if (number !== index + 1) throw new Error(`Step ${index + 1} of "${owner}" has the number ${number}.`);
  }
}

async function migrateSet(database: Database, set: MigrationSet): Promise<Result<void>> {
  const found = await database.query(version({ owner: set.owner }));
  if (!found.ok) return found;
  const done = found.value[0]?.number ?? 0;
  const known = set.migrations.length;
  if (done > known) {
    return failure(databaseFaults.make('DATABASE_SCHEMA_NEWER', { owner: set.owner, found: done, known }));
  }
  for (const { number, name, statements } of set.migrations.slice(done)) {
    passPoint('migration:before');
    const step = await database.batch([
      ...lock(database.kind),
      // Where another node has just done this step, no row is added, and the whole batch is undone.
      mustChange(recordStep({ owner: set.owner, number, name }), 1),
      ...statements.map((text) => statement(sql.raw(text))),
    ]);
    if (!step.ok) return step;
    passPoint('migration:after');
  }
  return success(undefined);
}

function lock(kind: DatabaseKind): ReturnType<typeof statement>[] {
  const text = migrationLock[kind];
  return text === undefined ? [] : [statement(sql.raw(text))];
}

/**
 * Brings the tables up to date.
 *
 * Fails with `DATABASE_SCHEMA_NEWER` where a newer version has been here, or with what the database reports.
 *
 * @throws Error for a step that the database does not understand; then that step was undone.
 */
export async function migrate(database: Database, sets: readonly MigrationSet[]): Promise<Result<void>> {
  for (const set of sets) checkNumbers(set);
  const created = await database.batch([...lock(database.kind), createTable]);
  if (!created.ok) return created;
  for (const set of sets) {
    const migrated = await migrateSet(database, set);
    if (!migrated.ok) return migrated;
  }
  return success(undefined);
}
