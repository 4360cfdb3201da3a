/**
 * `npm run check`: types, lint, format, unused code, then all tests; at the end a table of what ran.
 *
 * Options are those of `npm test`, such as `--quick`. Every check runs, whatever failed before it.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { allTypes, readOnlyChecks } from './static-checks.ts';

interface Outcome {
  readonly name: string;
  readonly passed: boolean;
  readonly seconds: string;
}

const root = join(import.meta.dirname, '..');

function run(name: string, commands: readonly (readonly string[])[]): Outcome {
  console.log(`\n== ${name}`);
  const start = performance.now();
  const passed = commands.every(([command = '', ...args]) => {
    const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
    return status === 0;
  });
  return { name, passed, seconds: ((performance.now() - start) / 1000).toFixed(1) };
}

function tool([name, ...args]: readonly [string, ...string[]]): readonly string[] {
  return [join(root, 'node_modules/.bin', name), ...args];
}

const outcomes = [allTypes, ...readOnlyChecks].map(({ name, commands }) => run(name, commands.map(tool)));
outcomes.push(run('tests', [[process.execPath, join(root, 'scripts/test.ts'), ...process.argv.slice(2)]]));

const width = Math.max(...outcomes.map(({ name }) => name.length));
console.log('');
for (const { name, passed, seconds } of outcomes) {
  console.log(`${passed ? 'ok    ' : 'FAILED'}  ${name.padEnd(width)}  ${seconds.padStart(7)} s`);
}
process.exitCode = outcomes.every(({ passed }) => passed) ? 0 : 1;
