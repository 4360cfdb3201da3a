import { describe, expect, it } from 'vitest';
import { faultLines } from '@postbearer/core';
import { mailDisabledFault } from './index.ts';
import { SOME_CERTIFICATE } from './testing/certificate.ts';
import {
  changedSmtp,
  codesOf,
  JSON_FILE,
  messagesOf,
  passwordSmtp,
  readIn,
  readObject,
  RIGHT,
  rightEnvironment,
  rightSmtp,
  rightTfvars,
  settingsOf,
} from './testing/worlds.ts';

const ENTRA = 'https://login.microsoftonline.com';

/** What of the right section is not used with a managed identity is left out. */
const ONLY_MANAGED = {
  clientAuthentication: 'managed_identity',
  tokenEndpoint: undefined,
  clientId: undefined,
  clientSecret: undefined,
};

/** What is wrong, the section, the codes of the findings (remarks in parentheses), the first message. */
const CASES: readonly (readonly [
  what: string,
  section: Readonly<Record<string, unknown>>,
  codes: readonly string[],
  message: string,
])[] = [
  [
    'OAuth on with an empty client secret',
    changedSmtp({}, { clientSecret: '' }),
    ['CONFIG_CLIENT_SECRET_EMPTY'],
    'smtp.oauth.clientSecret is empty: OAuth is on and the app proves itself with a client secret.',
  ],
  [
    'OAuth on without a client secret',
    changedSmtp({}, { clientSecret: undefined }),
    ['CONFIG_VALUE_MISSING'],
    'smtp.oauth.clientSecret is missing: OAuth is on and the app proves itself with a client secret.',
  ],
  [
    'a token method other than POST',
    changedSmtp({}, { tokenMethod: 'GET' }),
    ['CONFIG_TOKEN_METHOD'],
    'smtp.oauth.tokenMethod must be POST.',
  ],
  [
    'a grant type other than client_credentials',
    changedSmtp({}, { grantType: 'password' }),
    ['CONFIG_GRANT_TYPE'],
    'smtp.oauth.grantType must be client_credentials.',
  ],
  [
    'an endpoint that still holds {tenant-id}',
    changedSmtp({}, { tokenEndpoint: `${ENTRA}/{tenant-id}/oauth2/v2.0/token` }),
    ['CONFIG_PLACEHOLDER'],
    'smtp.oauth.tokenEndpoint still holds a placeholder of a manual: "{tenant-id}".',
  ],
  [
    'the tenant of the manual',
    changedSmtp({}, { tokenEndpoint: `${ENTRA}/12345678-1234-1234-1234-123456789012/oauth2/v2.0/token` }),
    ['CONFIG_PLACEHOLDER'],
    'smtp.oauth.tokenEndpoint still holds a placeholder of a manual: "12345678-1234-1234-1234-123456789012".',
  ],
  ...['common', 'organizations', 'consumers'].map((tenant): (typeof CASES)[number] => [
    `the endpoint of /${tenant}`,
    changedSmtp({}, { tokenEndpoint: `${ENTRA}/${tenant}/oauth2/v2.0/token` }),
    ['CONFIG_TENANT_SHARED'],
    `smtp.oauth.tokenEndpoint names "${tenant}" in place of a tenant.`,
  ]),
  [
    'a tenant that is neither GUID nor domain',
    changedSmtp({}, { tokenEndpoint: undefined, tenant: 'contoso' }),
    ['CONFIG_TENANT_FORM'],
    'smtp.oauth.tenant names a text of 7 characters, which is neither a GUID nor a domain name.',
  ],
  [
    'an http endpoint that is not on this machine',
    changedSmtp({}, { tokenEndpoint: `http://login.microsoftonline.com/${RIGHT.tenant}/oauth2/v2.0/token` }),
    ['CONFIG_ENDPOINT_NOT_HTTPS'],
    'smtp.oauth.tokenEndpoint begins with http:, so the secret would cross the network in the clear.',
  ],
  [
    'the older endpoint',
    changedSmtp({}, { tokenEndpoint: `${ENTRA}/${RIGHT.tenant}/oauth2/token` }),
    ['CONFIG_ENDPOINT_FORM'],
    'smtp.oauth.tokenEndpoint is at login.microsoftonline.com, but does not end in /oauth2/v2.0/token.',
  ],
  [
    'the page to sign in in place of the token endpoint',
    changedSmtp({}, { tokenEndpoint: `${ENTRA}/${RIGHT.tenant}/oauth2/v2.0/authorize` }),
    ['CONFIG_ENDPOINT_FORM'],
    'smtp.oauth.tokenEndpoint is at login.microsoftonline.com, but does not end in /oauth2/v2.0/token.',
  ],
  [
    'a tenant beside the endpoint of another',
    changedSmtp({}, { tenant: '9a1f2e4d-5f0b-4a63-9d0e-7b1c2c1f3a9e' }),
    ['CONFIG_CONFLICT'],
    'smtp.oauth.tokenEndpoint (Global-variables.json:11) and smtp.oauth.tenant (Global-variables.json:17) say different things.',
  ],
  [
    'the client ID of the manual',
    changedSmtp({}, { clientId: 'your-application-client-id' }),
    ['CONFIG_PLACEHOLDER'],
    'smtp.oauth.clientId still holds a placeholder of a manual: "your-application-client-id".',
  ],
  [
    'the client secret of the manual',
    changedSmtp({}, { clientSecret: 'your-client-secret-value' }),
    ['CONFIG_PLACEHOLDER'],
    'smtp.oauth.clientSecret still holds a placeholder of a manual: the value of an example.',
  ],
  [
    'a reference that a platform should have resolved',
    changedSmtp({}, { clientSecret: '@Microsoft.KeyVault(SecretUri=https://vault.example/secrets/x)' }),
    ['CONFIG_PLACEHOLDER'],
    'smtp.oauth.clientSecret still holds a placeholder of a manual: the value of an example.',
  ],
  [
    'the mailbox of the manual',
    changedSmtp({ username: 'notifications@yourdomain.com' }),
    ['CONFIG_PLACEHOLDER'],
    'smtp.username still holds a placeholder of a manual: "notifications@yourdomain.com".',
  ],
  [
    'a client ID that is no GUID, at Entra',
    changedSmtp({}, { clientId: 'postbearer' }),
    ['(CONFIG_CLIENT_ID_FORM)'],
    'smtp.oauth.clientId is not a GUID, as the application IDs of Entra are.',
  ],
  [
    'the Secret ID in place of the secret',
    changedSmtp({}, { clientSecret: '0f3b6f8e-1111-4222-8333-944455556666' }),
    ['(CONFIG_SECRET_ID)'],
    'smtp.oauth.clientSecret has the form of a GUID, which is the form of a Secret ID and not of a secret.',
  ],
  [
    'a secret with what surrounded it',
    changedSmtp({}, { clientSecret: ` ${RIGHT.clientSecret}` }),
    ['(CONFIG_SECRET_WHITESPACE)'],
    'smtp.oauth.clientSecret begins or ends with white space or holds a line break.',
  ],
  [
    'a password left beside OAuth, even that of the manual',
    changedSmtp({ password: 'your-smtp-password' }),
    ['(CONFIG_PASSWORD_BESIDE_OAUTH)'],
    'smtp.password is set although OAuth is on; it is not used.',
  ],
  [
    'the scope of another cloud',
    changedSmtp({}, { scope: 'https://outlook.office365.us/.default' }),
    ['CONFIG_CLOUD_MISMATCH'],
    'smtp.oauth.tokenEndpoint belongs to the cloud global, but smtp.oauth.scope belongs to us-government.',
  ],
  [
    'the server of another cloud',
    changedSmtp({ server: 'smtp.partner.outlook.cn' }),
    ['CONFIG_CLOUD_MISMATCH'],
    'smtp.oauth.tokenEndpoint belongs to the cloud global, but smtp.server belongs to china.',
  ],
  [
    'the name of another cloud',
    changedSmtp({}, { cloud: 'gcc-high' }),
    ['CONFIG_CLOUD_MISMATCH'],
    'smtp.oauth.tokenEndpoint belongs to the cloud global, but smtp.oauth.cloud belongs to us-government.',
  ],
  [
    'the scope of a person',
    changedSmtp({}, { scope: 'https://outlook.office.com/SMTP.Send' }),
    ['CONFIG_SCOPE_FORM'],
    'smtp.oauth.scope must be a resource followed by /.default.',
  ],
  ...['https://graph.microsoft.com/.default', 'https://outlook.office.com/.default'].map(
    (scope): (typeof CASES)[number] => [
      `the scope ${scope}`,
      changedSmtp({}, { scope }),
      ['(CONFIG_SCOPE_OF_OTHER_SERVICE)'],
      'smtp.oauth.scope is not the scope of Exchange Online.',
    ],
  ),
  [
    'a client ID beside a managed identity',
    changedSmtp({}, { ...ONLY_MANAGED, clientId: RIGHT.clientId }),
    ['(CONFIG_BESIDE_MANAGED_IDENTITY)'],
    'smtp.oauth.clientId is set but not used: the app proves itself with a managed identity.',
  ],
  [
    'everything of another way beside a managed identity',
    changedSmtp({}, { clientAuthentication: 'managed_identity', certificateFile: '/home/mail/file' }),
    Array.from({ length: 4 }, () => '(CONFIG_BESIDE_MANAGED_IDENTITY)'),
    'smtp.oauth.tokenEndpoint is set but not used: the app proves itself with a managed identity.',
  ],
  [
    'two ways to prove the app',
    changedSmtp({}, { certificateFile: '/home/mail/file' }),
    ['CONFIG_CLIENT_AUTHENTICATION'],
    'smtp.oauth.clientSecret and smtp.oauth.certificateFile are both set, and smtp.oauth.clientAuthentication does not say which of them to use.',
  ],
  [
    'a certificate without its key',
    changedSmtp({}, { clientSecret: undefined, certificateFile: '/home/mail/file' }),
    ['CONFIG_VALUE_MISSING'],
    'smtp.oauth.privateKey is missing: the app proves itself with the key of its certificate.',
  ],
  [
    'no app at all',
    changedSmtp({}, { clientId: undefined }),
    ['CONFIG_VALUE_MISSING'],
    'smtp.oauth.clientId is missing: the app that asks for the token has to be named.',
  ],
  [
    'no endpoint and no tenant',
    changedSmtp({}, { tokenEndpoint: undefined }),
    ['CONFIG_VALUE_MISSING'],
    'smtp.oauth.tokenEndpoint is missing: a token is asked for there; a tenant in smtp.oauth.tenant will do as well.',
  ],
  [
    'no mailbox',
    changedSmtp({ username: undefined, fromAddress: undefined }),
    ['CONFIG_VALUE_MISSING'],
    'smtp.username is missing: the mailbox to send as has to be named.',
  ],
  [
    'a token over an unencrypted connection',
    changedSmtp({ enableSsl: false }),
    ['CONFIG_UNENCRYPTED'],
    'smtp.enableSsl is false, so the token would cross the network in the clear.',
  ],
  [
    'a password over an unencrypted connection',
    passwordSmtp({ enableSsl: 'no' }),
    ['CONFIG_UNENCRYPTED'],
    'smtp.enableSsl is false, so the password would cross the network in the clear.',
  ],
  [
    'port 465 at Microsoft 365',
    changedSmtp({ port: 465 }),
    ['CONFIG_PORT_NOT_SERVED'],
    'smtp.port is 465, which smtp.office365.com does not serve: connections time out.',
  ],
  [
    'port 25',
    changedSmtp({ port: 25 }),
    ['(CONFIG_PORT_25)'],
    'smtp.port is 25, which many networks and many Azure subscriptions block.',
  ],
  [
    'a user name that is no mailbox',
    changedSmtp({ username: 'notifications' }),
    ['CONFIG_USERNAME_FORM'],
    'smtp.username is not a mail address.',
  ],
  [
    'another address in From',
    changedSmtp({ fromAddress: 'noreply@contoso.com' }),
    ['(CONFIG_FROM_DIFFERS)'],
    'smtp.fromAddress (noreply@contoso.com) is not the mailbox that sends (notifications@contoso.com).',
  ],
  [
    'OAuth off with a password at Microsoft 365',
    passwordSmtp({ server: 'smtp.office365.com' }),
    ['(CONFIG_BASIC_AUTHENTICATION)'],
    'OAuth is off, so smtp.office365.com is signed in to with a password, which Microsoft is ending.',
  ],
  [
    'a user without password',
    passwordSmtp({ password: undefined }),
    ['CONFIG_VALUE_MISSING'],
    'smtp.password is missing: OAuth is off, so the user signs in with a password.',
  ],
  [
    'a password without user',
    passwordSmtp({ username: undefined }),
    ['CONFIG_VALUE_MISSING'],
    'smtp.username is missing: a password needs the name it belongs to.',
  ],
  [
    'no server',
    passwordSmtp({ server: undefined }),
    ['CONFIG_VALUE_MISSING'],
    'smtp.server is missing: mail has to be handed to a server.',
  ],
  [
    'OAuth settings without their switch, beside a password',
    changedSmtp({ server: 'mail.example.net', password: RIGHT.password }, { enabled: undefined }),
    ['(CONFIG_OAUTH_NOT_ENABLED)'],
    'There are OAuth settings, but smtp.oauth.enabled is not set, so OAuth is off and the password is used.',
  ],
  [
    'a misspelt key',
    changedSmtp({ serverr: 'x' }),
    ['(CONFIG_UNKNOWN_KEY)'],
    'smtp.serverr is not a setting (did you mean server?).',
  ],
  [
    'a key by another name',
    changedSmtp({ host: 'x' }),
    ['(CONFIG_UNKNOWN_KEY)'],
    'smtp.host is not a setting (did you mean server?).',
  ],
  [
    'an OAuth key outside of oauth',
    changedSmtp({ clientSecret: 'x' }),
    ['(CONFIG_UNKNOWN_KEY)'],
    'smtp.clientSecret is not a setting (did you mean oauth.clientSecret?).',
  ],
  [
    'a key like no other',
    changedSmtp({}, { zzzzzzzzzzzz: 1 }),
    ['(CONFIG_UNKNOWN_KEY)'],
    'smtp.oauth.zzzzzzzzzzzz is not a setting (nothing similar is one).',
  ],
  [
    'mail that is switched off',
    changedSmtp({ enabled: false }),
    ['(CONFIG_MAIL_DISABLED)'],
    'Email is disabled by smtp.enabled (Global-variables.json:3): nothing will be sent.',
  ],
];

