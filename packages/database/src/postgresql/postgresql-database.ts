/**
 * PostgreSQL as a {@link Database}.
 *
 * The rules of this file:
 * - batches go through one writer, see `batch-writer.ts`; reads take any connection;
 * - a connection that breaks after a batch was written means "not known", before that "not stored";
 * - while the server cannot be reached nobody waits: after a failed attempt to connect everything is answered at once, for
 *   a pause that grows up to two seconds, then one more attempt is made.
 */
import { failure, success, type Clock, type Fault, type Result } from '@postbearer/core';
import pg from 'pg';
import type { ClientBase, PoolClient } from 'pg';
import type { BatchOutcome, Database, Subscription } from '../database.ts';
import { postgresqlDialect } from '../dialect.ts';
import { databaseFaults } from '../faults.ts';
import { NoticeBoard } from '../notice-board.ts';
import type { Statement } from '../statement.ts';
import { BatchWriter } from './batch-writer.ts';
import type { ConnectionSettings } from './connection-settings.ts';
import { Listener } from './listener.ts';
import { endsConnection, faultOf, FaultError, isStale } from './server-error.ts';
import { StatementRun } from './statement-run.ts';

const CONNECTIONS = 10;
const CONNECT_LIMIT_MS = 5000;
/** A statement without an answer for this long has lost its connection. */
const ANSWER_LIMIT_MS = 30_000;
/** The pause after a failed attempt to connect, and the longest, milliseconds. */
const PAUSE = { firstMs: 50, longestMs: 2000 } as const;

/** Settings without which nothing is stored on this connection. */
async function checkSession(client: ClientBase, label: string): Promise<void> {
  // A connection that breaks while it is in use fails its queries; the event beside them must not end the process.
  client.on('error', () => undefined);
  const reply = await client.query<Record<string, string>>(postgresqlDialect.setUp);
  const found = reply.rows[0] ?? {};
  for (const { column, values } of postgresqlDialect.mustBe) {
    const value = found[column];
    if (value === undefined || !(values as readonly string[]).includes(value)) {
      const setting = `${column} = ${String(value)}`;
      throw new FaultError(
        databaseFaults.make('DATABASE_NOT_DURABLE', { setting, wanted: `${column} = ${values[0]}` }),
      );
    }
  }
  if (found['role'] !== 'primary') {
    const reason = 'it is a standby, which takes no changes';
    throw new FaultError(databaseFaults.make('DATABASE_UNAVAILABLE', { place: label, reason }));
  }
}

/** Connects once to see that the server is there and set as it must be. */
export async function openPostgresql(settings: ConnectionSettings, clock: Clock): Promise<Result<Database>> {
  const database = new PostgresqlDatabase(settings, clock);
  const fault = await database.check();
  if (fault === undefined) return success(database);
  await database.close();
  return failure(fault);
}

class PostgresqlDatabase implements Database {
  readonly kind = 'postgresql';
  readonly #label: string;
  readonly #user: string | undefined;
  readonly #clock: Clock;
  readonly #pool: pg.Pool;
  readonly #notices = new NoticeBoard();
  readonly #listener: Listener;
  readonly #writer: BatchWriter;
  /** What was asked and is not answered. */
  readonly #open = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;
  #blocked: { readonly untilMs: number; readonly fault: Fault } | undefined;
  #pauseMs: number = PAUSE.firstMs;

