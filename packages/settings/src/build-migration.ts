/**
 * A migration from the password to OAuth, as the settings of the service say it.
 *
 * The rules of this file: it is under way from the moment it names; one app or a share of messages goes first, not both; a
 * canary without a migration is a mistake, because nothing would come of it.
 */
import type { Held } from './draft.ts';
import { mistake, withExample, wrongValue } from './place.ts';
import { SERVICE_SETTINGS, type ServiceKey } from './service-schema.ts';
import type { Finding, MigrationSettings } from './settings.ts';

type MigrationKey = Extract<ServiceKey, `migration.${string}`>;

/** A time of ISO 8601 with its zone: without one it would mean another moment on each machine. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)$/;

/** The migration that is under way; a finding for each thing that is wrong with it. */
export function buildMigration(
  heldOf: (key: MigrationKey) => Held | undefined,
  findings: Finding[],
): MigrationSettings | undefined {
  const started = heldOf('migration.startedAt');
  const [app, share] = [heldOf('migration.canaryApp'), heldOf('migration.sharePercent')];
  const canary = app ?? share;
  if (app !== undefined && share !== undefined) {
    const expected = 'left out where one app goes first';
    findings.push(wrongValue(share.place, expected, 'set', `nothing, or leave ${app.place.key} out`));
  }
  if (started?.value.kind !== 'text') {
    if (canary !== undefined) {
      const { example } = SERVICE_SETTINGS['migration.startedAt'];
      const need = `${canary.place.key} is part of a migration, which has a beginning`;
      const values = { state: 'not set', need, advice: `Set it, for example to ${example}` };
      findings.push(
        mistake('CONFIG_VALUE_MISSING', { ...canary.place, key: 'postbearer.migration.startedAt' }, values),
      );
    }
    return undefined;
  }
  const { text } = started.value;
  if (!TIME.test(text) || Number.isNaN(Date.parse(text))) {
    const expected = 'a time with its zone';
    const { example } = SERVICE_SETTINGS['migration.startedAt'];
    findings.push(wrongValue(started.place, expected, 'something else', withExample(expected, example)));
    return undefined;
  }
  return {
    startedAt: Date.parse(text),
    ...(app?.value.kind === 'text' ? { canaryApp: app.value.text } : {}),
    ...(share?.value.kind === 'text' ? { sharePercent: Number(share.value.text) } : {}),
  };
}
