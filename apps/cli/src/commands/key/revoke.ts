/** `postbearer key revoke`: no request with a key is answered any more. */
import type { DefineCommand } from '../../command-table.ts';
import { actorOf, addControlOptions, answer, need, withControl, type ControlFlags } from '../../control-options.ts';
import { EXIT } from '../../exit-codes.ts';

/** Adds the options and the action of `postbearer key revoke`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .description('Revokes a key, at once and on every node. What it handed in before is still sent.')
    .argument('<name>', 'its name')
    .addHelpText('after', '\nExamples:\n  postbearer key revoke shop\n');
  addControlOptions(command).action(async (name: string, flags: ControlFlags) => {
    await withControl(flags, terminal, async (control) => need(await control.revokeKey({ name, actor: actorOf() })));
    answer(flags, terminal, { ok: true, name }, () => `Revoked ${name}.\n`);
    finish(EXIT.ok);
  });
};
