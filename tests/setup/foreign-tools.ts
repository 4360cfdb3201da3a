/**
 * Tests that need a foreign tool.
 *
 * A tool that is missing skips the test, and the end of the run says by name how many were skipped for it. With
 * `CI=true` nothing may be skipped silently or loudly: there a missing tool fails the test.
 */
import { it, type TestContext } from 'vitest';
import { findTool, toolTable, type ToolName } from './tool-table.ts';

declare module 'vitest' {
  interface TaskMeta {
    /** The foreign tool whose absence skipped this test. */
    missingTool?: string;
  }
}

/** Whether a foreign tool is on this machine, and where. */
export type ForeignTool =
  | { readonly available: true; readonly path: string }
  | { readonly available: false; readonly path: undefined };

/** Looks for a tool of {@link toolTable}. */
export function foreignTool(name: ToolName): ForeignTool {
  const path = findTool(name);
  return path === undefined ? { available: false, path } : { available: true, path };
}

/**
 * A test that runs only where `name` is installed.
 *
 * @param name - the tool.
 * @param title - the sentence of the test.
 * @param test - gets the full path of the tool.
 * @param timeoutMs - for the test; the default of the run where it is left out.
 */
export function itWithTool(
  name: ToolName,
  title: string,
  test: (path: string, context: TestContext) => Promise<void> | void,
  timeoutMs?: number,
): void {
  it(
    title,
    async (context) => {
      const tool = foreignTool(name);
      if (tool.available) return test(tool.path, context);
      if (process.env['CI'] === 'true') {
        throw new Error(
          `${name} is not installed (${toolTable[name].packageName}), and with CI=true no test may be skipped`,
        );
      }
      context.task.meta.missingTool = name;
      return context.skip(`${name} is not installed`);
    },
    timeoutMs,
  );
}
