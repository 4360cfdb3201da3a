/**
 * The one face of both databases.
 *
 * Two verbs carry all work: `query` reads, `batch` changes. A batch is atomic, and it is on stable storage before its
 * promise resolves. There is no open transaction that a caller could hold while it waits for something else.
 */
import type { Result } from '@postbearer/core';
import type { RowOf, Statement } from './statement.ts';

/** Which database is behind the face. */
export type DatabaseKind = 'sqlite' | 'postgresql';

/** What one statement of a batch did. */
export interface StatementResult<Row = unknown> {
  /** The rows it gave back; empty for a change without `returning`. */
  readonly rows: readonly Row[];
  /** How many rows it changed. */
  readonly changed: number;
}

/** A batch that was stored; one result for each statement, in order. */
export interface BatchDone<Statements extends readonly Statement[]> {
  readonly done: true;
  readonly results: { readonly [Index in keyof Statements]: StatementResult<RowOf<Statements[Index]>> };
}

/** A batch that was undone because a statement did not change as many rows as it must. */
export interface BatchUndone {
  readonly done: false;
  /** Index of that statement. */
  readonly statement: number;
}

/** How a batch ended. */
export type BatchOutcome<Statements extends readonly Statement[] = readonly Statement[]> =
  | BatchDone<Statements>
  | BatchUndone;

/** Listens for notices until it is closed. */
export interface Subscription {
  /** Ends it; safe to repeat. */
  close(): void;
}

/** An open database. */
export interface Database {
  readonly kind: DatabaseKind;
  /**
   * Reads what is stored.
   *
   * Fails with `DATABASE_UNAVAILABLE` or `DATABASE_IO_FAILED`.
   *
   * @throws Error for a statement that changes something, or that the database does not understand.
   */
  query<Row>(statement: Statement<Row>): Promise<Result<readonly Row[]>>;
  /**
   * Does all of it or nothing, and answers after it is on stable storage.
   *
   * Fails with `DATABASE_UNAVAILABLE`, `DATABASE_DISK_FULL` or `DATABASE_IO_FAILED` where nothing was stored, and with
   * `DATABASE_OUTCOME_UNKNOWN` where it may or may not have been stored.
   *
   * @throws Error for a statement that the database does not understand or whose rows break a constraint.
   */
  batch<const Statements extends readonly Statement[]>(
    statements: Statements,
  ): Promise<Result<BatchOutcome<Statements>>>;
  /** Tells every subscriber of `channel`, on every node, soon; may be lost when a connection breaks. */
  notify(channel: string, payload: string): void;
  /**
   * Calls `listener` for each notice on `channel`. After a broken connection it is called once with an empty payload,
   * because notices may have been missed.
   *
   * @param channel - lower-case letters, digits and underscores.
   */
  subscribe(channel: string, listener: (payload: string) => void): Subscription;
  /** Writes a copy of the running database into a new file, mode 0600; an existing file is replaced only when the copy is whole. */
  backup(file: string): Promise<Result<void>>;
  /** Finishes what was asked and closes. Afterwards everything is answered with `DATABASE_UNAVAILABLE`. Safe to repeat. */
  close(): Promise<void>;
}
