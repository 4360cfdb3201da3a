/**
 * Settings in the environment: `EMAIL_*`, the same with `_FILE`, systemd credentials of the same names, and the
 * `XMPRO__XMNOTIFICATION__EMAIL__…` family; `POSTBEARER_*` for the service.
 *
 * Rule: an empty variable is not set. A secret in a file or credential is not read here but referred to; any other setting
 * is read from it. A variable that is nearly one of ours is mentioned; any other is none of our business.
 */
import { nearest } from './did-you-mean.ts';
import { DEFAULT_UPSTREAM, NOTHING, resolveRaw, type Collected, type Entry, type Rank } from './entry.ts';
import type { FileReader } from './file-access.ts';
import { mistake, remark, type Place } from './place.ts';
import {
  FOREIGN_NAMES,
  LOG_LEVEL_KEY,
  LOG_LEVEL_SETTING,
  UPSTREAM_KEYS,
  UPSTREAM_SETTINGS,
  XMPRO_PREFIX,
  type Setting,
  type UpstreamKey,
} from './schema.ts';
import { SERVICE_KEYS, SERVICE_SETTINGS } from './service-schema.ts';
import type { Finding } from './settings.ts';
import type { RawValue } from './value.ts';

/** Variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

interface Variable {
  readonly name: string;
  readonly setting: Setting;
  readonly about: Entry['about'];
}

const VARIABLES: readonly Variable[] = [
  ...UPSTREAM_KEYS.flatMap((key) =>
    UPSTREAM_SETTINGS[key].environment.map((name): Variable => ({
      name,
      setting: UPSTREAM_SETTINGS[key],
      about: { upstream: DEFAULT_UPSTREAM, key },
    })),
  ),
  ...LOG_LEVEL_SETTING.environment.map((name): Variable => ({
    name,
    setting: LOG_LEVEL_SETTING,
    about: LOG_LEVEL_KEY,
  })),
  ...SERVICE_KEYS.flatMap((key) =>
    SERVICE_SETTINGS[key].environment.map((name): Variable => ({
      name,
      setting: SERVICE_SETTINGS[key],
      about: { service: key },
    })),
  ),
];

/** Whether the value may stand in a file named by `NAME_FILE`; of a setting that is a file itself that would say nothing new. */
export function hasFileVariable(setting: Setting): boolean {
  return setting.type !== 'path';
}

const XMPRO_KEYS: ReadonlyMap<string, UpstreamKey> = new Map(
  UPSTREAM_KEYS.flatMap((key): [string, UpstreamKey][] => {
    const name = UPSTREAM_SETTINGS[key].xmpro;
    return name === undefined ? [] : [[`${XMPRO_PREFIX}${name}`, key]];
  }),
);

const ALL_NAMES: ReadonlySet<string> = new Set(
  VARIABLES.flatMap(({ name, setting }) => (hasFileVariable(setting) ? [name, `${name}_FILE`] : [name])),
);

function placeOf(name: string): Place {
  return { key: name, label: `environment ${name}`, form: 'environment' };
}

function isSet(text: string | undefined): text is string {
  return text !== undefined && text.trim() !== '';
}

/** The text of a setting that is no secret, read from a file or credential. */
async function readFromFile(place: Place, path: string, files: FileReader, findings: Finding[]): Promise<RawValue> {
  const read = await files.readText(path, place);
  if (read.ok) return { kind: 'text', text: read.text };
  findings.push(read.finding);
  // Not "empty": something was meant, and what is missing then needs no finding of its own.
  return { kind: 'unreadable' };
}

async function readFileVariable(
  variable: Variable,
  path: string,
  files: FileReader,
  findings: Finding[],
): Promise<Entry> {
  const { name, setting, about } = variable;
  const absolute = files.resolvePath(path);
  const place = placeOf(`${name}_FILE`);
  const raw: RawValue =
    setting.type === 'secret'
      ? { kind: 'reference', secret: { kind: 'file', path: absolute } }
      : await readFromFile(place, absolute, files, findings);
  return { about, rank: 'environment', place, raw };
}

