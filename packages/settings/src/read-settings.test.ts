import { describe, expect, it } from 'vitest';
import { asResult, loadSettings, readSettings, settingsFromObject, type SettingsReading } from './index.ts';
import { SOME_CERTIFICATE } from './testing/certificate.ts';
import { memoryFiles } from './testing/memory-files.ts';
import {
  codesOf,
  JSON_FILE,
  readIn,
  readObject,
  RIGHT,
  rightEnvironment,
  rightSmtp,
  rightTfvars,
  settingsOf,
} from './testing/worlds.ts';

function sourceOf(reading: SettingsReading, key: string): string | undefined {
  return reading.values.find((value) => value.key === key)?.source;
}

/** The upstream as a plain object, its secrets revealed. */
function plainUpstream(reading: SettingsReading): unknown {
  const upstream = settingsOf(reading).upstreams['default'];
  const authentication = upstream?.oauth?.clientAuthentication;
  const secret = authentication !== undefined && 'secret' in authentication ? authentication.secret : undefined;
  const { enabledFrom: _, ...rest } = upstream ?? {};
  return {
    ...rest,
    oauth: { ...upstream?.oauth, clientAuthentication: authentication?.method, secret: reveal(secret) },
  };
}

function reveal(secret: { kind: string; value?: { reveal(): string } } | undefined): string | undefined {
  return secret?.value?.reveal();
}

const EXPECTED = {
  name: 'default',
  enabled: true,
  server: 'smtp.office365.com',
  port: 587,
  security: 'starttls',
  authentication: 'oauth',
  username: RIGHT.mailbox,
  fromAddress: RIGHT.mailbox,
  oauth: {
    enabled: true,
    tokenEndpoint: RIGHT.endpoint,
    tenant: RIGHT.tenant,
    cloud: 'global',
    clientId: RIGHT.clientId,
    scope: RIGHT.scope,
    clientAuthentication: 'client_secret_post',
    secret: RIGHT.clientSecret,
  },
};

