/** Reading the record of who changed what, and throwing away what is old. */
import { success, type Result } from '@postbearer/core';
import { prepare, type Database, type ValueNamed } from '@postbearer/database';
import type { AuditEntry } from './audit.ts';
import { db } from './schema.ts';

/** One record. */
export interface AuditRecord extends Required<AuditEntry> {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** More than a year, so that a yearly review sees all of it. */
const KEPT_MS = 400 * 24 * 60 * 60_000;
const LARGEST_PAGE = 500;

const newest = prepare((value: ValueNamed<{ before: number; limit: number }>) =>
  db.selectFrom('audit').selectAll().where('at', '<', value('before')).orderBy('at', 'desc').limit(value('limit')),
);

const deleteBefore = prepare((value: ValueNamed<{ before: number }>) =>
  db.deleteFrom('audit').where('at', '<', value('before')),
);

/**
 * The latest records, the newest first.
 *
 * @param before - only what is older, milliseconds since 1970.
 * @param limit - at most so many, and at most 500.
 */
export async function listAudit(
  database: Database,
  { before = Number.MAX_SAFE_INTEGER, limit = 50 }: { readonly before?: number; readonly limit?: number },
): Promise<Result<readonly AuditRecord[]>> {
  const found = await database.query(newest({ before, limit: Math.max(1, Math.min(limit, LARGEST_PAGE)) }));
  if (!found.ok) return found;
  return success(found.value.map((row) => ({ ...row, details: JSON.parse(row.details) as AuditRecord['details'] })));
}

/** Removes records that are older than 400 days. */
export async function removeOldAudit(database: Database, now: number): Promise<Result<void>> {
  const done = await database.batch([deleteBefore({ before: now - KEPT_MS })]);
  return done.ok ? success(undefined) : done;
}
