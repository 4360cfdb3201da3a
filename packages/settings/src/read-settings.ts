/**
 * The way in: reads settings from flags, environment, credentials and one file, and says everything that is wrong with them.
 *
 * Precedence, the first that says something counts: flag; environment or its `_FILE`; systemd credential; `XMPRO__…`; the file's
 * `smtp` (or a tfvars variable); its `database.smtp`; derived; default.
 */
import { failure, success, type Fault, type Success } from '@postbearer/core';
import { checkNamedFiles, checkSettingsFile } from './check-files.ts';
import { joinCollected, NOTHING, settingAbout, type Collected } from './entry.ts';
import { readEnvironmentForm, type Environment } from './environment-form.ts';
import { evaluate, isMistake, type Origin } from './evaluate.ts';
import { settingsFaults } from './faults.ts';
import { FileReader, systemFiles, type FileAccess, type FileFacts } from './file-access.ts';
import { findFile } from './find-file.ts';
import { readFlagsForm } from './flags-form.ts';
import { readJsonForm } from './json-form.ts';
import { mistake, WHOLE_FILE, WHOLE_OBJECT, withExample, wrongValue, type Source } from './place.ts';
import { readTfvarsForm } from './tfvars-form.ts';
import type { Finding, Settings, SettingsReading } from './settings.ts';

/** Where to read from; each has the machine's own as its default. */
export interface LoadOptions {
  /** A JSON or tfvars file. It has to exist. */
  readonly configFile?: string;
  readonly environment?: Environment;
  /** Where relative paths begin and `Global-variables.json` is looked for. */
  readonly workingFolder?: string;
  /** Flags of a command line by JSON path: `{'smtp.server': 'smtp.example.net'}`. They win over everything. */
  readonly overrides?: Readonly<Record<string, string>>;
  readonly files?: FileAccess;
  /** As `process.platform`. */
  readonly platform?: string;
}

/** `CONFIG_INVALID` with everything that was found. */
export interface SettingsFault extends Fault {
  readonly findings: readonly Finding[];
}

interface FileReading {
  readonly collected: Collected;
  readonly origin: Origin;
  readonly facts?: FileFacts;
}

function formOf(path: string): 'json' | 'tfvars' {
  return /\.tfvars$/i.test(path) ? 'tfvars' : 'json';
}

async function readFile(path: string, reader: FileReader): Promise<FileReading> {
  const form = formOf(path);
  const relative = reader.paths.relative(reader.folder, path);
  const label = relative.startsWith('..') || relative === '' ? path : relative;
  const origin: Origin = { file: path, label, form, looked: `${label} holds none` };
  const read = await reader.readText(path, { key: WHOLE_FILE, label, file: path });
  if (!read.ok) return { collected: { ...NOTHING, findings: [read.finding], isWhole: false }, origin };
  const beside = reader.in(reader.paths.dirname(path));
  const source: Source = { file: path, label, resolvePath: (inner) => beside.resolvePath(inner) };
  const collected = form === 'tfvars' ? readTfvarsForm(read.text, source) : readJsonForm(read.text, source);
  return { collected, origin, facts: read.facts };
}

async function findAndRead(options: LoadOptions, environment: Environment, reader: FileReader): Promise<FileReading> {
  const platform = options.platform ?? process.platform;
  const found = await findFile(options.configFile, environment, reader, platform);
  switch (found.kind) {
    case 'found':
      return readFile(found.path, reader);
    case 'missing':
      return {
        collected: { ...NOTHING, findings: [found.finding], isWhole: false },
        origin: { file: found.path, form: formOf(found.path), looked: '' },
      };
    case 'none':
      return {
        collected: NOTHING,
        origin: {
          form: 'environment',
          looked: `no EMAIL_ variable is set and no file is at ${found.looked.join(', ')}`,
        },
      };
  }
}

/**
 * Reads settings and tells everything about them: values with their sources, and all findings at once. Never throws for
 * what stands in files or variables.
 */
export async function readSettings(options: LoadOptions = {}): Promise<SettingsReading> {
  const environment = options.environment ?? process.env;
  const folder = options.workingFolder ?? process.cwd();
  const reader = new FileReader(options.files ?? systemFiles, folder, options.platform ?? process.platform);
  const file = await findAndRead(options, environment, reader);
  const collected = joinCollected([
    readFlagsForm(options.overrides ?? {}, reader),
    await readEnvironmentForm(environment, reader),
    file.collected,
  ]);
  const reading = evaluate(collected, file.origin);
  return withFindings(reading, [
    ...checkVerification(environment),
    ...checkFile(file, collected, reader),
    ...(await checkNamedFiles(reading.values, environment['CREDENTIALS_DIRECTORY'] ?? '', reader)),
  ]);
}

