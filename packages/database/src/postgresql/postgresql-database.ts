/**
 * PostgreSQL as a {@link Database}.
 *
 * The rules of this file:
 * - the statements of a batch are written to the connection at once and answered together (pipelining), the commit among
 *   them, so a batch costs one round trip. Where a statement must change a number of rows, the server itself compares, and
 *   a mismatch is an error that makes the commit undo;
 * - a connection that breaks before the commit was written means "not stored", afterwards "not known";
 * - two batches in each other's way (deadlock) are done again, a few times, without a word;
 * - while the server cannot be reached nobody waits: after a failed attempt to connect everything is answered at once, for
 *   a pause that grows up to two seconds, then one more attempt is made.
 */
import { failure, success, type Clock, type Fault, type Result } from '@postbearer/core';
import pg from 'pg';
import type { ClientBase, PoolClient, QueryConfig, QueryResult } from 'pg';
import type { BatchOutcome, Database, StatementResult, Subscription } from '../database.ts';
import { checkedText, postgresqlDialect, UNMET } from '../dialect.ts';
import { databaseFaults } from '../faults.ts';
import { NoticeBoard } from '../notice-board.ts';
import { passPoint } from '../point.ts';
import type { Statement } from '../statement.ts';
import { columnValues } from './column-values.ts';
import type { ConnectionSettings } from './connection-settings.ts';
import { Listener } from './listener.ts';
import { endsConnection, faultOf, FaultError, isConflict, sqlState } from './server-error.ts';

const CONNECTIONS = 10;
const CONNECT_LIMIT_MS = 5000;
/** A statement without an answer for this long has lost its connection. */
const ANSWER_LIMIT_MS = 30_000;
const MOST_TRIES = 8;
/** The pause after a failed attempt to connect, and the longest, milliseconds. */
const PAUSE = { firstMs: 50, longestMs: 2000 } as const;

/** The rows of a query, or the error that it ended with. */
type Reply = PromiseSettledResult<QueryResult<Record<string, unknown>>>;

interface Lost {
  readonly error: unknown;
  /** Whether the commit may have happened. */
  readonly isUnknown: boolean;
}

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

/** Texts and names for the server. */
class PreparedTexts {
  readonly #names = new Map<string, string>();

  /** What is sent for a statement. Texts of `prepare` are few, so a number each will do as a name to keep them under. */
  queryOf(statement: Statement): QueryConfig {
    const { values, isPrepared, mustChange } = statement;
    const text = mustChange === undefined ? statement.text : checkedText(statement.text, mustChange);
    if (!isPrepared) return { text, values: [...values] };
    const name = this.#names.get(text) ?? `p${this.#names.size}`;
    this.#names.set(text, name);
    return { name, text, values: [...values] };
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
  readonly #clock: Clock;
  readonly #pool: pg.Pool;
  readonly #notices = new NoticeBoard();
  readonly #listener: Listener;
  readonly #texts = new PreparedTexts();
  /** What was asked and is not answered. */
  readonly #open = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;
  #blocked: { readonly untilMs: number; readonly fault: Fault } | undefined;
  #pauseMs: number = PAUSE.firstMs;

  constructor({ config, label }: ConnectionSettings, clock: Clock) {
    this.#label = label;
    this.#clock = clock;
    const common = { ...config, keepAlive: true, connectionTimeoutMillis: CONNECT_LIMIT_MS };
    this.#pool = new pg.Pool({
      ...common,
      max: CONNECTIONS,
      pipeline: true,
      types: columnValues,
      query_timeout: ANSWER_LIMIT_MS,
      // oxlint-disable-next-line typescript/no-misused-promises -- the pool waits for it; only its types do not say so
      onConnect: (client) => checkSession(client, label),
    });
    // An idle connection that breaks is taken out of the pool by itself.
    this.#pool.on('error', () => undefined);
    this.#listener = new Listener(common, this.#notices, clock);
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
    return (await this.#tracked(this.#batch(owned))) as Result<BatchOutcome<Statements>>;
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

  backup(): Promise<Result<void>> {
    return Promise.resolve(failure(databaseFaults.make('DATABASE_BACKUP_UNSUPPORTED')));
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
    const client = await this.#connect();
    if (!client.ok) return client;
    const [reply] = await this.#send(client.value, [statement]);
    if (reply?.status === 'fulfilled') {
      client.value.release();
      return success(reply.value.rows);
    }
    client.value.release(endsConnection(reply?.reason));
    return this.#failed({ error: reply?.reason, isUnknown: false });
  }

  async #batch(statements: readonly Statement[]): Promise<Result<BatchOutcome>> {
    for (let tries = 1; ; tries += 1) {
      const client = await this.#connect();
      if (!client.ok) return client;
      const outcome = await this.#tryBatch(client.value, statements);
      if (!('error' in outcome)) return success(outcome);
      if (tries === MOST_TRIES || !isConflict(outcome.error)) return this.#failed(outcome);
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
      const failed = this.#failed({ error, isUnknown: false });
      // Several attempts that fail together make one pause.
      if (this.#blocked === blocked) {
        this.#blocked = { untilMs: this.#clock.monotonicMs() + this.#pauseMs, fault: failed.fault };
        this.#pauseMs = Math.min(this.#pauseMs * 2, PAUSE.longestMs);
      }
      return failed;
    }
  }

