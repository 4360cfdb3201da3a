/** From what all forms said to settings, findings and effective values. Reads nothing; never throws. */
import { parseLogLevel, Secret, type LogLevel } from '@postbearer/core';
import { buildMailboxes, mailboxValues } from './build-mailboxes.ts';
import { buildService } from './build-service.ts';
import { buildUpstream } from './build-upstream.ts';
import { checkUpstream } from './check-upstream.ts';
import { deriveSettings } from './derive.ts';
import { choose, Draft, type Chosen, type Held } from './draft.ts';
import { DEFAULT_UPSTREAM, type About, type Collected, type Entry } from './entry.ts';
import { evidenceOf, mistake, remark, type Form, type Place } from './place.ts';
import {
  LOG_LEVEL_KEY,
  LOG_LEVEL_SETTING,
  UPSTREAM_KEYS,
  UPSTREAM_SETTINGS,
  type SettingType,
  type UpstreamKey,
} from './schema.ts';
import { shownUrl } from './shown.ts';
import type {
  EffectiveValue,
  Finding,
  MailboxSettings,
  ServiceSettings,
  Settings,
  SettingsReading,
} from './settings.ts';

/** What the forms were read from. */
export interface Origin {
  readonly file?: string;
  /** The file as it is shown. */
  readonly label?: string;
  /** In which form a setting would be added: that of the file, where there is one. */
  readonly form: Form;
  /** For `CONFIG_EMPTY`: where was looked. */
  readonly looked: string;
}

/** A record in which only written names are found. */
function recordOf<T>(entries: Iterable<readonly [string, T]>): Readonly<Record<string, T>> {
  const record: Record<string, T> = Object.create(null) as Record<string, T>;
  for (const [name, value] of entries) record[name] = value;
  return record;
}

function pathOf(upstream: string): string[] {
  return upstream === DEFAULT_UPSTREAM ? ['smtp'] : ['postbearer', 'upstreams', upstream];
}

function isOfUpstream(about: About): about is Exclude<About, string | { readonly service: unknown }> {
  return typeof about === 'object' && 'upstream' in about;
}

function draftOf(name: string, { entries, isWhole }: Collected, origin: Origin, findings: Finding[]): Draft {
  const byKey = new Map<UpstreamKey, Entry[]>();
  for (const entry of entries) {
    if (!isOfUpstream(entry.about) || entry.about.upstream !== name) continue;
    const { key } = entry.about;
    const known = byKey.get(key);
    if (known === undefined) byKey.set(key, [entry]);
    else known.push(entry);
  }
  const chosen = new Map<UpstreamKey, Chosen>();
  for (const [key, places] of byKey) chosen.set(key, choose(places, UPSTREAM_SETTINGS[key], findings));
  return new Draft(name, pathOf(name), chosen, { ...origin, isWhole });
}

function namesOf(collected: Collected): string[] {
  const names = new Set(collected.upstreams.map(({ name }) => name));
  for (const { about, rank, raw } of collected.entries) {
    // Variables that are empty are no settings; a place in a file is one, whatever stands there.
    const isNothing = rank !== 'file' && rank !== 'nested' && raw.kind === 'text' && raw.text.trim() === '';
    if (isOfUpstream(about) && !isNothing) names.add(about.upstream);
  }
  return [...names].toSorted((a, b) => Number(b === DEFAULT_UPSTREAM) - Number(a === DEFAULT_UPSTREAM));
}

function checkSharedApps(drafts: readonly Draft[]): Finding[] {
  const owners = new Map<string, Draft>();
  return drafts.flatMap((draft) => {
    const clientId = draft.text('oauth.clientId')?.toLowerCase();
    const owner = clientId === undefined ? undefined : owners.get(clientId);
    if (clientId !== undefined && owner === undefined) owners.set(clientId, draft);
    if (owner === undefined) return [];
    const other = owner.place('oauth.clientId').key;
    return [remark('CONFIG_CLIENT_ID_SHARED', draft.place('oauth.clientId'), { other })];
  });
}

