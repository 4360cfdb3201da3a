/**
 * `npm run bench -- start-up`: how long the packed command line takes to answer, next to an empty program on the same Node.
 *
 * The published form is measured: packed, installed into an empty project, JavaScript. Programs take turns, medians count.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packWorkspaces } from '../scripts/pack.ts';

const ROUNDS = process.argv.includes('--quick') ? 5 : 41;

/** Packs and installs the command line into `project`; gives its launcher. */
function install(project: string): string {
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }\n');
  const tarballs = packWorkspaces(join(project, 'tarballs'));
  const npm = spawnSync(
    'npm',
    ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', ...tarballs],
    { cwd: project, encoding: 'utf8' },
  );
  if (npm.status !== 0) throw new Error(npm.stderr);
  return join(project, 'node_modules', 'postbearer', 'bin', 'postbearer.mjs');
}

function timeOf(args: readonly string[]): number {
  const start = performance.now();
  const { status } = spawnSync(process.execPath, args, { stdio: 'ignore' });
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${String(status)}`);
  return performance.now() - start;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const project = mkdtempSync(join(tmpdir(), 'postbearer-start-up-'));
try {
  const launcher = install(project);
  const empty = join(project, 'empty.mjs');
  writeFileSync(empty, '');
  const programs = {
    'an empty program': [empty],
    'postbearer --version': [launcher, '--version'],
    'postbearer --help': [launcher, '--help'],
  };
  const times = Object.fromEntries(Object.keys(programs).map((name): [string, number[]] => [name, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, args] of Object.entries(programs)) times[name]?.push(timeOf(args));
  }
  const base = median(times['an empty program'] ?? []);
  const rows = Object.entries(times).map(
    ([name, values]) => `| ${name} | ${median(values).toFixed(1)} | ${(median(values) / base).toFixed(2)} |`,
  );
  const date = new Date().toISOString().slice(0, 10);
  const page = `# Start-up of the command line\n\n${date}, Node ${process.versions.node}, packed and installed, medians of ${ROUNDS} rounds in turn. Aim: at most 2 times an empty program.\n\n| program | ms | ratio |\n| --- | --- | --- |\n${rows.join('\n')}\n`;
  console.log(`\n${page}`);
  if (!process.argv.includes('--quick')) writeFileSync(join(import.meta.dirname, 'results', 'start-up.md'), page);
} finally {
  rmSync(project, { recursive: true });
}
