/**
 * Taking a message in.
 *
 * A message exists from the moment its one accepting batch is on disk, and not before: then, and only then, it may be
 * confirmed to whoever sent it. A small message is stored whole in that batch. The bytes of a large one go ahead in small
 * batches under an invisible row, at the pace of the disk, so that no transaction waits for a socket and no message has
 * to fit into memory.
 */
import { failure, success, type Result } from '@postbearer/core';
import {
  mustChange,
  passPoint,
  prepare,
  type BatchOutcome,
  type Statement,
  type ValueNamed,
} from '@postbearer/database';
import type { QueueContext } from './context.ts';
import { queueFaults } from './faults.ts';
import type { LaneRows } from './lane-rows.ts';
import { db } from './schema.ts';
import {
  acceptReceivedStatements,
  acceptStatements,
  CHUNK_BYTES,
  chunkStatement,
  receivingStatement,
  type IdempotencyKey,
  type Submission,
} from './submission.ts';

/** Up to this size a message is stored in one batch, bytes. */
export const SMALL_MESSAGE_BYTES: number = 4 * CHUNK_BYTES;

const KEY_KEPT_MS = 24 * 60 * 60_000;

/** A message that is stored. */
export interface Enqueued {
  readonly id: string;
  /** `false` where the same request had been taken before. */
  readonly isNew: boolean;
}

/** What may go into the accepting batch beside the message. */
export interface AcceptOptions {
  /** Statements of the caller: stored together with the message, or not at all. */
  readonly statements?: readonly Statement[];
}

/** A message made ready to be stored in somebody else's batch. */
export interface PreparedMessage {
  readonly id: string;
  readonly lane: string;
  readonly statements: readonly Statement[];
}

const claimKey = prepare(
  (value: ValueNamed<{ app: string; key: string; digest: string; message: string; now: number; expired: number }>) =>
    db
      .insertInto('idempotency_key')
      .values({
        app: value('app'),
        key: value('key'),
        digest: value('digest'),
        message_id: value('message'),
        created_at: value('now'),
      })
      .onConflict((conflict) =>
        conflict
          .columns(['app', 'key'])
          .doUpdateSet((excluded) => ({
            digest: excluded.ref('excluded.digest'),
            message_id: excluded.ref('excluded.message_id'),
            created_at: excluded.ref('excluded.created_at'),
          }))
          .where('idempotency_key.created_at', '<', value('expired')),
      ),
);

const findKey = prepare((value: ValueNamed<{ app: string; key: string }>) =>
  db
    .selectFrom('idempotency_key')
    .select(['digest', 'message_id'])
    .where('app', '=', value('app'))
    .where('key', '=', value('key')),
);

const removeReceiving = prepare((value: ValueNamed<{ id: string }>) =>
  db.deleteFrom('message').where('id', '=', value('id')).where('state', '=', 'receiving'),
);

/** Cuts bytes into chunks of one size. */
class Cutter {
  #parts: Uint8Array[] = [];
  #bytes = 0;

