/**
 * What a database is asked: one text of SQL with its values, the same for SQLite and PostgreSQL.
 *
 * Texts come from Kysely's builder or its `sql` tag, compiled to `$1` placeholders in order. A value is a text, a whole or
 * floating number, bytes or null; everything else is refused before it reaches a driver, because drivers turn a date or a
 * missing value into something else without a word.
 */
import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  sql,
  type Compilable,
  type CompiledQuery,
  type Expression,
} from 'kysely';

/** A value that both databases store and give back unchanged. */
export type SqlValue = string | number | Uint8Array | null;

declare const rowType: unique symbol;

/** One statement; `Row` is what it gives back. */
export interface Statement<out Row = unknown> {
  readonly text: string;
  /** The values of `$1`, `$2` and so on. */
  readonly values: readonly SqlValue[];
  /** Whether it only reads; such statements alone may go to `query`. */
  readonly reads: boolean;
  /** Whether its text is one of a fixed set, worth a prepared statement on the server. */
  readonly isPrepared: boolean;
  /** How many rows it must change; where it changes another number, its whole batch is undone. */
  readonly mustChange?: number;
  readonly [rowType]?: Row;
}

/** The row type of a statement. */
export type RowOf<S> = S extends Statement<infer Row> ? Row : never;

/**
 * A query builder that only writes SQL and reaches no database.
 *
 * @typeParam Schema - tables and their columns, as Kysely describes them.
 */
export function sqlBuilder<Schema>(): Kysely<Schema> {
  return new Kysely<Schema>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  });
}

/** Stands in a statement for a value that comes later. */
class Placeholder {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** Names a value that is given with each use of a prepared statement. */
export type ValueNamed<Values> = <Name extends keyof Values & string>(name: Name) => Expression<Values[Name]>;

/** A builder that only compiles: what raw fragments need to be compiled. */
const compiler = sqlBuilder<unknown>();

/** A Kysely query, or a `sql` text. */
export type SqlSource<Row> = Compilable<Row> | { compile(executor: Kysely<unknown>): CompiledQuery<Row> };

/** Of a text, whether it only reads: builders say what they are, a plain text says it by its first word. */
function onlyReads(query: CompiledQuery): boolean {
  return query.query.kind === 'SelectQueryNode' || /^\s*(?:select|explain)\b/i.test(query.sql);
}

function checkedValue(value: unknown, position: number): SqlValue {
  if (value === null || value instanceof Uint8Array) return value;
  if (typeof value === 'string') {
    // PostgreSQL has no text with this character; SQLite would cut some results at it.
    if (value.includes('\0')) throw new TypeError(`The text for $${position} holds the character U+0000.`);
    return value;
  }
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError(`The number for $${position} is ${value}.`);
    if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
      throw new TypeError(`The number for $${position} is beyond 2^53.`);
    }
    return value;
  }
  throw new TypeError(`The value for $${position} is a ${typeof value}, which no column holds.`);
}

/**
 * Compiles a query whose text is not the same each time.
 *
 * @throws TypeError for a value that a database would not store as it is.
 */
export function statement<Row>(query: SqlSource<Row>): Statement<Row> {
  const compiled = query.compile(compiler);
  return {
    text: compiled.sql,
    values: compiled.parameters.map((value, index) => checkedValue(value, index + 1)),
    reads: onlyReads(compiled),
    isPrepared: false,
  };
}

/**
 * Compiles a query once; each use only fills in its values.
 *
 * @param build - gets a function that names a value and gives a placeholder for it.
 *
 * @example
 * ```ts
 * import { prepare, sqlBuilder, type ValueNamed } from '@postbearer/database';
 *
 * const db = sqlBuilder<{ person: { name: string; age: number } }>();
 * const older = prepare((value: ValueNamed<{ age: number }>) =>
 *   db.selectFrom('person').select('name').where('age', '>', value('age')),
 * );
 * older({ age: 40 }).text; // => 'select "name" from "person" where "age" > $1'
 * older({ age: 40 }).values; // => [40]
 * ```
 */
export function prepare<Values extends Readonly<Record<string, SqlValue>>, Row>(
  build: (value: ValueNamed<Values>) => SqlSource<Row>,
): (values: Values) => Statement<Row> {
  const compiled = build((name) => sql`${new Placeholder(name)}`).compile(compiler);
  const reads = onlyReads(compiled);
  const slots = compiled.parameters;
  return (values) => ({
    text: compiled.sql,
    values: slots.map((slot, index) => checkedValue(slot instanceof Placeholder ? values[slot.name] : slot, index + 1)),
    reads,
    isPrepared: true,
  });
}

/**
 * The same statement, which now must change `rows` rows.
 *
 * @throws Error for a statement that gives rows back.
 */
export function mustChange(of: Statement, rows: number): Statement<never> {
  if (/\breturning\b/i.test(of.text)) throw new Error(`This statement gives rows back: ${of.text}`);
  return { text: of.text, values: of.values, reads: of.reads, isPrepared: of.isPrepared, mustChange: rows };
}
