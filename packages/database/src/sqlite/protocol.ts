/**
 * What the main thread and the thread of SQLite say to each other. Plain data only: it is copied from thread to thread.
 *
 * What is said often is short: a statement that is one of a fixed set goes by its number, after its text was told once, and
 * rows go as lists. Names of properties are copied each time, and were a tenth of the CPU of a message.
 */
import type { Fault } from '@postbearer/core';
import type { StatementResult } from '../database.ts';
import type { SqlValue } from '../statement.ts';

/** A statement on its way: its text or the number of it, how many rows it must change or -1, its values. */
export type WireStatement = readonly [text: string | number, mustChange: number, ...values: SqlValue[]];

/** Statements that stand or fall together. */
export interface BatchRequest {
  readonly kind: 'batch';
  readonly id: number;
  readonly statements: readonly WireStatement[];
}

/** One thing that the main thread asks for. */
export type Request =
  | BatchRequest
  | { readonly kind: 'query'; readonly id: number; readonly statement: WireStatement }
  | { readonly kind: 'backup'; readonly id: number; readonly file: string }
  | { readonly kind: 'close'; readonly id: number };

/** What was asked within one turn of the event loop. */
export interface Requests {
  /** Texts that get the next numbers, from 0. */
  readonly texts: readonly string[];
  readonly requests: readonly Request[];
}

/** Rows on their way: the names of the columns, and the values of each row. */
export interface WireRows {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
}

/** What a statement did: its rows, or how many it changed. */
export type WireResult = WireRows | number;

/** What became of a batch: one result for each statement, or which of them did not change what it must. */
export type WireOutcome = { readonly results: readonly WireResult[] } | { readonly undoneBy: number };

/** How a request ended: its value, the fault that is expected at times, or the words of an error that is a bug. */
export type Ending =
  | { readonly value: WireOutcome | WireRows | undefined }
  | { readonly fault: Fault }
  | { readonly error: string };

/** The ending of one request. */
export type Answer = Ending & { readonly id: number };

/** The first message of the thread: whether the file is open. */
export interface Opened {
  readonly opened: Fault | true;
}

const NO_ROWS: readonly never[] = [];

/** Rows as objects. */
export function rowsOf({ columns, rows }: WireRows): readonly unknown[] {
  return rows.map((values) => {
    const row: Record<string, unknown> = {};
    for (const [index, column] of columns.entries()) row[column] = values[index];
    return row;
  });
}

/** A result as the callers of a batch know it. */
export function resultOf(wire: WireResult): StatementResult {
  if (typeof wire === 'number') return { rows: NO_ROWS, changed: wire };
  return { rows: rowsOf(wire), changed: wire.rows.length };
}