describe('what is wrong in a file', () => {
  it.each(CASES)('%s is found, named and explained', async (_, section, codes, message) => {
    const reading = await readIn({
      [JSON_FILE]: JSON.stringify({ smtp: section }, undefined, 2),
      '/home/mail/file': SOME_CERTIFICATE,
    });
    expect(codesOf(reading)).toEqual(codes);
    expect(messagesOf(reading)[0]).toBe(message);
    expect(reading.settings === undefined).toBe(codes.some((code) => !code.startsWith('(')));
  });

  it.each(CASES)('%s is told with key, file, cause and a next step, and no secret', async (_, section) => {
    const reading = await readIn({
      [JSON_FILE]: JSON.stringify({ smtp: section }, undefined, 2),
      '/home/mail/file': SOME_CERTIFICATE,
    });
    for (const { fault } of reading.findings) {
      expect(fault.evidence).toMatchObject({ kind: 'settings', file: JSON_FILE });
      expect(fault.next).toBe('fix-configuration');
      const text = faultLines(fault).join('\n');
      expect(text).not.toMatch(/<\w+>(?! principal)/);
      expect(text).not.toContain('Cnry8');
      expect(fault.remedy.steps.length).toBeGreaterThan(0);
    }
  });

  it('is told all at once, line by line', async () => {
    const wrong = changedSmtp(
      { port: 70_000, enableSsl: 'perhaps', username: 'you@yourdomain.com', fromAddress: 'a b', passwort: 'x' },
      { tokenEndpoint: `${ENTRA}/common/oauth2/v2.0/token`, clientId: '', tokenMethod: 'GET' },
    );
    const reading = await readIn({ [JSON_FILE]: JSON.stringify({ smtp: wrong, LOG_LEVEL: 'loud' }, undefined, 2) });
    const told = reading.findings.map(({ fault }) =>
      fault.evidence?.kind === 'settings' ? [fault.evidence.line, fault.evidence.key, fault.code] : [],
    );
    expect(told).toEqual([
      [5, 'smtp.port', 'CONFIG_VALUE_INVALID'],
      [6, 'smtp.enableSsl', 'CONFIG_VALUE_INVALID'],
      [7, 'smtp.username', 'CONFIG_PLACEHOLDER'],
      [8, 'smtp.fromAddress', 'CONFIG_VALUE_INVALID'],
      [11, 'smtp.oauth.tokenEndpoint', 'CONFIG_TENANT_SHARED'],
      [12, 'smtp.oauth.clientId', 'CONFIG_VALUE_MISSING'],
      [15, 'smtp.oauth.tokenMethod', 'CONFIG_TOKEN_METHOD'],
      [18, 'smtp.passwort', 'CONFIG_UNKNOWN_KEY'],
      [20, 'LOG_LEVEL', 'CONFIG_VALUE_INVALID'],
    ]);
  });

  it.each(['enabled', 'oauth.enabled'])(
    'is not followed by guesses where the switch %s cannot be read',
    async (key) => {
      const section =
        key === 'enabled' ? changedSmtp({ enabled: 'perhaps', port: 0 }) : changedSmtp({}, { enabled: 'perhaps' });
      const messages = messagesOf(await readObject({ smtp: section }));
      expect(messages[0]).toBe(`smtp.${key} must be true or false, but is a text of 7 characters.`);
      // Of an upstream that may be on everything else is checked all the same.
      expect(messages.slice(1)).toEqual(key === 'enabled' ? [expect.stringContaining('smtp.port must be')] : []);
    },
  );

  it.each(['your-Secret~123', '<a$b>', '${a}b', 'xX9.', 'changemex', '{p@ss}'])(
    'is not a secret that merely begins like a placeholder: %s',
    async (clientSecret) => {
      expect(codesOf(await readObject({ smtp: changedSmtp({}, { clientSecret }) }))).toEqual([]);
    },
  );

  it('is nothing where all is right (the control of this table)', async () => {
    for (const section of [
      changedSmtp(),
      passwordSmtp(),
      changedSmtp({ port: 2525 }),
      { server: 'relay.example.net', port: 25_25 },
    ])
      expect(codesOf(await readObject({ smtp: section }))).toEqual([]);
  });

  it('does not matter where it is not in use', async () => {
    const rolledBack = passwordSmtp();
    const oauth = {
      enabled: false,
      clientSecret: '',
      tokenEndpoint: `${ENTRA}/common/oauth2/v2.0/token`,
      clientId: 'your-id',
    };
    expect(codesOf(await readObject({ smtp: { ...rolledBack, oauth } }))).toEqual([]);
    const off = { enabled: false, oauth: { enabled: true, clientSecret: '' } };
    expect(codesOf(await readObject({ smtp: off }))).toEqual(['(CONFIG_MAIL_DISABLED)']);
  });
});

