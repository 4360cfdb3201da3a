/** The one fault of an upstream that is switched off, the same before a message and in a check of the settings. */
import type { Fault } from '@postbearer/core';
import { DEFAULT_UPSTREAM } from './entry.ts';
import { settingsFaults } from './faults.ts';
import { nameOf } from './place.ts';
import type { Upstream } from './settings.ts';

/** What the fault says of an upstream, by its name and the place of its switch. */
export function mailDisabledValues(name: string, { key, source }: Upstream['enabledFrom']): Record<string, string> {
  return {
    key,
    where: nameOf({ key, label: source }),
    effect: name === DEFAULT_UPSTREAM ? 'nothing will be sent' : `nothing will be sent through the upstream ${name}`,
  };
}

/**
 * `CONFIG_MAIL_DISABLED` for an upstream that is off: it names the switch as its own form writes it, and where that stands.
 *
 * @example
 * ```ts
 * import { mailDisabledFault, settingsFromObject } from '@postbearer/settings';
 *
 * const { settings } = settingsFromObject({ smtp: { enabled: false } });
 * const upstream = settings?.upstreams['default'];
 * upstream && mailDisabledFault(upstream).message;
 * // => 'Email is disabled by smtp.enabled (the settings of the program): nothing will be sent.'
 * ```
 */
export function mailDisabledFault({ name, enabledFrom }: Pick<Upstream, 'name' | 'enabledFrom'>): Fault {
  const evidence = { kind: 'settings' as const, key: enabledFrom.key };
  return settingsFaults.make('CONFIG_MAIL_DISABLED', mailDisabledValues(name, enabledFrom), { evidence });
}
