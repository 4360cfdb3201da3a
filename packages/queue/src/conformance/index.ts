/**
 * One suite of cases for the queue on any database.
 *
 * It is bound to no test runner: give it the runner's `describe` and `it`, and a way to open a fresh database.
 *
 * @packageDocumentation
 */
import { defineHoldsAndDoubt } from './holds.ts';
import { defineIntake } from './intake.ts';
import { defineLeasing } from './leasing.ts';
import { defineLists } from './lists.ts';
import { defineNodes } from './nodes.ts';
import { defineOutcomes } from './outcomes.ts';
import type { ConformanceOptions } from './world.ts';

export type { ConformanceOptions } from './world.ts';

/**
 * Defines every case.
 *
 * @example
 * ```ts no-run
 * import { mkdtempSync } from 'node:fs';
 * import { openDatabase } from '@postbearer/database';
 * import { defineQueueConformance } from '@postbearer/queue/conformance';
 * import { describe, it } from 'vitest';
 *
 * defineQueueConformance({
 *   describe,
 *   it,
 *   isShared: false,
 *   openDatabase: async (migrations) => {
 *     const opened = await openDatabase({ file: `${mkdtempSync('queue-')}/queue.db` }, { migrations });
 *     if (!opened.ok) throw new Error(opened.fault.message);
 *     return opened.value;
 *   },
 * });
 * ```
 */
export function defineQueueConformance(options: ConformanceOptions): void {
  options.describe('taking messages in', () => defineIntake(options));
  options.describe('leasing and settling', () => defineLeasing(options));
  options.describe('outcomes', () => {
    defineHoldsAndDoubt(options);
    defineOutcomes(options);
  });
  options.describe('lists and counts', () => defineLists(options));
  if (options.isShared) options.describe('several nodes', () => defineNodes(options));
}
