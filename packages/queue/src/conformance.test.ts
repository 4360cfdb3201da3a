import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase, type Database, type DatabasePlace, type MigrationSet } from '@postbearer/database';
import { afterAll, describe, it } from 'vitest';
import { itWithTool } from '../../../tests/setup/foreign-tools.ts';
import { postgresqlForThisFile } from '../../../tests/setup/postgresql.ts';
import { defineQueueConformance } from './conformance/index.ts';

async function opened(place: DatabasePlace, migrations: readonly MigrationSet[]): Promise<Database> {
  const database = await openDatabase(place, { migrations });
  if (!database.ok) throw new Error(database.fault.message);
  return database.value;
}

describe('on SQLite', () => {
  const folder = mkdtempSync(join(tmpdir(), 'queue-'));
  let files = 0;
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  defineQueueConformance({
    describe,
    it,
    isShared: false,
    openDatabase: (migrations) => {
      files += 1;
      return opened({ file: join(folder, `${files}.db`) }, migrations);
    },
  });
});

describe('on PostgreSQL', () => {
  const server = postgresqlForThisFile();
  let program = '';
  defineQueueConformance({
    describe,
    it: (title, run) =>
      itWithTool('postgresql', title, (path) => {
        program = path;
        return run();
      }),
    isShared: true,
    openDatabase: async (migrations) => {
      const url = await (await server(program)).newDatabase();
      return opened({ url }, migrations);
    },
  });
});
