/** A PostgreSQL server for one test file: started at its first use, and gone after the last test. */
import { afterAll } from 'vitest';
import { startPostgresql, type TestServer } from './postgresql-server.ts';

export type { TestServer } from './postgresql-server.ts';

/**
 * Gives the server of this test file.
 *
 * Call it once at the top of the file; what it returns takes the path of the `postgres` program, as `itWithTool` gives it.
 */
export function postgresqlForThisFile(): (postgres: string) => Promise<TestServer> {
  let starting: Promise<TestServer & AsyncDisposable> | undefined;
  afterAll(async () => await (await starting)?.[Symbol.asyncDispose]());
  return (postgres) => {
    starting ??= startPostgresql(postgres);
    return starting;
  };
}