describe('the forms of the guide', () => {
  it('reads Global-variables.json with port and flags as text or not', async () => {
    const smtp = rightSmtp();
    expect(plainUpstream(await readObject({ smtp }))).toEqual(EXPECTED);
    const asText = { ...smtp, port: 587, enabled: 'yes', enableSsl: 'TRUE', oauth: { ...smtp.oauth, enabled: '1' } };
    const reading = await readObject({ CollectionId: 'x', smtp: asText, LOG_LEVEL: 'Debug' });
    expect(plainUpstream(reading)).toEqual(EXPECTED);
    expect(settingsOf(reading).logLevel).toBe('Debug');
    expect(reading).toMatchObject({ file: JSON_FILE, form: 'json', findings: [] });
  });

  it('reads terraform.tfvars in the names of the guide and in those of the module', async () => {
    const guide = await readIn(
      { '/home/mail/terraform.tfvars': rightTfvars() },
      {},
      { configFile: 'terraform.tfvars' },
    );
    expect(plainUpstream(guide)).toEqual(EXPECTED);
    expect(guide).toMatchObject({ file: '/home/mail/terraform.tfvars', form: 'tfvars', findings: [] });
    const names = {
      server: 'server',
      server_port: 'port',
      server_ssl: 'enable_ssl',
      username: 'username',
      from_address: 'from_address',
    };
    let module = rightTfvars();
    for (const [one, other] of Object.entries(names)) module = module.replace(`email_${one} =`, `smtp_${other} =`);
    expect(module).toContain('smtp_enable_ssl = true');
    expect(plainUpstream(await readIn({ '/home/mail/a.tfvars': module }, {}, { configFile: 'a.tfvars' }))).toEqual(
      EXPECTED,
    );
  });

  it('reads the environment alone, without any file', async () => {
    const reading = await readIn({}, rightEnvironment());
    expect(plainUpstream(reading)).toEqual(EXPECTED);
    expect(reading.file).toBeUndefined();
    expect(reading.findings).toEqual([]);
  });

  it('reads the double-underscore family, where the endpoint alone switches OAuth on', async () => {
    const email = 'XMPRO__XMNOTIFICATION__EMAIL__';
    const form = `${email}OAUTHTOKENREQUEST__FORMDATA__`;
    const environment = {
      [`${email}ENABLE`]: 'true',
      [`${email}SMTPSERVER`]: 'smtp.office365.com',
      [`${email}PORT`]: '587',
      [`${email}ENABLESSL`]: 'true',
      [`${email}FROMADDRESS`]: RIGHT.mailbox,
      [`${email}USERNAME`]: RIGHT.mailbox,
      [`${email}USEDEFAULTCREDENTIALS`]: 'false',
      [`${email}OAUTHTOKENREQUEST__ENDPOINT`]: RIGHT.endpoint,
      [`${email}OAUTHTOKENREQUEST__METHOD`]: 'POST',
      [`${form}grant_type`]: 'client_credentials',
      [`${form}client_id`]: RIGHT.clientId,
      [`${form}client_secret`]: RIGHT.clientSecret,
      [`${form}scope`]: RIGHT.scope,
    };
    const reading = await readIn({}, environment);
    expect(plainUpstream(reading)).toEqual(EXPECTED);
    expect(sourceOf(reading, 'smtp.oauth.enabled')).toBe(`derived from ${email}OAUTHTOKENREQUEST__ENDPOINT`);
    const off = await readIn(
      {},
      { ...environment, [`${email}OAUTHTOKENREQUEST__ENDPOINT`]: '', [`${email}PASSWORD`]: 'p' },
    );
    expect(settingsOf(off).upstreams['default']?.authentication).toBe('password');
  });

  it('takes the same object from a program and looks at nothing else', () => {
    const reading = settingsFromObject({ smtp: rightSmtp() });
    expect(plainUpstream(reading)).toEqual(EXPECTED);
    expect(sourceOf(reading, 'smtp.server')).toBe('the settings of the program');
    expect(reading.file).toBeUndefined();
  });

  it.each([undefined, null, 5, 'text', [], () => 1])('says of %s that it is no settings object', (object) => {
    const reading = settingsFromObject(object);
    expect(codesOf(reading)).toEqual(['CONFIG_VALUE_INVALID']);
  });

  it('survives an object that refers to itself', () => {
    const circle: Record<string, unknown> = {};
    circle['smtp'] = circle;
    expect(codesOf(settingsFromObject(circle))).toEqual(['CONFIG_VALUE_INVALID']);
  });

  it('tolerates a byte order mark and CRLF, and still knows the lines', async () => {
    const text = `\ufeff${JSON.stringify({ smtp: { ...rightSmtp(), port: 'x' } }, undefined, 2).replaceAll('\n', '\r\n')}`;
    const reading = await readIn({ [JSON_FILE]: text });
    expect(codesOf(reading)).toEqual(['CONFIG_VALUE_INVALID']);
    expect(reading.findings[0]?.fault.evidence).toEqual({
      kind: 'settings',
      key: 'smtp.port',
      file: JSON_FILE,
      line: 5,
    });
  });
});

