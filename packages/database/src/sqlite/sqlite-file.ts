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
import { sqliteDialect } from '../dialect.ts';
import { databaseFaults } from '../faults.ts';
import { passPoint } from '../point.ts';
import type { SqlValue } from '../statement.ts';
import type { BatchRequest, Ending, WireResult, WireRows, WireStatement } from './protocol.ts';

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
const LOG_LIMIT_BYTES = 4 * 1024 * 1024;
/** What a statement writes besides its values: the pages of table and indexes that it touches. */
const OVERHEAD_BYTES = 4 * 4096;
const PAGE_BYTES = 4096;
/** How long another process may keep the file while we open it, milliseconds. */
const OPEN_PATIENCE_MS = 1000;

interface KeptStatement {
  readonly statement: StatementSync;
  /** Empty where it gives no rows. */
  readonly columns: readonly string[];
}

function primaryCode(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}

function isBroken(error: unknown): boolean {
  const code = primaryCode(error);
  return code !== undefined && BROKEN.has(code);
}

/** Whether a batch did all that it had to. */
function isWhole(ending: Ending): boolean {
  return 'value' in ending && ending.value !== undefined && 'results' in ending.value;
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
  readonly #texts: string[] = [];
  #statements = new Map<string | number, KeptStatement>();
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

  /** Learns the texts of statements that come by number from now on. */
  learn(texts: readonly string[]): void {
    this.#texts.push(...texts);
  }

  /** Runs one statement that only reads. */
  read([text, , ...values]: WireStatement): Ending {
    const fault = this.#ensureOpen();
    if (fault !== undefined) return { fault };
    try {
      return { value: this.#rows(this.#kept(text), values) };
    } catch (error) {
      if (!isBroken(error)) return { error: messageOf(error) };
      this.#abandon();
      return { fault: this.#faultOf(error) };
    }
  }

  /**
   * Runs batches in one transaction, each all or nothing; returns when it is on disk. The endings are in the order of the batches.
   *
   * @param isCopying - a backup is under way, which would begin anew after each transaction that is undone.
   */
  write(group: readonly BatchRequest[], isCopying: boolean): readonly Ending[] {
    const closed = this.#ensureOpen();
    if (closed !== undefined) return group.map(() => ({ fault: closed }));
    let isCommitting = false;
    try {
      const endings = (isCopying ? undefined : this.#writeTogether(group)) ?? this.#writeApart(group);
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
      // The sum is a guess that is too high; statements of one transaction write the same pages.
      this.#bytesInLog = this.#measureLog(this.#connection);
      if (this.#bytesInLog >= LOG_LIMIT_BYTES) this.#emptyLog();
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

  /**
   * Writes a group as if nothing could go against it; where something does, all of it is undone and `undefined` given.
   *
   * Nearly always nothing does, and a savepoint for each batch has SQLite copy each page that the batch changes first: without
   * them a message takes a tenth less time here.
   */
  #writeTogether(group: readonly BatchRequest[]): readonly Ending[] | undefined {
    this.#run(sqliteDialect.begin);
    const endings: Ending[] = [];
    for (const { statements } of group) {
      const ending = this.#runBatch(statements);
      if (!isWhole(ending)) {
        this.#run(sqliteDialect.rollback);
        return undefined;
      }
      endings.push(ending);
    }
    return endings;
  }

  /** Writes a group so that a batch which must be undone is, and the others stay. */
  #writeApart(group: readonly BatchRequest[]): readonly Ending[] {
    this.#run(sqliteDialect.begin);
    return group.map(({ statements }) => {
      this.#run(sqliteDialect.savepoint);
      const ending = this.#runBatch(statements);
      if (!isWhole(ending)) this.#run(sqliteDialect.undo);
      this.#run(sqliteDialect.release);
      return ending;
    });
  }

  #runBatch(statements: readonly WireStatement[]): Ending {
    const results: WireResult[] = [];
    try {
      for (const [index, wire] of statements.entries()) {
        const result = this.#writeStatement(wire);
        const [, mustChange] = wire;
        if (mustChange >= 0 && mustChange !== result) return { value: { undoneBy: index } };
        results.push(result);
      }
      return { value: { results } };
    } catch (error) {
      if (isBroken(error) || this.#connection?.isTransaction !== true) throw error;
      return { error: messageOf(error) };
    }
  }

  #writeStatement([text, , ...values]: WireStatement): WireResult {
    const kept = this.#kept(text);
    this.#bytesInLog += OVERHEAD_BYTES;
    for (const value of values) if (typeof value === 'object' && value !== null) this.#bytesInLog += value.length;
    return kept.columns.length > 0 ? this.#rows(kept, values) : Number(kept.statement.run(...values).changes);
  }

  #rows({ statement, columns }: KeptStatement, values: readonly SqlValue[]): WireRows {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the statement was told to give lists
    return { columns, rows: statement.all(...values) as unknown as readonly (readonly unknown[])[] };
  }

  #run(text: string): void {
    this.#kept(text).statement.run();
  }

  #kept(text: string | number): KeptStatement {
    const known = this.#statements.get(text);
    if (known !== undefined) return known;
    if (this.#connection === undefined) throw new Error('a statement was run without a connection');
    const statement = this.#connection.prepare(positional(typeof text === 'string' ? text : this.#textOf(text)));
    statement.setReturnArrays(true);
    const kept = { statement, columns: statement.columns().map(({ name }) => name) };
    if (this.#statements.size >= MOST_STATEMENTS_KEPT) {
      const [oldest] = this.#statements.keys();
      if (oldest !== undefined) this.#statements.delete(oldest);
    }
    this.#statements.set(text, kept);
    return kept;
  }

  #textOf(number: number): string {
    const text = this.#texts[number];
    if (text === undefined) throw new Error(`no text has the number ${number}`);
    return text;
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

  #measureLog(connection: DatabaseSync): number {
    const frames = connection.prepare(sqliteDialect.measureLog).get()?.['log'];
    return Number(frames) * PAGE_BYTES;
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
