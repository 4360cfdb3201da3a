/** `postbearer queue export`: every message as a line of JSON, and its source as a file where that is wished. */
import { mkdir, open, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { MessageDetails } from '@postbearer/queue';
import type { Control } from '@postbearer/server';
import { CommandFailure } from '../../command-failure.ts';
import type { DefineCommand } from '../../command-table.ts';
import { addControlOptions, need, withControl, type ControlFlags } from '../../control-options.ts';
import { EXIT } from '../../exit-codes.ts';
import { addFilterOptions, filterOf, type FilterFlags } from '../../message-filter.ts';
import type { Terminal } from '../../terminal.ts';

interface ExportFlags extends ControlFlags, FilterFlags {
  readonly eml?: string;
}

/** Writes the bytes of a message as they are; gives the name of the file. A file that could not be finished is removed. */
async function writeSource(id: string, folder: string, control: Control): Promise<string> {
  const name = `${id}.eml`;
  const pieces = need(await control.messageSource({ id }));
  const file = await open(join(folder, name), 'w', 0o600);
  let isWhole = false;
  try {
    for await (const piece of pieces) await file.write(Buffer.from(piece, 'base64'));
    isWhole = true;
  } finally {
    await file.close();
    if (!isWhole) await rm(join(folder, name), { force: true });
  }
  return name;
}

async function lineOf(message: MessageDetails, folder: string | undefined, control: Control): Promise<string> {
  const source =
    folder === undefined || !message.hasBody ? {} : { source: await writeSource(message.id, folder, control) };
  return `${JSON.stringify({ ...message, ...source })}\n`;
}

/** The folder of the files, made where it is missing. */
async function folderOf({ eml }: ExportFlags, { workingFolder }: Terminal): Promise<string | undefined> {
  if (eml === undefined) return undefined;
  const folder = resolve(workingFolder, eml);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw CommandFailure.usage(`The folder of --eml cannot be made: ${error instanceof Error ? error.message : ''}.`);
  }
  return folder;
}

async function run(flags: ExportFlags, terminal: Terminal): Promise<void> {
  const folder = await folderOf(flags, terminal);
  await withControl(flags, terminal, async (control) => {
    const messages = need(await control.exportMessages({ filter: filterOf(flags) }));
    for await (const message of messages) {
      terminal.signal.throwIfAborted();
      terminal.out(await lineOf(message, folder, control));
      await terminal.drained();
    }
  });
}

/** Adds the options and the action of `postbearer queue export`. */
export const define: DefineCommand = (command, terminal, finish) => {
  addFilterOptions(
    command.description(
      'Prints every message with its recipients and attempts, the newest first, one JSON document on a line; however many there are.',
    ),
  )
    .option('--eml <folder>', 'also write the bytes of each message that are still kept into this folder, as ID.eml')
    .addHelpText(
      'after',
      '\nExamples:\n  postbearer queue export > messages.jsonl\n  postbearer queue export --state held --eml held-messages > held.jsonl\n',
    );
  addControlOptions(command).action(async (flags: ExportFlags) => {
    await run(flags, terminal);
    finish(EXIT.ok);
  });
};
