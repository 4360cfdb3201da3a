import { describe, expect, it } from 'vitest';
import { faultLines, type Fault } from '@postbearer/core';
import { settingsFromObject, type SettingsReading } from './index.ts';
import { UPSTREAM_KEYS, UPSTREAM_SETTINGS } from './schema.ts';
import { codesOf, JSON_FILE, readIn, readObject, rightEnvironment, rightSmtp, rightTfvars } from './testing/worlds.ts';

const FROM_TFVARS = { configFile: 'a.tfvars' };
const EMAIL = 'XMPRO__XMNOTIFICATION__EMAIL__';

/** The one finding of a reading, as its code, its message and its first step. */
function told({ findings }: SettingsReading): readonly (string | undefined)[] {
  expect(findings).toHaveLength(1);
  const fault: Fault | undefined = findings[0]?.fault;
  return [fault?.code, fault?.message, fault?.remedy.steps[0]];
}

async function readTfvars(text: string): Promise<SettingsReading> {
  return readIn({ '/home/mail/a.tfvars': text }, {}, FROM_TFVARS);
}

/** The right variables without one, or with another value. */
function withVariable(name: string, value?: string): Record<string, string> {
  const { [name]: _, ...environment } = rightEnvironment();
  return value === undefined ? environment : { ...environment, [name]: value };
}

describe('advice is in the words of the form at hand', () => {
  const SECRET = 'EMAIL_OAUTH_TOKEN_CLIENT_SECRET';
  const PROOF = 'OAuth is on and the app proves itself with a client secret.';
  const TFVARS_WITHOUT = rightTfvars().replace(/email_oauth_token_client_secret = .*\n/, '');

  it('for a client secret that is missing', async () => {
    expect(told(await readIn({}, withVariable(SECRET)))).toEqual([
      'CONFIG_VALUE_MISSING',
      `${SECRET} is missing: ${PROOF}`,
      `Set ${SECRET}, or name a file that holds it in ${SECRET}_FILE (in a JSON file smtp.oauth.clientSecret).`,
    ]);
    expect(told(await readTfvars(TFVARS_WITHOUT))).toEqual([
      'CONFIG_VALUE_MISSING',
      `email_oauth_token_client_secret is missing: ${PROOF}`,
      `Set email_oauth_token_client_secret (in the environment ${SECRET}).`,
    ]);
    const { clientSecret: _, ...oauth } = rightSmtp().oauth;
    expect(told(await readObject({ smtp: { ...rightSmtp(), oauth } }))).toEqual([
      'CONFIG_VALUE_MISSING',
      `smtp.oauth.clientSecret is missing: ${PROOF}`,
      `Set smtp.oauth.clientSecret (in the environment ${SECRET}).`,
    ]);
    const upstreams = { test: { ...rightSmtp(), oauth } };
    expect(told(await readObject({ postbearer: { upstreams } }))[2]).toBe(
      'Set postbearer.upstreams.test.oauth.clientSecret in the file.',
    );
  });

  it('for a client secret that is written, but empty: it is named where it was written', async () => {
    expect(told(await readIn({}, withVariable(SECRET, ''))).slice(0, 2)).toEqual([
      'CONFIG_CLIENT_SECRET_EMPTY',
      `${SECRET} is empty: ${PROOF}`,
    ]);
    const terraform = await readTfvars(`${TFVARS_WITHOUT}email_oauth_token_client_secret = ""\n`);
    expect(told(terraform).slice(0, 2)).toEqual([
      'CONFIG_CLIENT_SECRET_EMPTY',
      `email_oauth_token_client_secret is empty: ${PROOF}`,
    ]);
    expect(terraform.findings[0]?.fault.evidence).toMatchObject({ file: '/home/mail/a.tfvars', line: 18 });
    const { clientSecret: _, ...oauth } = rightSmtp().oauth;
    const inBoth = await readObject({ smtp: { ...rightSmtp(), oauth } }, { [SECRET]: ' ' });
    expect(told(inBoth)[1]).toBe(`${SECRET} is empty: ${PROOF}`);
    const xmpro = await readIn(
      {},
      { ...withVariable(SECRET), [`${EMAIL}OAUTHTOKENREQUEST__FORMDATA__client_secret`]: '' },
    );
    expect(told(xmpro)[1]).toContain('FORMDATA__client_secret is empty');
  });

  it('for a secret of the wrong form: only JSON has references, only the environment has _FILE', async () => {
    const long = 'x'.repeat(70_000);
    const found = 'but is a text of 70000 characters.';
    const limit = 'a text of at most 65536 characters';
    expect(told(await readIn({}, withVariable(SECRET, long)))).toEqual([
      'CONFIG_VALUE_INVALID',
      `${SECRET} must be ${limit}, ${found}`,
      `Set ${SECRET} to ${limit}, or name a file that holds it in ${SECRET}_FILE.`,
    ]);
    expect(told(await readTfvars(`${TFVARS_WITHOUT}email_oauth_token_client_secret = 5\n`))).toEqual([
      'CONFIG_VALUE_INVALID',
      `email_oauth_token_client_secret must be ${limit} in double quotes, but is a number.`,
      `Set email_oauth_token_client_secret to ${limit} in double quotes.`,
    ]);
    const smtp = rightSmtp();
    smtp.oauth['clientSecret'] = { foo: 1 };
    expect(told(await readObject({ smtp }))[2]).toBe(
      `Set smtp.oauth.clientSecret to ${limit}, {"file": "…"} or {"systemdCredential": "…"}.`,
    );
  });

  it('and never offers as an example of a secret what the check of placeholders refuses', async () => {
    const secrets = UPSTREAM_KEYS.filter((key) => UPSTREAM_SETTINGS[key].type === 'secret');
    const wrong: Record<string, unknown> = { smtp: {} };
    for (const key of secrets) {
      const section = key.startsWith('oauth.') ? { oauth: { [key.slice('oauth.'.length)]: 5 } } : { [key]: 5 };
      wrong['smtp'] = section;
      const { findings } = await readObject(wrong);
      const text = findings.flatMap(({ fault }) => faultLines(fault)).join('\n');
      expect(text).toContain('CONFIG_VALUE_INVALID');
      for (const other of secrets) expect(text).not.toContain(UPSTREAM_SETTINGS[other].example);
    }
  });

  it('for other settings that two forms name differently', async () => {
    const off = await readIn({}, withVariable('ENABLE_EMAIL_OAUTH'));
    expect(told(off)[2]).toContain('Set ENABLE_EMAIL_OAUTH to true');
    const clouds = await readTfvars(rightTfvars().replace('office365.com/.default', 'office365.us/.default'));
    expect(told(clouds)[1]).toContain('email_oauth_token_scope belongs to us-government');
    expect(told(clouds)[1]).toContain('email_oauth_token_endpoint belongs to the cloud global');
  });
});

