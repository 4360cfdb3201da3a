/**
 * Installs the foreign tools that are missing, where that can be done: Debian packages as root with apt-get, npm
 * packages into the cache folder. Never fails by itself: a test that needs what is still missing says so.
 */
import { spawnSync } from 'node:child_process';
import { globSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  findTool,
  npmToolFolder,
  toolTable,
  unpackedFolder,
  type NpmTool,
  type ToolName,
  type ToolSource,
} from './tool-table.ts';

const INSTALL_LIMIT_MS = 4 * 60_000;

function run(command: string, args: readonly string[], cwd?: string): boolean {
  const done = spawnSync(command, args, {
    cwd,
    stdio: 'ignore',
    timeout: INSTALL_LIMIT_MS,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  return done.status === 0;
}

function installDebianPackages(names: readonly string[]): void {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return;
  const install = ['install', '--yes', '--quiet', '--no-install-recommends', ...names];
  // The list of packages may be missing or old: refresh it only when the first try fails.
  if (!run('apt-get', install) && run('apt-get', ['update', '--quiet'])) run('apt-get', install);
}

function installNpmPackage(tool: NpmTool): void {
  if (process.platform !== 'linux' || process.arch !== 'x64') return;
  const folder = npmToolFolder(tool);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  run(
    'npm',
    ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--save-exact', `${tool.packageName}@${tool.version}`],
    folder,
  );
  const own = join(folder, 'node_modules', tool.packageName);
  if (tool.script !== undefined) run(process.execPath, [join(own, tool.script)], own);
}

/** Unpacks a package without installing it; it is gone again where it does not run, for want of a library. */
function unpackDebianPackage(tool: Extract<ToolSource, { from: 'debian-unpacked' }>): void {
  if (process.platform !== 'linux') return;
  const folder = unpackedFolder(tool);
  mkdirSync(folder, { recursive: true });
  const download = ['download', '--quiet', tool.packageName];
  if (!run('apt-get', download, folder) && run('apt-get', ['update', '--quiet'])) run('apt-get', download, folder);
  const [archive] = globSync('*.deb', { cwd: folder });
  const isThere = archive !== undefined && run('dpkg', ['-x', archive, '.'], folder);
  if (!isThere || !run(join(folder, tool.file), tool.proof)) rmSync(folder, { recursive: true });
}

/**
 * Installs what is missing.
 *
 * @param say - gets one line of progress for each thing that is installed, and one for what could not be.
 */
export function installMissingTools(say: (line: string) => void): void {
  const names = Object.keys(toolTable) as ToolName[];
  const missing = names.filter((name) => findTool(name) === undefined);
  if (missing.length === 0) return;
  say(`Installing for the tests: ${missing.join(', ')}`);
  const debian: string[] = [];
  for (const name of missing) {
    const tool: ToolSource = toolTable[name];
    if (tool.from === 'npm') installNpmPackage(tool);
    else if (tool.from === 'debian-unpacked') unpackDebianPackage(tool);
    else debian.push(tool.packageName);
  }
  if (debian.length > 0) installDebianPackages(debian);
  for (const name of missing) {
    const tool: ToolSource = toolTable[name];
    if (tool.from === 'debian' && tool.instead !== undefined && findTool(name) === undefined) {
      installNpmPackage(tool.instead);
    }
  }
  const still = missing.filter((name) => findTool(name) === undefined);
  if (still.length > 0) say(`Could not install: ${still.join(', ')}; tests that need them are skipped`);
}
