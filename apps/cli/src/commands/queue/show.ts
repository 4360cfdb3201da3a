/** `postbearer queue show`: all that is known of one message. */
import type { DefineCommand } from '../../command-table.ts';
import { addControlOptions, answer, need, withControl, type ControlFlags } from '../../control-options.ts';
import { EXIT } from '../../exit-codes.ts';
import { presentMessage } from '../../present/service.ts';

/** Adds the options and the action of `postbearer queue show`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .description('Shows one message with its recipients and everything that was tried; with --json every reply whole.')
    .argument('<id>', 'its name in the queue')
    .addHelpText('after', '\nExamples:\n  postbearer queue show 01m87xf7spddc22eexa49kygh2\n');
  addControlOptions(command).action(async (id: string, flags: ControlFlags) => {
    const message = await withControl(flags, terminal, async (control) => need(await control.showMessage({ id })));
    answer(flags, terminal, { ok: true, message }, () => presentMessage(message, terminal));
    finish(EXIT.ok);
  });
};