describe('what is wrong in Terraform variables', () => {
  it('is a secret in a heredoc, which ends with a line break', async () => {
    const line = /email_oauth_token_client_secret = .*/;
    const heredoc = `email_oauth_token_client_secret = <<END\n${RIGHT.clientSecret}\nEND`;
    const text = rightTfvars().replace(line, () => heredoc);
    const reading = await readIn({ '/home/mail/a.tfvars': text }, {}, { configFile: 'a.tfvars' });
    expect(codesOf(reading)).toEqual(['(CONFIG_SECRET_WHITESPACE)']);
  });
});

describe('a managed identity', () => {
  it('is told where the client ID of one that was assigned by a user belongs', async () => {
    const section = changedSmtp({}, { ...ONLY_MANAGED, clientId: RIGHT.clientId });
    const { findings } = await readObject({ smtp: section });
    expect(findings[0]?.fault.remedy.steps).toEqual([
      'Put the client ID of a user-assigned identity into smtp.oauth.managedIdentityClientId; for that of the system remove smtp.oauth.clientId.',
    ]);
    expect(codesOf(await readObject({ smtp: changedSmtp({}, ONLY_MANAGED) }))).toEqual([]);
  });
});

describe('a scope of another service', () => {
  it('is none where another service takes the mail', async () => {
    const section = changedSmtp(
      { server: 'smtp.azurecomm.net' },
      { scope: 'https://communication.azure.com/.default' },
    );
    expect(codesOf(await readObject({ smtp: section }))).toEqual([]);
  });
});

