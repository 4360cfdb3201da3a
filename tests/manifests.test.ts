/** One table for every workspace manifest: what all of them must say, with the exceptions by name. */
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lockDisagreements } from './setup/lock-file.ts';
import { readManifest, repositoryFolder, workspaces, type WorkspaceManifest } from './setup/workspaces.ts';

const EXACT = /^\d+\.\d+\.\d+$/;
const root = readManifest('.');

/** The folders that a tsconfig.json references, as it writes them. */
function referencesOf(folder: string): string[] {
  const text = readFileSync(join(repositoryFolder, folder, 'tsconfig.json'), 'utf8');
  return (JSON.parse(text) as { references: { path: string }[] }).references.map(({ path }) => path);
}

function dependenciesOf(manifest: WorkspaceManifest): [string, string][] {
  return [
    ...Object.entries(manifest.dependencies ?? {}),
    ...Object.entries(manifest.devDependencies ?? {}),
    ...Object.entries(manifest.optionalDependencies ?? {}),
  ];
}

describe.each(workspaces)('$folder', ({ folder, manifest }) => {
  it('has the name of its folder and the version of all', () => {
    const name = folder.split('/')[1];
    expect(manifest.name).toBe(folder === 'apps/cli' ? 'postbearer' : `@postbearer/${name}`);
    expect(manifest.version).toBe(workspaces[0]?.manifest.version);
    expect(manifest.version).toMatch(EXACT);
  });

  it('says what it is, under which licence, for which Node, and what it ships', () => {
    expect(manifest).toMatchObject({
      license: root.license,
      type: 'module',
      engines: { node: '>=24.15' },
      files: expect.arrayContaining(['dist', 'README.md']) as unknown,
    });
    expect(manifest.description).toMatch(/^[A-Z].*\.$/);
    expect(existsSync(join(repositoryFolder, folder, 'README.md'))).toBe(true);
  });

  it('exports TypeScript sources that are there, and bin files too', () => {
    const entries = Object.entries(manifest.exports ?? {});
    expect(entries.length + Object.keys(manifest.bin ?? {}).length).toBeGreaterThan(0);
    for (const [entry, file] of entries) {
      expect(entry).toMatch(/^\.(?:\/[a-z0-9-]+)?$/);
      expect(file).toMatch(/^\.\/src\/.*\.ts$/);
      expect(existsSync(join(repositoryFolder, folder, file)), `${entry} is ${file}`).toBe(true);
    }
    for (const file of Object.values(manifest.bin ?? {}))
      expect(existsSync(join(repositoryFolder, folder, file))).toBe(true);
  });

  it('is built by "tsc -b"', () => {
    expect(referencesOf('.')).toContain(folder);
  });

  it('references in its tsconfig the workspaces that it declares, and no others', () => {
    const declared = Object.keys(manifest.dependencies ?? {}).filter((name) => name.startsWith('@postbearer/'));
    const referenced = referencesOf(folder).map((path) => `@postbearer/${basename(path)}`);
    expect(referenced.toSorted()).toEqual(declared.toSorted());
  });

  it('names exact versions, and no script that runs at install', () => {
    for (const [name, version] of dependenciesOf(manifest)) expect(version, name).toMatch(EXACT);
    expect(Object.keys(manifest.scripts ?? {})).toEqual([]);
    expect(manifest.devDependencies).toBeUndefined();
  });
});

describe('the root', () => {
  it('is private and names exact versions', () => {
    expect(root.private).toBe(true);
    for (const [name, version] of dependenciesOf(root)) expect(version, name).toMatch(EXACT);
  });

  it('builds tests and scripts with the rest', () => {
    expect(referencesOf('.')).toContain('tsconfig.tests.json');
  });

  it('pins one Node for every platform', () => {
    expect(new Set(Object.values(root.optionalDependencies ?? {})).size).toBe(1);
  });

  it('has no script that runs at install', () => {
    const names = Object.keys(root.scripts ?? {});
    for (const hook of ['preinstall', 'install', 'postinstall', 'prepare', 'prepublish'])
      expect(names).not.toContain(hook);
  });
});

describe('the lock file', () => {
  const manifests = [{ folder: '', manifest: root }, ...workspaces];

  it('says what the manifests say, so that "npm ci" works in a fresh clone', () => {
    const lock = readFileSync(join(repositoryFolder, 'package-lock.json'), 'utf8');
    expect(lockDisagreements(lock, manifests), 'run "npm install --package-lock-only"; commit both').toEqual([]);
  });

  it.each<[string, object, object, string]>([
    [
      'a new dependency',
      {},
      { dependencies: { pg: '1.0.0' } },
      'packages/a: dependencies names pg 1.0.0, the lock file none',
    ],
    [
      'a dependency that is gone',
      { dependencies: { pg: '1.0.0' } },
      {},
      'packages/a: dependencies names pg none, the lock file 1.0.0',
    ],
    [
      'another version',
      { peerDependencies: { pg: '1.0.0' } },
      { peerDependencies: { pg: '1.0.1' } },
      'packages/a: peerDependencies names pg 1.0.1, the lock file 1.0.0',
    ],
    ['another version of its own', {}, { version: '2.0.0' }, 'packages/a: is 2.0.0, in the lock file 1.0.0'],
  ])('is caught with %s', (_what, locked, written, words) => {
    const own = { name: '@postbearer/a', version: '1.0.0' };
    const entries = {
      'packages/a': { ...own, ...locked },
      'node_modules/@postbearer/a': { resolved: 'packages/a', link: true },
      'node_modules/pg': { version: (written as WorkspaceManifest).peerDependencies?.['pg'] ?? '1.0.0' },
    };
    const manifest = { ...own, ...written };
    expect(lockDisagreements(JSON.stringify({ packages: entries }), [{ folder: 'packages/a', manifest }])).toEqual([
      words,
    ]);
  });

  it('is caught when it does not know a workspace, still knows an old one, or installs something else', () => {
    const manifest = { name: '@postbearer/a', version: '1.0.0', dependencies: { pg: '1.0.0' } };
    const link = (folder: string): object => ({ resolved: folder, link: true });
    const known = { 'packages/a': manifest, 'node_modules/@postbearer/a': link('packages/a') };
    const disagreements = (packages: object): string[] =>
      lockDisagreements(JSON.stringify({ packages }), [{ folder: 'packages/a', manifest }]);
    expect(disagreements({})).toContain('packages/a: is not in the lock file');
    expect(disagreements({ 'packages/a': manifest, 'node_modules/pg': { version: '1.0.0' } })).toEqual([
      'packages/a: the lock file does not link @postbearer/a to it',
    ]);
    expect(disagreements({ ...known })).toEqual(['packages/a: the lock file installs no pg']);
    expect(disagreements({ ...known, 'node_modules/pg': { version: '2.0.0' } })).toEqual([
      'packages/a: asks for pg 1.0.0, the lock file installs 2.0.0',
    ]);
    expect(
      disagreements({
        ...known,
        'packages/a/node_modules/pg': { version: '1.0.0' },
        'node_modules/pg': { version: '2.0.0' },
      }),
    ).toEqual([]);
    expect(disagreements({ ...known, 'node_modules/pg': { version: '1.0.0' }, 'packages/b': {} })).toEqual([
      'packages/b: is in the lock file and has no manifest',
    ]);
  });
});
