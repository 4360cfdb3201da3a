import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runs } from '../../../tests/setup/quick.ts';
import { settingsFromObject, type SettingsReading } from './index.ts';
import { UPSTREAM_KEYS, UPSTREAM_SETTINGS } from './schema.ts';
import { JSON_FILE, readIn, rightEnvironment, rightSmtp, rightTfvars } from './testing/worlds.ts';

const RUNS = runs(50_000);

/** What is true of every reading, whatever was read. */
function judge(reading: SettingsReading): void {
  const hasMistake = reading.findings.some(({ severity }) => severity === 'error');
  if (hasMistake === (reading.settings !== undefined)) throw new Error('settings and mistakes at once, or neither');
  for (const { fault } of reading.findings) {
    if (!fault.code.startsWith('CONFIG_') || fault.evidence?.kind !== 'settings')
      throw new Error(`odd fault ${fault.code}`);
    if (/[\r\n]/.test(fault.message)) throw new Error('a message of two lines');
  }
  for (const upstream of Object.values(reading.settings?.upstreams ?? {})) {
    if (!(upstream.port >= 1 && upstream.port <= 65_535)) throw new Error(`port ${upstream.port}`);
    if (upstream.enabled && upstream.server === '') throw new Error('no server');
    if (upstream.enabled && upstream.security === 'none' && upstream.authentication !== 'none')
      throw new Error('credentials without encryption');
    if (upstream.authentication === 'oauth' && upstream.oauth === undefined) throw new Error('no OAuth settings');
  }
}

/** A text with a few places cut out, doubled or replaced. */
function damaged(text: string): fc.Arbitrary<string> {
  const put = fc.oneof(
    fc.constantFrom(
      '"',
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '\\',
      'null',
      '1',
      '${',
      '$${',
      '<<A\n',
      '\n',
      '#',
      '/*',
      '\u0000',
      '\ud800',
      '__proto__',
      '(',
      '=',
    ),
    fc.string({ maxLength: 3 }),
  );
  return fc
    .array(fc.tuple(fc.nat(text.length), fc.oneof(fc.constant(0), fc.nat(12)), put), { minLength: 1, maxLength: 4 })
    .map((changes) => {
      let changed = text;
      for (const [at, removed, added] of changes) changed = changed.slice(0, at) + added + changed.slice(at + removed);
      return changed;
    });
}

const odd = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    'true',
    'false',
    '0',
    '65536',
    'localhost',
    'https://',
    'a@b',
    '[::1]',
    '\u0000',
    '{tenant-id}',
    'common',
    'x'.repeat(5000),
    '__proto__',
    'constructor',
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
);

describe('readers of foreign text', () => {
  it(`never fail on damaged JSON (${RUNS})`, async () => {
    const text = JSON.stringify(
      {
        smtp: rightSmtp(),
        database: { smtp: { password: 'x' } },
        postbearer: { upstreams: { test: {} }, mailboxes: { 'a@b': { pace: {} } } },
        LOG_LEVEL: 'Debug',
      },
      undefined,
      1,
    );
    let used = 0;
    await fc.assert(
      fc.asyncProperty(damaged(text), async (changed) => {
        const reading = await readIn({ [JSON_FILE]: changed });
        judge(reading);
        used += Number(reading.settings !== undefined);
      }),
      { numRuns: RUNS },
    );
    expect(used).toBeGreaterThan(RUNS / 1000);
    expect(used).toBeLessThan(RUNS);
  }, 240_000);

  it(`never fail on damaged Terraform variables (${RUNS})`, async () => {
    let used = 0;
    await fc.assert(
      fc.asyncProperty(damaged(rightTfvars()), async (changed) => {
        const reading = await readIn({ '/home/mail/a.tfvars': changed }, {}, { configFile: 'a.tfvars' });
        judge(reading);
        used += Number(reading.settings !== undefined);
      }),
      { numRuns: RUNS },
    );
    expect(used).toBeGreaterThan(RUNS / 1000);
    expect(used).toBeLessThan(RUNS);
  }, 240_000);

  it(`never fail on odd variables (${RUNS})`, async () => {
    const names = Object.keys(rightEnvironment()).flatMap((name) => [name, `${name}_FILE`]);
    const xmpro = UPSTREAM_KEYS.flatMap((key) => UPSTREAM_SETTINGS[key].xmpro ?? []).map(
      (name) => `XMPRO__XMNOTIFICATION__EMAIL__${name}`,
    );
    const variables = fc.dictionary(
      fc.constantFrom(...names, ...xmpro, 'CREDENTIALS_DIRECTORY', 'EMAIL_OAUTH_', '__proto__'),
      odd,
      { maxKeys: 6 },
    );
    await fc.assert(
      fc.asyncProperty(variables, async (changes) => {
        judge(await readIn({}, { ...rightEnvironment(), ...changes }));
      }),
      { numRuns: RUNS },
    );
  }, 240_000);

  it(`never fail on odd objects (${RUNS})`, () => {
    const keys = UPSTREAM_KEYS.map((key) => key.replace('oauth.', ''));
    const value = fc.oneof(
      odd,
      fc.double(),
      fc.boolean(),
      fc.constant(null),
      fc.constant([]),
      fc.record({ file: odd }),
      fc.record({ systemdCredential: odd }),
    );
    const section = fc.dictionary(fc.constantFrom(...keys, 'oauth', '__proto__', 'x'), value, { maxKeys: 6 });
    const object = fc.record({
      whole: fc.option(value),
      smtp: section,
      oauth: section,
      upstreams: fc.oneof(value, fc.dictionary(odd, section, { maxKeys: 2 })),
    });
    fc.assert(
      fc.property(object, ({ whole, smtp, oauth, upstreams }) => {
        const root = { ...rightSmtp(), ...smtp, oauth: { ...rightSmtp().oauth, ...oauth } };
        judge(settingsFromObject({ smtp: whole ?? root, postbearer: { upstreams } }));
      }),
      { numRuns: RUNS },
    );
  }, 240_000);

  it('would notice a reader that takes a token over an unencrypted connection (the control of this judge)', () => {
    const reading = settingsFromObject({ smtp: rightSmtp() });
    const upstream = reading.settings?.upstreams['default'];
    if (reading.settings === undefined || upstream === undefined) throw new Error('the settings were refused');
    const broken = { ...reading.settings, upstreams: { default: { ...upstream, security: 'none' as const } } };
    expect(() => judge({ ...reading, settings: broken })).toThrow('credentials without encryption');
    expect(() => judge(reading)).not.toThrow();
  });
});