function effective(
  path: readonly string[],
  chosen: Pick<Chosen, 'held' | 'brokenAt'>,
  type: SettingType,
): EffectiveValue {
  const { held, brokenAt } = chosen;
  const base = { key: path.join('.'), path, isSecret: type === 'secret' };
  if (brokenAt !== undefined)
    return { ...base, value: 'not understood', source: brokenAt.place.label, origin: 'default' };
  if (held === undefined) return { ...base, value: 'not set', source: 'default', origin: 'default' };
  const { value, place, origin } = held;
  const told = { ...base, source: place.label, origin, ...(origin === 'given' ? { evidence: evidenceOf(place) } : {}) };
  if (value.kind === 'secret') return { ...told, value: '[secret]', secret: value.secret };
  const text = type === 'url' ? shownUrl(value.text) : value.text;
  return { ...told, value: text, ...(text === value.text ? {} : { whole: Secret.of(value.text) }) };
}

function upstreamValues(draft: Draft): EffectiveValue[] {
  return UPSTREAM_KEYS.map((key) => {
    const held = draft.held(key);
    const brokenAt = draft.brokenAt(key);
    const chosen = { ...(held === undefined ? {} : { held }), ...(brokenAt === undefined ? {} : { brokenAt }) };
    return effective([...draft.path, ...key.split('.')], chosen, UPSTREAM_SETTINGS[key].type);
  });
}

function nothingFound({ file, looked }: Origin): Finding {
  const place: Place = { key: 'smtp', label: 'smtp', ...(file === undefined ? {} : { file }) };
  return mistake('CONFIG_EMPTY', place, { looked });
}

interface LogLevelChoice {
  readonly level: LogLevel;
  readonly value: EffectiveValue;
}

function chooseLogLevel(entries: readonly Entry[], findings: Finding[]): LogLevelChoice {
  const about = entries.filter((entry) => entry.about === LOG_LEVEL_KEY);
  const { held, brokenAt } = choose(about, LOG_LEVEL_SETTING, findings);
  const fallback: Held = {
    value: { kind: 'text', text: LOG_LEVEL_SETTING.default ?? '' },
    place: { key: LOG_LEVEL_KEY, label: 'default' },
    origin: 'default',
  };
  const chosen = brokenAt === undefined ? { held: held ?? fallback } : { brokenAt };
  const value = effective([LOG_LEVEL_KEY], chosen, LOG_LEVEL_SETTING.type);
  return { level: parseLogLevel(value.value) ?? 'Information', value };
}

/** Chooses, derives, checks and builds. */
export function evaluate(collected: Collected, origin: Origin): SettingsReading {
  const findings = [...collected.findings];
  const { entries } = collected;
  const names = namesOf(collected);
  const drafts = names.map((name) => draftOf(name, collected, origin, findings));
  for (const draft of drafts) deriveSettings(draft);
  for (const draft of drafts) findings.push(...checkUpstream(draft));
  findings.push(...checkSharedApps(drafts));
  const logLevel = chooseLogLevel(entries, findings);
  const mailboxes = buildMailboxes(collected.mailboxes, new Set(names), findings);
  const { service, values: serviceValues } = buildService(entries, collected.listeners, collected.webhooks, findings);
  if (drafts.length === 0 && !findings.some(isMistake)) findings.push(nothingFound(origin));
  const values = [
    ...drafts.flatMap(upstreamValues),
    ...mailboxValues(mailboxes, collected.mailboxes),
    ...serviceValues,
    logLevel.value,
  ];
  return {
    ...(findings.some(isMistake) ? {} : { settings: settingsOf(drafts, mailboxes, service, logLevel.level, origin) }),
    findings,
    values,
    ...(origin.file === undefined ? {} : { file: origin.file }),
    ...(origin.file === undefined || origin.form === 'environment' ? {} : { form: origin.form }),
  };
}

/** Whether a finding stops. */
export function isMistake(finding: Finding): boolean {
  return finding.severity === 'error';
}

function settingsOf(
  drafts: readonly Draft[],
  mailboxes: ReadonlyMap<string, MailboxSettings>,
  service: ServiceSettings,
  logLevel: LogLevel,
  origin: Origin,
): Settings {
  return {
    ...(origin.file === undefined ? {} : { file: origin.file }),
    logLevel,
    upstreams: recordOf(drafts.map((draft) => [draft.name, buildUpstream(draft)] as const)),
    mailboxes: recordOf(mailboxes),
    service,
  };
}