describe('mail that is disabled', () => {
  it('is what a tfvars file without enable_email_notification means, and says so', async () => {
    const tfvars = rightTfvars().replace('enable_email_notification = true\n', '');
    const reading = await readIn({ '/home/mail/a.tfvars': tfvars }, {}, { configFile: 'a.tfvars' });
    expect(codesOf(reading)).toEqual(['(CONFIG_MAIL_DISABLED)']);
    expect(messagesOf(reading)).toEqual([
      'Email is disabled by enable_email_notification (a.tfvars: not set, default false): nothing will be sent.',
    ]);
    expect(reading.settings?.upstreams['default']?.enabled).toBe(false);
    const overruled = await readIn(
      { '/home/mail/a.tfvars': tfvars },
      { ENABLE_EMAIL: 'true' },
      { configFile: 'a.tfvars' },
    );
    expect(overruled.settings?.upstreams['default']?.enabled).toBe(true);
  });

  const FROM_TFVARS = { configFile: 'a.tfvars' };
  const OFF = rightTfvars().replace('enable_email_notification = true', 'enable_email_notification = false');
  const NESTED = '{"database": {"smtp": {"enabled": "no"}}}';

  it.each([
    [{ '/home/mail/a.tfvars': OFF }, {}, FROM_TFVARS, 'enable_email_notification', 'a.tfvars:2'],
    [
      { '/home/mail/a.tfvars': 'email_server = "x"' },
      {},
      FROM_TFVARS,
      'enable_email_notification',
      'a.tfvars: not set, default false',
    ],
    [{}, { EMAIL_SERVER: 'x', ENABLE_EMAIL: '0' }, {}, 'ENABLE_EMAIL', 'environment ENABLE_EMAIL'],
    [{ [JSON_FILE]: NESTED }, {}, {}, 'database.smtp.enabled', 'Global-variables.json:1'],
    [{}, {}, { overrides: { 'smtp.enabled': 'false' } }, 'smtp.enabled', 'flag smtp.enabled'],
  ])('is told with the switch as its own form writes it: %j %j', async (files, environment, options, key, source) => {
    const { upstreams } = settingsOf(await readIn(files, environment, options));
    const upstream = upstreams['default'];
    expect(upstream?.enabledFrom).toEqual({ key, source });
    const fault = upstream === undefined ? undefined : mailDisabledFault(upstream);
    const where = source.includes(key) ? source : `${key} (${source})`;
    expect(fault?.message).toBe(`Email is disabled by ${where}: nothing will be sent.`);
    expect(fault?.remedy.steps).toEqual([`Set ${key} to true to send mail.`]);
    expect(fault?.evidence).toEqual({ kind: 'settings', key });
  });

  it('is said of an upstream beside others for that one alone', async () => {
    const postbearer = { upstreams: { test: { enabled: false } } };
    expect(messagesOf(await readObject({ smtp: rightSmtp(), postbearer }))).toEqual([
      'Email is disabled by postbearer.upstreams.test.enabled (Global-variables.json:22): nothing will be sent through the upstream test.',
    ]);
  });

  it('is not what its absence means in JSON or in the environment', async () => {
    const { enabled: _, ...section } = rightSmtp();
    expect((await readObject({ smtp: section })).settings?.upstreams['default']?.enabled).toBe(true);
    const { ENABLE_EMAIL: __, ...environment } = rightEnvironment();
    expect((await readIn({}, environment)).settings?.upstreams['default']?.enabled).toBe(true);
  });
});

