/**
 * The record of who changed what.
 *
 * A record is a statement that is stored in the same batch as the change, so that there is no change without its record and
 * no record of what did not happen. It holds no secret.
 */
import { randomUUID } from 'node:crypto';
import { prepare, type Statement, type ValueNamed } from '@postbearer/database';
import { db } from './schema.ts';

/** What was done to what. */
export interface AuditEntry {
  /** Who did it, as far as is known. */
  readonly actor: string;
  /** Such as `app.add`. */
  readonly action: string;
  readonly subject: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

const insertRecord = prepare(
  (value: ValueNamed<{ id: string; at: number; actor: string; action: string; subject: string; details: string }>) =>
    db.insertInto('audit').values({
      id: value('id'),
      at: value('at'),
      actor: value('actor'),
      action: value('action'),
      subject: value('subject'),
      details: value('details'),
    }),
);

/**
 * The statement that records a change.
 *
 * @param now - wall clock, milliseconds since 1970.
 */
export function auditStatement({ actor, action, subject, details = {} }: AuditEntry, now: number): Statement {
  return insertRecord({ id: randomUUID(), at: now, actor, action, subject, details: JSON.stringify(details) });
}
