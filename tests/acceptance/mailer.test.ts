/** The mailer against the local Microsoft 365: what goes out, what is said, and what every failure of the guide becomes. */
import { once } from 'node:events';
import type { Fault, PostbearerEvent } from '@postbearer/core';
import { renderJson, renderText } from '@postbearer/core';
import type { Emulator, EmulatorOptions, SettingsOverrides } from '@postbearer/emulator';
import { createEventLog, createMailer, SettingsError, type Mailer, type MailerOptions } from '@postbearer/mailer';
import PostalMime from 'postal-mime';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startCanaryEmulator } from '../setup/canary-emulator.ts';
import { keepOutput } from '../setup/run-record.ts';
import { canaryPassword } from '../setup/canaries.ts';

let emulator: Emulator;
let open: Mailer[] = [];
let lines: string[] = [];
let events: PostbearerEvent[] = [];

async function start(options: EmulatorOptions = {}): Promise<void> {
  await emulator.close();
  emulator = await startCanaryEmulator(options);
}

function mailerFor(overrides: SettingsOverrides = {}, options: MailerOptions = {}): Mailer {
  return mailerWith(emulator.settings(overrides), options);
}

function mailerWith(settings: Parameters<typeof createMailer>[0], options: MailerOptions = {}): Mailer {
  const log = createEventLog({ level: 'Debug', write: (record) => lines.push(record.trimEnd()) });
  const mailer = createMailer(settings, {
    environment: {},
    dialogue: true,
    onEvent: (event) => {
      events.push(event);
      log(event);
    },
    ...options,
  });
  open.push(mailer);
  return mailer;
}

/** Another canary, which is not the secret of the app. */
const wrongSecret = canaryPassword;

const MAIL = { to: 'user@example.com', subject: 'Hello', text: 'It works.\n' } as const;

async function faultOf(mailer: Mailer, mail: Parameters<Mailer['send']>[0] = MAIL): Promise<Fault> {
  const outcome = await mailer.send(mail);
  expect(outcome.ok).toBe(false);
  if (outcome.fault === undefined) throw new Error('an outcome that is not ok has a fault');
  return outcome.fault;
}

beforeEach(async () => {
  emulator = await startCanaryEmulator();
  open = [];
  lines = [];
  events = [];
});

afterEach(async () => {
  await Promise.all(open.map(async (mailer) => await mailer.close()));
  await emulator.close();
  keepOutput(events.map((event) => `${renderText(event)}\n${renderJson(event, 0)}\n`).join(''));
});

describe('a mail that goes out', () => {
  test('arrives as it was written, and the log says so in the words administrators know', async () => {
    const outcome = await mailerFor().send({
      ...MAIL,
      cc: 'Copy <copy@example.com>',
      bcc: 'hidden@example.com',
      html: '<p>It <b>works</b>.</p>',
      attachments: [{ filename: 'a.bin', content: new Uint8Array([0, 1, 2, 255]) }],
    });
    expect(outcome).toMatchObject({
      ok: true,
      recipients: [{ outcome: 'accepted' }, { outcome: 'accepted' }, { outcome: 'accepted' }],
    });
    const [message] = emulator.messages;
    expect(message?.envelope).toEqual({
      sender: 'notifications@contoso.example',
      recipients: ['user@example.com', 'copy@example.com', 'hidden@example.com'],
    });
    const mail = await PostalMime.parse(message?.bytes ?? '');
    expect([mail.subject, mail.html?.trim(), mail.messageId]).toEqual([
      'Hello',
      '<p>It <b>works</b>.</p>',
      outcome.messageId,
    ]);
    expect(Buffer.from(message?.bytes ?? '').toString('latin1')).not.toContain('hidden');
    expect(lines.filter((line) => line.startsWith('[Information]'))).toEqual([
      '[Information] Successfully acquired OAuth token for SMTP authentication',
      '[Information] Email sent successfully to: user@example.com',
      '[Information] Email sent successfully to: copy@example.com',
      '[Information] Email sent successfully to: hidden@example.com',
    ]);
  });

  test('shows its dialogue at Debug, with the credentials blanked', async () => {
    await mailerFor().send(MAIL);
    const dialogue = lines.join('\n');
    expect(dialogue).toMatch(/\[Debug\] .* C: STARTTLS/);
    expect(dialogue).toMatch(/C: AUTH XOAUTH2 \[secret\]|C: \[secret\]/);
    expect(dialogue).not.toContain(emulator.settings().smtp.oauth.clientSecret);
    expect(dialogue).not.toMatch(/eyJ[\w-]{20}/);
  });

  test('many mails share one token and at most three connections', async () => {
    const mailer = mailerFor();
    const outcomes = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => await mailer.send({ ...MAIL, subject: `${index}` })),
    );
    expect(outcomes.every(({ ok }) => ok)).toBe(true);
    expect(new Set(emulator.messages.map(({ connection }) => connection)).size).toBeLessThanOrEqual(3);
    expect(events.filter(({ name }) => name === 'token.acquired')).toHaveLength(1);
  });

  test('a cached token that the server no longer takes is replaced once', async () => {
    const mailer = mailerFor({}, { idleMs: 1 });
    expect((await mailer.send(MAIL)).ok).toBe(true);
    await expect.poll(() => events.some(({ name }) => name === 'smtp.closed')).toBe(true);
    emulator.faults.add({
      stage: 'auth',
      times: 1,
      action: { kind: 'reply', text: '535 5.7.3 Authentication unsuccessful' },
    });
    expect((await mailer.send(MAIL)).ok).toBe(true);
    expect(events.filter(({ name }) => name === 'token.acquired')).toHaveLength(2);
  });
});

