/**
 * The chain of checks against the local Microsoft 365: every way in which an administrator's set-up breaks is named by its own
 * fault, at the link where it breaks, and mending it by what the remedy says makes the chain hold.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseMailboxAddress, type MailboxAddress } from '@postbearer/core';
import { refineFault, renderChain, upstreamAccess, verifyUpstream, type ChainReport } from '@postbearer/diagnosis';
import { startEmulator, type Emulator, type EmulatorState } from '@postbearer/emulator';
import { readSettings, type Settings } from '@postbearer/settings';
import { connectSmtp } from '@postbearer/smtp/client';
import { describe, expect, it } from 'vitest';

const MAILBOX = 'notifications@contoso.example';

interface Stage extends AsyncDisposable {
  readonly emulator: Emulator;
  readonly client: string;
  readonly objectId: string;
  /** The settings file as it is now, after `change` was made to its text. */
  settings(change?: (text: string) => string): Promise<Settings>;
}

async function openStage(state?: EmulatorState): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'postbearer-verify-'));
  const emulator = await startEmulator({ pace: Infinity, ...(state === undefined ? {} : { state }) });
  const file = join(folder, 'Global-variables.json');
  await emulator.writeSettings(file);
  const original = await readFile(file, 'utf8');
  const principal = emulator.state.snapshot().tenants[0]?.apps[0]?.servicePrincipal;
  return {
    emulator,
    client: emulator.defaults.clientId,
    objectId: principal?.objectId ?? '',
    async settings(change = (text) => text) {
      await writeFile(file, change(original));
      const { settings, findings } = await readSettings({ configFile: file, environment: {} });
      if (settings === undefined) throw new Error(findings.map(({ fault }) => fault.message).join('\n'));
      return settings;
    },
    async [Symbol.asyncDispose]() {
      await emulator.close();
      await rm(folder, { recursive: true });
    },
  };
}

async function verify(stage: Stage, change?: (text: string) => string): Promise<ChainReport> {
  return await verifyUpstream(await stage.settings(change), 'default', { environment: {} });
}

function brokenAt({ firstBroken }: ChainReport): string {
  return firstBroken === undefined ? 'holds' : `${firstBroken.name} ${firstBroken.fault?.code ?? ''}`;
}

function replacing(pattern: RegExp, text: string): (original: string) => string {
  return (original) => {
    const changed = original.replace(pattern, text);
    if (changed === original) throw new Error(`nothing matched ${pattern}`);
    return changed;
  };
}

function address(text: string): MailboxAddress {
  const parsed = parseMailboxAddress(text);
  if (!parsed.ok) throw new Error(parsed.fault.message);
  return parsed.value;
}

describe('a set-up that is right', () => {
  it('holds from settings to sender, and its picture says so', async () => {
    await using stage = await openStage();
    const report = await verify(stage);
    expect(brokenAt(report)).toBe('holds');
    const unproven = report.results.filter(({ status }) => status !== 'passed').map(({ name }) => name);
    expect(unproven).toEqual(['name-resolution']);
    expect(stage.emulator.messages).toHaveLength(0);
    expect(renderChain(report, { color: false, width: 100, unicode: true })).toContain(
      'The chain holds; nothing was sent',
    );
  });

  it('holds under RBAC for Applications: no API permission, no mailbox permission, and a hint only', async () => {
    await using stage = await openStage();
    const { emulator, client } = stage;
    emulator.state.revokeConsent(client);
    emulator.state.removeMailboxPermission(client, MAILBOX);
    // The control: before the role is assigned the same set-up is refused.
    expect(brokenAt(await verify(stage))).toBe('auth M365_TOKEN_WITHOUT_ROLE');
    emulator.state.assignRbacRole(client, MAILBOX);
    const report = await verify(stage);
    expect(brokenAt(report)).toBe('holds');
    expect(report.results.find(({ name }) => name === 'token-claims')?.status).toBe('warning');
  });
});

