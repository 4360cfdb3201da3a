/** Fresh databases of both kinds, for tests that must hold on both. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Result } from '@postbearer/core';
import { sql } from 'kysely';
import { afterAll, describe, it } from 'vitest';
import { itWithTool } from '../../../../tests/setup/foreign-tools.ts';
import { postgresqlForThisFile } from '../../../../tests/setup/postgresql.ts';
import { openDatabase, statement, type Database, type DatabasePlace, type Statement } from '../index.ts';

/** The value of a result that must be good. */
export function must<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`${result.fault.code}: ${result.fault.message}`);
  return result.value;
}

/** The code of a result that must be a failure. */
export function codeOf(result: Result<unknown>): string {
  if (result.ok) throw new Error('It was expected to fail.');
  return result.fault.code;
}

/** A statement as it stands there. */
export function raw<Row = Record<string, unknown>>(text: string): Statement<Row> {
  return statement(sql.raw<Row>(text));
}

/** A folder that is gone after the last test of the file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'database-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** What a test on either database gets. */
export interface Fresh {
  /** A place where no database was yet. */
  readonly place: DatabasePlace;
  /** Opens it; closed after the test. */
  readonly open: () => Promise<Database>;
}

type Define = (test: (title: string, run: (fresh: Fresh) => Promise<void>) => void) => void;

async function run(place: DatabasePlace, test: (fresh: Fresh) => Promise<void>): Promise<void> {
  const opened: Database[] = [];
  const open = async (): Promise<Database> => {
    const database = must(await openDatabase(place));
    opened.push(database);
    return database;
  };
  try {
    await test({ place, open });
  } finally {
    for (const database of opened) await database.close();
  }
}

/** Defines the same tests for both. */
export function onBothDatabases(define: Define): void {
  describe('on SQLite', () => {
    const folder = temporaryFolder();
    let files = 0;
    define((title, test) =>
      it(title, () => {
        files += 1;
        return run({ file: join(folder, `${files}.db`) }, test);
      }));
  });
  describe('on PostgreSQL', () => {
    const server = postgresqlForThisFile();
    define((title, test) =>
      itWithTool('postgresql', title, async (path) => run({ url: await (await server(path)).newDatabase() }, test)));
  });
}
