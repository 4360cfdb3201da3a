/**
 * Settings that a command line overrides, by their JSON paths.
 *
 * Rule: a flag with an empty value unsets the setting: what lower ranks say of it counts for nothing, and what is derived or the
 * default holds.
 */
import { guess } from './did-you-mean.ts';
import { DEFAULT_UPSTREAM, NOTHING, resolveRaw, settingAbout, type Collected, type Entry } from './entry.ts';
import type { FileReader } from './file-access.ts';
import { mistake } from './place.ts';
import { LOG_LEVEL_KEY, UPSTREAM_KEYS, UPSTREAM_SETTINGS, type UpstreamKey } from './schema.ts';
import { SERVICE_KEYS, SERVICE_SETTINGS, type ServiceKey } from './service-schema.ts';
import type { Finding } from './settings.ts';

/** What a JSON path is about; `undefined` where it is no setting. */
export function aboutOf(path: string): Entry['about'] | undefined {
  if (path === LOG_LEVEL_KEY) return LOG_LEVEL_KEY;
  const service = /^postbearer\.(.+)$/.exec(path)?.[1] ?? '';
  if (Object.hasOwn(SERVICE_SETTINGS, service)) return { service: service as ServiceKey };
  const match = /^(?:smtp|postbearer\.upstreams\.(?<name>[\w-]+))\.(?<key>.+)$/.exec(path)?.groups;
  const key = match?.['key'];
  if (key === undefined || !Object.hasOwn(UPSTREAM_SETTINGS, key)) return undefined;
  return { upstream: match?.['name'] ?? DEFAULT_UPSTREAM, key: key as UpstreamKey };
}

/** The paths of all settings that have one value, but for those of further upstreams. */
export const SETTING_PATHS: readonly string[] = [
  ...UPSTREAM_KEYS.map((key) => `smtp.${key}`),
  LOG_LEVEL_KEY,
  ...SERVICE_KEYS.map((key) => `postbearer.${key}`),
];

/** Reads flags. An unknown path is a mistake: a program asked for something that cannot be. So is a secret: others can read arguments. */
export function readFlagsForm(overrides: Readonly<Record<string, string>>, files: FileReader): Collected {
  const entries: Entry[] = [];
  const findings: Finding[] = [];
  for (const [path, text] of Object.entries(overrides)) {
    const about = aboutOf(path);
    const place = { key: path, label: `flag ${path}` };
    if (about !== undefined) {
      const setting = settingAbout(about);
      if (setting.type === 'secret' && text.trim() !== '') {
        findings.push(mistake('CONFIG_SECRET_ON_COMMAND_LINE', place));
        continue;
      }
      const raw = resolveRaw({ kind: 'text', text }, setting, (inner) => files.resolvePath(inner));
      entries.push({ about, rank: 'flag', place, raw });
    } else {
      findings.push(mistake('CONFIG_UNKNOWN_KEY', place, { guess: guess(path, SETTING_PATHS) }));
    }
  }
  return { ...NOTHING, entries, findings };
}
