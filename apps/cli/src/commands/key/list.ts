/** `postbearer key list`: the keys of the HTTP API. */
import type { DefineCommand } from '../../command-table.ts';
import { addControlOptions, answer, need, withControl, type ControlFlags } from '../../control-options.ts';
import { EXIT } from '../../exit-codes.ts';
import { presentKeys } from '../../present/keys.ts';

/** Adds the options and the action of `postbearer key list`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .description('Lists the keys with what they may do, when they end, and when each was used last, to the minute.')
    .addHelpText('after', '\nExamples:\n  postbearer key list\n');
  addControlOptions(command).action(async (flags: ControlFlags) => {
    const keys = await withControl(flags, terminal, async (control) => need(await control.listKeys({})));
    answer(flags, terminal, { ok: true, keys }, () => presentKeys(keys, terminal));
    finish(EXIT.ok);
  });
};
