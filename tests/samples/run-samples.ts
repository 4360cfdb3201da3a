/**
 * Runs samples one after another in one process: `node run-samples.ts FILE...`.
 *
 * Prints one JSON array at the end, with what went wrong for each file, in order; what a sample prints goes to standard error.
 */
import { inspect, isDeepStrictEqual } from 'node:util';
import { pathToFileURL } from 'node:url';

const SAMPLE_LIMIT_MS = 20_000;

declare global {
  // oxlint-disable-next-line no-var -- only var declares a property of globalThis
  var checkSampleValue: (expected: () => unknown, line: number, actual: unknown) => void;
}

let problems: string[] = [];

globalThis.checkSampleValue = (expected, line, actual) => {
  const stated = expected();
  if (!isDeepStrictEqual(actual, stated)) {
    problems.push(
      `line ${line} states ${inspect(stated, { depth: 9 })} and the value is ${inspect(actual, { depth: 9 })}`,
    );
  }
};
console.log = console.error;

async function run(path: string): Promise<string[]> {
  problems = [];
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`it does not end within ${SAMPLE_LIMIT_MS} ms`)), SAMPLE_LIMIT_MS);
  try {
    await Promise.race([import(pathToFileURL(path).href), late]);
  } catch (error) {
    problems.push(inspect(error));
  } finally {
    clearTimeout(timer);
  }
  return problems;
}

const results: string[][] = [];
for (const path of process.argv.slice(2)) results.push(await run(path));
process.stdout.write(JSON.stringify(results), () => process.exit(0));