describe('what concerns more than one upstream', () => {
  it('is the same app in two of them', async () => {
    const postbearer = { upstreams: { test: rightSmtp() } };
    const reading = await readObject({ smtp: rightSmtp(), postbearer });
    expect(codesOf(reading)).toEqual(['(CONFIG_CLIENT_ID_SHARED)']);
    expect(messagesOf(reading)).toEqual([
      'postbearer.upstreams.test.oauth.clientId and smtp.oauth.clientId name the same app.',
    ]);
  });

  it.each([
    [{ 'a@contoso.com': { upstream: 'tset' } }, 'CONFIG_UPSTREAM_UNKNOWN', 'did you mean test?'],
    [{ 'a@contoso.com': { upstream: 5 } }, 'CONFIG_VALUE_INVALID', 'postbearer.mailboxes.a@contoso.com.upstream'],
    [{ 'a@contoso.com': { from: ['x'] } }, 'CONFIG_VALUE_INVALID', 'one mail address without display name'],
    [{ 'a@contoso.com': { pace: { connections: 0 } } }, 'CONFIG_VALUE_INVALID', 'a whole number from 1'],
    [{ 'a@contoso.com': {}, 'A@Contoso.com': {} }, 'CONFIG_MAILBOX_TWICE', 'A@Contoso.com and postbearer.mailboxes.a@'],
    [{ 'a@contoso.com': [] }, 'CONFIG_VALUE_INVALID', 'must be an object, but is a list'],
    [{ alerts: {} }, 'CONFIG_VALUE_INVALID', 'must be named by a mail address'],
    [{ 'a@contoso.com': { pace: { connection: 1 } } }, '(CONFIG_UNKNOWN_KEY)', 'did you mean connections?'],
    [{ 'a@contoso.com': { form: 'x' } }, '(CONFIG_UNKNOWN_KEY)', 'did you mean from?'],
  ])('is the mailbox %j', async (mailboxes, code, text) => {
    const upstreams = { test: { server: 'relay.example.net' } };
    const reading = await readObject({ smtp: rightSmtp(), postbearer: { upstreams, mailboxes } });
    expect(codesOf(reading)).toEqual([code]);
    expect(messagesOf(reading)[0]).toContain(text);
  });

  it.each([
    [{ upstreams: { 'a b': {} } }, ['CONFIG_VALUE_INVALID']],
    [{ upstreams: 5 }, ['CONFIG_VALUE_INVALID']],
    [{ upstreams: { test: 5 } }, ['CONFIG_VALUE_INVALID']],
    [{ upstream: {} }, ['(CONFIG_UNKNOWN_KEY)']],
    [{ relay: { anything: 1 }, alerts: [] }, ['(CONFIG_UNKNOWN_KEY)']],
    [5, ['CONFIG_VALUE_INVALID']],
  ])('is the section postbearer as %j', async (postbearer, codes) => {
    expect(codesOf(await readObject({ smtp: rightSmtp(), postbearer }))).toEqual(codes);
  });
});

