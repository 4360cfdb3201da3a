/**
 * One form of settings turned into another.
 *
 * Rule: what somebody wrote is written again, derived values and defaults are not, but for the two switches whose default
 * differs from form to form. A secret is written only on demand; otherwise a placeholder stands in its place, which the check
 * of settings refuses, so that it cannot be forgotten. References to secrets are no secrets. Settings with a mistake are not
 * converted: what could not be understood would be left out or made up.
 */
import { success, type SecretRef, type Success } from '@postbearer/core';
import { asResult, type SettingsFault } from './read-settings.ts';
import { LOG_LEVEL_KEY, LOG_LEVEL_SETTING, UPSTREAM_SETTINGS, type Setting, type UpstreamKey } from './schema.ts';
import {
  LISTENER_SETTINGS,
  SERVICE_SETTINGS,
  WEBHOOK_SETTINGS,
  type ListenerKey,
  type ServiceKey,
  type WebhookKey,
} from './service-schema.ts';
import type { EffectiveValue, SettingsReading } from './settings.ts';

/** How to convert. */
export interface ConvertOptions {
  /** Whether the values of secrets are written. */
  readonly withSecrets?: boolean;
}

interface Item {
  readonly value: EffectiveValue;
  /** Absent of a mailbox's members, which only JSON can say. */
  readonly setting?: Setting;
  /** Whether forms with one flat list of names can say it. */
  readonly hasName: boolean;
}

function serviceSettingOf(path: readonly string[]): Setting | undefined {
  const key = path.join('.');
  const last = path.at(-1) ?? '';
  if (Object.hasOwn(SERVICE_SETTINGS, key)) return SERVICE_SETTINGS[key as ServiceKey];
  if (path[0] === 'webhooks')
    return Object.hasOwn(WEBHOOK_SETTINGS, last) ? WEBHOOK_SETTINGS[last as WebhookKey] : undefined;
  const section = path[0] === 'api' ? 'api' : 'relay';
  return LISTENER_SETTINGS[section][last as ListenerKey];
}

function settingOf(path: readonly string[]): Setting | undefined {
  if (path[0] === LOG_LEVEL_KEY) return LOG_LEVEL_SETTING;
  if (path[0] === 'postbearer' && !['upstreams', 'mailboxes'].includes(path[1] ?? ''))
    return serviceSettingOf(path.slice(1));
  const key = path.slice(path[0] === 'smtp' ? 1 : 3).join('.');
  return path[1] !== 'mailboxes' && Object.hasOwn(UPSTREAM_SETTINGS, key)
    ? UPSTREAM_SETTINGS[key as UpstreamKey]
    : undefined;
}

/** Whether it has to be written: given, or a switch that another form would take for the opposite if it were left out. */
function isWorthWriting({ path, origin, value }: EffectiveValue): boolean {
  const key = path.slice(-2).join('.');
  return origin === 'given' || (path.at(-1) === 'enabled' && (key !== 'oauth.enabled' || value === 'true'));
}

function itemsOf(values: readonly EffectiveValue[]): Item[] {
  return values.filter(isWorthWriting).map((value) => {
    const setting = settingOf(value.path);
    const hasName = value.path[0] !== 'postbearer' || (setting?.environment.length ?? 0) > 0;
    return { value, hasName: hasName && value.path[1] !== 'upstreams', ...(setting === undefined ? {} : { setting }) };
  });
}

/** The text of a secret to write, or the placeholder in its place; `undefined` of one that stands elsewhere. */
function secretText(secret: SecretRef | undefined, setting: Setting, options: ConvertOptions): string | undefined {
  if (secret?.kind !== 'value') return undefined;
  return options.withSecrets === true ? secret.value.reveal() : setting.example;
}

/** The value whole: what is written has to work as before. */
function textOf({ value, whole }: EffectiveValue): string {
  return whole?.reveal() ?? value;
}

type Json = string | boolean | number | readonly string[] | { [key: string]: Json };

function jsonValue({ value, setting }: Item, options: ConvertOptions): Json {
  const { secret } = value;
  if (setting === undefined) return listMember(value);
  if (secret?.kind === 'file') return { file: secret.path };
  if (secret?.kind === 'systemd-credential') return { systemdCredential: secret.name };
  if (setting.type === 'flag') return value.value === 'true';
  if (setting.type === 'count') return Number(value.value);
  return secretText(secret, setting, options) ?? textOf(value);
}

function listMember({ path, value }: EffectiveValue): Json {
  if (path[3] === 'from' || path[3] === 'events') return value === '' ? [] : value.split(', ');
  return path[3] === 'pace' ? Number(value) : value;
}

