/**
 * Watches a database while others use it: how long storing takes, and whether it does what it is asked.
 *
 * That it stores again is shown by a batch alone: a disk that is full can still be read.
 */
import type { Clock, EventSink, Fault, Result } from '@postbearer/core';
import type { BatchOutcome, Database, Statement } from '@postbearer/database';

/** How a database is. */
export interface DatabaseState {
  readonly isUp: boolean;
  /** Since when, wall clock, milliseconds since 1970. */
  readonly since: number;
  /** When a batch was stored last; absent where none was. */
  readonly storedAt?: number;
  readonly fault?: Fault;
}

/** What a watch tells. */
export interface DatabaseWatchOptions {
  readonly clock: Clock;
  readonly onEvent: EventSink;
  /** Seconds from asking for a batch until it is on disk. */
  readonly onBatch: (seconds: number) => void;
  /** The code of each fault. */
  readonly onFailure: (code: string) => void;
}

/** Passes everything on to a database, and remembers how it went. */
export class DatabaseWatch {
  /** The same database, watched. */
  readonly database: Database;
  readonly #options: DatabaseWatchOptions;
  #failing: { readonly verb: 'batch' | 'query'; readonly fault: Fault; readonly sinceMs: number } | undefined;
  #since: number;
  #storedAt: number | undefined;

  constructor(database: Database, options: DatabaseWatchOptions) {
    this.#options = options;
    this.#since = options.clock.now();
    this.database = {
      kind: database.kind,
      query: async (statement) => this.#noted('query', await database.query(statement)),
      batch: async (statements) => await this.#batch(database, statements),
      notify: (channel, payload) => database.notify(channel, payload),
      subscribe: (channel, listener) => database.subscribe(channel, listener),
      backup: async (file) => await database.backup(file),
      close: async () => await database.close(),
    };
  }

  /** How it is now. */
  get state(): DatabaseState {
    return {
      isUp: this.#failing === undefined,
      since: this.#since,
      ...(this.#storedAt === undefined ? {} : { storedAt: this.#storedAt }),
      ...(this.#failing === undefined ? {} : { fault: this.#failing.fault }),
    };
  }

  async #batch<const Statements extends readonly Statement[]>(
    database: Database,
    statements: Statements,
  ): Promise<Result<BatchOutcome<Statements>>> {
    const { clock, onBatch } = this.#options;
    const startedMs = clock.monotonicMs();
    const outcome = await database.batch(statements);
    if (outcome.ok) {
      onBatch((clock.monotonicMs() - startedMs) / 1000);
      this.#storedAt = clock.now();
    }
    return this.#noted('batch', outcome);
  }

  #noted<T>(verb: 'batch' | 'query', outcome: Result<T>): Result<T> {
    if (!outcome.ok) this.#failed(verb, outcome.fault);
    else if (this.#failing !== undefined && (verb === 'batch' || this.#failing.verb === 'query')) this.#works();
    return outcome;
  }

  #failed(verb: 'batch' | 'query', fault: Fault): void {
    const { clock, onEvent, onFailure } = this.#options;
    onFailure(fault.code);
    if (this.#failing !== undefined) {
      if (verb === 'batch') this.#failing = { ...this.#failing, verb, fault };
      return;
    }
    this.#failing = { verb, fault, sinceMs: clock.monotonicMs() };
    this.#since = clock.now();
    onEvent({ name: 'database.unavailable', fault });
  }

  #works(): void {
    const { clock, onEvent } = this.#options;
    const sinceMs = this.#failing?.sinceMs ?? clock.monotonicMs();
    this.#failing = undefined;
    this.#since = clock.now();
    onEvent({ name: 'database.available', downMs: Math.round(clock.monotonicMs() - sinceMs) });
  }
}
