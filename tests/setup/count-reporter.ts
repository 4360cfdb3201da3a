/** A vitest reporter that counts, for the closing line of `npm test`. */
import type { Reporter, TestModule } from 'vitest/node';
import { writeCounts, type Counts } from './run-record.ts';

function countModule(module: TestModule, missingTools: Record<string, number>): Omit<Counts, 'missingTools'> {
  let [passed, failed, skipped] = [0, module.errors().length, 0];
  for (const suite of module.children.allSuites()) failed += suite.errors().length;
  for (const test of module.children.allTests()) {
    const { state } = test.result();
    if (state === 'passed') passed += 1;
    else if (state === 'skipped') skipped += 1;
    // A test that never ended (its process died) has failed.
    else failed += 1;
    const { missingTool } = test.meta();
    if (missingTool !== undefined) missingTools[missingTool] = (missingTools[missingTool] ?? 0) + 1;
  }
  // A module may fail without saying why; a run with one is no clean run.
  if (failed === 0 && module.state() === 'failed') failed = 1;
  return { passed, failed, skipped };
}

/** Counts and writes the counts into the record of this run. */
export class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const missingTools: Record<string, number> = {};
    const total = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    for (const module of modules) {
      const counts = countModule(module, missingTools);
      total.passed += counts.passed;
      total.failed += counts.failed;
      total.skipped += counts.skipped;
    }
    writeCounts({ ...total, missingTools });
  }
}
