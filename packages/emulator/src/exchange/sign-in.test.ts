/** Who may sign in over SMTP: each refusal from the state that really causes it, and its way back. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startEmulator, type Emulator, type TenantPolicies } from '../index.ts';
import { accessToken } from '../testing/https-client.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { Dialogue, HOSTNAME_DATA, message, SESSION_DATA, shapeOfReply } from '../testing/smtp-dialogue.ts';

const MAILBOX = 'notifications@contoso.example';
const OTHER_TENANT = '6f1b6f6e-6d0f-4d3b-9d3b-0f6f6c6f6e61';
const OFF = 'Visit https://aka.ms/smtp_auth_disabled for more information.';
const UNSUCCESSFUL = `535 5.7.3 Authentication unsuccessful ${SESSION_DATA}`;

let emulator: Emulator;
let clock: ManualClock;
beforeEach(async () => {
  clock = new ManualClock(Date.UTC(2026, 10, 24));
  emulator = await startEmulator({
    clock,
    tokenLifetimeSeconds: 3600,
    state: {
      tenants: [
        {
          domains: ['contoso.example'],
          apps: [{ mailboxPermissions: [MAILBOX] }],
          mailboxes: [{ address: MAILBOX, password: 'right password' }, { address: 'other@contoso.example' }],
        },
        { id: OTHER_TENANT, domains: ['fabrikam.example'], apps: [], mailboxes: [{ address: 'ann@fabrikam.example' }] },
      ],
    },
  });
});
afterEach(() => emulator.close());

async function tryToken(token: string, user: string = MAILBOX): Promise<string> {
  const dialogue = await Dialogue.open(emulator);
  await dialogue.greet();
  const reply = await dialogue.signIn(user, token);
  await dialogue.quit();
  return shapeOfReply(reply);
}

async function tryApp(user: string = MAILBOX): Promise<string> {
  return tryToken(await accessToken(emulator), user);
}

async function tryPassword(user: string, password: string): Promise<string> {
  const dialogue = await Dialogue.open(emulator);
  await dialogue.greet();
  expect(await dialogue.say('AUTH LOGIN')).toBe('334 VXNlcm5hbWU6');
  expect(await dialogue.say(Buffer.from(user).toString('base64'))).toBe('334 UGFzc3dvcmQ6');
  const reply = await dialogue.say(Buffer.from(password).toString('base64'), '[password]');
  await dialogue.quit();
  return shapeOfReply(reply);
}

const ACCEPTED = '235 2.7.0 Authentication successful';

describe('SMTP AUTH', () => {
  it('switched off for the tenant refuses, and the setting of the mailbox wins', async () => {
    emulator.state.setSmtpAuth({ tenant: 'contoso.example', enabled: false });
    expect(await tryApp()).toBe(
      `535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. ${OFF} ${SESSION_DATA}`,
    );
    emulator.state.setSmtpAuth({ mailbox: MAILBOX, enabled: true });
    expect(await tryApp()).toBe(ACCEPTED);
    emulator.state.setSmtpAuth({ mailbox: MAILBOX, enabled: null });
    expect(await tryApp()).toContain('disabled for the Tenant');
  });

  it('switched off for the mailbox refuses though it is on for the tenant', async () => {
    emulator.state.setSmtpAuth({ mailbox: MAILBOX, enabled: false });
    expect(await tryApp()).toBe(
      `535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox. ${OFF} ${SESSION_DATA}`,
    );
    emulator.state.setSmtpAuth({ mailbox: MAILBOX, enabled: true });
    expect(await tryApp()).toBe(ACCEPTED);
  });
});

describe('an app signs in with 535 5.7.3 as the only answer', () => {
  it('while Exchange does not know its service principal', async () => {
    emulator.state.unregisterServicePrincipal(emulator.defaults.clientId);
    expect(await tryApp()).toBe(UNSUCCESSFUL);
    emulator.state.registerServicePrincipal(emulator.defaults.clientId);
    expect(await tryApp()).toBe(ACCEPTED);
  });

  it('while it is registered with another object ID than the enterprise application has', async () => {
    emulator.state.registerServicePrincipal(emulator.defaults.clientId, OTHER_TENANT);
    expect(await tryApp()).toBe(UNSUCCESSFUL);
    expect(emulator.state.snapshot().tenants[0]?.apps[0]?.servicePrincipal).toMatchObject({ wrongObjectId: true });
  });

  it('while it has no FullAccess to the mailbox', async () => {
    emulator.state.removeMailboxPermission(emulator.defaults.clientId, MAILBOX);
    expect(await tryApp()).toBe(UNSUCCESSFUL);
    emulator.state.addMailboxPermission(emulator.defaults.clientId, 'Notifications@Contoso.example');
    expect(await tryApp()).toBe(ACCEPTED);
  });

  it('while its token has no role', async () => {
    emulator.state.revokeConsent(emulator.defaults.clientId);
    expect(await tryApp()).toBe(UNSUCCESSFUL);
    emulator.state.grantConsent(emulator.defaults.clientId);
    expect(await tryApp()).toBe(ACCEPTED);
  });

  it.each([
    ['is no mailbox', 'nobody@contoso.example'],
    ['is a mailbox of another tenant', 'ann@fabrikam.example'],
    ['is another mailbox of the tenant', 'other@contoso.example'],
    ['is empty', ''],
  ])('where user= %s', async (_, user) => {
    expect(await tryApp(user)).toMatch(/^(?:535 5\.7\.3|501 )/);
  });

  it('when the token has expired, and not a second before', async () => {
    const token = await accessToken(emulator);
    clock.advance(3_599_000);
    expect(await tryToken(token)).toBe(ACCEPTED);
    clock.advance(1000);
    expect(await tryToken(token)).toBe(UNSUCCESSFUL);
  });

  it('when the token is for another resource', async () => {
    const token = await accessToken(emulator, { scope: 'https://graph.microsoft.com/.default' });
    expect(await tryToken(token)).toBe(UNSUCCESSFUL);
    expect(await tryToken(await accessToken(emulator, { scope: 'https://outlook.office.com/.default' }))).toBe(
      ACCEPTED,
    );
  });

  it('when the token was signed by somebody else, changed, or is none', async () => {
    const token = await accessToken(emulator);
    const [head = '', body = '', signature = ''] = token.split('.');
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Record<string, unknown>;
    const changed = Buffer.from(JSON.stringify({ ...claims, exp: 9_999_999_999 })).toString('base64url');
    const unsigned = Buffer.from('{"alg":"none"}').toString('base64url');
    const other = await startEmulator();
    for (const wrong of [
      `${head}.${changed}.${signature}`,
      `${unsigned}.${body}.${signature}`,
      await accessToken(other),
      'token',
    ])
      expect(await tryToken(wrong)).toBe(UNSUCCESSFUL);
    await other.close();
  });
});

describe('RBAC for Applications', () => {
  it('lets an app without role and without FullAccess send as the mailboxes in its scope, and no other', async () => {
    const { clientId } = emulator.defaults;
    emulator.state.revokeConsent(clientId);
    emulator.state.removeMailboxPermission(clientId, MAILBOX);
    emulator.state.assignRbacRole(clientId, MAILBOX);
    expect(await tryApp()).toBe(ACCEPTED);
    expect(await tryApp('other@contoso.example')).toBe(UNSUCCESSFUL);
    emulator.state.removeRbacRole(clientId, MAILBOX);
    expect(await tryApp()).toBe(UNSUCCESSFUL);
  });

  it('is of no use while the API permission is there too, which asks for FullAccess', async () => {
    const { clientId } = emulator.defaults;
    emulator.state.removeMailboxPermission(clientId, MAILBOX);
    emulator.state.assignRbacRole(clientId, MAILBOX);
    expect(await tryApp()).toBe(UNSUCCESSFUL);
  });
});

describe('a missing FullAccess in its other form', () => {
  it('lets the app sign in and refuses each message with 430 4.2.0', async () => {
    emulator.state.setPolicies('contoso.example', { missingFullAccess: 'refuse-message' });
    emulator.state.removeMailboxPermission(emulator.defaults.clientId, MAILBOX);
    const dialogue = await Dialogue.open(emulator);
    await dialogue.greet();
    expect(await dialogue.signIn(MAILBOX, await accessToken(emulator))).toBe(ACCEPTED);
    const reply = await dialogue.submit(MAILBOX, ['ann@example.com'], message(MAILBOX));
    expect(reply).toMatch(/^430 4\.2\.0 STOREDRV; mailbox logon failure; .*MapiExceptionLogonFailed/);
    expect(shapeOfReply(reply)).toContain(HOSTNAME_DATA);
    await dialogue.quit();
  });
});

describe('a password', () => {
  it('is taken where it is right and nothing forbids it', async () => {
    expect(await tryPassword(MAILBOX, 'right password')).toBe(ACCEPTED);
    const wrong = `535 5.7.139 Authentication unsuccessful, the user credentials were incorrect. ${SESSION_DATA}`;
    expect(await tryPassword(MAILBOX, 'wrong password')).toBe(wrong);
    expect(await tryPassword('other@contoso.example', '')).toBe(wrong);
    expect(await tryPassword('nobody@contoso.example', 'any')).toBe(wrong);
  });

  it.each([
    [
      'security defaults',
      { securityDefaults: true },
      "535 5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy. Contact your administrator.",
    ],
    [
      'an authentication policy',
      { basicAuth: 'blocked' },
      '535 5.7.139 Authentication unsuccessful, basic authentication is disabled.',
    ],
    [
      'the retirement of Basic authentication',
      { basicAuth: 'retired' },
      '550 5.7.30 Basic authentication is not supported for Client Submission.',
    ],
  ] satisfies [string, TenantPolicies, string][])(
    'is refused by %s, which does not concern tokens',
    async (_, policies, reply) => {
      emulator.state.setPolicies('contoso.example', policies);
      expect(await tryPassword(MAILBOX, 'right password')).toBe(`${reply} ${SESSION_DATA}`);
      expect(await tryApp()).toBe(ACCEPTED);
    },
  );

  it('is refused where SMTP AUTH is off', async () => {
    emulator.state.setSmtpAuth({ tenant: 'contoso.example', enabled: false });
    expect(await tryPassword(MAILBOX, 'right password')).toContain(
      'SmtpClientAuthentication is disabled for the Tenant',
    );
  });
});
