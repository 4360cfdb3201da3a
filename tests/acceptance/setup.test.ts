/** The set-up as an administrator types it: from an empty tenant to a delivered mail in four commands. */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExchangePlan } from '@postbearer/core';
import type { Emulator, EmulatorState } from '@postbearer/emulator';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startCanaryEmulator } from '../setup/canary-emulator.ts';
import { runCommand, type CommandOptions } from '../setup/run-command.ts';

const MAILBOX = 'notifications@contoso.example';
const STATE: EmulatorState = {
  tenants: [{ domains: ['contoso.example'], smtpAuthDisabled: true, apps: [], mailboxes: [{ address: MAILBOX }] }],
};

let emulator: Emulator;
let folder = '';

beforeEach(async () => {
  emulator = await startCanaryEmulator({ state: STATE });
  folder = await mkdtemp(join(tmpdir(), 'postbearer-setup-'));
  // What the emulator needs beside what the set-up writes: where it is, and whom to trust.
  const smtp = {
    server: emulator.smtp.host,
    port: emulator.smtp.port,
    caFile: emulator.certificateAuthorityFile,
    oauth: { tokenEndpoint: emulator.tokenEndpoint(), scope: 'https://outlook.office365.com/.default' },
  };
  await writeFile(join(folder, 'Global-variables.json'), JSON.stringify({ other: 'kept', smtp }, undefined, 2));
});

afterEach(async () => {
  await emulator.close();
  await rm(folder, { recursive: true });
});

const run = async (args: readonly string[], options: Omit<CommandOptions, 'folder'> = {}) =>
  await runCommand(args, { folder, ...options });

function graph(): readonly string[] {
  return ['--token-stdin', '--graph-url', emulator.graphUrl, '--graph-ca', emulator.certificateAuthorityFile];
}

async function setupEntra(...more: readonly string[]) {
  return await run(['setup', 'entra', '--mailbox', MAILBOX, '--yes', ...graph(), ...more], {
    input: emulator.administratorToken().reveal(),
  });
}

/** Lets the administrator run the script: the emulator is brought into the state that its plan says. */
async function runScript(...more: readonly string[]): Promise<ExchangePlan> {
  const { out } = await run(['setup', 'exchange', '--json', ...more]);
  const { plan } = JSON.parse(out) as { plan: ExchangePlan };
  emulator.state.applyExchangePlan('contoso.example', plan);
  return plan;
}

test('four commands lead from an empty tenant to a delivered mail', async () => {
  const entra = await setupEntra();
  expect(entra).toMatchObject({ exitCode: 0 });
  expect(entra.err).toContain('grant     the application permission SMTP.SendAsApp');
  expect(entra.out).toContain('postbearer setup exchange');

  const exchange = await run(['setup', 'exchange']);
  expect(exchange).toMatchObject({ exitCode: 0 });
  const script = await readFile(join(folder, 'Set-PostbearerExchange.ps1'), 'utf8');
  const { servicePrincipal, clientId } = emulator.state.snapshot().tenants[0]?.apps[0] ?? {};
  expect(script).toContain(
    `New-ServicePrincipal -AppId '${clientId ?? ''}' -ObjectId '${servicePrincipal?.objectId ?? ''}'`,
  );
  await runScript();

  const check = await run(['setup', 'check']);
  expect(check).toMatchObject({ exitCode: 0 });
  expect(check.out).toContain('✓ The set-up works');

  const send = await run(['send', '--to', 'someone@example.com', '--subject', 'Test', '--text', 'It works.']);
  expect(send).toMatchObject({ exitCode: 0 });
  expect(emulator.messages).toHaveLength(1);
}, 60_000);

test('the settings keep what they held, and the secret lies in a file of its own that only its owner reads', async () => {
  await setupEntra();
  const text = await readFile(join(folder, 'Global-variables.json'), 'utf8');
  const secret = await readFile(join(folder, 'postbearer-client-secret'), 'utf8');
  expect(text).toContain('"other": "kept"');
  expect(text).not.toContain(secret);
  expect((await stat(join(folder, 'postbearer-client-secret'))).mode & 0o777).toBe(0o600);
  const note = await readFile(join(folder, 'postbearer-setup.json'), 'utf8');
  expect(note).not.toContain(secret);
  expect(note).toContain(secret.slice(0, 3));
});

