import type { Fault } from '@postbearer/core';
import { describe, expect, it } from 'vitest';
import {
  asResult,
  convertSettings,
  mailDisabledFault,
  settingsFaults,
  settingsFromObject,
  writeSettings,
  type SettingsReading,
} from './index.ts';
import { SOME_CERTIFICATE } from './testing/certificate.ts';
import { unfilled } from './testing/unfilled.ts';
import {
  changedSmtp,
  JSON_FILE,
  passwordSmtp,
  readIn,
  readObject,
  RIGHT,
  rightEnvironment,
  rightSmtp,
} from './testing/worlds.ts';

const ENTRA = 'https://login.microsoftonline.com';

function faultsOf({ findings }: SettingsReading): Fault[] {
  return findings.map(({ fault }) => fault);
}

async function withOAuth(...sections: readonly Record<string, unknown>[]): Promise<Fault[]> {
  const readings = await Promise.all(sections.map((oauth) => readObject({ smtp: changedSmtp({}, oauth) })));
  return readings.flatMap(faultsOf);
}

async function withSmtp(...sections: readonly unknown[]): Promise<Fault[]> {
  const readings = await Promise.all(sections.map((smtp) => readObject({ smtp })));
  return readings.flatMap(faultsOf);
}

async function withFile(file: Parameters<typeof readIn>[0][string], environment = {}): Promise<Fault[]> {
  return faultsOf(await readIn({ [JSON_FILE]: file }, environment));
}

/** Worlds that together bring forth every fault of the catalogue. */
async function everyFault(): Promise<Fault[]> {
  const { clientId } = RIGHT;
  const right = JSON.stringify({ smtp: rightSmtp() });
  const mailboxes = { 'a@contoso.com': { upstream: 'tset' }, 'A@contoso.com': { pace: { connections: 0 } } };
  const keyPair = { certificateFile: '/home/mail/cert.pem', privateKey: 'no key', clientSecret: undefined };
  const invalid = asResult(await readObject({ smtp: { port: 0 } }));
  const converted = convertSettings(await readObject({ smtp: { port: 0 } }), 'json');
  const written = await writeSettings('a.tfvars', []);
  const off = (await readObject({ smtp: { enabled: false } })).settings?.upstreams['default'];
  const all = await Promise.all([
    withOAuth(
      { clientSecret: '' },
      { clientSecret: undefined },
      { clientSecret: { file: 'absent' } },
      { clientSecret: '0f3b6f8e-1111-4222-8333-944455556666' },
      { clientSecret: ' x ' },
      { clientId: 'your-client-id' },
      { clientId: 'x' },
      { tokenMethod: 'GET', grantType: 'password' },
      { tokenEndpoint: `${ENTRA}/common/oauth2/v2.0/token` },
      { tokenEndpoint: `${ENTRA}/x/oauth2/v2.0/token` },
      { tokenEndpoint: `${ENTRA}/${RIGHT.tenant}/oauth2/token` },
      { tokenEndpoint: `http://example.net/token` },
      { tokenEndpoint: undefined },
      { scope: 'SMTP.Send' },
      { scope: 'https://graph.microsoft.com/.default' },
      { scope: 'https://outlook.office365.us/.default' },
      { certificateFile: '/home/mail/cert.pem' },
      { clientAuthentication: 'managed_identity' },
      { enabled: undefined },
      { enabled: 'perhaps' },
      { zzz: 1 },
    ),
    withSmtp(
      { enabled: false },
      changedSmtp({ port: 25 }),
      changedSmtp({ port: 465 }),
      changedSmtp({ enableSsl: false }),
      changedSmtp({ username: 'x' }),
      changedSmtp({ fromAddress: 'b@contoso.com', password: RIGHT.password }),
      passwordSmtp({ server: 'smtp.office365.com' }),
      passwordSmtp({ server: undefined }),
      5,
    ),
    withFile('{"smtp": {"port": 1, "port": 2}, "": 1, "": 2}'),
    withFile('{"smtp": '),
    withFile({ text: '', sizeBytes: 11_000_000 }),
    withFile({ text: right, readError: 'EIO' }),
    withFile({ text: right, mode: 0o644, owner: 4711 }),
    withFile('{}'),
    withFile(right, { EMAIL_SERVER: 'x', EMAIL_SERVER_FILE: 'y', NODE_TLS_REJECT_UNAUTHORIZED: '0' }),
    withFile(right, { ENABLE_EMAIL: 'yes', ENABLE_EMAIL_NOTIFICATION: 'no' }),
    readIn({}, rightEnvironment(), { configFile: 'absent.json' }).then(faultsOf),
    readIn({}, rightEnvironment(), { overrides: { 'smtp.password': 'x', '': 'y' } }).then(faultsOf),
    readObject({ smtp: rightSmtp(), postbearer: { mailboxes, upstreams: { test: { oauth: { clientId } } } } }).then(
      faultsOf,
    ),
    readIn({
      [JSON_FILE]: JSON.stringify({ smtp: changedSmtp({ caFile: '/home/mail/key' }, keyPair) }),
      '/home/mail/key': 'no certificate',
      '/home/mail/cert.pem': SOME_CERTIFICATE,
    }).then(faultsOf),
  ]);
  return [
    ...all.flat(),
    ...faultsOf(settingsFromObject([])),
    ...(invalid.ok ? [] : [invalid.fault]),
    ...(converted.ok ? [] : [converted.fault]),
    ...(written.ok ? [] : [written.fault]),
    ...(off === undefined ? [] : [mailDisabledFault(off)]),
  ];
}

describe('the wording of every fault', () => {
  it('is filled whole, whatever brought it forth', async () => {
    const faults = await everyFault();
    for (const fault of faults) expect(unfilled(fault), fault.code).toEqual([]);
    // A key and a certificate that are no pair need a key, which no fixture holds: tests/acceptance/settings-files.test.ts has it.
    const seen = new Set([...faults.map(({ code }) => code), 'CONFIG_CERTIFICATE_KEY_MISMATCH']);
    expect(Object.keys(settingsFaults.definitions).filter((code) => !seen.has(code as Fault['code']))).toEqual([]);
  });

  it('shows what nobody filled (the control of this file and of every table that reads in a world)', () => {
    expect(unfilled(settingsFaults.make('CONFIG_CONFLICT', { one: 'a' }))).toEqual(['<other>']);
    expect(unfilled(settingsFaults.make('CONFIG_UNKNOWN_KEY', { key: '', guess: 'x' }))).toEqual(['<key>']);
    expect(unfilled(settingsFaults.make('CONFIG_CONFLICT', { one: 'a', other: 'b' }))).toEqual([]);
  });
});
