/** The options that every command about a service shares, and how it reaches the service or its database. */
import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import type { Fault } from '@postbearer/core';
import { openControl, type Control, type NamedPlace } from '@postbearer/server';
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
  readonly json?: true;
}

/** Where a service keeps its data if nobody says otherwise. */
const SYSTEM_FOLDERS: Readonly<Record<string, string>> = {
  win32: String.raw`C:\ProgramData\Postbearer`,
  darwin: '/usr/local/var/postbearer',
};
const UNIX_FOLDER = '/var/lib/postbearer';

/** Adds `--data`, `--config` and `--json`. */
export function addControlOptions(command: Command): Command {
  return addJsonOption(
    addDataOption(command).option('-c, --config <file>', 'settings file that names the data folder and the database'),
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

/** Asks the running service, or its database where none runs. */
export async function withControl<T>(
  flags: ControlFlags,
  terminal: Terminal,
  work: (control: Control) => Promise<T>,
): Promise<T> {
  await using opened = need(await openControl(await placeOf(flags, terminal)));
  return await work(opened.control);
}

/** Prints one document for machines where that is asked for, else the text. */
export function answer(flags: ControlFlags, terminal: Terminal, document: object, text: () => string): void {
  terminal.out(flags.json === true ? `${JSON.stringify(document, undefined, 2)}\n` : text());
}
