/** What the tools say about the sources, so that `npm test` alone guards everything. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { stageWorkspaces } from '../scripts/stage.ts';
import { readOnlyChecks } from '../scripts/static-checks.ts';
import { repositoryFolder } from './setup/workspaces.ts';

const LIMIT_MS = 120_000;

async function complaintsOf([tool, ...args]: readonly [string, ...string[]]): Promise<string> {
  const child = spawn(join(repositoryFolder, 'node_modules/.bin', tool), args, {
    cwd: repositoryFolder,
    env: { ...process.env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return code === 0 ? '' : `${out}${err}\n${tool} ended with ${String(code)}`;
}

// Together the same as "tsc -b", which writes: the layers in a copy, since a build in the repository may be running.
it('types of each layer', { timeout: LIMIT_MS }, async () => {
  const { folder, problems } = stageWorkspaces();
  await rm(folder, { recursive: true });
  expect(problems).toBe('');
});

it('types of tests and scripts', { timeout: LIMIT_MS }, async () => {
  const project = ['-p', 'tsconfig.tests.json', '--noEmit', '--emitDeclarationOnly', 'false', '--composite', 'false'];
  expect(await complaintsOf(['tsc', ...project, '--tsBuildInfoFile', 'null'])).toBe('');
});

it.each(readOnlyChecks)('$name', { timeout: LIMIT_MS }, async ({ commands }) => {
  for (const command of commands) expect(await complaintsOf(command)).toBe('');
});
