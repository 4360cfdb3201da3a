/** The workspaces of this repository, as tests and scripts find them. */
import { globSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

/** The root folder of the repository. */
export const repositoryFolder: string = join(import.meta.dirname, '..', '..');

/** A package.json of a workspace. */
export interface WorkspaceManifest {
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  readonly license?: string;
  readonly private?: boolean;
  readonly type?: string;
  readonly bin?: Readonly<Record<string, string>>;
  readonly files?: readonly string[];
  readonly exports?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly engines?: Readonly<Record<string, string>>;
  readonly scripts?: Readonly<Record<string, string>>;
}

/** A workspace: its folder from the root (with forward slashes) and its manifest. */
export interface Workspace {
  readonly folder: string;
  readonly manifest: WorkspaceManifest;
}

/** Reads a package.json; `folder` is given from the root. */
export function readManifest(folder: string): WorkspaceManifest {
  return JSON.parse(readFileSync(join(repositoryFolder, folder, 'package.json'), 'utf8')) as WorkspaceManifest;
}

/** Every workspace, packages first. */
export const workspaces: readonly Workspace[] = ['packages/*/package.json', 'apps/*/package.json']
  .flatMap((pattern) => globSync(pattern, { cwd: repositoryFolder }).toSorted())
  .map((path) => path.split(sep).slice(0, 2).join('/'))
  .map((folder) => ({ folder, manifest: readManifest(folder) }));

/** Paths from the root, with forward slashes, of the files that a pattern names; installed and emitted files are left out. */
export function filesMatching(...patterns: readonly string[]): string[] {
  return patterns
    .flatMap((pattern) =>
      globSync(pattern, {
        cwd: repositoryFolder,
        exclude: (name) => /^(?:node_modules|dist|\.cache|\.git)$/.test(name),
      }),
    )
    .map((path) => relative('.', path).split(sep).join('/'))
    .toSorted();
}
