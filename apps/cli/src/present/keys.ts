/** The keys of the HTTP API for the eye. */
import type { KeyRecord } from '@postbearer/server';
import type { Terminal } from '../terminal.ts';
import { table } from './table.ts';

const HEADING = ['KEY', 'SCOPES', 'MAILBOXES', 'ENDS', 'LAST USED'] as const;

function minuteOf(ms: number | undefined, otherwise: string): string {
  return ms === undefined ? otherwise : new Date(ms).toISOString().replace('T', ' ').slice(0, 16);
}

/** The keys as rows; times are UTC. */
export function presentKeys(keys: readonly KeyRecord[], terminal: Terminal): string {
  const rows = keys.map(({ name, scopes, mailboxes = [], expiresAt, lastUsedAt }) => [
    name,
    scopes.join(', '),
    mailboxes.length === 0 ? 'all' : mailboxes.join(', '),
    minuteOf(expiresAt, 'never'),
    minuteOf(lastUsedAt, 'never'),
  ]);
  return rows.length === 0 ? 'No keys.\n' : table(HEADING, rows, terminal);
}
