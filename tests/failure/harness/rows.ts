/**
 * How large a row of the failure suite is in this run, and what it found.
 *
 * `npm test` runs every row in a small form; `npm run test:failure -- --long` runs the numbers of the table. What a row found
 * is a line of the table that the run prints at its end.
 */
import { appendFileSync } from 'node:fs';
import { isQuick } from '../../setup/quick.ts';

/** Names the file that collects the rows of a run. */
export const ROWS_VARIABLE = 'POSTBEARER_FAILURE_ROWS';
/** Set for the long forms. */
export const LONG_VARIABLE = 'POSTBEARER_FAILURE_LONG';

/** Whether the long forms run. */
export const isLong: boolean = process.env[LONG_VARIABLE] === '1';

/** A number for the small form and one for the long form. */
export function size(small: number, long: number): number {
  if (isLong) return long;
  return isQuick ? Math.max(1, Math.ceil(small / 10)) : small;
}

/** What a row found. */
export interface Row {
  /** Its name in the plan, such as `R01`. */
  readonly row: string;
  readonly what: string;
  /** How often it was tried: kills, images, injections, messages. */
  readonly n: number;
  readonly accepted: number;
  readonly lost: number;
  readonly doubled: number;
  readonly altered: number;
  /** What the control found: what must fail failed. */
  readonly control?: string;
  readonly note?: string;
}

/** Writes a row of the table. */
export function report(row: Row): void {
  const file = process.env[ROWS_VARIABLE];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(row)}\n`);
}
