/**
 * Holds package-lock.json against the manifests, without a network.
 *
 * `npm ci` refuses to install (EUSAGE) when they disagree, and only a fresh clone notices.
 */
import type { Workspace } from './workspaces.ts';

const LISTS = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'] as const;

interface LockEntry extends Partial<Record<(typeof LISTS)[number], Readonly<Record<string, string>>>> {
  readonly version?: string;
  readonly resolved?: string;
  readonly link?: boolean;
}

type LockEntries = Readonly<Record<string, LockEntry>>;

function listDisagreements({ manifest }: Workspace, entry: LockEntry): string[] {
  return LISTS.flatMap((list) => {
    const [written, locked] = [manifest[list] ?? {}, entry[list] ?? {}];
    return [...new Set([...Object.keys(written), ...Object.keys(locked)])]
      .filter((name) => written[name] !== locked[name])
      .map((name) => `${list} names ${name} ${written[name] ?? 'none'}, the lock file ${locked[name] ?? 'none'}`);
  });
}

/** What is installed for a workspace: its own copy before the one that all share. */
function installedFor(folder: string, name: string, entries: LockEntries): LockEntry | undefined {
  const shared = entries[`node_modules/${name}`];
  const found = entries[`${folder}/node_modules/${name}`] ?? shared;
  return found?.link === true ? entries[found.resolved ?? ''] : found;
}

/** Versions are exact in this repository, so what is installed is the very version that is asked for. */
function installDisagreements({ folder, manifest }: Workspace, entries: LockEntries): string[] {
  const wanted = { ...manifest.dependencies, ...manifest.devDependencies, ...manifest.optionalDependencies };
  return Object.entries(wanted).flatMap(([name, version]) => {
    const installed = installedFor(folder, name, entries);
    if (installed === undefined) return [`the lock file installs no ${name}`];
    if (installed.version === version) return [];
    return [`asks for ${name} ${version}, the lock file installs ${installed.version ?? 'no version'}`];
  });
}

function workspaceDisagreements(workspace: Workspace, entries: LockEntries): string[] {
  const { folder, manifest } = workspace;
  const entry = entries[folder];
  if (entry === undefined) return ['is not in the lock file'];
  const found = listDisagreements(workspace, entry);
  if (found.length > 0) return found;
  if (entry.version !== manifest.version) {
    return [`is ${manifest.version}, in the lock file ${entry.version ?? 'without a version'}`];
  }
  if (folder !== '' && entries[`node_modules/${manifest.name}`]?.resolved !== folder) {
    found.push(`the lock file does not link ${manifest.name} to it`);
  }
  return [...found, ...installDisagreements(workspace, entries)];
}

/** Each disagreement, beginning with the folder of the workspace; the root has the folder `''`. */
export function lockDisagreements(lockText: string, workspaces: readonly Workspace[]): string[] {
  const { packages: entries } = JSON.parse(lockText) as { readonly packages: LockEntries };
  const folders = new Set(workspaces.map(({ folder }) => folder));
  const gone = Object.keys(entries)
    .filter((path) => !/(?:^|\/)node_modules\//.test(path) && !folders.has(path))
    .map((path) => `${path}: is in the lock file and has no manifest`);
  const wrong = workspaces.flatMap((workspace) =>
    workspaceDisagreements(workspace, entries).map((what) => `${workspace.folder || 'the root'}: ${what}`),
  );
  return [...wrong, ...gone];
}