describe('precedence', () => {
  const path = 'smtp.server';
  const places = [
    ['flag', 'flag.example'],
    ['environment', 'environment.example'],
    ['credential', 'credential.example'],
    ['xmpro', 'xmpro.example'],
    ['smtp', 'smtp.example'],
    ['database.smtp', 'nested.example'],
    ['derived', 'smtp.office365.com'],
  ] as const;

  function readWithout(absent: number): Promise<SettingsReading> {
    const has = (name: (typeof places)[number][0]): boolean => places.findIndex(([place]) => place === name) >= absent;
    const smtp: Record<string, unknown> = rightSmtp();
    delete smtp['server'];
    return readIn(
      {
        [JSON_FILE]: JSON.stringify({
          smtp: { ...smtp, ...(has('smtp') ? { server: 'smtp.example' } : {}) },
          database: has('database.smtp') ? { smtp: { server: 'nested.example' } } : {},
        }),
        ...(has('credential') ? { '/run/credentials/EMAIL_SERVER': 'credential.example\n' } : {}),
      },
      {
        CREDENTIALS_DIRECTORY: '/run/credentials',
        ...(has('environment') ? { EMAIL_SERVER: 'environment.example' } : {}),
        ...(has('xmpro') ? { XMPRO__XMNOTIFICATION__EMAIL__SMTPSERVER: 'xmpro.example' } : {}),
      },
      has('flag') ? { overrides: { [path]: 'flag.example' } } : {},
    );
  }

  it.each(places.map(([place, value], index) => [index, place, value] as const))(
    'of all places that are left when %i are gone, %s wins',
    async (index, place, value) => {
      const reading = await readWithout(index);
      expect(settingsOf(reading).upstreams['default']?.server).toBe(value);
      const source = sourceOf(reading, path);
      const expected = {
        flag: 'flag smtp.server',
        environment: 'environment EMAIL_SERVER',
        credential: 'systemd credential EMAIL_SERVER',
        xmpro: 'environment XMPRO__XMNOTIFICATION__EMAIL__SMTPSERVER',
        smtp: 'Global-variables.json:1',
        'database.smtp': 'Global-variables.json:1',
        derived: 'derived from smtp.oauth.cloud',
      }[place];
      expect(source).toBe(expected);
    },
  );

  it('has the default last', async () => {
    const reading = await readObject({ smtp: rightSmtp() });
    expect(sourceOf(reading, 'smtp.oauth.clientAuthentication')).toBe('default');
    expect(reading.values.find(({ key }) => key === 'smtp.caFile')).toMatchObject({
      value: 'not set',
      origin: 'default',
    });
  });

  it('ranks a tfvars file where the JSON file ranks', async () => {
    const files = { '/home/mail/a.tfvars': rightTfvars() };
    const reading = await readIn(files, { XMPRO__XMNOTIFICATION__EMAIL__PORT: '2525' }, { configFile: 'a.tfvars' });
    expect(settingsOf(reading).upstreams['default']?.port).toBe(2525);
  });

  it('lets a variable and the file that another names stand at one rank', async () => {
    const environment = { ...rightEnvironment(), EMAIL_SERVER: '', EMAIL_SERVER_FILE: 'server.txt' };
    const reading = await readIn({ '/home/mail/server.txt': 'smtp.office365.com\r\n' }, environment);
    expect(settingsOf(reading).upstreams['default']?.server).toBe('smtp.office365.com');
    expect(sourceOf(reading, path)).toBe('environment EMAIL_SERVER_FILE');
    const both = await readIn({}, { ...rightEnvironment(), EMAIL_SERVER_FILE: 'x' });
    expect(codesOf(both)).toEqual(['CONFIG_VALUE_AND_FILE']);
    expect(both.findings[0]?.fault.message).toBe('EMAIL_SERVER and EMAIL_SERVER_FILE are both set.');
  });

  it('takes null in JSON for none, of a setting, a section, an upstream and a mailbox', async () => {
    const { server: _, ...smtp } = rightSmtp();
    const without = await readObject({ smtp });
    const nothing = { upstream: null, from: null, pace: { connections: null } };
    const reading = await readObject({
      smtp: { ...smtp, server: null, password: null, port: null },
      database: { smtp: null },
      postbearer: {
        upstreams: { test: null, default: null },
        mailboxes: { 'a@contoso.com': null, 'b@contoso.com': nothing, 'c@contoso.com': { pace: null } },
      },
      LOG_LEVEL: null,
    });
    expect(codesOf(reading)).toEqual([]);
    expect(plainUpstream(reading)).toEqual(plainUpstream(without));
    expect(Object.keys(settingsOf(reading).upstreams)).toEqual(['default']);
    expect({ ...settingsOf(reading).mailboxes }).toEqual({
      'b@contoso.com': { upstream: 'default', from: [] },
      'c@contoso.com': { upstream: 'default', from: [] },
    });
    expect(codesOf(await readObject({ smtp: null, postbearer: null }))).toEqual(['CONFIG_EMPTY']);
    expect(
      codesOf(await readObject({ smtp: { ...rightSmtp(), oauth: null, username: null, fromAddress: null } })),
    ).toEqual([]);
  });

  it('lets an empty flag unset what lower ranks say, also a secret', async () => {
    const smtp = { ...rightSmtp(), port: 2525, password: RIGHT.password };
    const read = async (overrides: Record<string, string>): Promise<SettingsReading> =>
      readIn({ [JSON_FILE]: JSON.stringify({ smtp }) }, { EMAIL_SERVER_PORT: '2526' }, { overrides });
    const untouched = await read({});
    expect(settingsOf(untouched).upstreams['default']?.port).toBe(2526);
    expect(codesOf(untouched)).toEqual(['(CONFIG_PASSWORD_BESIDE_OAUTH)']);
    const unset = await read({ 'smtp.port': '', 'smtp.password': ' ' });
    expect(settingsOf(unset).upstreams['default']?.port).toBe(587);
    expect(sourceOf(unset, 'smtp.port')).toBe('default');
    expect(codesOf(unset)).toEqual([]);
    expect(codesOf(await read({ 'smtp.oauth.clientId': '' }))).toContain('CONFIG_VALUE_MISSING');
    expect(codesOf(await read({ 'smtp.password': 'x' }))).toContain('CONFIG_SECRET_ON_COMMAND_LINE');
  });

  it('takes an empty value for none, in every form', async () => {
    const environment = {
      EMAIL_SERVER: '',
      EMAIL_SERVER_PORT: '  ',
      EMAIL_OAUTH_TOKEN_CLIENT_SECRET: '',
      EMAIL_PASSWORD_FILE: '',
    };
    expect(plainUpstream(await readObject({ smtp: rightSmtp() }, environment))).toEqual(EXPECTED);
    const empty = { ...rightSmtp(), server: '', password: '' };
    expect(plainUpstream(await readObject({ smtp: empty }))).toEqual(EXPECTED);
    const tfvars = `${rightTfvars()}smtp_server = ""\nemail_password = null\n`;
    expect(plainUpstream(await readIn({ '/home/mail/a.tfvars': tfvars }, {}, { configFile: 'a.tfvars' }))).toEqual(
      EXPECTED,
    );
    const flagged = await readIn({}, rightEnvironment(), { overrides: { 'smtp.port': '' } });
    expect(plainUpstream(flagged)).toEqual(EXPECTED);
  });
});

