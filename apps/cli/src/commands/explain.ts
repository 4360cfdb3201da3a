/** `postbearer explain`: the causes behind whatever text a person has. Nothing is sent anywhere. */
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { contextOf, explain, type ExplainOptions } from '@postbearer/diagnosis';
import { readSettings } from '@postbearer/settings';
import { CommandFailure } from '../command-failure.ts';
import type { DefineCommand } from '../command-table.ts';
import { EXIT } from '../exit-codes.ts';
import { presentExplanation } from '../present/explanation.ts';
import { addSettingsOptions, loadOptionsOf, type SettingsFlags } from '../settings-options.ts';
import type { Terminal } from '../terminal.ts';

interface ExplainFlags extends SettingsFlags {
  readonly log?: string;
  readonly jsonl?: string;
}

/** The reader's own values, where there are settings; without them the remedies show names in angle brackets. */
async function ownValues(flags: ExplainFlags, terminal: Terminal): Promise<ExplainOptions> {
  const { settings } = await readSettings(loadOptionsOf(flags, terminal));
  const upstream = settings?.upstreams['default'];
  return upstream?.authentication === 'oauth' ? { context: contextOf(upstream) } : {};
}

async function fileText(path: string, { workingFolder }: Terminal): Promise<string> {
  try {
    return await readFile(resolve(workingFolder, path), 'utf8');
  } catch (error) {
    throw CommandFailure.usage(`${path} cannot be read: ${(error as Error).message}`);
  }
}

/** A file of UTF-16, as PowerShell writes it, reads as text with a NUL after each letter. */
function withoutNul(text: string): string {
  return text.replaceAll('\u0000', '');
}

async function textOf(words: readonly string[], flags: ExplainFlags, terminal: Terminal): Promise<string> {
  if (flags.log !== undefined) return withoutNul(await fileText(flags.log, terminal));
  const text = words.join(' ');
  if (text !== '' && text !== '-') return text;
  return withoutNul(Buffer.from(await terminal.readInput()).toString('utf8'));
}

/** One object a line in, one result a line out, in the same order. */
async function explainLines(path: string, options: ExplainOptions, terminal: Terminal): Promise<number> {
  const input = path === '-' ? terminal.inputBlocks() : createReadStream(resolve(terminal.workingFolder, path));
  let number = 0;
  try {
    for await (const line of createInterface({ input: Readable.from(input), crlfDelay: Infinity })) {
      number += 1;
      if (line.trim() === '') continue;
      const asked = asObject(line, number);
      terminal.out(
        `${JSON.stringify({ ...(asked.id === undefined ? {} : { id: asked.id }), ...explain(asked.text, options) })}\n`,
      );
    }
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    throw CommandFailure.usage(`${path} cannot be read: ${(error as Error).message}`);
  }
  return EXIT.ok;
}

function asObject(line: string, number: number): { readonly id?: unknown; readonly text: string } {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null && 'text' in value && typeof value.text === 'string') {
      return { text: value.text, ...('id' in value ? { id: value.id } : {}) };
    }
  } catch {
    // Said below.
  }
  throw CommandFailure.usage(`Line ${number} is no JSON object with a member "text" that is a string.`);
}

async function run(words: readonly string[], flags: ExplainFlags, terminal: Terminal): Promise<number> {
  const options = await ownValues(flags, terminal);
  if (flags.jsonl !== undefined) return await explainLines(flags.jsonl, options, terminal);
  const explanation = explain(await textOf(words, flags, terminal), options);
  if (flags.json === true) terminal.out(`${JSON.stringify(explanation, undefined, 2)}\n`);
  else terminal.out(presentExplanation(explanation, terminal));
  return EXIT.ok;
}

/** Adds the arguments, the options and the action of `postbearer explain`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .argument('[text...]', 'the error text; standard input where it is left out or is -')
    .description(
      'Says what an error text means, how sure that is, and what to do: a reply of a mail server, an exception, JSON, a whole log, a bounce message as a file, the code on a printer. Nothing is sent anywhere. With settings at hand the remedies carry your own values.',
    )
    .option('--log <file>', 'read the text from this file: a log, a bounce message')
    .option('--jsonl <file>', 'one JSON object with a member "text" on each line; prints one result a line')
    .addHelpText(
      'after',
      '\nExamples:\n  postbearer explain "535 5.7.3 Authentication unsuccessful"\n  postbearer explain --log /var/log/mail.log\n  journalctl -u myapp | postbearer explain\n  postbearer explain --json - < bounce.eml\n',
    );
  addSettingsOptions(command).action(async (words: readonly string[], flags: ExplainFlags) =>
    finish(await run(words, flags, terminal)),
  );
};
