/**
 * What is published works where it is installed: tarballs in an empty project, outside of this repository, on the oldest line of
 * Node that is promised and on the newest.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packWorkspaces } from '../scripts/pack.ts';
import { runtimePackages } from '../scripts/dependencies.ts';
import { foreignTool, itWithTool } from './setup/foreign-tools.ts';
import { keepOutput } from './setup/run-record.ts';
import { repositoryFolder, workspaces } from './setup/workspaces.ts';

const INSTALL_LIMIT_MS = 180_000;
const published = workspaces.filter(({ manifest }) => manifest.private !== true);
const entries = published.flatMap(({ manifest }) =>
  Object.keys(manifest.exports ?? {}).map((entry) => manifest.name + entry.slice(1)),
);

let project = '';

async function run(command: string, ...args: readonly string[]) {
  const child = spawn(command, args, { cwd: project, stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  keepOutput(out + err);
  return { out, err, code: Number(code) };
}

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'postbearer-packed-'));
  const tarballs = packWorkspaces(join(project, 'tarballs'));
  await writeFile(join(project, 'package.json'), '{ "private": true, "type": "module" }\n');
  const { code, err } = await run(
    'npm',
    'install',
    '--prefer-offline',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    ...tarballs,
  );
  if (code !== 0) throw new Error(`npm install failed:\n${err}`);
}, INSTALL_LIMIT_MS);

afterAll(() => rm(project, { recursive: true, force: true }));

const importAll = `
  const names = {};
  for (const entry of ${JSON.stringify(entries)}) names[entry] = Object.keys(await import(entry)).length;
  console.log(JSON.stringify({ major: Number(process.versions.node.split('.')[0]), names }));
`;

async function expectEntries(node: string, major: number): Promise<void> {
  const { out, err, code } = await run(node, '--input-type=module', '--eval', importAll);
  expect({ err, code }).toEqual({ err: '', code: 0 });
  const answer = JSON.parse(out) as { major: number; names: Record<string, number> };
  expect(answer.major).toBe(major);
  expect(Object.keys(answer.names)).toEqual(entries);
  for (const [entry, count] of Object.entries(answer.names)) expect(count, entry).toBeGreaterThan(0);
}

async function expectCommandLine(node: string): Promise<void> {
  const bin = join(project, 'node_modules/postbearer/bin/postbearer.mjs');
  const version = await run(node, bin, '--version');
  expect(version).toMatchObject({ code: 0, err: '' });
  expect(version.out).toContain(published.find(({ folder }) => folder === 'apps/cli')?.manifest.version);
  const help = await run(node, bin, '--help');
  expect(help).toMatchObject({ code: 0, err: '' });
  expect(help.out).toContain('postbearer send');
}

describe('the tarballs in an empty project', () => {
  it('are all entries', () => {
    expect(entries).toContain('@postbearer/core');
    expect(entries).toContain('@postbearer/smtp/client');
  });

  it('give every entry on Node 26', () => expectEntries(process.execPath, 26));
  itWithTool('node24', 'give every entry on Node 24', (node24) => expectEntries(node24, 24));

  it('answer --version and --help on Node 26', () => expectCommandLine(process.execPath));
  itWithTool('node24', 'answer --version and --help on Node 24', (node24) => expectCommandLine(node24));

  it('put the command on the path', async () => {
    expect(await run(join(project, 'node_modules/.bin/postbearer'), '--version')).toMatchObject({ code: 0 });
  });

  it('ship JavaScript, types, README and licence, and no TypeScript, tests or maps', async () => {
    for (const { manifest } of published) {
      const { out } = await run('find', join(project, 'node_modules', manifest.name), '-type', 'f', '-printf', '%P\n');
      const names = out.trim().split('\n');
      expect(names).toEqual(expect.arrayContaining(['package.json', 'README.md', 'LICENSE']));
      expect(names.filter((name) => /(?<!\.d)\.ts$|\.map$|\.test\.|tsbuildinfo|^src\//.test(name))).toEqual([]);
    }
  });

  it('bring exactly the packages of docs/reference/dependencies.md', async () => {
    const lock = JSON.parse(await readFile(join(project, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { hasInstallScript?: boolean }>;
    };
    const ours = new Set(published.map(({ manifest }) => manifest.name));
    const brought = Object.entries(lock.packages).filter(
      ([path]) => path !== '' && !ours.has(path.replace(/^node_modules\//, '')),
    );
    expect(brought.map(([path]) => path.replace(/^.*node_modules\//, '')).toSorted()).toEqual(
      runtimePackages().map(({ name }) => name),
    );
    expect(brought.filter(([, { hasInstallScript }]) => hasInstallScript === true)).toEqual([]);
  });

  it('carry types that a strict project compiles against', { timeout: 60_000 }, async () => {
    const imports = entries.map((entry, index) => `import * as entry${index} from '${entry}';`);
    const uses = `export const all = [${entries.map((_, index) => `entry${index}`).join(', ')}];`;
    // Fails if the types were not found and everything were any.
    const control =
      "import { oneLine } from '@postbearer/core';\n// @ts-expect-error\nexport const x: number = oneLine('');";
    await writeFile(join(project, 'types.ts'), [...imports, uses, control, ''].join('\n'));
    const tsc = join(repositoryFolder, 'node_modules/typescript/bin/tsc');
    const types = join(repositoryFolder, 'node_modules/@types');
    const strict = [
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2024',
      '--exactOptionalPropertyTypes',
    ];
    const { out } = await run(process.execPath, tsc, ...strict, '--types', 'node', '--typeRoots', types, 'types.ts');
    expect(out).toBe('');
  });
});

describe('the control', () => {
  it('shows that a source under node_modules would be refused', async () => {
    await writeFile(join(project, 'node_modules/postbearer/source.ts'), 'export const x: number = 1;\n');
    const node = foreignTool('node24').path ?? process.execPath;
    const { err, code } = await run(node, join(project, 'node_modules/postbearer/source.ts'));
    expect(code).not.toBe(0);
    expect(err).toContain('ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING');
  });
});