describe('two places of one rank', () => {
  it.each([
    ['ENABLE_EMAIL and ENABLE_EMAIL_NOTIFICATION', {}, { ENABLE_EMAIL: 'true', ENABLE_EMAIL_NOTIFICATION: 'false' }],
    ['smtp and postbearer.upstreams.default', { postbearer: { upstreams: { default: { port: 2525 } } } }, {}],
    [
      'an extra in smtp.oauth and in postbearer.upstreams.default',
      { smtp: { ...rightSmtp(), caFile: '/a' }, postbearer: { upstreams: { default: { caFile: '/b' } } } },
      {},
    ],
  ])('that disagree are a mistake: %s', async (_, object, environment) => {
    const reading = await readObject({ smtp: rightSmtp(), ...object }, environment);
    expect(codesOf(reading)).toContain('CONFIG_CONFLICT');
    expect(reading.settings).toBeUndefined();
  });

  it('that disagree in a tfvars file are named with their lines', async () => {
    const text = `${rightTfvars()}smtp_server = "smtp.example.net"\n`;
    const reading = await readIn({ '/home/mail/a.tfvars': text }, {}, { configFile: 'a.tfvars' });
    expect(reading.findings[0]?.fault.message).toBe(
      'email_server (a.tfvars:13) and smtp_server (a.tfvars:19) say different things.',
    );
  });

  it('that agree are fine, however they write it', async () => {
    const environment = { ENABLE_EMAIL: '1', ENABLE_EMAIL_NOTIFICATION: 'Yes' };
    const object = {
      smtp: rightSmtp(),
      postbearer: { upstreams: { default: { port: 587, oauth: { enabled: 'on' } } } },
    };
    expect(codesOf(await readObject(object, environment))).toEqual([]);
  });

  it('never show a secret when they disagree on it', async () => {
    const one = { ...rightSmtp(), password: RIGHT.password };
    const other = { upstreams: { default: { password: 'Cnry8~another-password' } } };
    const reading = await readObject({ smtp: one, postbearer: other });
    expect(codesOf(reading)).toContain('CONFIG_CONFLICT');
    expect(JSON.stringify(reading)).not.toContain('Cnry8');
  });
});