  /** Writes everything at once; the replies are those of the statements, in order. */
  async #send(client: PoolClient, statements: readonly (Statement | string)[]): Promise<Reply[]> {
    return Promise.allSettled(
      statements.map((each) =>
        client.query<Record<string, unknown>>(typeof each === 'string' ? { text: each } : this.#texts.queryOf(each)),
      ),
    );
  }

  async #tryBatch(client: PoolClient, statements: readonly Statement[]): Promise<BatchOutcome | Lost> {
    const { begin, commit } = postgresqlDialect;
    passPoint('commit:before');
    const replies = await this.#send(client, [begin, ...statements, commit]);
    passPoint('commit:after');
    const failed = replies.findIndex(({ status }) => status === 'rejected');
    if (failed < 0) {
      client.release();
      return { done: true, results: replies.slice(1, -1).map((reply, index) => resultOf(reply, statements[index])) };
    }
    const { reason } = replies[failed] as PromiseRejectedResult;
    client.release(endsConnection(reason));
    const statement = failed - 1;
    if (statements[statement]?.mustChange !== undefined && sqlState(reason) === UNMET)
      return { done: false, statement };
    // A server that refuses a statement, or ends the session there, has not come to the commit that follows it.
    const wasCommitting = failed === replies.length - 1 && endsConnection(reason);
    return { error: reason, isUnknown: wasCommitting || sqlState(reason) === undefined };
  }

  #failed({ error, isUnknown }: Lost): { readonly ok: false; readonly fault: Fault } {
    const fault = faultOf(error, this.#label);
    // A statement that the server does not understand, or whose rows break a constraint, is a bug.
    if (fault === undefined) throw error;
    if (!isUnknown) return { ok: false, fault };
    const values = { place: this.#label, reason: error instanceof Error ? error.message : String(error) };
    return { ok: false, fault: databaseFaults.make('DATABASE_OUTCOME_UNKNOWN', values) };
  }
}

/** Bytes are copied: their owner may use them again at once. */
function withOwnBytes(statement: Statement): Statement {
  const values = statement.values.map((value) => (value instanceof Uint8Array ? Buffer.from(value) : value));
  return { ...statement, values };
}

function resultOf(reply: Reply, statement: Statement | undefined): StatementResult {
  if (reply.status === 'rejected') return { rows: [], changed: 0 };
  const { rows, rowCount, command } = reply.value;
  // The rows of a checked statement are those of the comparison.
  if (statement?.mustChange !== undefined) return { rows: [], changed: statement.mustChange };
  return { rows, changed: command === 'SELECT' ? 0 : (rowCount ?? 0) };
}
