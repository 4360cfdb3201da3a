/**
 * The run-time face of each package: what can be imported from which entry.
 *
 * A name that comes or goes shows as a difference in `faces/exports.txt`; `npx vitest run tests/faces -u` writes it anew. The
 * types of the same faces are pinned in `types/`.
 */
import { expect, it } from 'vitest';
import { workspaces } from './setup/workspaces.ts';

const entries = workspaces.flatMap(({ manifest }) =>
  Object.keys(manifest.exports ?? {}).map((entry) => manifest.name + entry.slice(1)),
);

it('is what faces/exports.txt says', async () => {
  const blocks: string[] = [];
  for (const entry of entries) {
    const names = Object.keys((await import(entry)) as object).toSorted();
    blocks.push([entry, ...names.map((name) => `  ${name}`)].join('\n'));
  }
  await expect(`${blocks.join('\n\n')}\n`).toMatchFileSnapshot('faces/exports.txt');
});