describe('several mailboxes of one app', () => {
  const mailboxes = ['one', 'two', 'three', 'four'].map((name) => `${name}@contoso.example`);

  async function startWithMailboxes(): Promise<{ smtp: ReturnType<Emulator['settings']>['smtp'] }> {
    const addresses = ['notifications@contoso.example', ...mailboxes];
    await start({
      state: {
        tenants: [
          {
            domains: ['contoso.example'],
            apps: [{ mailboxPermissions: addresses }],
            mailboxes: addresses.map((address) => ({ address })),
          },
        ],
      },
    });
    return { smtp: emulator.settings().smtp };
  }

  test('share one token, and each signs in as itself', async () => {
    const { smtp } = await startWithMailboxes();
    const postbearer = {
      mailboxes: Object.fromEntries(mailboxes.map((address) => [address, { upstream: 'default' }])),
    };
    const mailer = mailerWith({ smtp, postbearer });
    const outcomes = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => await mailer.send({ ...MAIL, from: mailboxes[index % 4] ?? '' })),
    );
    expect(outcomes.every(({ ok }) => ok)).toBe(true);
    expect(new Set(emulator.messages.map(({ mailbox }) => mailbox))).toEqual(new Set(mailboxes));
    expect(emulator.counters.tokenRequests).toBe(1);
    expect(events.filter(({ name }) => name === 'token.acquired')).toHaveLength(1);
  });

  test('never have more connections open than their pace allows, however their address is written', async () => {
    const { smtp } = await startWithMailboxes();
    const postbearer = { mailboxes: { [smtp.username]: { upstream: 'default', pace: { connections: 1 } } } };
    const mailer = mailerWith({ smtp, postbearer });
    const senders = [smtp.username, smtp.username.toUpperCase(), undefined];
    await Promise.all(
      Array.from({ length: 30 }, async (_, index) => {
        const from = senders[index % 3];
        return await mailer.send(from === undefined ? MAIL : { ...MAIL, from });
      }),
    );
    expect(emulator.messages).toHaveLength(30);
    expect(new Set(emulator.messages.map(({ connection }) => connection)).size).toBe(1);
  });
});

/** Arranges the failure and says what to send. */
type Arrange = () => { overrides?: SettingsOverrides; mail?: Parameters<Mailer['send']>[0] } | void;

