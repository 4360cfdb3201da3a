import { execFileSync } from 'node:child_process';
import { Secret } from '@postbearer/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runs } from '../../../tests/setup/quick.ts';
import { convertSettings, type SettingsReading } from './index.ts';
import { SOME_CERTIFICATE } from './testing/certificate.ts';
import { JSON_FILE, readIn, readObject, RIGHT, rightSmtp, rightTfvars, settingsOf } from './testing/worlds.ts';

const IN_CLEAR = { withSecrets: true };

/** Variables as a POSIX shell understands the lines. */
function evaluateInShell(lines: string): Record<string, string> {
  const output = execFileSync('/bin/sh', ['-c', `set -a; ${lines}\nexec env -0`], {
    env: {},
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const pairs = output.split('\0').filter((pair) => pair !== '');
  const all = Object.fromEntries(
    pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  );
  for (const name of ['PWD', 'OLDPWD', 'SHLVL', '_']) delete all[name];
  return all;
}

/** Everything that settings hold, secrets revealed, without the places they come from. */
function content(reading: SettingsReading): unknown {
  const { file: _, ...settings } = settingsOf(reading);
  return revealed(settings);
}

function revealed(value: unknown): unknown {
  if (value instanceof Secret) return value.reveal();
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const { enabledFrom: _, ...members } = value as Record<string, unknown>;
  return Object.fromEntries(Object.entries(members).map(([key, member]) => [key, revealed(member)]));
}

/** The settings in another form; throws where they are refused. */
function converted(...args: Parameters<typeof convertSettings>): string {
  const result = convertSettings(...args);
  if (!result.ok) throw new Error(result.fault.message);
  return result.value;
}

const FILES = { '/home/mail/client': 'x', '/home/mail/key': 'x', '/home/mail/ca.pem': SOME_CERTIFICATE };

async function through(reading: SettingsReading, form: 'json' | 'env' | 'tfvars'): Promise<SettingsReading> {
  const text = converted(reading, form, IN_CLEAR);
  if (form === 'env') return readIn(FILES, evaluateInShell(text));
  const path = form === 'json' ? JSON_FILE : '/home/mail/a.tfvars';
  return readIn({ ...FILES, [path]: text }, {}, { configFile: path });
}

/** Secrets with what has a meaning to a shell, to HCL or to JSON. */
const AWKWARD = [
  `p\${x}q`,
  `%{ if }`,
  `it's "quoted"`,
  'back\\slash',
  '$$${y}',
  '$HOME `id` !',
  'a=b#c',
  'tab\there',
  'bell\u0007\b\f',
  '\u2028é😀',
];

describe('conversion', () => {
  it.each(AWKWARD)('keeps the secret %j on every way there and back', async (secret) => {
    const smtp = rightSmtp();
    smtp.oauth['clientSecret'] = secret;
    const start = await readObject({ smtp, LOG_LEVEL: 'Debug' });
    const expected = content(start);
    expect(JSON.stringify(expected)).toContain(JSON.stringify(secret).slice(1, -1));
    for (const form of ['json', 'env', 'tfvars'] as const) {
      const there = await through(start, form);
      expect(content(there), form).toEqual(expected);
      expect(converted(await through(there, 'json'), 'json', IN_CLEAR)).toBe(converted(start, 'json', IN_CLEAR));
    }
  });

  it('keeps any printable secret (300 secrets through a shell, 3,000 through HCL)', async () => {
    const printable = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 30 })
      .filter((text) => text.trim() === text && !text.startsWith('your-'));
    const keeps = (form: 'env' | 'tfvars') =>
      fc.asyncProperty(printable, async (secret) => {
        const smtp = rightSmtp();
        smtp.oauth['clientSecret'] = `Cnry8${secret}`;
        const start = await readObject({ smtp });
        expect(content(await through(start, form))).toEqual(content(start));
      });
    await fc.assert(keeps('env'), { numRuns: runs(300) });
    await fc.assert(keeps('tfvars'), { numRuns: runs(3000) });
  });

  it('would lose them without the escapes of each form (the control of the two tests above)', async () => {
    const smtp = rightSmtp();
    smtp.oauth['clientSecret'] = `p\${x}'q`;
    const start = await readObject({ smtp });
    const tfvars = converted(start, 'tfvars', IN_CLEAR).replace('$${', '${');
    expect((await readIn({ '/home/mail/a.tfvars': tfvars }, {}, { configFile: 'a.tfvars' })).settings).toBeUndefined();
    expect(() => evaluateInShell(converted(start, 'env', IN_CLEAR).replace(String.raw`'\''`, "'"))).toThrow();
  });

  it('writes the forms of the guide', async () => {
    const start = await readIn({ '/home/mail/a.tfvars': rightTfvars() }, {}, { configFile: 'a.tfvars' });
    expect(JSON.parse(converted(start, 'json', IN_CLEAR))).toEqual({
      smtp: {
        ...rightSmtp(),
        oauth: {
          enabled: true,
          tokenEndpoint: RIGHT.endpoint,
          clientId: RIGHT.clientId,
          clientSecret: RIGHT.clientSecret,
          scope: RIGHT.scope,
        },
      },
    });
    expect(converted(await readObject({ smtp: rightSmtp() }), 'env')).toBe(`ENABLE_EMAIL=true
EMAIL_SERVER=smtp.office365.com
EMAIL_SERVER_PORT=587
EMAIL_SERVER_SSL=true
EMAIL_USERNAME=notifications@contoso.com
EMAIL_FROM_ADDRESS=notifications@contoso.com
ENABLE_EMAIL_OAUTH=true
EMAIL_OAUTH_TOKEN_ENDPOINT=${RIGHT.endpoint}
EMAIL_OAUTH_TOKEN_CLIENT_ID=${RIGHT.clientId}
# A secret: put its value here.
EMAIL_OAUTH_TOKEN_CLIENT_SECRET=your-client-secret-value
EMAIL_OAUTH_TOKEN_SCOPE=https://outlook.office365.com/.default
EMAIL_OAUTH_TOKEN_METHOD=POST
EMAIL_OAUTH_TOKEN_GRANT_TYPE=client_credentials
`);
  });

  it('leaves out secrets unless they are asked for, and the check refuses what stands in their place', async () => {
    const start = await readObject({ smtp: { ...rightSmtp(), password: RIGHT.password } });
    for (const form of ['json', 'env', 'tfvars'] as const) {
      const text = converted(start, form);
      expect(text).not.toContain('Cnry8');
      const path = form === 'json' ? JSON_FILE : '/home/mail/a.tfvars';
      const back =
        form === 'env'
          ? await readIn({}, evaluateInShell(text))
          : await readIn({ [path]: text }, {}, { configFile: path });
      expect(back.findings.map(({ fault }) => fault.code)).toContain('CONFIG_PLACEHOLDER');
    }
  });

  it('keeps references in the forms that have them and says so where there are none', async () => {
    const smtp = { ...rightSmtp(), caFile: 'ca.pem', password: { systemdCredential: 'robot' } };
    smtp.oauth['clientSecret'] = { file: 'client' };
    const start = await readIn({ ...FILES, [JSON_FILE]: JSON.stringify({ smtp }) });
    expect(JSON.parse(converted(start, 'json'))).toMatchObject({
      smtp: {
        caFile: '/home/mail/ca.pem',
        password: { systemdCredential: 'robot' },
        oauth: { clientSecret: { file: '/home/mail/client' } },
      },
    });
    expect(converted(start, 'env')).toContain('\nEMAIL_OAUTH_TOKEN_CLIENT_SECRET_FILE=/home/mail/client\n');
    expect(converted(start, 'env')).toContain(
      '\n# EMAIL_PASSWORD stands in the systemd credential robot; load it under the name EMAIL_PASSWORD.\n',
    );
    expect(converted(start, 'tfvars')).toContain(
      '\n# email_oauth_token_client_secret stands in /home/mail/client, which Terraform cannot refer to.\n',
    );
  });

  it('says the switches whose default differs from form to form', async () => {
    const { enabled: _, ...smtp } = rightSmtp();
    expect(converted(await readObject({ smtp }), 'tfvars')).toContain('enable_email_notification = true\n');
    const tfvars = rightTfvars().replace('enable_email_notification = true\n', '');
    const off = await readIn({ '/home/mail/a.tfvars': tfvars }, {}, { configFile: 'a.tfvars' });
    expect(JSON.parse(converted(off, 'json'))).toMatchObject({ smtp: { enabled: false } });
  });

  it('keeps upstreams and mailboxes in JSON and names them elsewhere', async () => {
    const postbearer = {
      upstreams: { test: { enabled: true, server: 'relay.example.net', port: '2525' } },
      mailboxes: {
        'a@contoso.com': { upstream: 'test', from: ['x@contoso.com', 'y@contoso.com'], pace: { connections: 2 } },
      },
    };
    const start = await readObject({ smtp: rightSmtp(), postbearer });
    expect(JSON.parse(converted(start, 'json', IN_CLEAR))).toEqual({ smtp: rightSmtp(), postbearer });
    expect(converted(start, 'env')).toContain(
      '\n# postbearer.upstreams.test.server has no name here; keep it in JSON.\n',
    );
  });

  it.each([
    ['a pace that is no number', { 'a@contoso.com': { pace: { messagesPerMinute: 'fast' } } }],
    ['an address that is none', { 'a@contoso.com': { from: ['b@contoso.com', 'nope'] } }],
    ['an upstream that does not exist', { 'a@contoso.com': { upstream: 'absent' } }],
  ])('refuses settings with a mistake, and makes nothing up: %s', async (_, mailboxes) => {
    const reading = await readObject({ smtp: rightSmtp(), postbearer: { mailboxes } });
    for (const form of ['json', 'env', 'tfvars'] as const) {
      const result = convertSettings(reading, form, IN_CLEAR);
      expect(!result.ok && result.fault.code).toBe('CONFIG_INVALID');
      expect(!result.ok && result.fault.findings).toEqual(reading.findings);
    }
  });
});
