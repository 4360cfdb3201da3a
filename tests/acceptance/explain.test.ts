/** `postbearer explain` as a person and a script use it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Explanation } from '@postbearer/diagnosis';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runCommand, type CommandOptions } from '../setup/run-command.ts';

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postbearer-explain-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

const run = async (args: readonly string[], options: Omit<CommandOptions, 'folder'> = {}) =>
  await runCommand(['explain', ...args], { folder, ...options });

const DISABLED = '535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox.';

test('a text among the words is explained with the line to run', async () => {
  const { out, exitCode } = await run([DISABLED]);
  expect(exitCode).toBe(0);
  expect(out).toContain('SMTP AUTH off for the mailbox');
  expect(out).toContain('Set-CASMailbox -Identity <mailbox> -SmtpClientAuthenticationDisabled $false');
});

test('the reader’s own values stand in the remedy where there are settings', async () => {
  const smtp = {
    username: 'notifications@contoso.com',
    oauth: {
      enabled: true,
      tenant: 'contoso.com',
      clientId: '8f0e7c52-1b1d-4c0a-a2a3-5f2b6d7e9c10',
      clientSecret: { file: 'secret' },
    },
  };
  await writeFile(join(folder, 'secret'), 'not-a-real-secret-value', { mode: 0o600 });
  await writeFile(join(folder, 'Global-variables.json'), JSON.stringify({ smtp }));
  expect((await run([DISABLED])).out).toContain('Set-CASMailbox -Identity notifications@contoso.com');
});

test('standard input and a file are read as well, and the line is named', async () => {
  const log = `INFO started\nINFO waiting\nERROR ${DISABLED}\n`;
  await writeFile(join(folder, 'mail.log'), log);
  for (const { out } of [
    await run(['-'], { input: log }),
    await run([], { input: log }),
    await run(['--log', 'mail.log']),
  ]) {
    expect(out).toContain('line 3: ');
  }
  const { exitCode, err } = await run(['--log', 'no-such-file']);
  expect(exitCode).toBe(64);
  expect(err).toContain('no-such-file cannot be read');
});

test('a file as PowerShell writes it is read', async () => {
  await writeFile(join(folder, 'out.txt'), Buffer.from(`\uFEFF${DISABLED}`, 'utf16le'));
  expect((await run(['--log', 'out.txt'])).out).toContain('SMTP AUTH off for the mailbox');
});

test('what is not known is said to be unknown', async () => {
  const { out, exitCode } = await run(['The printer is out of paper.']);
  expect(exitCode).toBe(0);
  expect(out).toContain('I do not know this text.');
  expect(JSON.parse((await run(['--json', 'The printer is out of paper.'])).out)).toMatchObject({ causes: [] });
});

test('--json is one document with cause, code, confidence, title, evidence and remedy', async () => {
  const { causes } = JSON.parse((await run(['--json', DISABLED])).out) as Explanation;
  expect(causes[0]).toMatchObject({
    cause: 'smtp-auth-disabled-mailbox',
    code: 'M365_SMTP_AUTH_DISABLED_MAILBOX',
    title: 'SMTP AUTH off for the mailbox',
    evidence: [{ line: 1 }],
  });
  expect(causes[0]?.confidence).toBeGreaterThan(0.9);
  expect(causes[0]?.remedy.steps.length).toBeGreaterThan(1);
});

test('--jsonl prints a result for each line, in order, in one process', async () => {
  const lines = [{ id: 'a', text: DISABLED }, { id: 'b', text: 'nothing' }, { text: 'AADSTS7000222: expired' }];
  await writeFile(join(folder, 'cases.jsonl'), lines.map((line) => JSON.stringify(line)).join('\n'));
  const { out, exitCode } = await run(['--jsonl', 'cases.jsonl']);
  expect(exitCode).toBe(0);
  const results = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Explanation & { id?: string });
  expect(results.map(({ id, causes }) => [id, causes[0]?.cause])).toEqual([
    ['a', 'smtp-auth-disabled-mailbox'],
    ['b', undefined],
    [undefined, 'client-secret-expired'],
  ]);
});

test('--jsonl names the line that is none', async () => {
  await writeFile(join(folder, 'cases.jsonl'), '{"text":"x"}\n{"words":"x"}\n');
  const { exitCode, err } = await run(['--jsonl', 'cases.jsonl']);
  expect(exitCode).toBe(64);
  expect(err).toContain('Line 2');
});
