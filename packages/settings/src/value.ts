/**
 * From what stands in a file or variable to a value in one canonical text form.
 *
 * Rule: an empty text counts as not set, in every form: compose files and Terraform write empty variables for "none". A
 * refused value is shown only where `shown.ts` allows it, because a secret may stand in the wrong place.
 */
import { parseLogLevel, parseMailboxAddress, Secret, type SecretRef } from '@postbearer/core';
import { CLOUD_NAMES, parseCloudName } from '@postbearer/microsoft365/clouds';
import { withExample, type Form } from './place.ts';
import type { Setting } from './schema.ts';
import { mayShow } from './shown.ts';

/** A value as its form holds it. */
export type RawValue =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'number'; readonly number: number }
  | { readonly kind: 'flag'; readonly flag: boolean }
  /** A secret that stands elsewhere. */
  | { readonly kind: 'reference'; readonly secret: SecretRef }
  /** It stands in a file or section that could not be read, which is a finding already. */
  | { readonly kind: 'unreadable' }
  /** What no setting can be; `what` says it: `null`, `a list`. */
  | { readonly kind: 'other'; readonly what: string };

/** A value that was understood. Two places agree when their texts, or their secrets, are the same. */
export type Value =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'secret'; readonly secret: SecretRef };

/** What became of a raw value. */
export type ParsedValue =
  | Value
  | { readonly kind: 'empty' }
  | { readonly kind: 'unreadable' }
  | { readonly kind: 'refused'; readonly expected: string; readonly found: string; readonly advice: string };

const FLAGS: ReadonlyMap<string, string> = new Map(
  [
    ['true', 'yes', 'on', 'y', '1'],
    ['false', 'no', 'off', 'n', '0'],
  ].flatMap((words, index) => words.map((word): [string, string] => [word, index === 0 ? 'true' : 'false'])),
);

const LABEL = '(?!-)[a-z0-9_-]{1,63}(?<!-)';
const HOST = new RegExp(`^(?=.{1,253}$)${LABEL}(?:\\.${LABEL})*\\.?$`, 'i');
const IPV6 = /^(?=.{2,47}$)\[?[0-9a-f:.]*:[0-9a-f:.]*:[0-9a-f:.]*\]?$/i;
// oxlint-disable-next-line no-control-regex -- control characters are what is refused
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
const LONGEST_TEXT = 4096;
const LONGEST_SECRET = 65_536;

type Reader = (text: string, setting: Setting) => string | undefined;

function readUrl(text: string): string | undefined {
  const url = URL.parse(text);
  const isWeb = url?.protocol === 'https:' || url?.protocol === 'http:';
  return isWeb && url.username === '' && url.password === '' && !/\s/.test(text) ? text : undefined;
}

function readPort(text: string): string | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? String(port) : undefined;
}

function readCount(text: string, { least = 0, most = Number.MAX_SAFE_INTEGER }: Setting): string | undefined {
  const count = /^\d{1,15}$/.test(text) ? Number(text) : -1;
  return count >= least && count <= most ? String(count) : undefined;
}

function readAddress(text: string): string | undefined {
  return parseMailboxAddress(text).ok ? text : undefined;
}

const READERS: Readonly<Record<Exclude<Setting['type'], 'secret'>, Reader>> = {
  flag: (text) => FLAGS.get(text.toLowerCase()),
  port: readPort,
  count: readCount,
  text: (text) => text,
  path: (text) => text,
  host: (text) => (HOST.test(text) || IPV6.test(text) ? text : undefined),
  address: readAddress,
  url: readUrl,
  level: parseLogLevel,
  cloud: parseCloudName,
  choice: (text, setting) => setting.choices?.find((choice) => choice === text.toLowerCase()),
};

const EXPECTED: Readonly<Record<Exclude<Setting['type'], 'choice' | 'count'>, string>> = {
  flag: 'true or false',
  port: 'a whole number from 1 to 65535',
  text: 'a text on one line',
  path: 'the path of a file',
  host: 'a host name without scheme, port or path',
  address: 'one mail address without display name',
  url: 'a URL that begins with https:// and holds no user name',
  level: 'Verbose, Debug, Information, Warning, Error or Fatal',
  cloud: `one of ${CLOUD_NAMES.join(', ')}`,
  secret: `a text of at most ${LONGEST_SECRET} characters`,
};