describe('which file is read', () => {
  const text = JSON.stringify({ smtp: rightSmtp() });
  const elsewhere = text.replace('587', '2525');

  it('is the one of the option, then of POSTBEARER_CONFIG, then of the working folder, then of the system', async () => {
    const files = {
      '/named/by-option.json': text,
      '/named/by-variable.json': text,
      [JSON_FILE]: text,
      '/etc/postbearer/Global-variables.json': text,
    };
    const variable = { POSTBEARER_CONFIG: '/named/by-variable.json' };
    expect((await readIn(files, variable, { configFile: '/named/by-option.json' })).file).toBe('/named/by-option.json');
    expect((await readIn(files, variable)).file).toBe('/named/by-variable.json');
    expect((await readIn(files, { POSTBEARER_CONFIG: '' })).file).toBe(JSON_FILE);
    expect((await readIn(files, {}, { workingFolder: '/elsewhere' })).file).toBe(
      '/etc/postbearer/Global-variables.json',
    );
  });

  it('is on Windows that of ProgramData, then that of the installer', async () => {
    const data = String.raw`D:\Data\Postbearer\Global-variables.json`;
    const installed = String.raw`C:\XMPro\Global-variables.json`;
    const windows = { workingFolder: String.raw`C:\Temp`, platform: 'win32' };
    const environment = { ProgramData: String.raw`D:\Data` };
    expect((await readIn({ [data]: text, [installed]: elsewhere }, environment, windows)).file).toBe(data);
    expect((await readIn({ [installed]: elsewhere }, environment, windows)).file).toBe(installed);
  });

  it.each([
    ['the option', {}, { configFile: 'absent.json' }, '--config'],
    ['POSTBEARER_CONFIG', { POSTBEARER_CONFIG: 'absent.json' }, {}, 'POSTBEARER_CONFIG'],
  ])('has to exist when %s names it, even with a whole environment', async (_, environment, options, key) => {
    const reading = await readIn({ [JSON_FILE]: text }, { ...rightEnvironment(), ...environment }, options);
    expect(codesOf(reading)).toEqual(['CONFIG_FILE_MISSING']);
    expect(reading.findings[0]?.fault.evidence).toEqual({ kind: 'settings', key, file: '/home/mail/absent.json' });
    expect(reading.settings).toBeUndefined();
  });

  it('is named with all places that were looked at when there is nothing at all', async () => {
    const result = await loadSettings({
      workingFolder: '/home/mail',
      environment: {},
      files: memoryFiles({}),
      platform: 'linux',
    });
    expect(result.ok ? '' : result.fault.message).toBe(
      'The settings cannot be used: 1 mistake. The first: There are no settings for sending mail: no EMAIL_ variable is set and no file is at /home/mail/Global-variables.json, /etc/postbearer/Global-variables.json.',
    );
  });

  it('says so when it holds nothing for us', async () => {
    expect(codesOf(await readIn({ [JSON_FILE]: '{"CollectionId": "x"}' }))).toEqual(['CONFIG_EMPTY']);
  });
});

describe('what a reading that cannot be used becomes', () => {
  it('is one fault that counts the mistakes, names the first and holds every finding', async () => {
    const broken = { ...rightSmtp(), port: 0, enableSsl: 'maybe', passwort: 'x' };
    const result = asResult(await readObject({ smtp: broken }));
    if (result.ok) throw new Error('the settings were taken');
    expect(result.fault.code).toBe('CONFIG_INVALID');
    expect(result.fault.message).toMatch(
      /^The settings cannot be used: 2 mistakes\. The first: smtp\.port must be a whole/,
    );
    expect(result.fault.evidence).toEqual({ kind: 'settings', key: 'smtp.port', file: JSON_FILE, line: 5 });
    expect(result.fault.findings.map(({ fault }) => fault.code)).toEqual([
      'CONFIG_VALUE_INVALID',
      'CONFIG_VALUE_INVALID',
      'CONFIG_UNKNOWN_KEY',
    ]);
  });

  it('is a success where there are only warnings', async () => {
    const result = asResult(await readObject({ smtp: { ...rightSmtp(), passwort: 'x' } }));
    expect(result.ok).toBe(true);
  });
});

