/** A vitest reporter that counts, for the closing line of `npm test`. */
import type { Reporter, TestCase, TestModule } from 'vitest/node';
import { writeCounts } from './run-record.ts';

type Tally = Record<string, number>;

function addTo(tally: Tally, name: string): void {
  tally[name] = (tally[name] ?? 0) + 1;
}

interface RunningCounts {
  passed: number;
  failed: number;
  skipped: number;
  readonly missingTools: Tally;
  readonly skippedIn: Tally;
}

function countTest(test: TestCase, counts: RunningCounts): void {
  const { state } = test.result();
  const { missingTool } = test.meta();
  if (state === 'passed') counts.passed += 1;
  // A test that never ended (its process died) has failed.
  else if (state !== 'skipped') counts.failed += 1;
  else {
    counts.skipped += 1;
    if (missingTool !== undefined) addTo(counts.missingTools, missingTool);
    // Not by a filter on the command line, nor because a hook failed, which says so itself.
    else if (test.options.mode === 'skip') addTo(counts.skippedIn, test.module.relativeModuleId);
  }
}

function countModule(module: TestModule, counts: RunningCounts): void {
  const failedBefore = counts.failed;
  counts.failed += module.errors().length;
  for (const suite of module.children.allSuites()) counts.failed += suite.errors().length;
  for (const test of module.children.allTests()) countTest(test, counts);
  // A module may fail without saying why; a run with one is no clean run.
  if (counts.failed === failedBefore && module.state() === 'failed') counts.failed += 1;
}

/** Counts and writes the counts into the record of this run. */
export class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const counts: RunningCounts = {
      passed: 0,
      failed: unhandledErrors.length,
      skipped: 0,
      missingTools: {},
      skippedIn: {},
    };
    for (const module of modules) countModule(module, counts);
    writeCounts(counts);
  }
}