/** What a value of this setting has to be, for people, where it is written in this form. */
export function expectationOf(setting: Setting, form: Form = 'json'): string {
  if (setting.type === 'choice') return `one of ${(setting.choices ?? []).join(', ')}`;
  if (setting.type === 'count') return `a whole number from ${setting.least} to ${setting.most}`;
  const expected = EXPECTED[setting.type];
  if (setting.type !== 'secret' || form === 'environment') return expected;
  return form === 'json' ? `${expected}, {"file": "…"} or {"systemdCredential": "…"}` : `${expected} in double quotes`;
}

/** What to set it to. Of a secret no example is given: what stands in manuals is refused. */
function adviceFor(setting: Setting, form: Form = 'json'): string {
  const expected = expectationOf(setting, form);
  if (setting.type !== 'secret') return withExample(expected, setting.example);
  return form === 'environment'
    ? `${expected}, or name a file that holds it in ${setting.environment[0]}_FILE`
    : expected;
}

function isNumber({ type }: Setting): boolean {
  return type === 'port' || type === 'count';
}

function describe(raw: RawValue, setting: Setting): string {
  switch (raw.kind) {
    case 'text':
      if (/\0/.test(raw.text) || !raw.text.isWellFormed())
        return `a text of ${raw.text.length} characters, one of which is no character of a text`;
      return setting.type !== 'secret' && mayShow(raw.text)
        ? `the text "${raw.text}"`
        : `a text of ${raw.text.length} characters`;
    case 'number':
      return isNumber(setting) && Math.abs(raw.number) < 1e7 ? `the number ${raw.number}` : 'a number';
    case 'flag':
      return String(raw.flag);
    case 'reference':
      return 'a reference';
    case 'unreadable':
      return 'not readable';
    case 'other':
      return raw.what;
  }
}

function readSecret(text: string): ParsedValue | undefined {
  if (text.length > LONGEST_SECRET || !text.isWellFormed() || text.includes('\0')) return undefined;
  return { kind: 'secret', secret: { kind: 'value', value: Secret.of(text) } };
}

function readText(text: string, setting: Setting): ParsedValue | undefined {
  const trimmed = text.trim();
  if (trimmed === '') return { kind: 'empty' };
  if (setting.type === 'secret') return readSecret(text);
  if (trimmed.length > LONGEST_TEXT || CONTROL.test(trimmed) || !trimmed.isWellFormed()) return undefined;
  const canonical = READERS[setting.type](trimmed, setting);
  return canonical === undefined ? undefined : { kind: 'text', text: canonical };
}

function read(raw: RawValue, setting: Setting): ParsedValue | undefined {
  switch (raw.kind) {
    case 'text':
      return readText(raw.text, setting);
    case 'number':
      return isNumber(setting) ? readText(String(raw.number), setting) : undefined;
    case 'flag':
      return setting.type === 'flag' ? { kind: 'text', text: String(raw.flag) } : undefined;
    case 'reference':
      return setting.type === 'secret' ? { kind: 'secret', secret: raw.secret } : undefined;
    case 'unreadable':
      return raw;
    case 'other':
      return undefined;
  }
}

/** Understands a raw value, or says what was expected, what was found and what to set it to in its form. */
export function parseValue(raw: RawValue, setting: Setting, form: Form = 'json'): ParsedValue {
  const understood = read(raw, setting);
  if (understood !== undefined) return understood;
  const found = describe(raw, setting);
  return { kind: 'refused', expected: expectationOf(setting, form), found, advice: adviceFor(setting, form) };
}

/** Whether two places say the same. */
export function agrees(one: Value, other: Value): boolean {
  if (one.kind === 'text') return other.kind === 'text' && one.text === other.text;
  return other.kind === 'secret' && sameSecret(one.secret, other.secret);
}

function sameSecret(one: SecretRef, other: SecretRef): boolean {
  if (one.kind === 'value') return other.kind === 'value' && one.value.reveal() === other.value.reveal();
  if (one.kind === 'file') return other.kind === 'file' && one.path === other.path;
  return other.kind === 'systemd-credential' && one.name === other.name;
}
