/** What waits, grouped by why, and what to do about each reason. */
import type { Fault } from '@postbearer/core';
import type { StuckCount } from '@postbearer/queue';
import type { Terminal } from '../terminal.ts';
import { presentFault } from './fault.ts';
import { table } from './table.ts';

const HEADING = ['MESSAGES', 'STATE', 'WHY', 'LANE'] as const;

/** The groups as rows, then each fault once with its remedy. */
export function presentStuck(groups: readonly (StuckCount & { readonly fault?: Fault })[], terminal: Terminal): string {
  if (groups.length === 0) return 'Nothing is stuck.\n';
  const rows = groups.map(({ count, state, faultCode = 'its time has not come', lane }) => [
    String(count),
    state,
    faultCode,
    lane,
  ]);
  const faults = new Map(groups.flatMap(({ fault }) => (fault === undefined ? [] : [[fault.code, fault] as const])));
  return [
    table(HEADING, rows, terminal),
    ...[...faults.values()].map((fault) => presentFault(fault, terminal)),
    'See the messages of a row: postbearer queue list --state STATE --fault WHY\n',
  ].join('\n');
}