describe('upstreams and mailboxes', () => {
  const postbearer = {
    upstreams: {
      test: {
        server: 'smtp.example.net',
        port: 465,
        username: 'robot',
        password: { file: 'secrets/robot' },
        caFile: 'ca.pem',
      },
    },
    mailboxes: {
      'alerts@contoso.com': { upstream: 'test', from: ['noreply@contoso.com'], pace: { messagesPerMinute: 10 } },
      'info@contoso.com': {},
    },
  };
  const files = { '/home/mail/secrets/robot': 'x', '/home/mail/ca.pem': SOME_CERTIFICATE };

  it('are read beside the root smtp, with references relative to the file', async () => {
    const text = JSON.stringify({ smtp: rightSmtp(), postbearer });
    const settings = settingsOf(await readIn({ [JSON_FILE]: text, ...files }, {}, { workingFolder: '/home/mail' }));
    expect(Object.keys(settings.upstreams)).toEqual(['default', 'test']);
    expect(settings.upstreams['test']).toEqual({
      name: 'test',
      enabled: true,
      enabledFrom: { key: 'postbearer.upstreams.test.enabled', source: 'default' },
      server: 'smtp.example.net',
      port: 465,
      security: 'tls',
      authentication: 'password',
      username: 'robot',
      password: { kind: 'file', path: '/home/mail/secrets/robot' },
      caFile: '/home/mail/ca.pem',
    });
    expect({ ...settings.mailboxes }).toEqual({
      'alerts@contoso.com': { upstream: 'test', from: ['noreply@contoso.com'], pace: { messagesPerMinute: 10 } },
      'info@contoso.com': { upstream: 'default', from: [] },
    });
  });

  it('need no root smtp', async () => {
    const only = { upstreams: postbearer.upstreams, mailboxes: { 'a@contoso.com': { upstream: 'test' } } };
    const reading = await readIn({ [JSON_FILE]: JSON.stringify({ postbearer: only }), ...files });
    expect(Object.keys(settingsOf(reading).upstreams)).toEqual(['test']);
  });

  it('may be set by flags as well', async () => {
    const reading = await readIn({ [JSON_FILE]: JSON.stringify({ postbearer }), ...files }, rightEnvironment(), {
      overrides: { 'postbearer.upstreams.test.port': '2525', LOG_LEVEL: 'warn' },
    });
    expect(settingsOf(reading).upstreams['test']?.port).toBe(2525);
    expect(settingsOf(reading).logLevel).toBe('Warning');
    const unknown = await readIn({}, rightEnvironment(), { overrides: { 'smtp.serve': 'x' } });
    expect(unknown.findings[0]?.fault.message).toBe('smtp.serve is not a setting (did you mean smtp.server?).');
    expect(unknown.settings).toBeUndefined();
  });

  it('are found under no name that was not written', async () => {
    const settings = settingsOf(await readObject({ smtp: rightSmtp() }));
    for (const name of ['toString', 'constructor', '__proto__']) expect(settings.upstreams[name]).toBeUndefined();
    expect(settings.mailboxes['toString']).toBeUndefined();
  });
});

describe('secrets', () => {
  it('stay references to files and credentials, and are not read', async () => {
    const { clientSecret: _, ...oauth } = rightSmtp().oauth;
    const files = {
      [JSON_FILE]: JSON.stringify({
        smtp: { ...rightSmtp(), oauth: { ...oauth, clientSecret: { systemdCredential: 'app' } } },
      }),
      '/run/credentials/app': 'Cnry8~x',
      '/run/credentials/EMAIL_OAUTH_TOKEN_CLIENT_SECRET': 'Cnry8~y',
      '/run/secrets/client': 'Cnry8~z',
    };
    const inUnit = { CREDENTIALS_DIRECTORY: '/run/credentials' };
    const secretWith = async (environment: Record<string, string>): Promise<unknown> => {
      const reading = await readIn(files, environment);
      expect(JSON.stringify(reading)).not.toContain('Cnry8');
      return settingsOf(reading).upstreams['default']?.oauth?.clientAuthentication;
    };
    const method = 'client_secret_post';
    const byName = { kind: 'systemd-credential', name: 'EMAIL_OAUTH_TOKEN_CLIENT_SECRET' };
    expect(await secretWith(inUnit)).toEqual({ method, secret: byName });
    expect(await secretWith({ ...inUnit, EMAIL_OAUTH_TOKEN_CLIENT_SECRET_FILE: '/run/secrets/client' })).toEqual({
      method,
      secret: { kind: 'file', path: '/run/secrets/client' },
    });
    const { ['/run/credentials/EMAIL_OAUTH_TOKEN_CLIENT_SECRET']: __, ...without } = files;
    const reading = await readIn(without, inUnit);
    expect(settingsOf(reading).upstreams['default']?.oauth?.clientAuthentication).toEqual({
      method,
      secret: { kind: 'systemd-credential', name: 'app' },
    });
  });

  it('are masked among the values, with the place they come from', async () => {
    const reading = await readObject({ smtp: rightSmtp() }, { EMAIL_PASSWORD: RIGHT.password });
    const shown = reading.values
      .filter(({ isSecret }) => isSecret)
      .map(({ key, value, source }) => [key, value, source]);
    expect(shown).toEqual([
      ['smtp.password', '[secret]', 'environment EMAIL_PASSWORD'],
      ['smtp.oauth.clientSecret', '[secret]', 'Global-variables.json:13'],
      ['smtp.oauth.privateKey', 'not set', 'default'],
      ['postbearer.database.url', 'not set', 'default'],
    ]);
    expect(JSON.stringify(reading)).not.toContain('Cnry8');
  });
});

describe('the machine itself', () => {
  it('is what is read when nothing is said', async () => {
    const reading = await readSettings({ configFile: '/nowhere/at/all.json', environment: {} });
    expect(codesOf(reading)).toEqual(['CONFIG_FILE_MISSING']);
  });
});
