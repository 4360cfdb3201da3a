/**
 * Changes settings in a JSON file and leaves every other byte of it as it was: unknown keys and their order, indentation, line
 * ends, a byte order mark.
 *
 * Rule: all changes or none, and only changes that leave a readable file. How the file is replaced stands in `replace-file.ts`.
 * A link stays a link: the file it leads to is changed.
 */
import { readFile, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { failure, parseMailboxAddress, success, type Fault, type Result } from '@postbearer/core';
import { applyEdits, findNodeAtLocation, modify } from 'jsonc-parser';
import { guess } from './did-you-mean.ts';
import { settingsFaults } from './faults.ts';
import { codeOf, FileReader, systemFiles } from './file-access.ts';
import { aboutOf } from './flags-form.ts';
import { parseJson } from './json-syntax.ts';
import { LOG_LEVEL_KEY, LOG_LEVEL_SETTING, PACE_KEYS, UPSTREAM_KEYS, UPSTREAM_SETTINGS } from './schema.ts';
import { parseValue } from './value.ts';
import { WHOLE_FILE } from './place.ts';
import { replaceFile, type FileOwner } from './replace-file.ts';

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

interface Target {
  readonly file: string;
  readonly text: string;
  readonly hasMark: boolean;
  readonly old?: FileOwner;
}

function refuse(file: string, reason: string, advice: string): { readonly ok: false; readonly fault: Fault } {
  const evidence = { kind: 'settings' as const, key: WHOLE_FILE, file };
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

/** A change that would leave a file that cannot be used. */
function problemOf(change: SettingChange): string | undefined {
  const path = pathOf(change).join('.');
  const about = aboutOf(path.replace(/^database\.smtp\./, 'smtp.'));
  if (about === undefined) {
    if (isOfMailbox(pathOf(change))) return undefined;
    const known = [...UPSTREAM_KEYS.map((key) => `smtp.${key}`), LOG_LEVEL_KEY];
    return `${path} is not a setting (${guess(path, known)})`;
  }
  const { value } = change;
  if (typeof value === 'object' || value === undefined) return undefined;
  const setting = about === LOG_LEVEL_KEY ? LOG_LEVEL_SETTING : UPSTREAM_SETTINGS[about.key];
  const parsed = parseValue(rawOf(value), setting);
  return parsed.kind === 'refused' ? `${path} must be ${parsed.expected}, but is ${parsed.found}` : undefined;
}

function rawOf(value: string | boolean | number): Parameters<typeof parseValue>[0] {
  if (typeof value === 'string') return { kind: 'text', text: value };
  return typeof value === 'number' ? { kind: 'number', number: value } : { kind: 'flag', flag: value };
}

async function readTarget(file: string): Promise<Result<Target>> {
  const real = await realpath(file).catch((error: unknown) => (codeOf(error) === 'ENOENT' ? undefined : file));
  if (real === undefined) return success({ file, text: '{}\n', hasMark: false });
  const read = await new FileReader(systemFiles, dirname(real), process.platform).readText(real, {
    key: WHOLE_FILE,
    label: real,
    file: real,
  });
  if (!read.ok) return failure(read.finding.fault);
  const { mode, uid, gid } = await stat(real);
  return success({ file: real, text: read.text, hasMark: read.hasMark, old: { mode: mode & 0o777, uid, gid } });
}

/** The indentation of the first line that has one. */
function indentationOf(text: string): { insertSpaces: boolean; tabSize: number } {
  const blanks = /^(?:\t| +)(?=")/m.exec(text)?.[0] ?? '  ';
  return { insertSpaces: blanks !== '\t', tabSize: blanks === '\t' ? 1 : blanks.length };
}

/** The text with all changes; `undefined` where a part of a path is no object. */
function applyChanges(text: string, changes: readonly SettingChange[]): string | undefined {
  const formattingOptions = { ...indentationOf(text), eol: text.includes('\r\n') ? '\r\n' : '\n' };
  let changed = text;
  for (const one of changes) {
    const path = [...pathOf(one)];
    if (!canHold(changed, path)) return undefined;
    changed = applyEdits(changed, modify(changed, path, one.value, { formattingOptions }));
  }
  return changed;
}

/** Whether every part of a path that is there already is an object. */
function canHold(text: string, path: readonly string[]): boolean {
  let node = parseJson(text).root;
  for (const name of path) {
    if (node === undefined) return true;
    if (node.type !== 'object') return false;
    node = findNodeAtLocation(node, [name]);
  }
  return true;
}

/**
 * Changes settings in a JSON file, all of them or none. A file that is not there is made.
 *
 * @returns what was done, or `CONFIG_WRITE_REFUSED`: it is no JSON file, cannot be read or written, a change is no setting or has
 * a wrong value. Terraform files are never written.
 */
export async function writeSettings(file: string, changes: readonly SettingChange[]): Promise<Result<WrittenSettings>> {
  if (/\.tfvars$/i.test(file)) return refuse(file, 'only JSON is written', 'Change the lines in the file by hand');
  for (const one of changes) {
    const problem = problemOf(one);
    if (problem !== undefined) return refuse(file, problem, 'Correct the change');
  }
  const read = await readTarget(file);
  if (!read.ok) return read;
  const target = read.value;
  if (parseJson(target.text).problems.length > 0 || !/^\s*\{/.test(target.text))
    return refuse(file, 'it does not hold a JSON object', ADVICE_CHECK);
  const text = applyChanges(target.text, changes);
  if (text === undefined) return refuse(file, 'a section that has to be an object is something else', ADVICE_CHECK);
  const current = target.old === undefined ? undefined : await readFile(target.file, 'utf8').catch(() => undefined);
  if (current !== undefined && current.replace(/^\ufeff/, '') !== target.text)
    return refuse(file, 'another program changed it at this moment', 'Try again');
  const replaced = await replaceFile(target.file, `${target.hasMark ? '\ufeff' : ''}${text}`, target.old);
  return replaced.ok
    ? success({ file: target.file, notes: replaced.notes })
    : refuse(target.file, replaced.reason, replaced.advice);
}
