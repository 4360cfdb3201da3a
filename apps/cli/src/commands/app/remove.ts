/** `postbearer app remove`: lets an app send no more. */
import type { DefineCommand } from '../../command-table.ts';
import { actorOf, addControlOptions, answer, need, withControl, type ControlFlags } from '../../control-options.ts';
import { EXIT } from '../../exit-codes.ts';

/** Adds the options and the action of `postbearer app remove`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .description('Lets an app send no more, at once. What it handed in before is still sent.')
    .argument('<name>', 'its name')
    .addHelpText('after', '\nExamples:\n  postbearer app remove scanner\n');
  addControlOptions(command).action(async (name: string, flags: ControlFlags) => {
    await withControl(flags, terminal, async (control) => need(await control.removeApp({ name, actor: actorOf() })));
    answer(flags, terminal, { ok: true, name }, () => `Removed ${name}.\n`);
    finish(EXIT.ok);
  });
};
