/**
 * SQLite or PostgreSQL behind one narrow face: statements, atomic batches, migrations.
 *
 * @packageDocumentation
 */
export type {
  BatchDone,
  BatchOutcome,
  BatchUndone,
  Database,
  DatabaseKind,
  StatementResult,
  Subscription,
} from './database.ts';
export { databaseFaults, type DatabaseFaultCode } from './faults.ts';
export type { Migration, MigrationSet } from './migrations.ts';
export { openDatabase, type DatabasePlace, type OpenOptions } from './open-database.ts';
export { passPoint } from './point.ts';
export {
  mustChange,
  prepare,
  sqlBuilder,
  statement,
  type RowOf,
  type SqlSource,
  type SqlValue,
  type Statement,
  type ValueNamed,
} from './statement.ts';