/** Nothing is sent while this is set, so it is a mistake in the settings as any other. */
function checkVerification(environment: Environment): Finding[] {
  const key = 'NODE_TLS_REJECT_UNAUTHORIZED';
  if (environment[key] !== '0') return [];
  return [mistake('CONFIG_VERIFICATION_DISABLED', { key, label: `environment ${key}`, form: 'environment' })];
}

function checkFile({ origin, facts }: FileReading, collected: Collected, { files }: FileReader): Finding[] {
  const { file } = origin;
  if (file === undefined || facts === undefined) return [];
  const holdsSecrets = collected.entries.some(
    ({ about, place, raw }) =>
      place.file === file && raw.kind === 'text' && raw.text !== '' && settingAbout(about).type === 'secret',
  );
  return checkSettingsFile({ key: WHOLE_FILE, label: file, file }, facts, holdsSecrets, files.account);
}

function lineOf({ fault }: Finding): number {
  return fault.evidence?.kind === 'settings' ? (fault.evidence.line ?? 0) : 0;
}

function withFindings(reading: SettingsReading, more: readonly Finding[]): SettingsReading {
  const { settings, ...rest } = reading;
  // What has no line comes first, then line by line.
  const findings = [...reading.findings, ...more].toSorted((a, b) => lineOf(a) - lineOf(b));
  return { ...rest, findings, ...(settings === undefined || more.some(isMistake) ? {} : { settings }) };
}

/** One fault for a reading that cannot be used. */
function invalid(findings: readonly Finding[]): SettingsFault {
  const mistakes = findings.filter(isMistake);
  const first = mistakes[0]?.fault;
  const count = mistakes.length === 1 ? '1 mistake' : `${mistakes.length} mistakes`;
  const evidence = first?.evidence;
  return {
    ...settingsFaults.make(
      'CONFIG_INVALID',
      { count, first: first?.message },
      evidence === undefined ? {} : { evidence },
    ),
    findings,
  };
}

/**
 * The settings, ready for use.
 *
 * @returns the settings, or `CONFIG_INVALID` that counts the mistakes and holds all findings. Warnings do not stop; `readSettings`
 * tells them.
 */
export async function loadSettings(
  options: LoadOptions = {},
): Promise<Success<Settings> | { readonly ok: false; readonly fault: SettingsFault }> {
  return asResult(await readSettings(options));
}

/** A reading as a result. */
export function asResult(
  reading: SettingsReading,
): Success<Settings> | { readonly ok: false; readonly fault: SettingsFault } {
  if (reading.settings !== undefined) return success(reading.settings);
  const fault = invalid(reading.findings);
  return { ...failure(fault), fault };
}

/**
 * Settings that a program hands over, in the same form as `Global-variables.json`. Nothing else is read: no environment, no file.
 *
 * @example
 * ```ts
 * import { settingsFromObject } from '@postbearer/settings';
 *
 * const reading = settingsFromObject({
 *   smtp: {
 *     username: 'notifications@contoso.com',
 *     oauth: {
 *       enabled: true,
 *       tenant: 'contoso.com',
 *       clientId: '8f0e7c52-1b1d-4c0a-a2a3-5f2b6d7e9c10',
 *       clientSecret: { file: '/run/secrets/client-secret' },
 *     },
 *   },
 * });
 * reading.findings; // => []
 * reading.settings?.upstreams['default']?.server; // => 'smtp.office365.com'
 * ```
 */
export function settingsFromObject(object: unknown): SettingsReading {
  const source: Source = { label: 'the settings of the program', resolvePath: (path) => path };
  const origin: Origin = { form: 'json', looked: 'the object has no member smtp' };
  const text = serialise(object);
  if (text === undefined) {
    const place = { key: WHOLE_OBJECT, label: source.label };
    const expected = 'an object of plain values';
    const finding = wrongValue(place, expected, 'something else', withExample(expected, '{"smtp": {…}}'));
    return evaluate({ ...NOTHING, findings: [finding] }, origin);
  }
  return evaluate(readJsonForm(text, source), origin);
}

/** As JSON; `undefined` of what has none, such as a circle or a function. */
function serialise(object: unknown): string | undefined {
  try {
    return JSON.stringify(object);
  } catch {
    return undefined;
  }
}