describe('what an administrator has to grant or renew', () => {
  it.each<[string, (stage: Stage) => void, string, (stage: Stage) => void, (stage: Stage) => string | undefined]>([
    [
      'SMTP AUTH off for the organization',
      ({ emulator }) => emulator.state.setSmtpAuth({ tenant: 'contoso.example', enabled: false }),
      'auth M365_SMTP_AUTH_DISABLED_TENANT',
      ({ emulator }) => emulator.state.setSmtpAuth({ mailbox: MAILBOX, enabled: true }),
      () => `Set-CASMailbox -Identity ${MAILBOX} -SmtpClientAuthenticationDisabled $false`,
    ],
    [
      'SMTP AUTH off for the mailbox',
      ({ emulator }) => emulator.state.setSmtpAuth({ mailbox: MAILBOX, enabled: false }),
      'auth M365_SMTP_AUTH_DISABLED_MAILBOX',
      ({ emulator }) => emulator.state.setSmtpAuth({ mailbox: MAILBOX, enabled: true }),
      () => `Set-CASMailbox -Identity ${MAILBOX} -SmtpClientAuthenticationDisabled $false`,
    ],
    [
      'the app not registered in Exchange',
      ({ emulator, client }) => emulator.state.unregisterServicePrincipal(client),
      'auth M365_MAILBOX_NOT_GRANTED',
      ({ emulator, client }) => emulator.state.registerServicePrincipal(client),
      ({ client, objectId }) =>
        `New-ServicePrincipal -AppId ${client} -ObjectId ${objectId}; Add-MailboxPermission -Identity ${MAILBOX} -User ${objectId} -AccessRights FullAccess`,
    ],
    [
      'the app registered with the wrong object ID',
      ({ emulator, client }) => emulator.state.registerServicePrincipal(client, '00000000-1111-4222-8333-444444444444'),
      'auth M365_MAILBOX_NOT_GRANTED',
      ({ emulator, client, objectId }) => emulator.state.registerServicePrincipal(client, objectId),
      ({ client, objectId }) =>
        `New-ServicePrincipal -AppId ${client} -ObjectId ${objectId}; Add-MailboxPermission -Identity ${MAILBOX} -User ${objectId} -AccessRights FullAccess`,
    ],
    [
      'no FullAccess on the mailbox',
      ({ emulator, client }) => emulator.state.removeMailboxPermission(client, MAILBOX),
      'auth M365_MAILBOX_NOT_GRANTED',
      ({ emulator, client }) => emulator.state.addMailboxPermission(client, MAILBOX),
      ({ client, objectId }) =>
        `New-ServicePrincipal -AppId ${client} -ObjectId ${objectId}; Add-MailboxPermission -Identity ${MAILBOX} -User ${objectId} -AccessRights FullAccess`,
    ],
    [
      'no consent, which shows as a token without roles',
      ({ emulator, client }) => emulator.state.revokeConsent(client),
      'auth M365_TOKEN_WITHOUT_ROLE',
      ({ emulator, client }) => emulator.state.grantConsent(client),
      () => undefined,
    ],
    [
      'the app disabled',
      ({ emulator, client }) => emulator.state.setAppDisabled(client, true),
      'token M365_APP_DISABLED',
      ({ emulator, client }) => emulator.state.setAppDisabled(client, false),
      () => undefined,
    ],
  ])('%s', async (_, breakIt, broken, mendIt, command) => {
    await using stage = await openStage();
    breakIt(stage);
    const report = await verify(stage);
    expect(brokenAt(report)).toBe(broken);
    expect(report.firstBroken?.fault?.next).toBe('needs-person');
    expect(report.firstBroken?.fault?.remedy.command).toBe(command(stage));
    mendIt(stage);
    expect(brokenAt(await verify(stage))).toBe('holds');
  });

  it('the client secret expired; the server is still proven beside it', async () => {
    await using stage = await openStage();
    stage.emulator.state.expireSecret(stage.client);
    const report = await verify(stage);
    expect(brokenAt(report)).toBe('token M365_CLIENT_SECRET_EXPIRED');
    expect(report.results.find(({ name }) => name === 'capabilities')?.status).toBe('passed');
    const secret = stage.emulator.state.addSecret(stage.client).reveal();
    const mended = await verify(
      stage,
      replacing(/"clientSecret": "[^"]*"/, `"clientSecret": ${JSON.stringify(secret)}`),
    );
    expect(brokenAt(mended)).toBe('holds');
  });
});

