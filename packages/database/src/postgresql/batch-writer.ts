/**
 * Batches on their way into the database.
 *
 * The rules of this file:
 * - batches that wait together go into one transaction and are flushed to disk together (group commit), as with SQLite;
 * - the next group is written behind the one that is being done, on the same connection, so the server never waits for us and
 *   no two groups of this process are in each other's way;
 * - each batch is atomic by itself: where one makes its group fail, the others are done again without it, and each gets the
 *   answer that it would have got alone;
 * - two transactions in each other's way (deadlock with another node) are done again, a few times, without a word.
 */
import { failure, success, type Fault, type Result } from '@postbearer/core';
import type { PoolClient } from 'pg';
import type { BatchOutcome } from '../database.ts';
import { UNMET } from '../dialect.ts';
import { passPoint } from '../point.ts';
import type { Statement } from '../statement.ts';
import { endsConnection, isConflict, isStale, sqlState } from './server-error.ts';
import { StatementRun, type RunDone, type RunEnding, type RunFailure } from './statement-run.ts';

/** At most so many batches and about so many bytes go into one group, so that the first are answered soon. */
const LARGEST_GROUP = { batches: 128, bytes: 1024 * 1024 } as const;
/** One group is being done, and one is written behind it. */
const GROUPS_AT_ONCE = 2;
const MOST_TRIES = 8;

/** What the writer needs of its surroundings. */
export interface WriterSurroundings {
  readonly connect: () => Promise<Result<PoolClient>>;
  /** The fault of an error; throws an error that is a bug. */
  readonly faultOf: (error: unknown, isUnknown: boolean) => Fault;
}

interface Waiting {
  readonly statements: readonly Statement[];
  readonly answer: (outcome: Result<BatchOutcome>) => void;
  readonly reject: (error: unknown) => void;
}

/** Whether the commit may have happened. */
function isUnknown({ error, statement, isSent }: RunFailure, statements: number): boolean {
  if (!isSent) return false;
  // A server that refuses a statement, or ends the session there, has not come to the commit that follows it.
  return sqlState(error) === undefined || (statement === statements && endsConnection(error));
}

function bytesOf(statements: readonly Statement[]): number {
  let bytes = 0;
  for (const { values } of statements)
    for (const value of values) bytes += typeof value === 'string' || value instanceof Uint8Array ? value.length : 8;
  return bytes;
}

/** Takes batches and answers them. */
export class BatchWriter {
  readonly #surroundings: WriterSurroundings;
  #waiting: Waiting[] = [];
  #client: PoolClient | undefined;
  #connecting: Promise<unknown> | undefined;
  #underWay = 0;

  constructor(surroundings: WriterSurroundings) {
    this.#surroundings = surroundings;
  }

  /** Does a batch; rejects for a bug. */
  write(statements: readonly Statement[]): Promise<Result<BatchOutcome>> {
    const { promise, resolve, reject } = Promise.withResolvers<Result<BatchOutcome>>();
    this.#waiting.push({ statements, answer: resolve, reject });
    // What is asked in the same moment goes together.
    if (this.#waiting.length === 1) queueMicrotask(() => this.#pump());
    return promise;
  }

  #pump(): void {
    if (this.#connecting !== undefined) return;
    while (this.#waiting.length > 0 && this.#underWay < GROUPS_AT_ONCE) {
      if (this.#client === undefined) {
        this.#connecting = this.#connect().finally(() => {
          this.#connecting = undefined;
          this.#pump();
        });
        return;
      }
      void this.#begin(this.#client);
    }
    if (this.#underWay === 0) this.#release();
  }

  async #connect(): Promise<void> {
    const client = await this.#surroundings.connect();
    if (client.ok) this.#client = client.value;
    else for (const { answer } of this.#waiting.splice(0)) answer(client);
  }

  #release(error?: unknown): void {
    const client = this.#client;
    this.#client = undefined;
    client?.release(error !== undefined);
  }

  #takeGroup(): readonly Waiting[] {
    let [count, bytes] = [0, 0];
    while (count < Math.min(this.#waiting.length, LARGEST_GROUP.batches) && bytes < LARGEST_GROUP.bytes) {
      bytes += bytesOf(this.#waiting[count]?.statements ?? []);
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  async #begin(client: PoolClient): Promise<void> {
    this.#underWay += 1;
    const group = this.#takeGroup();
    const ending = await run(client, group);
    if ('error' in ending && breaksConnection(ending.error) && this.#client === client) this.#release(ending.error);
    await this.#finish(group, ending);
    this.#underWay -= 1;
    this.#pump();
  }

  /** Answers a group, or does it again one by one where it did not go well as a whole. */
  async #finish(group: readonly Waiting[], ending: RunEnding): Promise<void> {
    if (!('error' in ending)) return answerDone(group, ending);
    const isLost = breaksConnection(ending.error) && !isStale(ending.error);
    if (!isLost) for (const each of group) await this.#alone(each);
    else for (const each of group) this.#answerFailure(each, ending, isUnknown(ending, countOf(group)));
  }

  async #alone(waiting: Waiting): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      const client = await this.#surroundings.connect();
      if (!client.ok) return waiting.answer(client);
      const ending = await run(client.value, [waiting]);
      client.value.release('error' in ending && breaksConnection(ending.error));
      if (!('error' in ending)) return answerDone([waiting], ending);
      const { error, statement } = ending;
      if (waiting.statements[statement]?.mustChange !== undefined && sqlState(error) === UNMET)
        return waiting.answer(success({ done: false, statement }));
      if (tries < MOST_TRIES && (isConflict(error) || isStale(error))) continue;
      return this.#answerFailure(waiting, ending, isUnknown(ending, waiting.statements.length));
    }
  }

  #answerFailure({ answer, reject }: Waiting, { error }: RunFailure, isUnknownNow: boolean): void {
    try {
      answer(failure(this.#surroundings.faultOf(error, isUnknownNow)));
    } catch (bug) {
      reject(bug);
    }
  }
}

/** Whether a connection is of no more use after an error. */
function breaksConnection(error: unknown): boolean {
  return endsConnection(error) || isStale(error);
}

function countOf(group: readonly Waiting[]): number {
  return group.reduce((sum, { statements }) => sum + statements.length, 0);
}

async function run(client: PoolClient, group: readonly Waiting[]): Promise<RunEnding> {
  passPoint('commit:before');
  try {
    return await client.query(new StatementRun(group.flatMap(({ statements }) => statements))).ending;
  } catch (error) {
    // Writing broke off in the middle: what the server has of it nobody knows.
    return { error, statement: 0, isSent: true };
  } finally {
    passPoint('commit:after');
  }
}

function answerDone(group: readonly Waiting[], { results, unreadable }: RunDone): void {
  let first = 0;
  for (const { statements, answer, reject } of group) {
    const next = first + statements.length;
    const bug = [...unreadable].find(([statement]) => statement >= first && statement < next);
    if (bug === undefined) answer(success({ done: true, results: results.slice(first, next) }));
    else reject(bug[1]);
    first = next;
  }
}
