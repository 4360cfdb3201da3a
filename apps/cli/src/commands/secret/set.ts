/** `postbearer secret set`: puts a secret where the settings look for it, after it was proved. */
import { Secret } from '@postbearer/core';
import { fileSlots } from '@postbearer/secrets';
import { CommandFailure } from '../../command-failure.ts';
import type { DefineCommand } from '../../command-table.ts';
import { need } from '../../control-options.ts';
import { EXIT } from '../../exit-codes.ts';
import { changeableFile, ownSecret, prove } from '../../secret/own-secret.ts';
import { askSecret } from '../../secret/ask-secret.ts';
import { addSettingsOptions, requireSettings, type SettingsFlags } from '../../settings-options.ts';
import type { Terminal } from '../../terminal.ts';

interface SetFlags extends SettingsFlags {
  readonly upstream: string;
  readonly check: boolean;
}

async function run(flags: SetFlags, terminal: Terminal): Promise<number> {
  const settings = await requireSettings(flags, terminal);
  if (settings === undefined) return EXIT.settings;
  const own = ownSecret(settings, flags.upstream);
  const file = changeableFile(own);
  const text = (await askSecret(`New client secret of ${own.clientId}: `, terminal)).replace(/\r?\n$/, '');
  if (text.trim() === '') throw CommandFailure.usage('Nothing was given; the secret stays as it is.');
  const secret = Secret.of(text);
  if (flags.check) need(await prove(own, secret, terminal));
  const slots = fileSlots(file);
  need(await slots.putNext(secret));
  need(await slots.promoteNext());
  const document = { file, checked: flags.check };
  terminal.out(
    flags.json === true
      ? `${JSON.stringify(document)}\n`
      : `${flags.check ? 'Proved by a token and a sign-in, and kept' : 'Kept, unproved,'} in ${file}. What was there is in ${file}.previous. Whatever runs takes it up by itself.\n`,
  );
  return EXIT.ok;
}

/** Adds the options and the action of `postbearer secret set`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .description(
      'Takes a client secret from standard input, or asks for it on a terminal without showing it, proves it by a token and a sign-in, and writes it into the file that the settings name. A secret is never an argument.',
    )
    .option('--upstream <name>', 'whose secret', 'default')
    .option('--no-check', 'keep it without proving it')
    .addHelpText('after', '\nExamples:\n  postbearer secret set\n  postbearer secret set < new-secret.txt\n');
  addSettingsOptions(command).action(async (flags: SetFlags) => finish(await run(flags, terminal)));
};
