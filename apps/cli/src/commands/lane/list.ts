/** `postbearer lane list`: the lanes, how full they are, and what holds them. */
import type { DefineCommand } from '../../command-table.ts';
import { addControlOptions, answer, need, withControl, type ControlFlags } from '../../control-options.ts';
import { EXIT } from '../../exit-codes.ts';
import { presentLanes } from '../../present/status.ts';

/** Adds the options and the action of `postbearer lane list`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .description('Lists the lanes: each is one upstream and one mailbox.')
    .addHelpText('after', '\nExamples:\n  postbearer lane list\n');
  addControlOptions(command).action(async (flags: ControlFlags) => {
    const { lanes } = await withControl(flags, terminal, async (control) => need(await control.status({})));
    answer(flags, terminal, { ok: true, lanes }, () => presentLanes(lanes, terminal, Date.now()));
    finish(EXIT.ok);
  });
};
