/** R01 on PostgreSQL: the same cells as on SQLite, with one server for both ways in. */
import { expect } from 'vitest';
import { itWithTool } from '../setup/foreign-tools.ts';
import { postgresqlForThisFile } from '../setup/postgresql.ts';
import { byHttp, bySmtp, runMatrix } from './harness/kill-matrix.ts';

const server = postgresqlForThisFile();

for (const [intake, handIn] of [
  ['SMTP', bySmtp],
  ['HTTP', byHttp],
] as const) {
  itWithTool(
    'postgresql',
    `${intake} intake, PostgreSQL`,
    async (postgres) => {
      const databaseUrl = (await (await server(postgres)).newDatabase()).reveal();
      expect(await runMatrix({ intake, handIn, database: 'postgresql', databaseUrl })).toEqual([]);
    },
    900_000,
  );
}
