import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readSettings, type SettingsReading } from './index.ts';
import { memoryFiles } from './testing/memory-files.ts';
import { codesOf, JSON_FILE, readIn, readObject, RIGHT, rightEnvironment, rightSmtp } from './testing/worlds.ts';

/** The least that is enough: everything else is derived. */
const LEAST = {
  ENABLE_EMAIL_OAUTH: 'true',
  EMAIL_OAUTH_TENANT: 'contoso.com',
  EMAIL_OAUTH_TOKEN_CLIENT_ID: RIGHT.clientId,
  EMAIL_OAUTH_TOKEN_CLIENT_SECRET: RIGHT.clientSecret,
  EMAIL_USERNAME: RIGHT.mailbox,
};

const XMPRO = 'XMPRO__XMNOTIFICATION__EMAIL__';

/** The keys of all findings. */
function keysOf(reading: SettingsReading): string[] {
  return reading.findings.map(({ fault }) => (fault.evidence?.kind === 'settings' ? fault.evidence.key : ''));
}

describe('a value that cannot be understood', () => {
  it('has a beginning without findings (the control of this table)', async () => {
    expect(codesOf(await readIn({}, LEAST))).toEqual([]);
    const { EMAIL_OAUTH_TENANT: _, ...without } = LEAST;
    // Nobody said anything of the tenant: here what is missing is told.
    expect(codesOf(await readIn({}, without)).filter((code) => code === 'CONFIG_VALUE_MISSING')).toHaveLength(3);
  });

  it.each([
    ['EMAIL_OAUTH_CLOUD', 'germany'],
    ['ENABLE_EMAIL_OAUTH', 'maybe'],
    ['ENABLE_EMAIL', 'maybe'],
    ['EMAIL_OAUTH_TOKEN_ENDPOINT', 'login.microsoftonline.com'],
    ['EMAIL_SERVER', 'https://smtp.office365.us/'],
    ['EMAIL_OAUTH_CLIENT_AUTHENTICATION', 'managed'],
    ['EMAIL_OAUTH_TENANT', 'a\u0001b'],
    ['EMAIL_OAUTH_TOKEN_CLIENT_SECRET', 'x'.repeat(70_000)],
  ])('is the only finding: %s', async (name, value) => {
    const reading = await readIn({}, { ...LEAST, [name]: value });
    expect(codesOf(reading)).toEqual(['CONFIG_VALUE_INVALID']);
    expect(keysOf(reading)).toEqual([name]);
  });

  it('is the only finding where the user name would follow from it', async () => {
    const { EMAIL_USERNAME: _, ...environment } = LEAST;
    expect(codesOf(await readIn({}, { ...environment, EMAIL_FROM_ADDRESS: 'a b' }))).toEqual(['CONFIG_VALUE_INVALID']);
  });

  it('is the only finding where OAuth would follow from it', async () => {
    const environment = {
      [`${XMPRO}SMTPSERVER`]: 'smtp.office365.com',
      [`${XMPRO}USERNAME`]: RIGHT.mailbox,
      [`${XMPRO}OAUTHTOKENREQUEST__ENDPOINT`]: 'login.microsoftonline.com',
    };
    expect(codesOf(await readIn({}, environment))).toEqual(['CONFIG_VALUE_INVALID']);
  });

  it('may be overruled from a better place', async () => {
    const reading = await readObject({ smtp: { ...rightSmtp(), oauth: true } }, rightEnvironment());
    expect(codesOf(reading)).toEqual(['CONFIG_VALUE_INVALID']);
    expect(keysOf(reading)).toEqual(['smtp.oauth']);
  });
});

