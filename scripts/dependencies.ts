/**
 * `node scripts/dependencies.ts`: writes `docs/reference/dependencies.md`, every package that runs in production, with why.
 *
 * The facts come from `package-lock.json`, the reasons from the table below: a dependency without a reason is an error.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryFolder, workspaces } from '../tests/setup/workspaces.ts';

/** Why each direct dependency is worth having. */
export const REASONS: Readonly<Record<string, string>> = {
  '@fastify/busboy': 'Reads multipart bodies as a stream, so that a large attachment is never held in memory.',
  '@hono/node-server': 'Joins Hono to the HTTP server of Node.',
  commander: 'The command line: options, help and errors as people expect them, without further packages.',
  hono: 'Routes of the HTTP API; web-standard requests, and no other package comes with it.',
  'jsonc-parser': 'Changes one value in a JSON file and leaves every other byte, comment and order as it was.',
  kysely:
    'One SQL face over SQLite and PostgreSQL, typed and without a run-time of its own; no other package comes with it.',
  nodemailer: 'Composes MIME messages (its MailComposer alone) and is the interface that existing code already speaks.',
  oauth4webapi: 'OAuth 2.0 by a certified implementation: client authentication, assertions, reading of replies.',
  pg: 'Speaks with PostgreSQL; loaded only where the settings name such a database.',
  'prom-client': 'Metrics in the form that Prometheus reads, with histograms.',
  zod: 'One schema for what the HTTP API takes, gives and documents.',
};

/** A package that runs in production. */
export interface RuntimePackage {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly hasInstallScript: boolean;
  /** Who needs it: workspaces for a direct dependency, packages otherwise. */
  readonly neededBy: readonly string[];
  /** For a direct dependency. */
  readonly reason?: string;
}

interface LockEntry {
  readonly version?: string;
  readonly license?: string;
  readonly hasInstallScript?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** The place in the lock file that `name` means to the package at `from`. */
function resolve(lock: ReadonlyMap<string, LockEntry>, from: string, name: string): string {
  for (let base = from; ; base = base.replace(/(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/]+$/, '')) {
    const path = `${base === '' ? '' : `${base}/`}node_modules/${name}`;
    if (lock.has(path)) return path;
    if (base === '') throw new Error(`${name}, needed by ${from}, is not in package-lock.json`);
  }
}

/** A workspace and the packages that it declares, without our own. */
export interface Dependent {
  readonly folder: string;
  readonly dependencies: readonly string[];
}

function ourDependents(): Dependent[] {
  const isOurs = new Set(workspaces.map(({ manifest }) => manifest.name));
  return workspaces.map(({ folder, manifest }) => ({
    folder,
    dependencies: Object.keys(manifest.dependencies ?? {}).filter((name) => !isOurs.has(name)),
  }));
}

/**
 * Every third-party package that the published packages bring along, by name.
 *
 * @param lockText - the text of `package-lock.json`.
 */
export function runtimePackages(
  lockText: string = readFileSync(join(repositoryFolder, 'package-lock.json'), 'utf8'),
  dependents: readonly Dependent[] = ourDependents(),
  reasons: Readonly<Record<string, string>> = REASONS,
): RuntimePackage[] {
  const lock = new Map(Object.entries((JSON.parse(lockText) as { packages: Record<string, LockEntry> }).packages));
  const neededBy = new Map<string, Set<string>>();
  const visit = (path: string, by: string): void => {
    const known = neededBy.get(path);
    neededBy.set(path, (known ?? new Set()).add(by));
    if (known !== undefined) return;
    const { dependencies, optionalDependencies } = lock.get(path) ?? {};
    for (const next of Object.keys({ ...dependencies, ...optionalDependencies })) {
      visit(resolve(lock, path, next), nameAt(path));
    }
  };
  for (const { folder, dependencies } of dependents) {
    for (const name of dependencies) visit(resolve(lock, '', name), folder);
  }
  return [...neededBy]
    .map(([path, by]) => describePackage(path, by, lock.get(path), reasons))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** The name of the package at a place in the lock file. */
function nameAt(path: string): string {
  return path.replace(/^.*node_modules\//, '');
}

function describePackage(
  path: string,
  by: ReadonlySet<string>,
  entry: LockEntry | undefined,
  reasons: Readonly<Record<string, string>>,
): RuntimePackage {
  const name = nameAt(path);
  const isDirect = [...by].some((each) => /^(?:packages|apps)\//.test(each));
  const reason = isDirect ? reasons[name] : undefined;
  if (isDirect && reason === undefined) throw new Error(`scripts/dependencies.ts gives no reason for ${name}`);
  return {
    name,
    version: entry?.version ?? '',
    license: entry?.license ?? '',
    hasInstallScript: entry?.hasInstallScript ?? false,
    neededBy: [...by].toSorted(),
    ...(reason === undefined ? {} : { reason }),
  };
}

function codeList(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(', ');
}

/** The page. */
export function dependenciesPage(packages: readonly RuntimePackage[]): string {
  const direct = packages.filter(({ reason }) => reason !== undefined);
  const indirect = packages.filter(({ reason }) => reason === undefined);
  return [
    '# Run-time dependencies',
    '',
    'Written by `node scripts/dependencies.ts`; a test compares it with `package-lock.json`.',
    '',
    `${packages.length} third-party packages run in production, at most 40. None has an install script, so \`npm ci --ignore-scripts\` is enough.`,
    'A new one comes with its reason in `scripts/dependencies.ts`.',
    '',
    '## Chosen by us',
    '',
    '| package | version | licence | for | why |',
    '| --- | --- | --- | --- | --- |',
    ...direct.map(
      (each) =>
        `| \`${each.name}\` | ${each.version} | ${each.license} | ${codeList(each.neededBy)} | ${each.reason ?? ''} |`,
    ),
    '',
    '## Brought by those',
    '',
    '| package | version | licence | needed by |',
    '| --- | --- | --- | --- |',
    ...indirect.map((each) => `| \`${each.name}\` | ${each.version} | ${each.license} | ${codeList(each.neededBy)} |`),
    '',
  ].join('\n');
}

if (import.meta.main) {
  writeFileSync(join(repositoryFolder, 'docs/reference/dependencies.md'), dependenciesPage(runtimePackages()));
}
