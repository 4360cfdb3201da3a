/** The supply chain: few run-time packages, each with its reason, none that runs a script when it is installed. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { dependenciesPage, REASONS, runtimePackages } from '../scripts/dependencies.ts';
import { repositoryFolder } from './setup/workspaces.ts';

const MOST_PACKAGES = 40;
const packages = runtimePackages();

it('has at most 40 run-time packages', () => {
  expect(packages.length).toBeGreaterThan(0);
  expect(packages.length).toBeLessThanOrEqual(MOST_PACKAGES);
});

it('needs no install script', () => {
  expect(packages.filter(({ hasInstallScript }) => hasInstallScript)).toEqual([]);
});

it('knows an install script when there is one', () => {
  const lock = JSON.stringify({
    packages: {
      'node_modules/direct': { version: '1.0.0', dependencies: { deeper: '1' } },
      'node_modules/direct/node_modules/deeper': { version: '1.0.0', hasInstallScript: true },
      'node_modules/deeper': { version: '2.0.0' },
    },
  });
  const found = runtimePackages(lock, [{ folder: 'packages/a', dependencies: ['direct'] }], { direct: 'because' });
  expect(found.map(({ name, version, hasInstallScript }) => ({ name, version, hasInstallScript }))).toEqual([
    { name: 'deeper', version: '1.0.0', hasInstallScript: true },
    { name: 'direct', version: '1.0.0', hasInstallScript: false },
  ]);
});

it('gives a reason for each that we chose, and for nothing else', () => {
  const chosen = packages.filter(({ reason }) => reason !== undefined).map(({ name }) => name);
  expect(chosen).toEqual(Object.keys(REASONS).toSorted());
  expect(() =>
    runtimePackages('{"packages":{"node_modules/x":{}}}', [{ folder: 'packages/a', dependencies: ['x'] }], {}),
  ).toThrow('gives no reason for x');
});

it('is described by docs/reference/dependencies.md as it is', () => {
  const page = readFileSync(join(repositoryFolder, 'docs/reference/dependencies.md'), 'utf8');
  expect(page, 'run: node scripts/dependencies.ts').toBe(dependenciesPage(packages));
});
