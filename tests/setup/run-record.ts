/**
 * What one run of the tests leaves behind for its end: the counts, and everything that was printed.
 *
 * The runner (`scripts/test.ts`) makes the folder and names it to vitest. Without a runner, as when vitest is started by
 * hand, nothing is kept.
 */
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from './tool-table.ts';

const FOLDER_VARIABLE = 'POSTBEARER_TEST_RECORD';
const COUNTS_FILE = 'counts.json';

/** How a run went. A file that cannot be loaded, a failed hook and an error outside any test each count as failed. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** How many tests were skipped because a foreign tool is missing, by its name. */
  readonly missingTools: Readonly<Record<string, number>>;
  /** How many tests were skipped for another reason of their own, by their file. */
  readonly skippedIn: Readonly<Record<string, number>>;
}

/** Makes an empty record and gives the environment that leads vitest to it. */
export function beginRecord(): { readonly folder: string; readonly environment: Readonly<Record<string, string>> } {
  const folder = join(cacheFolder, 'test-run', String(process.pid));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(outputFolder(folder), { recursive: true });
  return { folder, environment: { [FOLDER_VARIABLE]: folder } };
}

/** Forgets a record. */
export function endRecord(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

/** Where the output of a run is kept. */
export function outputFolder(folder: string): string {
  return join(folder, 'output');
}

/**
 * Keeps what a child process or a server under test printed, so that the end of the run can search it for secrets.
 *
 * Call it with everything a program of ours wrote: standard output, standard error, log files, support files.
 */
export function keepOutput(text: string | Uint8Array): void {
  const folder = process.env[FOLDER_VARIABLE];
  if (folder !== undefined) appendFileSync(join(outputFolder(folder), `kept-${process.pid}.log`), text);
}

/** Writes the counts at the end of vitest's run. */
export function writeCounts(counts: Counts): void {
  const folder = process.env[FOLDER_VARIABLE];
  if (folder !== undefined) writeFileSync(join(folder, COUNTS_FILE), JSON.stringify(counts));
}

/** Reads the counts; `undefined` where vitest did not get to its end. */
export function readCounts(folder: string): Counts | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, COUNTS_FILE), 'utf8')) as Counts;
  } catch {
    return undefined;
  }
}