test('nothing is done without a yes', async () => {
  const { exitCode, err } = await run(['setup', 'entra', '--mailbox', MAILBOX, ...graph()], {
    input: emulator.administratorToken().reveal(),
  });
  expect(exitCode).toBe(64);
  expect(err).toContain('there is nobody to ask');
  expect(emulator.state.snapshot().tenants[0]?.apps).toEqual([]);
});

test('a token that is missing is asked for with the line that gets one', async () => {
  const { exitCode, err } = await run(['setup', 'entra', '--mailbox', MAILBOX, '--yes']);
  expect(exitCode).toBe(64);
  expect(err).toContain('az account get-access-token --resource https://graph.microsoft.com');
});

test('the check names the step that is missing: before Exchange, and after the wrong object ID', async () => {
  await setupEntra();
  const before = await run(['setup', 'check']);
  expect(before.exitCode).toBe(77);
  expect(before.out).toContain('Do:    postbearer setup exchange, then the script with -Mode Apply');
  await runScript('--object-id', '99999999-9999-4999-8999-999999999999').catch(() => undefined);
  const wrong = await run(['setup', 'check', '--json']);
  expect(JSON.parse(wrong.out)).toMatchObject({
    ok: false,
    missing: { command: 'postbearer setup exchange, then the script with -Mode Apply' },
  });
}, 60_000);

test('RBAC for Applications goes through without any permission in Entra', async () => {
  await setupEntra('--model', 'application-rbac');
  const plan = await runScript();
  expect(plan.model).toBe('application-rbac');
  expect(emulator.state.snapshot().tenants[0]?.apps[0]?.consent).toEqual([]);
  expect((await run(['setup', 'check'])).out).toContain('✓ The set-up works');
}, 60_000);

test('the object ID is had from a token where the set-up was made by hand', async () => {
  await setupEntra();
  await rm(join(folder, 'postbearer-setup.json'));
  const plan = await runScript();
  const objectId = emulator.state.snapshot().tenants[0]?.apps[0]?.servicePrincipal?.objectId;
  expect(plan.steps[0]).toMatchObject({ kind: 'register-service-principal', objectId });
});

test('a tenant that forbids secrets is told of with the way that is left', async () => {
  emulator.state.setPolicies('contoso.example', { secretPolicy: 'forbidden' });
  const { exitCode, err } = await setupEntra();
  expect(exitCode).toBe(77);
  expect(err).toContain('M365_GRAPH_POLICY_FORBIDS');
  expect(err).toContain('--certificate FILE');
});

test('the audit lists what is granted and not needed, and the secrets', async () => {
  await setupEntra();
  const clientId = emulator.state.snapshot().tenants[0]?.apps[0]?.clientId ?? '';
  emulator.state.grantConsent(clientId, 'Mail.Send');
  emulator.state.addSecret(clientId, { endsAt: new Date(Date.now() - 1000).toISOString() });
  const { out, exitCode } = await run(['setup', 'audit', ...graph()], {
    input: emulator.administratorToken({ permissions: ['Application.Read.All'] }).reveal(),
  });
  expect(exitCode).toBe(0);
  expect(out).toContain('Mail.Send is granted and not needed for SMTP; take it away.');
  expect(out).toContain('is expired; delete it.');
  expect(out).toContain('It holds 2 secrets');
}, 60_000);

test('undo takes it back, and says so where there is nothing', async () => {
  await setupEntra();
  const undo = () => run(['setup', 'undo', '--yes', ...graph()], { input: emulator.administratorToken().reveal() });
  expect((await undo()).out).toContain('✓ Deleted: the app registration, 1 consents.');
  expect(emulator.state.snapshot().tenants[0]?.apps).toEqual([]);
  expect((await undo()).out).toContain('There is no app postbearer');
});
