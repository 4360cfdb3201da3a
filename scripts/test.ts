/**
 * `npm test`: installs what the tests need, runs them all, and says at the end how many passed.
 *
 *     npm test                       everything
 *     npm test -- --quick            under three minutes, for daily work
 *     npm test -- packages/smtp      only files whose path holds this text
 *     npm test -- -t 'a sentence'    any other option goes to vitest
 *
 * The last line is `N passed, N failed`, with `, N skipped` where tests were skipped. The exit code is 0 only when nothing
 * failed, vitest came to its end, and no secret of the tests stands in anything that was printed.
 */
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { once } from 'node:events';
import { canaries } from '../tests/setup/canaries.ts';
import { scanFolder } from '../tests/setup/canary-scan.ts';
import { installMissingTools } from '../tests/setup/install-tools.ts';
import { QUICK_VARIABLE } from '../tests/setup/quick.ts';
import { beginRecord, endRecord, outputFolder, readCounts } from '../tests/setup/run-record.ts';

const root = join(import.meta.dirname, '..');

async function runVitest(args: readonly string[], environment: Readonly<Record<string, string>>, log: string) {
  const child = spawn(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...args], {
    cwd: root,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const kept = createWriteStream(log);
  // One stream, so that the closing line is the last that anybody reads.
  for (const from of [child.stdout, child.stderr]) {
    from.pipe(process.stdout, { end: false });
    from.pipe(kept, { end: false });
  }
  const [code] = (await once(child, 'close')) as [number | null];
  kept.end();
  await once(kept, 'close');
  return code;
}

function testCount(count: number): string {
  return `${count} ${count === 1 ? 'test' : 'tests'}`;
}

async function main(args: readonly string[]): Promise<number> {
  const quick = args.includes('--quick');
  installMissingTools((line) => console.log(line));
  const { folder, environment } = beginRecord();
  const code = await runVitest(
    args.filter((argument) => argument !== '--quick'),
    { ...environment, ...(quick ? { [QUICK_VARIABLE]: '1' } : {}) },
    join(outputFolder(folder), 'vitest.log'),
  );

  const counts = readCounts(folder) ?? { passed: 0, failed: 0, skipped: 0, missingTools: {}, skippedIn: {} };
  let { failed } = counts;
  if (code !== 0 && failed === 0) {
    console.log(`vitest ended with ${code === null ? 'a signal' : `exit code ${code}`}: counted as a failure`);
    failed = 1;
  }
  const { hits, searchedBytes } = await scanFolder(outputFolder(folder), canaries);
  if (hits.length > 0) failed += 1;
  else endRecord(folder);
  console.log(
    hits.length > 0
      ? `Secrets in the output of the tests: ${hits.join(', ')}`
      : `No secret of the tests stands in the ${Math.ceil(searchedBytes / 1024)} kB that they printed (clear, base64 at three offsets, URL-encoded)`,
  );
  for (const [tool, count] of Object.entries(counts.missingTools)) {
    console.log(`${testCount(count)} skipped: ${tool} is not installed`);
  }
  const skippedIn = args.some((argument) => /^(?:-t|--testNamePattern)/.test(argument)) ? {} : counts.skippedIn;
  for (const [file, count] of Object.entries(skippedIn)) console.log(`${testCount(count)} skipped in ${file}`);
  console.log(`\n${counts.passed} passed, ${failed} failed${counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''}`);
  return failed === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