  constructor({ config, label }: ConnectionSettings, clock: Clock) {
    this.#label = label;
    this.#user = config.user;
    this.#clock = clock;
    const common = { ...config, keepAlive: true, connectionTimeoutMillis: CONNECT_LIMIT_MS };
    this.#pool = new pg.Pool({
      ...common,
      max: CONNECTIONS,
      pipeline: true,
      query_timeout: ANSWER_LIMIT_MS,
      // oxlint-disable-next-line typescript/no-misused-promises -- the pool waits for it; only its types do not say so
      onConnect: (client) => checkSession(client, label),
    });
    // An idle connection that breaks is taken out of the pool by itself.
    this.#pool.on('error', () => undefined);
    this.#listener = new Listener(common, this.#notices, clock);
    this.#writer = new BatchWriter({
      connect: () => this.#connect(),
      faultOf: (error, isUnknown) => this.#faultOf(error, isUnknown),
    });
  }

  async check(): Promise<Fault | undefined> {
    const client = await this.#connect();
    if (!client.ok) return client.fault;
    client.value.release();
    return undefined;
  }

  async query<Row>(statement: Statement<Row>): Promise<Result<readonly Row[]>> {
    if (!statement.reads) throw new Error(`This statement changes something: ${statement.text}`);
    if (this.#closing !== undefined) return this.#closed();
    return (await this.#tracked(this.#query(statement))) as Result<readonly Row[]>;
  }

  async batch<const Statements extends readonly Statement[]>(
    statements: Statements,
  ): Promise<Result<BatchOutcome<Statements>>> {
    if (this.#closing !== undefined) return this.#closed();
    const owned = statements.map(withOwnBytes);
    return (await this.#tracked(this.#writer.write(owned))) as Result<BatchOutcome<Statements>>;
  }

  notify(channel: string, payload: string): void {
    // A notice may be lost with a connection, as the face says: whoever waits for one looks by himself as well.
    void this.#pool.query(postgresqlDialect.notify, [channel, payload]).catch(() => undefined);
  }

  subscribe(channel: string, listener: (payload: string) => void): Subscription {
    const subscription = this.#notices.subscribe(channel, listener);
    this.#listener.listen(channel);
    return subscription;
  }

  backup(file: string): Promise<Result<void>> {
    // pg_dump finds the password where the tools of PostgreSQL look for it.
    const user = this.#user === undefined ? '' : `${encodeURIComponent(this.#user)}@`;
    const values = { file, database: `postgresql://${user}${this.#label}` };
    return Promise.resolve(failure(databaseFaults.make('DATABASE_BACKUP_UNSUPPORTED', values)));
  }

  async close(): Promise<void> {
    this.#notices.clear();
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.allSettled([this.#listener.close(), ...this.#open]);
    await this.#pool.end();
  }

  #closed(): Result<never> {
    return failure(databaseFaults.make('DATABASE_UNAVAILABLE', { place: this.#label, reason: 'it is closed' }));
  }

  #tracked<T>(work: Promise<T>): Promise<T> {
    this.#open.add(work);
    return work.finally(() => this.#open.delete(work));
  }

  async #query(statement: Statement): Promise<Result<readonly unknown[]>> {
    for (let isAgain = false; ; isAgain = true) {
      const client = await this.#connect();
      if (!client.ok) return client;
      const ending = await client.value.query(new StatementRun([statement])).ending;
      if (!('error' in ending)) {
        client.value.release();
        if (ending.unreadable.has(0)) throw ending.unreadable.get(0);
        return success(ending.results[0]?.rows ?? []);
      }
      const { error } = ending;
      client.value.release(endsConnection(error) || isStale(error));
      if (isAgain || !isStale(error)) return failure(this.#faultOf(error, false));
    }
  }

  async #connect(): Promise<Result<PoolClient>> {
    const blocked = this.#blocked;
    if (blocked !== undefined && this.#clock.monotonicMs() < blocked.untilMs) return failure(blocked.fault);
    try {
      const client = await this.#pool.connect();
      this.#blocked = undefined;
      this.#pauseMs = PAUSE.firstMs;
      return success(client);
    } catch (error) {
      const fault = this.#faultOf(error, false);
      // Several attempts that fail together make one pause.
      if (this.#blocked === blocked) {
        this.#blocked = { untilMs: this.#clock.monotonicMs() + this.#pauseMs, fault };
        this.#pauseMs = Math.min(this.#pauseMs * 2, PAUSE.longestMs);
      }
      return failure(fault);
    }
  }

  /** @throws the error itself where a statement is one that the server does not understand, or its rows break a constraint: a bug. */
  #faultOf(error: unknown, isUnknown: boolean): Fault {
    const fault = faultOf(error, this.#label);
    if (fault === undefined) throw error;
    if (!isUnknown) return fault;
    const values = { place: this.#label, reason: error instanceof Error ? error.message : String(error) };
    return databaseFaults.make('DATABASE_OUTCOME_UNKNOWN', values);
  }
}

/** Bytes are copied: their owner may use them again at once. */
function withOwnBytes(statement: Statement): Statement {
  const values = statement.values.map((value) => (value instanceof Uint8Array ? Buffer.from(value) : value));
  return { ...statement, values };
}