describe('what is wrong in the settings', () => {
  it.each<[string, (stage: Stage) => (text: string) => string, string]>([
    [
      'a wrong client secret',
      () => replacing(/"clientSecret": "[^"]*"/, '"clientSecret": "Wr0ng~value.that.is.no.guid"'),
      'token M365_CLIENT_SECRET_WRONG',
    ],
    [
      'an unknown app',
      () => replacing(/"clientId": "[^"]*"/, '"clientId": "11111111-2222-4333-8444-555555555555"'),
      'token M365_APP_NOT_FOUND',
    ],
    [
      'an unknown tenant',
      () => replacing(/\/[0-9a-f-]{36}\/oauth2/, '/11111111-2222-4333-8444-555555555555/oauth2'),
      'token M365_TENANT_NOT_FOUND',
    ],
    [
      'an unknown resource in the scope',
      () => replacing(/"scope": "[^"]*"/, '"scope": "https://outlook.example.com/.default"'),
      'token M365_RESOURCE_NOT_FOUND',
    ],
    [
      'a user name that is no mailbox',
      () => replacing(/"username": "[^"]*"/, '"username": "nobody@contoso.example"'),
      'auth M365_MAILBOX_NOT_GRANTED',
    ],
  ])('%s', async (_, change, broken) => {
    await using stage = await openStage();
    const report = await verify(stage, change(stage));
    expect(brokenAt(report)).toBe(broken);
  });
});

describe('passwords, for the rollback', () => {
  const withPassword = (text: string): string =>
    text
      .replace('"enabled": true,\n      "tokenEndpoint"', '"enabled": false,\n      "tokenEndpoint"')
      .replace(/"username"/, '"password": "Pa55-w0rd", "username"');

  it.each<[string, (stage: Stage) => void, string]>([
    ['are taken where the tenant takes them', () => undefined, 'holds'],
    [
      'are blocked by a policy',
      ({ emulator }) => emulator.state.setPolicies('contoso.example', { basicAuth: 'blocked' }),
      'auth M365_BASIC_AUTH_DISABLED',
    ],
    [
      'are refused after their end',
      ({ emulator }) => emulator.state.setPolicies('contoso.example', { basicAuth: 'retired' }),
      'auth M365_BASIC_AUTH_DISABLED',
    ],
    [
      'are refused by security defaults',
      ({ emulator }) => emulator.state.setPolicies('contoso.example', { securityDefaults: true }),
      'auth M365_SECURITY_DEFAULTS',
    ],
  ])('%s', async (_, breakIt, broken) => {
    await using stage = await openStage({
      tenants: [
        {
          domains: ['contoso.example'],
          apps: [{ mailboxPermissions: [MAILBOX] }],
          mailboxes: [{ address: MAILBOX, password: 'Pa55-w0rd' }],
        },
      ],
    });
    breakIt(stage);
    expect(brokenAt(await verify(stage, withPassword))).toBe(broken);
  });
});

describe('what only a message shows', () => {
  /** Sends a message from `from` and gives the code of its refined fault. */
  async function send(stage: Stage, from: string): Promise<string> {
    const access = upstreamAccess(await stage.settings(), 'default', { environment: {} });
    if (!access.ok) throw new Error(access.fault.message);
    const connected = await connectSmtp(access.value.connect);
    const credentials = await access.value.credentials?.({ fresh: false });
    if (!connected.ok || credentials?.ok !== true) throw new Error('not connected');
    const connection = connected.value;
    await connection.authenticate(credentials.value);
    const content = Buffer.from(`From: ${from}\r\nTo: user@example.com\r\nSubject: test\r\n\r\ntext\r\n`);
    const envelope = { sender: address(from), recipients: [address('user@example.com')] };
    const [verdict] = await connection.send({ envelope, content });
    await connection.quit();
    access.value.close();
    if (verdict === undefined) throw new Error('no verdict');
    return verdict.outcome === 'accepted' ? 'accepted' : refineFault(verdict.fault, access.value.context()).code;
  }

  it.each<[string, (stage: Stage) => void, string, string]>([
    ['a sender that the mailbox may not send as', () => undefined, 'sales@contoso.example', 'M365_SEND_AS_DENIED'],
    [
      'a full mailbox',
      ({ emulator }) => emulator.state.changeMailbox(MAILBOX, { full: true }),
      MAILBOX,
      'M365_MAILBOX_FULL',
    ],
    [
      'a missing FullAccess that only the message meets',
      ({ emulator, client }) => {
        emulator.state.setPolicies('contoso.example', { missingFullAccess: 'refuse-message' });
        emulator.state.removeMailboxPermission(client, MAILBOX);
      },
      MAILBOX,
      'M365_MAILBOX_ACCESS_MISSING',
    ],
    ['nothing', () => undefined, MAILBOX, 'accepted'],
  ])('%s', async (_, breakIt, from, code) => {
    await using stage = await openStage();
    breakIt(stage);
    expect(await send(stage, from)).toBe(code);
  });
});
