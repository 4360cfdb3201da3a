/** SQLite as a {@link Database}: hands everything to the thread that owns the file and keeps the event loop free. */
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { failure, success, type Fault, type Result } from '@postbearer/core';
import type { BatchOutcome, Database, Subscription } from '../database.ts';
import { databaseFaults } from '../faults.ts';
import { NoticeBoard } from '../notice-board.ts';
import type { SqlValue, Statement } from '../statement.ts';
import {
  resultOf,
  rowsOf,
  type Answer,
  type Opened,
  type Request,
  type Requests,
  type WireStatement,
} from './protocol.ts';

/** What waits for an answer of the thread. */
interface Waiting {
  readonly isBatch: boolean;
  settle(result: Result<unknown>): void;
  reject(error: Error): void;
}

type RequestBody =
  | Omit<Extract<Request, { kind: 'batch' }>, 'id'>
  | Omit<Extract<Request, { kind: 'query' }>, 'id'>
  | Omit<Extract<Request, { kind: 'backup' }>, 'id'>
  | Omit<Extract<Request, { kind: 'close' }>, 'id'>;

// Sources are TypeScript, packed packages JavaScript.
const WORKER = new URL(`./worker${extname(import.meta.url)}`, import.meta.url);

/** Starts the thread and opens the file. */
export async function openSqlite(file: string): Promise<Result<Database>> {
  // The flags of the process are for its own program: with --input-type a thread would not start from a file.
  // The thread keeps next to nothing; the standard share of memory for what is new would let garbage pile up there.
  const resourceLimits = { maxYoungGenerationSizeMb: 6 };
  const worker = new Worker(WORKER, { workerData: { file }, execArgv: [], resourceLimits });
  // oxlint-disable-next-line promise/avoid-new -- a thread says with an event that it is ready
  const { opened } = await new Promise<Opened>((resolve, reject) => {
    worker.once('message', resolve).once('error', reject);
  });
  worker.removeAllListeners('error');
  if (opened !== true) {
    await worker.terminate();
    return failure(opened);
  }
  return success(new SqliteDatabase(file, worker));
}

class SqliteDatabase implements Database {
  readonly kind = 'sqlite';
  readonly #file: string;
  readonly #worker: Worker;
  readonly #notices = new NoticeBoard();
  readonly #waiting = new Map<number, Waiting>();
  /** The numbers of texts that the thread knows, or will with the next message. */
  readonly #numbers = new Map<string, number>();
  #texts: string[] = [];
  #outgoing: Request[] = [];
  #transfer: ArrayBuffer[] = [];
  #lastId = 0;
  /** Why nothing is taken any more. */
  #ended: string | undefined;

  constructor(file: string, worker: Worker) {
    this.#file = file;
    this.#worker = worker;
    worker.on('message', (answers: readonly Answer[]) => this.#takeAnswers(answers));
    worker.on('error', (error) => this.#end(`its thread ended: ${String(error)}`));
    worker.on('exit', () => this.#end('its thread ended'));
  }

  async query<Row>(statement: Statement<Row>): Promise<Result<readonly Row[]>> {
    if (!statement.reads) throw new Error(`This statement changes something: ${statement.text}`);
    return (await this.#ask({ kind: 'query', statement: this.#wire(statement) })) as Result<readonly Row[]>;
  }

  async batch<const Statements extends readonly Statement[]>(
    statements: Statements,
  ): Promise<Result<BatchOutcome<Statements>>> {
    const wire = statements.map((each) => this.#wire(each));
    return (await this.#ask({ kind: 'batch', statements: wire })) as Result<BatchOutcome<Statements>>;
  }

  notify(channel: string, payload: string): void {
    this.#notices.tell(channel, payload);
  }

  subscribe(channel: string, listener: (payload: string) => void): Subscription {
    return this.#notices.subscribe(channel, listener);
  }

  async backup(file: string): Promise<Result<void>> {
    return (await this.#ask({ kind: 'backup', file })) as Result<void>;
  }

  async close(): Promise<void> {
    if (this.#ended !== undefined) return;
    await this.#ask({ kind: 'close' });
    this.#end('it is closed');
    await this.#worker.terminate();
  }

  #ask(body: RequestBody): Promise<Result<unknown>> {
    if (this.#ended !== undefined) return Promise.resolve(failure(this.#endedFault(this.#ended)));
    this.#lastId += 1;
    const id = this.#lastId;
    if (this.#outgoing.length === 0) setImmediate(() => this.#send());
    this.#outgoing.push({ ...body, id });
    // oxlint-disable-next-line promise/avoid-new -- the answer comes as an event of the thread
    return new Promise((settle, reject) => {
      this.#waiting.set(id, { isBatch: body.kind === 'batch', settle, reject });
    });
  }

  /** Sends what was asked within one turn of the event loop as one message. */
  #send(): void {
    const [said, transfer]: [Requests, ArrayBuffer[]] = [
      { texts: this.#texts, requests: this.#outgoing },
      this.#transfer,
    ];
    this.#texts = [];
    this.#outgoing = [];
    this.#transfer = [];
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    this.#worker.postMessage(said, transfer);
  }

  #wire({ text, values, mustChange = -1, isPrepared }: Statement): WireStatement {
    return [isPrepared ? this.#numberOf(text) : text, mustChange, ...values.map((value) => this.#owned(value))];
  }

  #numberOf(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    const number = this.#numbers.size;
    this.#numbers.set(text, number);
    this.#texts.push(text);
    return number;
  }

  /** Bytes are copied here: their owner may use them again at once, and a copy of our own need not be copied once more. */
  #owned(value: SqlValue): SqlValue {
    if (!(value instanceof Uint8Array)) return value;
    const copy = new Uint8Array(value);
    this.#transfer.push(copy.buffer);
    return copy;
  }

  #takeAnswers(answers: readonly Answer[]): void {
    for (const answer of answers) {
      const waiting = this.#waiting.get(answer.id);
      this.#waiting.delete(answer.id);
      if ('error' in answer) waiting?.reject(new Error(answer.error));
      else waiting?.settle('fault' in answer ? failure(answer.fault) : success(valueOf(answer.value)));
    }
  }

  #end(reason: string): void {
    this.#ended ??= reason;
    this.#notices.clear();
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const each of waiting) each.settle(failure(this.#endedFault(reason, each.isBatch)));
  }

  #endedFault(reason: string, isUnknown = false): Fault {
    const code = isUnknown ? 'DATABASE_OUTCOME_UNKNOWN' : 'DATABASE_UNAVAILABLE';
    return databaseFaults.make(code, { place: this.#file, reason });
  }
}

type Value = Extract<Answer, { value: unknown }>['value'];

function valueOf(value: Value): BatchOutcome | readonly unknown[] | undefined {
  if (value === undefined) return undefined;
  if ('columns' in value) return rowsOf(value);
  if ('undoneBy' in value) return { done: false, statement: value.undoneBy };
  return { done: true, results: value.results.map((result) => resultOf(result)) };
}