describe('a name that is nearly one of ours', () => {
  it.each([
    [`${EMAIL}SMTPSEVER`, 'SMTPSERVER'],
    [`${EMAIL}FROMADRESS`, 'FROMADDRESS'],
    [`${EMAIL}OAUTHTOKENREQUEST__FORMDATA__clientid`, 'OAUTHTOKENREQUEST__FORMDATA__CLIENT_ID'],
    ['XMPRO__XMNOTFICATION__EMAIL__PORT', 'PORT'],
    ['XMPRO_XMNOTIFICATION_EMAIL_USERNAME', 'USERNAME'],
  ])('is mentioned with a guess: %s', async (name, meant) => {
    const reading = await readIn({}, { ...rightEnvironment(), [name]: 'x' });
    expect(codesOf(reading)).toEqual(['(CONFIG_UNKNOWN_KEY)']);
    expect(told(reading)[1]).toBe(`${name} is not a setting (did you mean ${EMAIL}${meant}?).`);
  });

  it.each([`${EMAIL}USEDEFAULTCREDENTIALS`, `${EMAIL}templatefolder`, `${EMAIL}BRANDING__LOGO`, 'XMPRO__DATA__URL'])(
    'is not what other software has there: %s',
    async (name) => {
      expect(codesOf(await readIn({}, { ...rightEnvironment(), [name]: 'x' }))).toEqual([]);
    },
  );

  it.each(['SMTP', 'Smtp'])('is the section %s, beside smtp and in its place', async (name) => {
    const beside = await readObject({ smtp: rightSmtp(), [name]: rightSmtp() });
    expect(codesOf(beside)).toEqual(['(CONFIG_UNKNOWN_KEY)']);
    expect(told(beside)[1]).toBe(`${name} is not a setting (did you mean smtp?).`);
    expect(codesOf(await readObject({ [name]: rightSmtp() }))).toContain('(CONFIG_UNKNOWN_KEY)');
    const nested = await readObject({ smtp: rightSmtp(), database: { [name]: rightSmtp() } });
    expect(told(nested)[1]).toBe(`database.${name} is not a setting (did you mean smtp?).`);
  });
});

describe('what is said of a file or object as a whole', () => {
  it.each([
    ['a folder', { isFolder: true }, 'Name the file itself, not a folder or device.'],
    [
      'without right',
      { text: '{}', readError: 'EACCES' },
      'Give the account that runs this program the right to read the file.',
    ],
    ['bytes', { bytes: Uint8Array.of(0xff, 0x00) }, 'Save the file as UTF-8 text.'],
    ['a circle', { text: '{}', readError: 'ELOOP' }, 'Correct the link.'],
    ['an odd error', { text: '{}', readError: 'EIO' }, 'Make sure that this account can read the file.'],
  ])('fits what is wrong with it: %s', async (_, file, step) => {
    expect(told(await readIn({ [JSON_FILE]: file }))[2]).toBe(step);
  });

  it('is no right to read where there is no file', async () => {
    const reading = await readIn({}, { ...withVariable('EMAIL_SERVER'), EMAIL_SERVER_FILE: 'absent' });
    expect(told(reading)[2]).toBe('Put the file there, or correct the name.');
  });

  it('calls an object of a program an object', () => {
    for (const object of [[], 5, 'text', () => 1])
      expect(settingsFromObject(object).findings[0]?.fault.evidence).toMatchObject({ key: '(the whole object)' });
  });

  it('names the file that was asked for, where it is not there', async () => {
    const reading = await readIn({}, rightEnvironment(), { configFile: 'absent.json' });
    expect(reading.file).toBe('/home/mail/absent.json');
  });

  it('says who signs in as people do', async () => {
    const reading = await readObject({
      smtp: { ...rightSmtp(), username: 'you@yourdomain.com', fromAddress: undefined },
    });
    expect(told(reading)[2]).toBe('Set smtp.username to the mailbox that signs in.');
  });
});
