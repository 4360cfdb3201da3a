/**
 * `node scripts/pack.ts [folder]`: builds the published packages and leaves their tarballs in `folder` (default
 * `.cache/packages`).
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { cacheFolder } from '../tests/setup/tool-table.ts';
import { workspaces } from '../tests/setup/workspaces.ts';
import { rewriteManifest, stageWorkspaces, tarballName } from './stage.ts';

/**
 * Packs every workspace that is not private.
 *
 * @returns the full paths of the tarballs.
 */
export function packWorkspaces(into: string): string[] {
  const published = workspaces.filter(({ manifest }) => manifest.private !== true);
  const stage = stageWorkspaces();
  try {
    if (stage.problems !== '') throw new Error(`The packages do not compile:\n${stage.problems}`);
    for (const workspace of published) rewriteManifest(workspace, stage.folder);
    mkdirSync(into, { recursive: true });
    const folders = published.map(({ folder }) => `./${folder}`);
    const npm = spawnSync('npm', ['pack', '--silent', '--ignore-scripts', `--pack-destination=${into}`, ...folders], {
      cwd: stage.folder,
      encoding: 'utf8',
    });
    if (npm.status !== 0) throw new Error(`npm pack failed:\n${npm.stderr}`);
    return published.map((workspace) => join(into, tarballName(workspace)));
  } finally {
    rmSync(stage.folder, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const into = resolve(process.argv[2] ?? join(cacheFolder, 'packages'));
  for (const tarball of packWorkspaces(into)) console.log(tarball);
}
