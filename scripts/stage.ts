/**
 * A copy of the workspaces, compiled as they are published.
 *
 * The copy lies in the cache folder, so a build never meets another build, an editor or what an older one left behind.
 * Third-party packages are found in the repository's own `node_modules` above it; the workspaces find each other in the copy.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheFolder } from '../tests/setup/tool-table.ts';
import { repositoryFolder, workspaces, type Workspace } from '../tests/setup/workspaces.ts';

/** A staged build; `problems` is what the compiler said, empty when all is well. */
export interface Stage {
  readonly folder: string;
  readonly problems: string;
}

/** What goes into a published package beside the emitted JavaScript, where it exists. */
const COPIED = ['package.json', 'tsconfig.json', 'README.md', 'bin', 'src'] as const;

function isShipped(path: string): boolean {
  return !/\.test\.ts$|\/testing(?:\/|$)/.test(path);
}

function copyWorkspace({ folder, manifest }: Workspace, stage: string): void {
  for (const name of COPIED) {
    const from = join(repositoryFolder, folder, name);
    if (existsSync(from)) cpSync(from, join(stage, folder, name), { recursive: true, filter: isShipped });
  }
  cpSync(join(repositoryFolder, 'LICENSE'), join(stage, folder, 'LICENSE'));
  const link = join(stage, 'node_modules', manifest.name);
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync(join(stage, folder), link, 'dir');
}

/** Copies and compiles all workspaces, each layer with its own tsconfig. The caller removes the folder. */
export function stageWorkspaces(): Stage {
  const parent = join(cacheFolder, 'stage');
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, 'build-'));
  cpSync(join(repositoryFolder, 'tsconfig.base.json'), join(folder, 'tsconfig.base.json'));
  const references = workspaces.map(({ folder: path }) => ({ path }));
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ files: [], references }));
  for (const workspace of workspaces) copyWorkspace(workspace, folder);
  const tsc = join(repositoryFolder, 'node_modules/typescript/bin/tsc');
  const { stdout, stderr } = spawnSync(process.execPath, [tsc, '-b'], { cwd: folder, encoding: 'utf8' });
  return { folder, problems: `${stdout}${stderr}`.trim() };
}

/**
 * Turns a staged workspace into what is published: `exports` lead to the emitted JavaScript and its types.
 *
 * In the repository they lead to the TypeScript sources, which Node refuses to run under `node_modules`.
 */
export function rewriteManifest({ folder, manifest }: Workspace, stage: string): void {
  rmSync(join(stage, folder, 'dist/.tsbuildinfo'));
  const path = join(stage, folder, 'package.json');
  const published = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  if (manifest.exports !== undefined) {
    published['exports'] = Object.fromEntries(
      Object.entries(manifest.exports).map(([entry, source]) => {
        const emitted = source.replace('./src/', './dist/');
        return [entry, { types: emitted.replace(/\.ts$/, '.d.ts'), default: emitted.replace(/\.ts$/, '.js') }];
      }),
    );
  }
  writeFileSync(path, `${JSON.stringify(published, undefined, 2)}\n`);
}

/** The file name that npm gives the tarball of a workspace. */
export function tarballName({ manifest }: Workspace): string {
  return `${manifest.name.replace('@', '').replace('/', '-')}-${manifest.version}.tgz`;
}
