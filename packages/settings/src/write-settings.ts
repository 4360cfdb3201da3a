/**
 * Changes settings in a JSON file and leaves every other byte of it as it was: unknown keys and their order, indentation, line
 * ends, a byte order mark. How one change is made stands in `edit-json.ts`, how the file is replaced in `replace-file.ts`.
 *
 * Rule: all changes or none, and only what the reader would take. A link stays a link: the file it leads to is changed. Within
 * a process the writers of one file take turns. What another process writes meanwhile is seen before the file is replaced, and
 * the changes are made anew on top of it; only between that last look and the renaming, some microseconds, it could be lost.
 */
import { lstat, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { failure, parseMailboxAddress, success, type Fault, type Result } from '@postbearer/core';
import { guess } from './did-you-mean.ts';
import { editJson, type JsonValue } from './edit-json.ts';
import { settingsFaults } from './faults.ts';
import { codeOf, FileReader, systemFiles } from './file-access.ts';
import { aboutOf, SETTING_PATHS } from './flags-form.ts';
import { readJsonForm } from './json-form.ts';
import { WHOLE_FILE } from './place.ts';
import { settingsFromObject } from './read-settings.ts';
import { replaceFile, type FileOwner } from './replace-file.ts';
import { PACE_KEYS } from './schema.ts';

/** One change. */
export interface SettingChange {
  /** JSON path: `smtp.oauth.clientSecret`, or in parts where a part holds a dot (an address). */
  readonly key: string | readonly string[];
  /** The new value; a secret may be a reference; `undefined` removes the key. */
  readonly value:
    | string
    | boolean
    | number
    | readonly string[]
    | { readonly file: string }
    | { readonly systemdCredential: string }
    | undefined;
}

/** What writing did. */
export interface WrittenSettings {
  /** The file that was written, links followed. */
  readonly file: string;
  /** For people, each one sentence: what became of mode and owner where that is worth a word. */
  readonly notes: readonly string[];
}

const ADVICE_CHECK = 'Mend what "postbearer config check" names first';
const MOST_ATTEMPTS = 5;

interface Target {
  readonly text: string;
  readonly hasMark: boolean;
  /** Absent of a file that is not there yet. */
  readonly old?: FileOwner;
}

function refuse(
  file: string,
  reason: string,
  advice: string,
  key = WHOLE_FILE,
): { readonly ok: false; readonly fault: Fault } {
  const evidence = { kind: 'settings' as const, key, file };
  return failure(settingsFaults.make('CONFIG_WRITE_REFUSED', { file, reason, advice }, { evidence }));
}

function pathOf({ key }: SettingChange): readonly string[] {
  return typeof key === 'string' ? key.split('.') : key;
}

const MAILBOX_MEMBERS: ReadonlySet<string> = new Set([
  '',
  'upstream',
  'from',
  'pace',
  ...Object.keys(PACE_KEYS).map((key) => `pace.${key}`),
]);

function isOfMailbox([root, section, address = '', ...member]: readonly string[]): boolean {
  const isMailbox = root === 'postbearer' && section === 'mailboxes' && parseMailboxAddress(address).ok;
  return isMailbox && MAILBOX_MEMBERS.has(member.join('.'));
}

/** Why a change would leave a file that cannot be used. */
function problemOf(change: SettingChange): string | undefined {
  const path = pathOf(change);
  const key = path.join('.');
  if (aboutOf(key.replace(/^database\.smtp\./, 'smtp.')) === undefined && !isOfMailbox(path)) {
    return `${key} is not a setting (${guess(key, SETTING_PATHS)})`;
  }
  return change.value === undefined ? undefined : problemOfValue(path, change.value);
}

/** What the reader of settings says of a file with this value alone. What is missing beside it does not matter here. */
function problemOfValue(path: readonly string[], value: unknown): string | undefined {
  // JSON.stringify makes null of these, and null would unset what was to be set.
  if (value === null || (typeof value === 'number' && !Number.isFinite(value)) || JSON.stringify(value) === undefined)
    return `${path.join('.')} cannot be set to what JSON cannot hold; undefined removes it`;
  const alone = path.reduceRight<unknown>((inner, name) => ({ [name]: inner }), value);
  const finding = settingsFromObject(alone).findings.find(({ fault }) =>
    ['CONFIG_VALUE_INVALID', 'CONFIG_UNKNOWN_KEY'].includes(fault.code),
  );
  return finding?.fault.message.replace(/\.$/, '');
}

/** The file that is meant, links followed; `undefined` of a link that leads nowhere. */
async function findTarget(file: string): Promise<string | undefined> {
  try {
    return await realpath(file);
  } catch {
    const isLink = await lstat(file).then(
      (facts) => facts.isSymbolicLink(),
      () => false,
    );
    if (isLink) return undefined;
    const folder = await realpath(dirname(file)).catch(() => resolve(dirname(file)));
    return join(folder, basename(file));
  }
}

async function readTarget(file: string): Promise<Result<Target>> {
  const facts = await stat(file).catch((error: unknown) => (codeOf(error) === 'ENOENT' ? undefined : 'unknown'));
  if (facts === undefined) return success({ text: '{\n}\n', hasMark: false });
  const place = { key: WHOLE_FILE, label: file, file };
  const read = await new FileReader(systemFiles, dirname(file), process.platform).readText(file, place);
  if (!read.ok) return failure(read.finding.fault);
  const { mode, uid, gid } = await stat(file);
  return success({ text: read.text, hasMark: read.hasMark, old: { mode: mode & 0o777, uid, gid } });
}

function withMark(text: string, hasMark: boolean): string {
  return hasMark ? `\ufeff${text}` : text;
}

/** Whether the file is as it was read, or is still not there. */
async function isCurrent(file: string, { text, hasMark, old }: Target): Promise<boolean> {
  const now = await readFile(file, 'utf8').catch(() => undefined);
  return now === (old === undefined ? undefined : withMark(text, hasMark));
}

/** Why a text cannot be changed without a guess. */
function problemOfText(text: string): string | undefined {
  const { findings, isWhole } = readJsonForm(text, { label: '', resolvePath: (path) => path });
  const codes = new Set(findings.map(({ fault }) => fault.code));
  if (!isWhole || codes.has('CONFIG_SYNTAX')) return 'it does not hold a JSON object';
  return codes.has('CONFIG_DUPLICATE_KEY') ? 'a key is written twice in it' : undefined;
}

function applyChanges(text: string, changes: readonly SettingChange[]): string | undefined {
  let changed: string | undefined = text;
  for (const change of changes) {
    if (changed === undefined) return undefined;
    const value: JsonValue | undefined = change.value;
    changed = editJson(changed, pathOf(change), value);
  }
  return changed;
}

/** One attempt; `undefined` where another process changed the file meanwhile. */
async function attempt(file: string, changes: readonly SettingChange[]): Promise<Result<WrittenSettings> | undefined> {
  const read = await readTarget(file);
  if (!read.ok) return read;
  const target = read.value;
  const problem = problemOfText(target.text);
  if (problem !== undefined) return refuse(file, problem, ADVICE_CHECK);
  const text = applyChanges(target.text, changes);
  if (text === undefined) return refuse(file, 'a section that has to be an object is something else', ADVICE_CHECK);
  const replaced = await replaceFile(file, withMark(text, target.hasMark), target.old, () => isCurrent(file, target));
  switch (replaced.outcome) {
    case 'done':
      return success({ file, notes: replaced.notes });
    case 'changed':
      return undefined;
    case 'refused':
      return refuse(file, replaced.reason, replaced.advice);
  }
}

async function writeTo(file: string, changes: readonly SettingChange[]): Promise<Result<WrittenSettings>> {
  for (let attempts = 0; attempts < MOST_ATTEMPTS; attempts += 1) {
    const written = await attempt(file, changes);
    if (written !== undefined) return written;
  }
  return refuse(file, 'another program keeps changing it', 'Try again when that program is done');
}

/** The last writer of each file that somebody writes now. */
const turns = new Map<string, Promise<unknown>>();

async function inTurn<T>(file: string, write: () => Promise<T>): Promise<T> {
  const turn = (turns.get(file) ?? Promise.resolve()).then(write, write);
  turns.set(file, turn);
  try {
    return await turn;
  } finally {
    if (turns.get(file) === turn) turns.delete(file);
  }
}

/**
 * Changes settings in a JSON file, all of them or none. A file that is not there is made.
 *
 * @returns what was done, or `CONFIG_WRITE_REFUSED`: it is no JSON file, has a key written twice, cannot be read or written, a
 * change is no setting or has a wrong value. Terraform files are never written.
 */
export async function writeSettings(file: string, changes: readonly SettingChange[]): Promise<Result<WrittenSettings>> {
  if (/\.tfvars$/i.test(file)) return refuse(file, 'only JSON is written', 'Change the lines in the file by hand');
  for (const change of changes) {
    const problem = problemOf(change);
    if (problem !== undefined) return refuse(file, problem, 'Correct the change', pathOf(change).join('.'));
  }
  const target = await findTarget(file);
  if (target === undefined) return refuse(file, 'it is a link that leads nowhere', 'Correct the link or remove it');
  return inTurn(target, () => writeTo(target, changes));
}
