/**
 * Statements that go to the server in one piece and are answered in one piece.
 *
 * The rules of this file:
 * - everything is written at once, with one Sync at the end, so it costs one round trip and is one transaction: the server
 *   commits at the Sync, and undoes all of it after an error (PostgreSQL documentation, "Extended Query");
 * - a text of `prepare` is parsed once for each connection and described once; afterwards only its values travel;
 * - it is done when the server says that it is ready again, because only then the commit has happened.
 */
import pg from 'pg';
import type { Connection, FieldDef, QueryConfig } from 'pg';
import type { StatementResult } from '../database.ts';
import { checkedText } from '../dialect.ts';
import type { Statement } from '../statement.ts';
import { valueReader, type ValueReader } from './column-values.ts';

/** How a run ended. */
export type RunEnding = RunDone | RunFailure;

/** A run that was committed. */
export interface RunDone {
  readonly results: readonly StatementResult[];
  /** Statements of whose rows a value is beyond what a number holds: a bug of whoever asked. */
  readonly unreadable: ReadonlyMap<number, unknown>;
}

/** A run of which nothing was stored, unless `isUnknown`. */
export interface RunFailure {
  readonly error: unknown;
  /** The statement that failed; the number of statements where it was the commit. */
  readonly statement: number;
  /** Whether everything was written to the connection. */
  readonly isSent: boolean;
}

interface Column {
  readonly name: string;
  readonly valueOf: ValueReader;
}

/** What a connection knows of the texts that were parsed on it: their names, and the columns that they give. */
const parsedOn = new WeakMap<Connection, Map<string, readonly Column[]>>();

function parsedTexts(connection: Connection): Map<string, readonly Column[]> {
  const known = parsedOn.get(connection) ?? new Map<string, readonly Column[]>();
  parsedOn.set(connection, known);
  return known;
}

/** Names for the texts of `prepare`, which are few; the same on every connection. */
const names = new Map<string, string>();

function nameOf(text: string): string {
  const name = names.get(text) ?? `p${names.size}`;
  names.set(text, name);
  return name;
}

type WireValue = Buffer | string | null;

function wireValue(value: Statement['values'][number]): WireValue {
  if (typeof value === 'string' || value === null) return value;
  if (typeof value === 'number') return String(value);
  return Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

function columnsOf(fields: readonly FieldDef[]): readonly Column[] {
  return fields.map(({ name, dataTypeID }) => ({
    name,
    valueOf: valueReader(dataTypeID),
  }));
}

/** One run. The driver calls its `handle…` methods; `ending` tells how it ended, and never rejects. */
// The driver pipelines queries of its own class only, because others may keep a portal open; this one does not.
export class StatementRun extends pg.Query {
  readonly ending: Promise<RunEnding>;
  /** Called by the driver's own limit on the time of a query, which puts itself in here. */
  callback: (error?: unknown) => void = () => undefined;
  readonly #statements: readonly Statement[];
  readonly #results: StatementResult[] = [];
  readonly #end: (ending: RunEnding) => void;
  #known: Map<string, readonly Column[]> = new Map();
  #columns: readonly Column[] | undefined;
  #rows: Record<string, unknown>[] = [];
  readonly #unreadable = new Map<number, unknown>();
  #isSent = false;

  constructor(statements: readonly Statement[]) {
    super({ text: 'a run' } satisfies QueryConfig);
    const { promise, resolve } = Promise.withResolvers<RunEnding>();
    this.#statements = statements;
    this.ending = promise;
    this.#end = resolve;
    this.submit = (connection) => this.#submit(connection);
  }

  handleRowDescription({ fields }: { readonly fields: readonly FieldDef[] }): void {
    this.#columns = columnsOf(fields);
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    try {
      this.#rows.push(rowOf(this.#columns ?? this.#knownColumns(), fields));
    } catch (error) {
      this.#unreadable.set(this.#results.length, error);
    }
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    const statement = this.#statements[this.#results.length];
    const [rows, columns] = [this.#rows, this.#columns];
    [this.#rows, this.#columns] = [[], undefined];
    if (statement === undefined) return;
    if (statement.isPrepared) {
      const name = nameOf(textOf(statement));
      if (!this.#known.has(name)) this.#known.set(name, columns ?? []);
    }
    this.#results.push(resultOf(statement, rows, text));
  }

  handleReadyForQuery(): void {
    this.callback();
    this.#end({ results: this.#results, unreadable: this.#unreadable });
  }

  handleError(error: unknown): void {
    this.callback(error);
    this.#end({ error, statement: this.#results.length, isSent: this.#isSent });
  }

  #knownColumns(): readonly Column[] {
    const statement = this.#statements[this.#results.length];
    return (statement === undefined ? undefined : this.#known.get(nameOf(textOf(statement)))) ?? [];
  }

  #submit(connection: Connection): void {
    this.#known = parsedTexts(connection);
    this.#isSent = true;
    const sent = new Set<string>();
    connection.stream.cork();
    for (const statement of this.#statements) this.#write(connection, statement, sent);
    connection.sync();
    connection.stream.uncork();
  }

  #write(connection: Connection, statement: Statement, sent: Set<string>): void {
    const text = textOf(statement);
    const name = statement.isPrepared ? nameOf(text) : '';
    const isParsed = name !== '' && (this.#known.has(name) || sent.has(name));
    if (!isParsed) {
      // An earlier run may have parsed it and failed before it could be noted; closing what is not there is no error.
      if (name !== '') connection.close({ type: 'S', name }, true);
      connection.parse({ name, text, types: [] }, true);
      connection.describe({ type: 'S', name }, true);
      sent.add(name);
    }
    connection.bind({ statement: name, values: statement.values.map(wireValue) }, true);
    connection.execute(null, true);
  }
}

function rowOf(columns: readonly Column[], fields: readonly (string | null)[]): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  for (const [index, { name, valueOf }] of columns.entries()) {
    const text = fields[index] ?? null;
    row[name] = text === null ? null : valueOf(text);
  }
  return row;
}

function textOf({ text, mustChange }: Statement): string {
  return mustChange === undefined ? text : checkedText(text, mustChange);
}

/** The number of rows is the last word of the tag: `INSERT 0 1`, `UPDATE 3` (PostgreSQL documentation, "Message Formats"). */
function resultOf({ mustChange }: Statement, rows: readonly Record<string, unknown>[], tag: string): StatementResult {
  // The rows of a checked statement are those of the comparison.
  if (mustChange !== undefined) return { rows: [], changed: mustChange };
  const changed = tag.startsWith('SELECT') ? 0 : Number(/\d+$/.exec(tag)?.[0] ?? 0);
  return { rows, changed };
}