describe('every failure that the guide names', () => {
  const failures: readonly (readonly [string, Arrange, string, string])[] = [
    [
      'SMTP AUTH is off for the tenant',
      () => emulator.state.setSmtpAuth({ tenant: emulator.defaults.tenantId, enabled: false }),
      'M365_SMTP_AUTH_DISABLED_TENANT',
      'needs-person',
    ],
    [
      'SMTP AUTH is off for the mailbox',
      () => emulator.state.setSmtpAuth({ mailbox: emulator.defaults.mailbox, enabled: false }),
      'M365_SMTP_AUTH_DISABLED_MAILBOX',
      'needs-person',
    ],
    [
      'the client secret is wrong',
      () => ({ overrides: { clientSecret: wrongSecret } }),
      'M365_CLIENT_SECRET_WRONG',
      'fix-configuration',
    ],
    [
      'the client secret has expired',
      () => emulator.state.expireSecret(emulator.defaults.clientId),
      'M365_CLIENT_SECRET_EXPIRED',
      'needs-person',
    ],
    [
      'the app is disabled',
      () => emulator.state.setAppDisabled(emulator.defaults.clientId, true),
      'M365_APP_DISABLED',
      'needs-person',
    ],
    [
      'the app is not registered in Exchange',
      () => emulator.state.unregisterServicePrincipal(emulator.defaults.clientId),
      'M365_MAILBOX_NOT_GRANTED',
      'needs-person',
    ],
    [
      'the mailbox permission is missing',
      () => emulator.state.removeMailboxPermission(emulator.defaults.clientId, emulator.defaults.mailbox),
      'M365_MAILBOX_NOT_GRANTED',
      'needs-person',
    ],
    [
      'the permission was not consented to',
      () => emulator.state.revokeConsent(emulator.defaults.clientId),
      'M365_TOKEN_WITHOUT_ROLE',
      'needs-person',
    ],
    [
      'the user name is no mailbox',
      () => ({ overrides: { mailbox: 'nobody@contoso.example' } }),
      'M365_MAILBOX_NOT_GRANTED',
      'needs-person',
    ],
    [
      'the sender is another address',
      () => ({ mail: { ...MAIL, from: 'boss@contoso.example' } }),
      'M365_SEND_AS_DENIED',
      'needs-person',
    ],
  ];

  test.each(failures)('%s', async (_, arrange, code, next) => {
    const { overrides = {}, mail = MAIL } = arrange() ?? {};
    const fault = await faultOf(mailerFor(overrides), mail);
    expect({ code: fault.code, next: fault.next }).toEqual({ code, next });
    expect(fault.remedy.steps.length).toBeGreaterThan(0);
    expect(JSON.stringify(fault)).not.toContain('<mailbox>');
    expect(emulator.messages).toHaveLength(0);
  });

  test('a wrong secret is told in the words administrators search for, with the cause and the next step', async () => {
    await faultOf(mailerFor({ clientSecret: wrongSecret }));
    const at = lines.findIndex((line) =>
      line.startsWith('[Error] Failed to acquire OAuth token: Invalid client secret'),
    );
    const told = lines[at]?.split('\n') ?? [];
    expect(told[0]).toBe('[Error] Failed to acquire OAuth token: Invalid client secret');
    expect(told.slice(1).every((line) => line.startsWith('    '))).toBe(true);
    expect(told.join('\n')).toMatch(/ {4}Cause: .*\n {4}Next/);
    expect(lines[at + 1]?.split('\n')[0]).toBe('[Error] SMTP authentication failed');
    expect(lines.join('\n')).not.toContain(wrongSecret);
  });

  test('a refused sign-in is told in the words administrators search for', async () => {
    emulator.state.setSmtpAuth({ tenant: emulator.defaults.tenantId, enabled: false });
    await faultOf(mailerFor());
    expect(lines.some((line) => line.startsWith('[Error] SMTP authentication failed\n'))).toBe(true);
  });
});

describe('verdicts', () => {
  test('a recipient that is refused does not stop the others', async () => {
    emulator.faults.add({ stage: 'rcpt', times: 1, action: { kind: 'reply', text: '550 5.1.1 User unknown' } });
    const outcome = await mailerFor().send({ ...MAIL, to: 'no@example.com, yes@example.com' });
    expect(outcome.recipients.map((verdict) => [verdict.recipient, verdict.outcome])).toEqual([
      ['no@example.com', 'refused'],
      ['yes@example.com', 'accepted'],
    ]);
    expect(outcome.ok).toBe(false);
    expect(emulator.messages[0]?.envelope.recipients).toEqual(['yes@example.com']);
  });

  test('a line that breaks after the end of the message is uncertain, not a failure and not a success', async () => {
    emulator.faults.add({ stage: 'final', times: 1, action: { kind: 'cut' } });
    const outcome = await mailerFor().send(MAIL);
    expect(outcome.recipients.map((verdict) => verdict.outcome)).toEqual(['uncertain']);
    expect(outcome.fault?.next).toBe('uncertain');
  });

  test('a temporary refusal is deferred', async () => {
    emulator.faults.add({
      stage: 'mail',
      times: 1,
      action: { kind: 'reply', text: '451 4.7.0 Temporary server error. Please try again later.' },
    });
    const outcome = await mailerFor().send(MAIL);
    expect(
      outcome.recipients.map((verdict) => [verdict.outcome, verdict.outcome === 'accepted' ? '' : verdict.fault.next]),
    ).toEqual([['deferred', 'retry']]);
  });

  test('a cancelled send throws the reason of its signal and sends nothing', async () => {
    emulator.faults.add({ stage: 'auth', action: { kind: 'hang' } });
    const controller = new AbortController();
    const sending = mailerFor().send(MAIL, { signal: controller.signal });
    await expect.poll(() => emulator.faults.list()[0]?.applied).toBe(1);
    controller.abort(new Error('no longer wanted'));
    await expect(sending).rejects.toThrow('no longer wanted');
    expect(emulator.messages).toHaveLength(0);
  });
});

