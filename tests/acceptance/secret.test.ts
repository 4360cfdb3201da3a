/** Client secrets as an administrator handles them, on a tenant that takes only the ones it knows. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Emulator } from '@postbearer/emulator';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { canaryClientSecret } from '../setup/canaries.ts';
import { startCanaryEmulator } from '../setup/canary-emulator.ts';
import { runCommand, type CommandOptions } from '../setup/run-command.ts';

let emulator: Emulator;
let folder = '';

beforeEach(async () => {
  emulator = await startCanaryEmulator({
    state: {
      tenants: [
        {
          domains: ['contoso.example'],
          apps: [
            {
              secrets: [{ value: canaryClientSecret }],
              mailboxPermissions: ['notifications@contoso.example'],
              graphConsent: ['Application.ReadWrite.OwnedBy'],
            },
          ],
          mailboxes: [{ address: 'notifications@contoso.example' }],
        },
      ],
    },
  });
  folder = await mkdtemp(join(tmpdir(), 'postbearer-secret-'));
  const { smtp } = emulator.settings();
  const settings = { smtp: { ...smtp, oauth: { ...smtp.oauth, clientSecret: { file: 'client-secret' } } } };
  await writeFile(join(folder, 'Global-variables.json'), JSON.stringify(settings));
  await writeFile(join(folder, 'client-secret'), canaryClientSecret, { mode: 0o600 });
});

afterEach(async () => {
  await emulator.close();
  await rm(folder, { recursive: true });
});

const run = async (args: readonly string[], options: Omit<CommandOptions, 'folder'> = {}) =>
  await runCommand(['secret', ...args], { folder, ...options });
const current = async (): Promise<string> => await readFile(join(folder, 'client-secret'), 'utf8');

function graph(): readonly string[] {
  return ['--graph-url', emulator.graphUrl, '--graph-ca', emulator.certificateAuthorityFile];
}

const secretsAtEntra = (): number => emulator.state.snapshot().tenants[0]?.apps[0]?.secrets?.length ?? 0;

test('a rotation switches, keeps the old secret for its grace, and then removes it', async () => {
  const rotated = await run(['rotate', '--as-app', ...graph()]);
  expect(rotated).toMatchObject({ exitCode: 0 });
  expect(rotated.err).toContain('✓ it was proved by a token and a sign-in');
  expect(await current()).not.toBe(canaryClientSecret);
  expect(secretsAtEntra()).toBe(2);
  const finished = await run(['rotate', '--continue', '--as-app', '--grace', '0', '--json', ...graph()]);
  expect(JSON.parse(finished.out)).toMatchObject({ state: 'done' });
  expect(secretsAtEntra()).toBe(1);
  expect((await readdir(folder)).toSorted()).toEqual(['Global-variables.json', 'client-secret']);
  expect((await runCommand(['verify'], { folder })).exitCode).toBe(0);
}, 60_000);

test('an administrator may rotate in place of the app, and go back during the grace', async () => {
  const token = emulator.administratorToken().reveal();
  expect(await run(['rotate', '--token-stdin', ...graph()], { input: token })).toMatchObject({ exitCode: 0 });
  const back = await run(['rollback', '--token-stdin', ...graph()], { input: token });
  expect(back).toMatchObject({ exitCode: 0 });
  expect(await current()).toBe(canaryClientSecret);
  expect(secretsAtEntra()).toBe(1);
}, 60_000);

test('a secret that does not prove is not kept', async () => {
  const { exitCode, err } = await run(['set'], { input: 'a-secret-that-nobody-issued\n' });
  expect(exitCode).not.toBe(0);
  expect(err).toContain('M365_CLIENT_SECRET_WRONG');
  expect(await current()).toBe(canaryClientSecret);
});

test('a secret that proves is kept, and no argument ever carries it', async () => {
  const fresh = emulator.state.addSecret(emulator.defaults.clientId).reveal();
  const { exitCode, out } = await run(['set'], { input: `${fresh}\n` });
  expect(exitCode).toBe(0);
  expect(out).toContain('Proved by a token and a sign-in');
  expect(out).not.toContain(fresh);
  expect(await current()).toBe(fresh);
});

test('the status names whose secret, where, its hint and its end, and not its value', async () => {
  const bare = await run(['status', '--json']);
  expect(JSON.parse(bare.out)).toMatchObject({
    secrets: [{ upstream: 'default', hint: canaryClientSecret.slice(0, 3) }],
  });
  expect(bare.out).not.toContain(canaryClientSecret);
  const asked = await run(['status', '--graph', '--token-stdin', ...graph()], {
    input: emulator.administratorToken().reveal(),
  });
  expect(asked.out).toMatch(/ENDS.*\n.*\d{4}-\d\d-\d\d +36[45]/);
});

test('a secret in the settings themselves is not changed from here, and the way is named', async () => {
  await emulator.writeSettings(join(folder, 'inline.json'));
  const { exitCode, err } = await run(['set', '--config', 'inline.json'], { input: 'x\n' });
  expect(exitCode).toBe(64);
  expect(err).toContain('"clientSecret": {"file":');
});