  /** Takes a copy of bytes that are not its own: their owner may use them again. */
  add(bytes: Uint8Array, isOwn: boolean): Uint8Array[] {
    const chunks: Uint8Array[] = [];
    for (let rest = bytes; rest.length > 0;) {
      const part = rest.subarray(0, CHUNK_BYTES - this.#bytes);
      this.#parts.push(isOwn ? part : new Uint8Array(part));
      this.#bytes += part.length;
      rest = rest.subarray(part.length);
      if (this.#bytes === CHUNK_BYTES) chunks.push(...this.rest());
    }
    return chunks;
  }

  /** What is left; nothing where nothing is. */
  rest(): Uint8Array[] {
    const parts = this.#parts;
    const whole = parts.length === 1 ? parts : [Buffer.concat(parts, this.#bytes)];
    this.#parts = [];
    this.#bytes = 0;
    return parts.length === 0 ? [] : whole;
  }
}

/** A message on its way in. Write its bytes, then accept or abandon it. */
export class Intake {
  readonly id: string;
  readonly #context: QueueContext;
  readonly #lanes: LaneRows;
  readonly #cutter = new Cutter();
  #chunks: Uint8Array[] = [];
  #sizeBytes = 0;
  #stored = 0;
  #isBegun = false;

  constructor(context: QueueContext, lanes: LaneRows) {
    this.#context = context;
    this.#lanes = lanes;
    this.id = context.newId();
  }

  /** How much was written, bytes. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /**
   * Takes the next bytes. Wait for it before the next: it resolves when there is room again.
   *
   * Fails with what the database reports; then abandon it.
   *
   * @param isGiven - nobody uses the bytes afterwards, so that they need not be copied.
   */
  async write(bytes: Uint8Array, isGiven = false): Promise<Result<void>> {
    this.#sizeBytes += bytes.length;
    this.#chunks.push(...this.#cutter.add(bytes, isGiven));
    while (this.#chunks.length * CHUNK_BYTES >= SMALL_MESSAGE_BYTES) {
      const batch = this.#chunks.splice(0, SMALL_MESSAGE_BYTES / CHUNK_BYTES);
      const stored = await this.#storeAhead(batch);
      if (!stored.ok) return stored;
    }
    return success(undefined);
  }

  /**
   * Stores the message; when this resolves well, it is on disk.
   *
   * Fails with `QUEUE_KEY_REUSED`, `QUEUE_INTAKE_LOST`, `QUEUE_BATCH_UNDONE` (a statement of the caller did not change as
   * many rows as it must) or what the database reports. After `DATABASE_OUTCOME_UNKNOWN` it
   * may be stored: whoever sent it must send it again, and may then be sent twice, unless the request has a key.
   */
  async accept(submission: Submission, options: AcceptOptions = {}): Promise<Result<Enqueued>> {
    for (let tries = 1; ; tries += 1) {
      const statements = this.#acceptingStatements(submission, options);
      passPoint('accept:before');
      const outcome = await this.#context.database.batch(statements);
      passPoint('accept:after');
      if (!outcome.ok) return outcome;
      const ended = await this.#ended(submission, outcome.value, tries);
      if (ended !== undefined) return ended;
    }
  }

  /** Forgets the message and what was stored of it. Safe to repeat and after a failure; does nothing once it is accepted. */
  async abandon(): Promise<void> {
    this.#chunks = [];
    // Where this fails too, the next start clears up.
    if (this.#isBegun) await this.#context.database.batch([removeReceiving({ id: this.id })]);
    this.#isBegun = false;
  }

  async #storeAhead(chunks: readonly Uint8Array[]): Promise<Result<void>> {
    const statements = chunks.map((chunk, index) => chunkStatement(this.id, this.#stored + index, chunk));
    if (!this.#isBegun) {
      statements.unshift(receivingStatement(this.id, this.#context.run, this.#context.clock.now()));
      this.#isBegun = true;
    }
    passPoint('pieces:before');
    const outcome = await this.#context.database.batch(statements);
    passPoint('pieces:after');
    if (!outcome.ok) return outcome;
    this.#stored += chunks.length;
    return success(undefined);
  }

  #acceptingStatements(submission: Submission, options: AcceptOptions): Statement[] {
    this.#chunks.push(...this.#cutter.rest());
    const now = this.#context.clock.now();
    return [
      ...this.#keyStatements(submission.idempotency, submission.app, now),
      ...(this.#isBegun
        ? this.#lastStatements(submission, now)
        : acceptStatements(this.id, submission, this.#chunks, now)),
      ...this.#lanes.statements(submission.lane),
      ...(options.statements ?? []),
    ];
  }

  #lastStatements(submission: Submission, now: number): Statement[] {
    const [accept, ...recipients] = acceptReceivedStatements(this.id, submission, this.#sizeBytes, now);
    const rest = this.#chunks.map((chunk, index) => chunkStatement(this.id, this.#stored + index, chunk));
    return accept === undefined ? [] : [mustChange(accept, 1), ...recipients, ...rest];
  }

  #keyStatements(idempotency: IdempotencyKey | undefined, app: string, now: number): Statement[] {
    if (idempotency === undefined) return [];
    // A clock that jumped ahead must not make a key forgotten.
    const expired = this.#context.watch.cautiousNow() - KEY_KEPT_MS;
    return [mustChange(claimKey({ app, ...idempotency, message: this.id, now, expired }), 1)];
  }

  /** How accepting ended; `undefined` where it is to be tried once more. */
  async #ended(
    { lane, app, idempotency }: Submission,
    outcome: BatchOutcome,
    tries: number,
  ): Promise<Result<Enqueued> | undefined> {
    if (outcome.done) {
      this.#isBegun = false;
      this.#lanes.isStored(lane);
      this.#context.loads.add(app, this.#sizeBytes);
      this.#context.wake(lane);
      return success({ id: this.id, isNew: true });
    }
    const isKey = idempotency !== undefined && outcome.statement === 0;
    if (!isKey) {
      const isOurs = this.#isBegun && outcome.statement === (idempotency === undefined ? 0 : 1);
      return failure(queueFaults.make(isOurs ? 'QUEUE_INTAKE_LOST' : 'QUEUE_BATCH_UNDONE'));
    }
    const found = await this.#context.database.query(findKey({ app, key: idempotency.key }));
    if (!found.ok) return found;
    const [known] = found.value;
    // It was removed in between as too old.
    if (known === undefined && tries === 1) return undefined;
    await this.abandon();
    return known?.digest === idempotency.digest
      ? success({ id: known.message_id, isNew: false })
      : failure(queueFaults.make('QUEUE_KEY_REUSED', { key: idempotency.key }));
  }
}

/** Makes a small message ready to be stored in another batch, as a notice is with the verdict that it tells of. */
export function prepareMessage(
  context: QueueContext,
  lanes: LaneRows,
  submission: Submission,
  content: Uint8Array,
): PreparedMessage {
  if (content.length > SMALL_MESSAGE_BYTES) throw new Error(`A message of ${content.length} bytes needs an intake.`);
  const id = context.newId();
  const cutter = new Cutter();
  const chunks = [...cutter.add(content, true), ...cutter.rest()];
  const statements = [
    ...acceptStatements(id, submission, chunks, context.clock.now()),
    ...lanes.statements(submission.lane),
  ];
  return { id, lane: submission.lane, statements };
}
