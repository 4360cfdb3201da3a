/**
 * `node scripts/fault-pages.ts`: writes a page for each fault into `docs/reference/faults/` from the catalogues of all packages;
 * a test compares the two.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FaultCode, FaultDefinition } from '@postbearer/core';
import { faultPage } from '../packages/diagnosis/src/index.ts';
import { filesMatching, repositoryFolder } from '../tests/setup/workspaces.ts';

/** Where the pages stand. */
export const FAULT_PAGES = 'docs/reference/faults';

/** A fault with its owner. */
export interface PagedFault {
  readonly code: FaultCode;
  /** The package that reports it. */
  readonly owner: string;
  readonly definition: FaultDefinition;
}

function isCatalogue(value: unknown): value is { readonly definitions: Readonly<Record<string, FaultDefinition>> } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'definitions' in value &&
    typeof value.definitions === 'object' &&
    'make' in value
  );
}

/** Every fault of every catalogue in the sources, by code. */
export async function everyFault(): Promise<readonly PagedFault[]> {
  const files = filesMatching('packages/*/src/**/*.ts', 'apps/*/src/**/*.ts').filter(
    (file) =>
      !file.includes('.test.') &&
      !file.includes('/testing/') &&
      readFileSync(join(repositoryFolder, file), 'utf8').includes('defineFaults'),
  );
  const found = new Map<string, PagedFault>();
  for (const file of files) {
    const module = (await import(join(repositoryFolder, file))) as Readonly<Record<string, unknown>>;
    const owner = file.split('/').slice(1, 2).join('');
    for (const value of Object.values(module)) {
      if (!isCatalogue(value)) continue;
      for (const [code, definition] of Object.entries(value.definitions)) {
        found.set(code, { code: code as FaultCode, owner, definition });
      }
    }
  }
  return [...found.values()].toSorted((a, b) => (a.code < b.code ? -1 : 1));
}

/** The list of all pages. */
export function faultIndex(faults: readonly PagedFault[]): string {
  const owners = [...new Set(faults.map(({ owner }) => owner))].toSorted();
  return [
    '# Faults',
    '',
    'Every failure that Postbearer reports has a code that never changes. Logs, exit codes, HTTP answers, metrics and the console name it; its page says what it means and what to do. Have only a text? `postbearer explain` finds the code.',
    '',
    ...owners.flatMap((owner) => [
      `## ${owner}`,
      '',
      '| code | what |',
      '| --- | --- |',
      ...faults
        .filter((fault) => fault.owner === owner)
        .map(({ code, definition }) => `| [${code}](${code}.md) | ${definition.title} |`),
      '',
    ]),
  ].join('\n');
}

/** Every page by its file name. */
export async function faultPages(): Promise<ReadonlyMap<string, string>> {
  const faults = await everyFault();
  return new Map([
    ['README.md', faultIndex(faults)],
    ...faults.map(({ code, owner, definition }) => [`${code}.md`, faultPage(code, owner, definition)] as const),
  ]);
}

if (import.meta.main) {
  const folder = join(repositoryFolder, FAULT_PAGES);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of await faultPages()) writeFileSync(join(folder, name), text);
}