describe('what is wrong in the environment', () => {
  it.each([
    ['EMAIL_OAUTH_CLIENT_ID', 'did you mean EMAIL_OAUTH_TOKEN_CLIENT_ID?'],
    ['EMAIL_SEVER', 'did you mean EMAIL_SERVER?'],
    ['EMAIL_OAUTH_ZZZZZZZZZZZZZZZZZZZZ', 'nothing similar is one'],
    ['ENABLE_EMAIL_OAUT', 'did you mean ENABLE_EMAIL_OAUTH?'],
  ])('is the name %s', async (name, text) => {
    const reading = await readIn({}, { ...rightEnvironment(), [name]: 'x' });
    expect(messagesOf(reading)).toEqual([`${name} is not a setting (${text}).`]);
  });

  it('is not what other software has there', async () => {
    const foreign = {
      EMAIL_TEMPLATE_FOLDER: '~/x',
      EMAIL_WEB_APPLICATION: 'true',
      EMAIL: 'me@example.com',
      EMAIL_SENDER_NAME: 'x',
      PATH: '/bin',
    };
    expect(codesOf(await readIn({}, { ...rightEnvironment(), ...foreign }))).toEqual([]);
  });

  it('is named by its variable, with the value described and not shown', async () => {
    const reading = await readIn({}, { ...rightEnvironment(), EMAIL_SERVER_PORT: 'hunter2-hunter2' });
    expect(messagesOf(reading)).toEqual([
      'EMAIL_SERVER_PORT must be a whole number from 1 to 65535, but is a text of 15 characters.',
    ]);
  });

  it.each([
    ['0', ['CONFIG_VERIFICATION_DISABLED']],
    ['1', []],
    ['', []],
  ])('is NODE_TLS_REJECT_UNAUTHORIZED=%s', async (value, codes) => {
    const reading = await readIn({}, { ...rightEnvironment(), NODE_TLS_REJECT_UNAUTHORIZED: value });
    expect(codesOf(reading)).toEqual(codes);
    expect(reading.settings === undefined).toBe(codes.length > 0);
  });

  it('is a file that cannot be read for a setting that is no secret', async () => {
    const { EMAIL_SERVER: _, ...environment } = rightEnvironment();
    const reading = await readIn({}, { ...environment, EMAIL_SERVER_FILE: 'absent' });
    expect(messagesOf(reading)).toEqual(['The file /home/mail/absent cannot be read: it does not exist.']);
  });
});
