/** `postbearer config schema`: the JSON Schema of the settings file. */
import { settingsJsonSchema } from '@postbearer/settings';
import type { DefineCommand } from '../../command-table.ts';
import { EXIT } from '../../exit-codes.ts';
import { addJsonOption } from '../../settings-options.ts';

/** Adds the options and the action of `postbearer config schema`. */
export const define: DefineCommand = (command, terminal, finish) => {
  addJsonOption(command)
    .description('Prints the JSON Schema of Global-variables.json, so that an editor completes and checks it.')
    .addHelpText(
      'after',
      '\nExamples:\n  postbearer config schema > postbearer.schema.json\n  Then add to the settings file:  "$schema": "./postbearer.schema.json"\n',
    )
    .action(() => {
      terminal.out(`${JSON.stringify(settingsJsonSchema(), undefined, 2)}\n`);
      finish(EXIT.ok);
    });
};
