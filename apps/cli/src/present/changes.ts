/** What operators changed, for the eye. */
import { oneLine } from '@postbearer/core';
import type { AuditRecord } from '@postbearer/server';
import type { Terminal } from '../terminal.ts';
import { table } from './table.ts';

const HEADING = ['TIME', 'WHO', 'WHAT', 'WHICH', 'DETAILS'] as const;

/** The records as rows. */
export function presentChanges(records: readonly AuditRecord[], terminal: Terminal): string {
  if (records.length === 0) return 'Nothing was changed.\n';
  const rows = records.map(({ at, actor, action, subject, details }) => [
    new Date(at).toISOString().replace('T', ' ').slice(0, 19),
    oneLine(actor),
    action,
    oneLine(subject),
    Object.keys(details).length === 0 ? '' : oneLine(JSON.stringify(details)),
  ]);
  return table(HEADING, rows, terminal);
}
