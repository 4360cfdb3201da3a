/** A migration as the settings say it. */
import { describe, expect, it } from 'vitest';
import { codesOf, readObject, rightSmtp, settingsOf } from './testing/worlds.ts';

const STARTED = '2026-11-25T08:00:00Z';

describe('a migration in the settings', () => {
  it('is none where nobody says when it began', async () => {
    const reading = await readObject({ smtp: rightSmtp() });
    expect(settingsOf(reading).service.migration).toBeUndefined();
  });

  it.each([
    [{}, {}],
    [{ canaryApp: 'scanner' }, { canaryApp: 'scanner' }],
    [{ sharePercent: '10' }, { sharePercent: 10 }],
  ])('moves everything, one app, or a share: %o', async (said, expected) => {
    const reading = await readObject({ smtp: rightSmtp(), postbearer: { migration: { startedAt: STARTED, ...said } } });
    expect(settingsOf(reading).service.migration).toEqual({ startedAt: Date.parse(STARTED), ...expected });
  });

  it('may be said by the environment alone', async () => {
    const environment = { POSTBEARER_MIGRATION_STARTED_AT: STARTED, POSTBEARER_MIGRATION_SHARE: '25' };
    const reading = await readObject({ smtp: rightSmtp() }, environment);
    expect(settingsOf(reading).service.migration).toEqual({ startedAt: Date.parse(STARTED), sharePercent: 25 });
  });

  it.each([
    ['a canary of both kinds', { startedAt: STARTED, canaryApp: 'scanner', sharePercent: 10 }, 'CONFIG_VALUE_INVALID'],
    ['a time without a zone', { startedAt: '2026-11-25T08:00:00' }, 'CONFIG_VALUE_INVALID'],
    ['a day that is none', { startedAt: '2026-13-45T08:00:00Z' }, 'CONFIG_VALUE_INVALID'],
    ['a share above the whole', { startedAt: STARTED, sharePercent: 101 }, 'CONFIG_VALUE_INVALID'],
    ['a canary without a beginning', { sharePercent: 10 }, 'CONFIG_VALUE_MISSING'],
  ])('is refused with %s', async (_, migration, code) => {
    expect(codesOf(await readObject({ smtp: rightSmtp(), postbearer: { migration } }))).toContain(code);
  });
});
