/** The runner has to tell a bad run from a good one, whatever goes wrong. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');

async function run(fixtures: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST') && name !== 'CI'),
  );
  const child = spawn(
    process.execPath,
    ['scripts/test.ts', '--config=tests/fixtures/runner/vitest.config.ts', ...fixtures],
    { cwd: root, env: { ...env, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const [output, , [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { output, code: Number(code), lastLine: output.trimEnd().split('\n').at(-1) };
}

it('says how many passed and ends with 0', async () => {
  expect(await run(['passes'])).toMatchObject({ code: 0, lastLine: '2 passed, 0 failed' });
});

it.each([
  ['wrong-value', 'a test fails', '2 passed, 1 failed'],
  ['does-not-load', 'a file cannot be loaded', '2 passed, 1 failed'],
  ['hook-fails', 'a hook fails', '2 passed, 1 failed, 1 skipped'],
  ['stray-rejection', 'a rejection is not handled', '3 passed, 1 failed'],
])('ends with 1 when %s: %s', async (fixture, _what, lastLine) => {
  expect(await run(['passes', fixture])).toMatchObject({ code: 1, lastLine });
});

it('ends with 1 when the process of a test dies', async () => {
  const { code, lastLine } = await run(['passes', 'process-dies']);
  expect(code).toBe(1);
  expect(lastLine).toMatch(/^2 passed, [12] failed/);
});

it('ends with 1 when vitest cannot begin', async () => {
  expect(await run(['--no-such-option'])).toMatchObject({ code: 1, lastLine: '0 passed, 1 failed' });
});

it('ends with 1 when no test matches', async () => {
  expect(await run(['no-such-file'])).toMatchObject({ code: 1, lastLine: '0 passed, 1 failed' });
});

it('skips what needs a missing tool and says so by name', async () => {
  const { output, code, lastLine } = await run(['needs-a-tool', 'passes'], { PATH: '/nowhere' });
  expect({ code, lastLine }).toEqual({ code: 0, lastLine: '2 passed, 0 failed, 3 skipped' });
  expect(output).toContain('2 tests skipped: swaks is not installed\n1 test skipped: curl is not installed\n');
});

it('says in which files tests were skipped for another reason', async () => {
  const { output, lastLine } = await run(['skips-itself', 'passes']);
  expect(lastLine).toBe('2 passed, 0 failed, 1 skipped');
  expect(output).toContain('1 test skipped in skips-itself.fixture.ts\n');
});

it('fails what needs a missing tool when CI=true', async () => {
  const { code, lastLine } = await run(['needs-a-tool', 'passes'], { PATH: '/nowhere', CI: 'true' });
  expect({ code, lastLine }).toEqual({ code: 1, lastLine: '2 passed, 3 failed' });
});

it('fails when a test prints a secret in base64', async () => {
  const { output, code, lastLine } = await run(['prints-a-secret']);
  expect({ code, lastLine }).toEqual({ code: 1, lastLine: '1 passed, 1 failed' });
  expect(output).toContain('Secrets in the output of the tests: password in base64 at offset 1 (vitest.log)');
});

it('fails when the kept output of a program holds a secret URL-encoded', async () => {
  const { output, code, lastLine } = await run(['keeps-a-secret']);
  expect({ code, lastLine }).toEqual({ code: 1, lastLine: '1 passed, 1 failed' });
  expect(output).toMatch(/Secrets in the output of the tests: client secret URL-encoded .*kept-\d+\.log/);
});