/** Listeners have numbers for names until they are written. */
function listenersAsList(key: string, value: unknown): unknown {
  return key === 'listeners' && typeof value === 'object' && value !== null ? Object.values(value) : value;
}

function toJson(items: readonly Item[], options: ConvertOptions): string {
  const root: { [key: string]: Json } = {};
  for (const item of items) {
    const path = item.value.path;
    let node = root;
    for (const name of path.slice(0, -1)) {
      const inner = node[name];
      const next = typeof inner === 'object' && !Array.isArray(inner) ? (inner as { [key: string]: Json }) : {};
      node[name] = next;
      node = next;
    }
    node[path.at(-1) ?? ''] = jsonValue(item, options);
  }
  return `${JSON.stringify(root, listenersAsList, 2)}\n`;
}

/** For a shell and for `EnvironmentFile=`: single quotes where needed, and those within doubled the way both understand. */
function quoteForShell(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** What JSON escapes and HCL does not know. */
const NOT_IN_HCL: Readonly<Record<string, string>> = {
  [String.raw`\b`]: String.raw`\u0008`,
  [String.raw`\f`]: String.raw`\u000c`,
};

/** An HCL text: escapes, and `$${` for a plain `${`. */
function quoteForTerraform(text: string): string {
  return JSON.stringify(text)
    .replaceAll(/\\./g, (escape) => NOT_IN_HCL[escape] ?? escape)
    .replaceAll(/[$%]\{/g, (found) => `${found[0]}${found}`);
}

interface LineForm {
  nameOf(setting: Setting): string | undefined;
  line(name: string, text: string, setting: Setting): string;
  /** The line for a secret that stands in a file or credential. */
  reference(name: string, secret: SecretRef): string;
}

const ENVIRONMENT: LineForm = {
  nameOf: ({ environment }) => environment[0],
  line: (name, text) => `${name}=${quoteForShell(text)}`,
  reference: (name, secret) => {
    if (secret.kind === 'file') return `${name}_FILE=${quoteForShell(secret.path)}`;
    if (secret.kind === 'systemd-credential' && secret.name === name)
      return `# ${name} comes from the systemd credential of that name.`;
    return `# ${name} stands in the systemd credential ${secret.kind === 'systemd-credential' ? secret.name : ''}; load it under the name ${name}.`;
  },
};

const TERRAFORM: LineForm = {
  nameOf: ({ tfvars }) => tfvars[0],
  line: (name, text, { type }) => `${name} = ${type === 'flag' || type === 'port' ? text : quoteForTerraform(text)}`,
  reference: (name, secret) =>
    `# ${name} stands in ${secret.kind === 'file' ? secret.path : 'a systemd credential'}, which Terraform cannot refer to.`,
};

function toLines(items: readonly Item[], form: LineForm, options: ConvertOptions): string {
  const lines = items.flatMap((item) => {
    const { value, setting, hasName } = item;
    const name = setting === undefined ? undefined : form.nameOf(setting);
    if (!hasName || setting === undefined || name === undefined)
      return [`# ${value.key} has no name here; keep it in JSON.`];
    const { secret } = value;
    if (secret !== undefined && secret.kind !== 'value') return [form.reference(name, secret)];
    const text = secretText(secret, setting, options) ?? textOf(value);
    const note = secret === undefined || options.withSecrets === true ? [] : ['# A secret: put its value here.'];
    return [...note, form.line(name, text, setting)];
  });
  return `${lines.join('\n')}\n`;
}

/**
 * The settings in another form. Environment variables come as lines for a shell (`set -a; . FILE`) or for `EnvironmentFile=` of
 * systemd; what a form cannot say is left as a comment.
 *
 * @returns the text, or `CONFIG_INVALID` with all findings where a mistake stands in the settings.
 *
 * @example
 * ```ts
 * import { convertSettings, settingsFromObject } from '@postbearer/settings';
 *
 * const reading = settingsFromObject({ smtp: { server: 'smtp.example.net', port: 2525 } });
 * const converted = convertSettings(reading, 'env');
 * converted.ok && converted.value; // => 'ENABLE_EMAIL=true\nEMAIL_SERVER=smtp.example.net\nEMAIL_SERVER_PORT=2525\n'
 * ```
 */
export function convertSettings(
  reading: SettingsReading,
  form: 'json' | 'env' | 'tfvars',
  options: ConvertOptions = {},
): Success<string> | { readonly ok: false; readonly fault: SettingsFault } {
  const usable = asResult(reading);
  if (!usable.ok) return usable;
  const items = itemsOf(reading.values);
  switch (form) {
    case 'json':
      return success(toJson(items, options));
    case 'env':
      return success(toLines(items, ENVIRONMENT, options));
    case 'tfvars':
      return success(toLines(items, TERRAFORM, options));
  }
}