describe('what the settings decide', () => {
  test('mail that is disabled is said so, and nothing is sent', async () => {
    const settings = emulator.settings();
    const mailer = mailerWith({ smtp: { ...settings.smtp, enabled: false } });
    expect((await faultOf(mailer)).code).toBe('CONFIG_MAIL_DISABLED');
    expect(lines).toEqual([expect.stringMatching(/^\[Warning\] Email is disabled: nothing was sent\n/)]);
    expect(emulator.counters.connections).toBe(0);
  });

  test('with OAuth off the password signs in: that is the rollback of the guide', async () => {
    await start({
      state: {
        tenants: [
          {
            domains: ['contoso.example'],
            apps: [{}],
            mailboxes: [{ address: 'notifications@contoso.example', password: canaryPassword }],
          },
        ],
      },
    });
    const { smtp } = emulator.settings();
    const outcome = await mailerWith({
      smtp: { ...smtp, password: canaryPassword, oauth: { ...smtp.oauth, enabled: false } },
    }).send(MAIL);
    expect(outcome.ok).toBe(true);
    expect(emulator.counters.tokenRequests).toBe(0);
    expect(lines.join('\n')).not.toContain(canaryPassword);
  });

  test('with OAuth on a password beside it is never tried', async () => {
    await start({
      state: {
        tenants: [
          {
            domains: ['contoso.example'],
            apps: [{}],
            mailboxes: [{ address: 'notifications@contoso.example', password: canaryPassword }],
          },
        ],
      },
    });
    const { smtp } = emulator.settings();
    const outcome = await mailerWith({ smtp: { ...smtp, password: canaryPassword } }).send(MAIL);
    expect(outcome.fault?.code).toBe('M365_MAILBOX_NOT_GRANTED');
    expect(lines.join('\n')).not.toMatch(/C: AUTH (?:LOGIN|PLAIN)/);
  });

  test('an object with mistakes throws an error that lists all of them', () => {
    const broken = {
      smtp: {
        server: 'smtp.office365.com',
        port: 'x',
        enableSsl: true,
        username: 'a@example.com',
        oauth: {
          enabled: true,
          tokenEndpoint: 'https://login.microsoftonline.com/{tenant-id}/oauth2/v2.0/token',
          clientId: 'your-application-client-id',
        },
      },
    };
    expect(() => createMailer(broken)).toThrow(SettingsError);
    expect(() => createMailer(broken)).toThrow(/smtp\.port[\s\S]*tenant-id[\s\S]*clientId/);
  });

  test('closing finishes what was handed over', async () => {
    const mailer = mailerFor();
    const handedOver = Array.from({ length: 10 }, async () => await mailer.send(MAIL));
    await mailer.close();
    expect((await Promise.all(handedOver)).map(({ ok }) => ok)).toEqual(Array.from({ length: 10 }, () => true));
    expect(emulator.messages).toHaveLength(10);
  });

  test('a listener that throws does not change what becomes of a mail', async () => {
    const warned = once(process, 'warning');
    const mailer = mailerFor(
      {},
      {
        onEvent: () => {
          throw new Error('the listener is broken');
        },
      },
    );
    expect((await mailer.send(MAIL)).ok).toBe(true);
    expect(String(await warned)).toContain('the listener is broken');
  });

  test('an upstream that nobody named is said so before anything else', async () => {
    expect((await faultOf(mailerFor(), { ...MAIL, upstream: 'nope' })).code).toBe('CONFIG_UPSTREAM_UNKNOWN');
  });

  test('a closed mailer sends nothing more', async () => {
    const mailer = mailerFor();
    await mailer.close();
    await mailer.close();
    expect((await faultOf(mailer)).code).toBe('CONFIG_MAILER_CLOSED');
  });
});
