/** Reading the bytes of a message back, a few chunks at a time. */
import type { Fault, MessageSource } from '@postbearer/core';
import { passPoint, prepare, type Database, type ValueNamed } from '@postbearer/database';
import { sql } from 'kysely';
import { queueFaults } from './faults.ts';
import { db } from './schema.ts';

const CHUNKS_AT_ONCE = 4;

/** Reading a body failed in the middle; the reader of a stream gets no other word than an exception. */
export class BodyUnreadable extends Error {
  readonly fault: Fault;

  constructor(fault: Fault) {
    super(fault.message);
    this.name = 'BodyUnreadable';
    this.fault = fault;
  }
}

const chunksAfter = prepare((value: ValueNamed<{ id: string; after: number }>) =>
  db
    .selectFrom('body_chunk')
    .select(['number', 'bytes'])
    .where('message_id', '=', value('id'))
    .where('number', '>', value('after'))
    .orderBy('number')
    .limit(sql.lit(CHUNKS_AT_ONCE)),
);

/**
 * The bytes of a message as a source that reads them when they are needed.
 *
 * Reading throws {@link BodyUnreadable} where the database fails, or where less is there than was stored
 * (`QUEUE_BODY_GONE`).
 */
export function bodySource(database: Database, id: string, sizeBytes: number): MessageSource {
  return { sizeBytes, open: () => readBody(database, id, sizeBytes) };
}

async function* readBody(database: Database, id: string, sizeBytes: number): AsyncGenerator<Uint8Array> {
  let [after, read] = [-1, 0];
  while (read < sizeBytes) {
    const found = await database.query(chunksAfter({ id, after }));
    if (!found.ok) throw new BodyUnreadable(found.fault);
    for (const { number, bytes } of found.value) {
      if (number !== after + 1) break;
      yield bytes;
      passPoint('body:piece');
      after = number;
      read += bytes.length;
    }
    if (after === -1 || found.value.at(-1)?.number !== after) {
      throw new BodyUnreadable(queueFaults.make('QUEUE_BODY_GONE', { id }));
    }
  }
}