describe('a section that is no object', () => {
  const USER_ALONE = { EMAIL_USERNAME: 'x' };
  const OF_SMTP = '{"server": "smtp.office365.com"}';

  it.each([
    ['smtp.oauth', { smtp: { ...rightSmtp(), oauth: true } }, {}, '{"enabled": true, "tenant": "contoso.com"}'],
    ['smtp.oauth', { smtp: { username: 'x', server: 'relay.example.net', oauth: [] } }, {}, '"tenant"'],
    ['smtp', { smtp: 5 }, USER_ALONE, OF_SMTP],
    ['database.smtp', { database: { smtp: 'x' } }, USER_ALONE, OF_SMTP],
    ['postbearer.upstreams.test', { smtp: rightSmtp(), postbearer: { upstreams: { test: 1 } } }, {}, OF_SMTP],
  ])('is the only finding, with an example of its own: %s', async (key, object, environment, example) => {
    const reading = await readObject(object, environment);
    expect(codesOf(reading)).toEqual(['CONFIG_VALUE_INVALID']);
    expect(keysOf(reading)).toEqual([key]);
    expect(reading.findings[0]?.fault.remedy.steps[0]).toContain(example);
  });
});

describe('a file that cannot be read', () => {
  it.each([
    ['a JSON file with a mistake', { [JSON_FILE]: '{"smtp": ' }, {}, 'CONFIG_SYNTAX'],
    ['a list in place of an object', { [JSON_FILE]: '[]' }, {}, 'CONFIG_VALUE_INVALID'],
    ['a JSON file without right', { [JSON_FILE]: { text: '{}', readError: 'EACCES' } }, {}, 'CONFIG_FILE_UNREADABLE'],
    [
      'a Terraform file with a mistake',
      { '/home/mail/a.tfvars': 'x = "' },
      { configFile: 'a.tfvars' },
      'CONFIG_SYNTAX',
    ],
    ['a file that is not there', {}, { configFile: 'absent.json' }, 'CONFIG_FILE_MISSING'],
  ])('is the only finding, whatever the environment lacks: %s', async (_, files, options, code) => {
    const environment = { EMAIL_USERNAME: 'x', ENABLE_EMAIL_OAUTH: 'yes' };
    const read = { workingFolder: '/home/mail', platform: 'linux', environment, files: memoryFiles(files), ...options };
    expect(codesOf(await readSettings(read))).toEqual([code]);
  });
});

describe('a private key without its certificate', () => {
  const KEY = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' });

  it('names the certificate in JSON', async () => {
    const { clientSecret: _, ...oauth } = rightSmtp().oauth;
    const reading = await readObject({ smtp: { ...rightSmtp(), oauth: { ...oauth, privateKey: KEY } } });
    expect(codesOf(reading)).toEqual(['CONFIG_VALUE_MISSING']);
    expect(keysOf(reading)).toEqual(['smtp.oauth.certificateFile']);
  });

  it('names it in the environment and in Terraform variables', async () => {
    const { EMAIL_OAUTH_TOKEN_CLIENT_SECRET: _, ...environment } = LEAST;
    const there = await readIn({}, { ...environment, EMAIL_OAUTH_PRIVATE_KEY: KEY });
    expect(codesOf(there)).toEqual(['CONFIG_VALUE_MISSING']);
    expect(there.findings[0]?.fault.remedy.steps[0]).toContain('EMAIL_OAUTH_CERTIFICATE_FILE');
    const tfvars = `enable_email_notification = true\nemail_oauth_private_key = <<END\n${KEY}END\n`;
    const terraform = await readIn({ '/home/mail/a.tfvars': tfvars }, environment, { configFile: 'a.tfvars' });
    expect(codesOf(terraform)).toEqual(['CONFIG_VALUE_MISSING']);
    expect(terraform.findings[0]?.fault.message).toContain('certificate');
  });

  it('is one of two ways beside a client secret', async () => {
    const reading = await readIn({}, { ...LEAST, EMAIL_OAUTH_PRIVATE_KEY: KEY });
    expect(codesOf(reading)).toEqual(['CONFIG_CLIENT_AUTHENTICATION']);
  });
});
