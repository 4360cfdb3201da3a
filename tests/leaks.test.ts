/** The check for things left open has to catch each kind, or a clean run would say nothing. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';

interface JsonReport {
  readonly testResults: readonly { readonly name: string; readonly status: string; readonly message: string }[];
}

const root = join(import.meta.dirname, '..');
const outcomes = new Map<string, { readonly status: string; readonly message: string }>();

async function runFixtures(): Promise<JsonReport> {
  const folder = await mkdtemp(join(tmpdir(), 'postbearer-leaks-'));
  const report = join(folder, 'report.json');
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST')));
  const child = spawn(
    process.execPath,
    [vitest, 'run', '--config=tests/fixtures/leaks/vitest.config.ts', '--reporter=json', `--outputFile=${report}`],
    { cwd: root, env, stdio: 'ignore' },
  );
  await once(child, 'close');
  try {
    return JSON.parse(await readFile(report, 'utf8')) as JsonReport;
  } finally {
    await rm(folder, { recursive: true });
  }
}

beforeAll(async () => {
  for (const { name, status, message } of (await runFixtures()).testResults) {
    outcomes.set(name.replace(/^.*\//, '').replace('.fixture.ts', ''), { status, message });
  }
});

describe('a test file', () => {
  it('passes when it closes everything it opens', () => {
    expect(outcomes.get('clean')?.status).toBe('passed');
  });

  it.each([
    ['socket', /2 x TCPSocketWrap.*socket from port \d+ to port \d+/],
    ['server', /TCPServerWrap.*server on .*127\.0\.0\.1/],
    ['timer', /timer made at .*timer\.fixture\.ts:4/],
    ['unref-timer', /timer made at .*unref-timer\.fixture\.ts:4, called at .*unref-timer\.fixture\.ts:8/],
    ['unref-sleep', /timer made at .*unref-sleep\.fixture\.ts:5/],
    ['signal-timer', /timer made at .*signal-timer\.fixture\.ts:6/],
    ['immediate', /immediate made at .*immediate\.fixture\.ts:4/],
    ['unref-socket', /socket made at .*unref-socket\.fixture\.ts:10, socket/],
    ['unref-server', /left open: server/],
    ['child', /ProcessWrap.*child process .*process\.stdin\.resume/],
    ['listener', /listener on process for "SIGUSR2"/],
    ['fake-timers', /fake timers in use/],
  ])('fails, and says what, when it leaves open: %s', (kind, words) => {
    expect(outcomes.get(kind)?.status).toBe('failed');
    expect(outcomes.get(kind)?.message).toMatch(words);
  });
});