async function readVariable(
  variable: Variable,
  environment: Environment,
  files: FileReader,
  findings: Finding[],
): Promise<Entry[]> {
  const { name, setting, about } = variable;
  const text = environment[name];
  const path = hasFileVariable(setting) ? environment[`${name}_FILE`] : undefined;
  const entries: Entry[] = [];
  const place = placeOf(name);
  const resolvePath = (inner: string): string => files.resolvePath(inner);
  // An empty one is handed over as well, so that it can be named where the setting is missing.
  if (text !== undefined)
    entries.push({
      about,
      rank: 'environment',
      place,
      raw: resolveRaw({ kind: 'text', text }, setting, resolvePath),
    });
  if (!isSet(path)) return entries;
  if (isSet(text)) {
    findings.push(mistake('CONFIG_VALUE_AND_FILE', place));
    return entries;
  }
  return [await readFileVariable(variable, path, files, findings)];
}

async function readCredential(
  variable: Variable,
  folder: string,
  files: FileReader,
  findings: Finding[],
): Promise<Entry[]> {
  const { name, setting, about } = variable;
  const path = files.join(folder, name);
  if (!(await files.exists(path))) return [];
  const place: Place = { key: name, label: `systemd credential ${name}`, form: 'environment' };
  const raw: RawValue =
    setting.type === 'secret'
      ? { kind: 'reference', secret: { kind: 'systemd-credential', name } }
      : await readFromFile(place, path, files, findings);
  return [{ about, rank: 'credential', place, raw }];
}

function readXmpro(environment: Environment): Entry[] {
  return Object.entries(environment).flatMap(([name, text]): Entry[] => {
    const key = XMPRO_KEYS.get(name.toUpperCase());
    if (key === undefined || text === undefined) return [];
    const rank: Rank = 'xmpro';
    return [{ about: { upstream: DEFAULT_UPSTREAM, key }, rank, place: placeOf(name), raw: { kind: 'text', text } }];
  });
}

/** `EMAIL_OAUTH_…` is ours alone, so any other name there is a mistake; elsewhere only what is a few letters away. */
function findMisspelt(environment: Environment): Finding[] {
  return Object.entries(environment).flatMap(([name, text]): Finding[] => {
    if (!isSet(text) || ALL_NAMES.has(name) || FOREIGN_NAMES.has(name.toUpperCase())) return [];
    const isOurs = name.startsWith('EMAIL_OAUTH_');
    const near = isOurs ? nearest(name, ALL_NAMES) : nearestOfShared(name);
    if (near === undefined && !isOurs) return [];
    const guess = near === undefined ? 'nothing similar is one' : `did you mean ${near}?`;
    return [remark('CONFIG_UNKNOWN_KEY', placeOf(name), { guess })];
  });
}

/** The nearest name of a family that other software uses as well. */
function nearestOfShared(name: string): string | undefined {
  if (/^XMPRO_/i.test(name))
    return XMPRO_KEYS.has(name.toUpperCase()) ? undefined : nearest(name, XMPRO_KEYS.keys(), 3);
  return /^(?:ENABLE_)?EMAIL|^E?MAIL_|^POSTBEARER_/i.test(name) ? nearest(name, ALL_NAMES, 2) : undefined;
}

/** Reads the environment and `$CREDENTIALS_DIRECTORY`. */
export async function readEnvironmentForm(environment: Environment, files: FileReader): Promise<Collected> {
  const findings: Finding[] = [];
  const entries: Entry[] = [];
  const folder = environment['CREDENTIALS_DIRECTORY'];
  for (const variable of VARIABLES) {
    entries.push(...(await readVariable(variable, environment, files, findings)));
    if (isSet(folder)) entries.push(...(await readCredential(variable, folder, files, findings)));
  }
  entries.push(...readXmpro(environment));
  findings.push(...findMisspelt(environment));
  return { ...NOTHING, entries, findings };
}
