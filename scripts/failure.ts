/**
 * `npm run test:failure`: the failure suite alone, with a table of what its rows found.
 *
 *     npm run test:failure                    the small forms, as in npm test
 *     npm run test:failure -- --long          the numbers of the plan; takes an hour or more
 *     npm run test:failure -- --long kill     only files whose path holds this text
 *
 * `POSTBEARER_SEED` repeats a run whose seed was printed. The exit code is that of the tests.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seed } from '../tests/failure/harness/random.ts';
import { LONG_VARIABLE, ROWS_VARIABLE, type Row } from '../tests/failure/harness/rows.ts';
import { installMissingTools } from '../tests/setup/install-tools.ts';

const root = join(import.meta.dirname, '..');

function printTable(rows: readonly Row[]): void {
  console.log('\n| row | what | n | accepted | lost | doubled | altered | control, note |');
  console.log('| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |');
  for (const { row, what, n, accepted, lost, doubled, altered, control, note } of rows.toSorted((a, b) =>
    a.row.localeCompare(b.row),
  )) {
    const words = [control, note].filter((text) => text !== undefined).join('; ');
    console.log(`| ${row} | ${what} | ${n} | ${accepted} | ${lost} | ${doubled} | ${altered} | ${words} |`);
  }
}

async function main(args: readonly string[]): Promise<number> {
  installMissingTools((line) => console.log(line));
  const folder = mkdtempSync(join(tmpdir(), 'failure-rows-'));
  const rowsFile = join(folder, 'rows.jsonl');
  const isLong = args.includes('--long');
  const chosen = args.filter((argument) => argument !== '--long').map((argument) => `tests/failure/${argument}`);
  console.log(`seed ${seed}`);
  const vitest = spawn(
    process.execPath,
    [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...(chosen.length === 0 ? ['tests/failure'] : chosen)],
    {
      cwd: root,
      env: {
        ...process.env,
        [ROWS_VARIABLE]: rowsFile,
        POSTBEARER_SEED: String(seed),
        ...(isLong ? { [LONG_VARIABLE]: '1' } : {}),
      },
      stdio: 'inherit',
    },
  );
  const [code] = (await once(vitest, 'close')) as [number | null];
  if (existsSync(rowsFile)) {
    const lines = readFileSync(rowsFile, 'utf8').trim().split('\n');
    printTable(lines.map((line) => JSON.parse(line) as Row));
  }
  rmSync(folder, { recursive: true });
  return code ?? 1;
}

process.exitCode = await main(process.argv.slice(2));
