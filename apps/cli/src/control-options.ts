/** The options that every command about a service shares, and how it reaches the service or its database. */
import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import { openControl, type Control } from '@postbearer/server';
import type { Command } from 'commander';
import { need } from './command-failure.ts';
import { addJsonOption } from './settings-options.ts';
import type { Terminal } from './terminal.ts';

export { need } from './command-failure.ts';

/** The values of {@link addControlOptions}. */
export interface ControlFlags {
  readonly data?: string;
  readonly json?: true;
}

/** Where a service keeps its data if nobody says otherwise. */
const SYSTEM_FOLDERS: Readonly<Record<string, string>> = {
  win32: String.raw`C:\ProgramData\Postbearer`,
  darwin: '/usr/local/var/postbearer',
};
const UNIX_FOLDER = '/var/lib/postbearer';

/** Adds `--data` and `--json`. */
export function addControlOptions(command: Command): Command {
  return addJsonOption(addDataOption(command));
}

/** Adds `--data`. */
export function addDataOption(command: Command): Command {
  return command.option(
    '--data <folder>',
    "the service's data folder, else POSTBEARER_DATA, else the place of the system",
  );
}

/** The data folder that the flags, the environment or the system name. */
export function dataFolderOf({ data }: ControlFlags, { environment, workingFolder }: Terminal): string {
  const named = data ?? environment['POSTBEARER_DATA'];
  return named === undefined ? (SYSTEM_FOLDERS[process.platform] ?? UNIX_FOLDER) : resolve(workingFolder, named);
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
  await using opened = need(await openControl(dataFolderOf(flags, terminal)));
  return await work(opened.control);
}

/** Prints one document for machines where that is asked for, else the text. */
export function answer(flags: ControlFlags, terminal: Terminal, document: object, text: () => string): void {
  terminal.out(flags.json === true ? `${JSON.stringify(document, undefined, 2)}\n` : text());
}
