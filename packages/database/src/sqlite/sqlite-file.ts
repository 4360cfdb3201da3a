/**
 * A SQLite file in the hands of its one thread.
 *
 * The rules of this file:
 * - batches that wait together are committed together (group commit), each in a savepoint of its own, so that one that
 *   fails takes nothing else with it;
 * - nothing is answered before the commit is on disk: `synchronous=FULL` is set and asked back at each opening;
 * - after an error of disk or file the connection is never used again. It is closed, opened anew at the next request, and
 *   trusted only after its whole log has been copied into the database file and flushed: a kernel that failed to write a
 *   page may call it written the next time it is asked;
 * - an error before the commit means "not stored". An error of the commit itself means "not known", but for a full disk:
 *   there the mark that makes a transaction valid, which is written last, was not written.
 */
import { closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { failure, success, type Fault, type Result } from '@postbearer/core';
import type { StatementResult } from '../database.ts';
import { sqliteDialect } from '../dialect.ts';
import { databaseFaults } from '../faults.ts';
import { passPoint } from '../point.ts';
import type { BatchRequest, Ending, WireStatement } from './protocol.ts';

/** Primary result codes (sqlite.org/rescode.html) after which the connection is not trusted. */
const CODE = {
  busy: 5,
  noMemory: 7,
  readOnly: 8,
  interrupt: 9,
  io: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  protocol: 15,
  noDatabase: 26,
} as const;
const BROKEN: ReadonlySet<number> = new Set(Object.values(CODE));

const MOST_STATEMENTS_KEPT = 300;
/** How much may be written before the log is copied back, bytes; the log stays a little larger than this. */
const LOG_LIMIT_BYTES = 16 * 1024 * 1024;
/** What a statement writes besides its values: the pages of table and indexes that it touches. */
const OVERHEAD_BYTES = 4 * 4096;
/** How long another process may keep the file while we open it, milliseconds. */
const OPEN_PATIENCE_MS = 1000;

interface KeptStatement {
  readonly statement: StatementSync;
  readonly givesRows: boolean;
}

function primaryCode(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}

function isBroken(error: unknown): boolean {
  const code = primaryCode(error);
  return code !== undefined && BROKEN.has(code);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** SQLite names placeholders that Node's driver binds slowly; by position is quicker and the same, as they come in order. */
function positional(text: string): string {
  let count = 0;
  return text.replaceAll(/\$(\d+)/g, (_, digits: string) => {
    count += 1;
    if (Number(digits) !== count) throw new Error(`The placeholders are not in order: ${text}`);
    return '?';
  });
}

/** The folder of the file, made with mode 0700 where it is missing, and the file itself with mode 0600; both names on disk. */
function createFile(file: string): void {
  const folder = dirname(resolve(file));
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  try {
    // Only where it is not there: on POSIX systems, closing any descriptor of a file drops every lock that this process
    // has on it, and with it the one that keeps others out (sqlite.org/howtocorrupt.html, section 2.2).
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return;
    throw error;
  }
  for (const each of [folder, dirname(folder)]) flushFolder(each);
}

function flushFolder(folder: string): void {
  // Windows cannot open a folder; there the file system keeps its names by itself.
  if (process.platform === 'win32') return;
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** The open file. Every call is synchronous: this runs in a thread that does nothing else. */
export class SqliteFile {
  readonly #file: string;
  #connection: DatabaseSync | undefined;
  #statements = new Map<string, KeptStatement>();
  #bytesInLog = 0;

  private constructor(file: string) {
    this.#file = file;
  }

  /** Opens the file, and makes it where it is missing. */
  static open(file: string): Result<SqliteFile> {
    const opened = new SqliteFile(file);
    try {
      createFile(file);
    } catch (error) {
      return failure(databaseFaults.make('DATABASE_FILE_UNUSABLE', { file, reason: messageOf(error) }));
    }
    const fault = opened.#ensureOpen();
    return fault === undefined ? success(opened) : failure(fault);
  }

  /** Runs one statement that only reads. */
  read(wire: WireStatement): Ending {
    const fault = this.#ensureOpen();
    if (fault !== undefined) return { fault };
    try {
      return { value: this.#kept(wire.text).statement.all(...wire.values) };
    } catch (error) {
      if (!isBroken(error)) return { error: messageOf(error) };
      this.#abandon();
      return { fault: this.#faultOf(error) };
    }
  }

  /** Runs batches in one transaction, each all or nothing; returns when it is on disk. The endings are in the order of the batches. */
  write(group: readonly BatchRequest[]): readonly Ending[] {
    const closed = this.#ensureOpen();
    if (closed !== undefined) return group.map(() => ({ fault: closed }));
    let isCommitting = false;
    try {
      this.#run(sqliteDialect.begin);
      const endings = group.map((batch) => this.#writeBatch(batch.statements));
      isCommitting = true;
      passPoint('commit:before');
      this.#run(sqliteDialect.commit);
      passPoint('commit:after');
      return endings;
    } catch (error) {
      this.#abandon();
      const fault =
        isCommitting && primaryCode(error) !== CODE.full
          ? databaseFaults.make('DATABASE_OUTCOME_UNKNOWN', { place: this.#file, reason: messageOf(error) })
          : this.#faultOf(error);
      return group.map(() => ({ fault }));
    }
  }

  /** Copies the log into the database file once it has grown; call it when nobody waits. */
  tidy(): void {
    if (this.#connection === undefined || this.#bytesInLog < LOG_LIMIT_BYTES) return;
    try {
      this.#emptyLog();
    } catch {
      // What is in the log is safe there; the next opening copies it, or says why it cannot.
      this.#abandon();
    }
  }

  /** The connection, for the one thing that is not a statement: the backup. */
  connection(): DatabaseSync | Fault {
    const fault = this.#ensureOpen();
    if (fault !== undefined) return fault;
    if (this.#connection === undefined) throw new Error('an open file has no connection');
    return this.#connection;
  }

  /** Closes the file. */
  close(): void {
    this.#abandon();
  }

  #writeBatch(statements: readonly WireStatement[]): Ending {
    this.#run(sqliteDialect.savepoint);
    const results: StatementResult[] = [];
    let ending: Ending = { value: { done: true, results } };
    try {
      for (const [index, wire] of statements.entries()) {
        const result = this.#writeStatement(wire);
        if (wire.mustChange !== undefined && wire.mustChange !== result.changed) {
          ending = { value: { done: false, statement: index } };
          break;
        }
        results.push(result);
      }
    } catch (error) {
      if (isBroken(error) || this.#connection?.isTransaction !== true) throw error;
      ending = { error: messageOf(error) };
    }
    if (!('value' in ending) || results.length < statements.length) this.#run(sqliteDialect.undo);
    this.#run(sqliteDialect.release);
    return ending;
  }

  #writeStatement(wire: WireStatement): StatementResult {
    const { statement, givesRows } = this.#kept(wire.text);
    this.#bytesInLog += OVERHEAD_BYTES;
    for (const value of wire.values) if (typeof value === 'object' && value !== null) this.#bytesInLog += value.length;
    if (givesRows) {
      const rows = statement.all(...wire.values);
      return { rows, changed: rows.length };
    }
    return { rows: [], changed: Number(statement.run(...wire.values).changes) };
  }

  #run(text: string): void {
    this.#kept(text).statement.run();
  }

  #kept(text: string): KeptStatement {
    const known = this.#statements.get(text);
    if (known !== undefined) return known;
    if (this.#connection === undefined) throw new Error('a statement was run without a connection');
    const statement = this.#connection.prepare(positional(text));
    const kept = { statement, givesRows: statement.columns().length > 0 };
    if (this.#statements.size >= MOST_STATEMENTS_KEPT) {
      const [oldest] = this.#statements.keys();
      if (oldest !== undefined) this.#statements.delete(oldest);
    }
    this.#statements.set(text, kept);
    return kept;
  }

  /** Opens where it is closed; says why it cannot. */
  #ensureOpen(): Fault | undefined {
    if (this.#connection !== undefined) return undefined;
    try {
      this.#connection = new DatabaseSync(this.#file, { timeout: OPEN_PATIENCE_MS });
      for (const text of sqliteDialect.setUp) this.#connection.exec(text);
      for (const text of sqliteDialect.takeLock) this.#connection.exec(text);
      const fault = this.#settingsFault(this.#connection);
      if (fault === undefined) this.#emptyLog();
      else this.#abandon();
      return fault;
    } catch (error) {
      this.#abandon();
      return this.#faultOf(error);
    }
  }

  #settingsFault(connection: DatabaseSync): Fault | undefined {
    for (const { ask, column, value } of sqliteDialect.mustBe) {
      const found = connection.prepare(ask).get()?.[column];
      if (found !== value) {
        return databaseFaults.make('DATABASE_NOT_DURABLE', {
          setting: `${column} = ${String(found)}`,
          wanted: `${column} = ${value}`,
        });
      }
    }
    return undefined;
  }

  #emptyLog(): void {
    passPoint('checkpoint:before');
    const answer = this.#connection?.prepare(sqliteDialect.emptyLog).get();
    passPoint('checkpoint:after');
    if (answer?.['busy'] !== 0) throw new Error('the log could not be copied into the database file');
    this.#bytesInLog = 0;
  }

  #abandon(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    this.#statements = new Map();
    try {
      connection?.close();
    } catch {
      // It is given up because it cannot be trusted; what closing says changes nothing.
    }
  }

  #faultOf(error: unknown): Fault {
    const values = { file: this.#file, place: this.#file, reason: messageOf(error) };
    switch (primaryCode(error)) {
      case CODE.full:
        return databaseFaults.make('DATABASE_DISK_FULL', values);
      case CODE.busy:
        return databaseFaults.make('DATABASE_IN_USE', values);
      case CODE.corrupt:
        return databaseFaults.make('DATABASE_DAMAGED', values);
      case CODE.cannotOpen:
      case CODE.readOnly:
      case CODE.noDatabase:
        return databaseFaults.make('DATABASE_FILE_UNUSABLE', values);
      case undefined:
      default:
        return databaseFaults.make('DATABASE_IO_FAILED', values);
    }
  }
}
