/** The options that every command about a service shares, and how it reaches the service or its database. */
import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import { Secret, type Fault } from '@postbearer/core';
import { connectRemoteControl, openControl, type Control, type NamedPlace } from '@postbearer/server';
import { readSettings, type SettingsReading } from '@postbearer/settings';
import type { Command } from 'commander';
import { CommandFailure, need } from './command-failure.ts';
import { addJsonOption } from './settings-options.ts';
import type { Terminal } from './terminal.ts';

export { need } from './command-failure.ts';

/** The values of {@link addControlOptions}. */
export interface ControlFlags {
  readonly data?: string;
  readonly config?: string;
  readonly url?: string;
  readonly keyFile?: string;
  readonly caFile?: string;
  readonly json?: true;
}

/** Where a service keeps its data if nobody says otherwise. */
const SYSTEM_FOLDERS: Readonly<Record<string, string>> = {
  win32: String.raw`C:\ProgramData\Postbearer`,
  darwin: '/usr/local/var/postbearer',
};
const UNIX_FOLDER = '/var/lib/postbearer';

/** Adds `--data`, `--config`, `--json`, and those that name a service on another machine. */
export function addControlOptions(command: Command): Command {
  return addJsonOption(
    addDataOption(command)
      .option('-c, --config <file>', 'settings file that names the data folder and the database')
      .option('--url <address>', 'ask a service over its HTTP API, such as https://mail.example.com:8025')
      .option('--key-file <file>', 'file with a key of the scope admin for --url, else POSTBEARER_KEY')
      .option('--ca-file <file>', 'certificate to trust for --url beside those of the system'),
  );
}

/** Adds `--data`. */
export function addDataOption(command: Command): Command {
  return command.option(
    '--data <folder>',
    "the service's data folder, else postbearer.dataFolder of the settings or POSTBEARER_DATA, else the place of the system",
  );
}

/** The data folder that the flags, the settings or the system name. */
export function dataFolderOf({ data }: ControlFlags, named: string | undefined, { workingFolder }: Terminal): string {
  if (data !== undefined) return resolve(workingFolder, data);
  return named ?? SYSTEM_FOLDERS[process.platform] ?? UNIX_FOLDER;
}

/** Whether a mistake leaves unknown where the service is. */
function isAboutPlace({ code, evidence }: Fault): boolean {
  if (/^CONFIG_(?:FILE_(?:MISSING|UNREADABLE|TOO_LARGE)|SYNTAX)$/.test(code)) return true;
  return evidence?.kind === 'settings' && /dataFolder|DATA$|database\.url|DATABASE_URL/.test(evidence.key);
}

/** Ends the command where the settings cannot say where the service is: it must not work on another one. */
function refuseUnreadable({ findings }: SettingsReading): void {
  const mistake = findings.find(({ severity, fault }) => severity === 'error' && isAboutPlace(fault));
  if (mistake !== undefined) throw CommandFailure.of(mistake.fault);
}

/** Where the service is, or would be. Settings with mistakes elsewhere do not matter here. */
export async function placeOf(flags: ControlFlags, terminal: Terminal): Promise<NamedPlace> {
  const { environment, workingFolder } = terminal;
  const config = flags.config === undefined ? {} : { configFile: flags.config };
  const reading = await readSettings({ environment, workingFolder, ...config });
  refuseUnreadable(reading);
  const given = new Map(reading.values.filter(({ origin }) => origin === 'given').map((value) => [value.key, value]));
  const databaseUrl = given.get('postbearer.database.url')?.secret;
  return {
    dataFolder: dataFolderOf(flags, given.get('postbearer.dataFolder')?.value, terminal),
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
  };
}

/** Who does it, for the audit record. */
export function actorOf(): string {
  return `cli ${userInfo().username}`;
}

/** The key for `--url`: never an argument, where every account of the machine could read it. */
async function keyOf({ keyFile }: ControlFlags, { environment, workingFolder }: Terminal): Promise<Secret> {
  const given = environment['POSTBEARER_KEY'] ?? '';
  const text = keyFile === undefined ? given : await readFile(resolve(workingFolder, keyFile), 'utf8').catch(() => '');
  if (text.trim() !== '') return Secret.of(text.trim());
  throw CommandFailure.usage(
    keyFile === undefined
      ? '--url needs a key: --key-file or POSTBEARER_KEY.'
      : 'The file of --key-file holds no key that can be read.',
  );
}

async function remoteControl(url: string, flags: ControlFlags, terminal: Terminal): Promise<Control> {
  if (flags.data !== undefined || flags.config !== undefined)
    throw CommandFailure.usage('--url names a service elsewhere; --data and --config name one here.');
  const { caFile } = flags;
  const { environment, workingFolder } = terminal;
  const caFiles = caFile === undefined ? [] : [resolve(workingFolder, caFile)];
  return need(connectRemoteControl({ url, key: await keyOf(flags, terminal), caFiles, environment }));
}

/** Asks the service that `--url` names, the one that runs here, or its database where none runs. */
export async function withControl<T>(
  flags: ControlFlags,
  terminal: Terminal,
  work: (control: Control) => Promise<T>,
): Promise<T> {
  if (flags.url !== undefined) return await work(await remoteControl(flags.url, flags, terminal));
  await using opened = need(await openControl(await placeOf(flags, terminal)));
  return await work(opened.control);
}

/** Prints one document for machines where that is asked for, else the text. */
export function answer(flags: ControlFlags, terminal: Terminal, document: object, text: () => string): void {
  terminal.out(flags.json === true ? `${JSON.stringify(document, undefined, 2)}\n` : text());
}
