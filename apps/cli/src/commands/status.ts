/** `postbearer status`: how the service stands, on one screen. */
import type { DefineCommand } from '../command-table.ts';
import { addControlOptions, answer, need, withControl, type ControlFlags } from '../control-options.ts';
import { EXIT } from '../exit-codes.ts';
import { presentStatus } from '../present/service.ts';

/** Adds the options and the action of `postbearer status`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .description('Shows the lanes with what is queued and held in them, why messages wait, and what to do about it.')
    .addHelpText('after', '\nExamples:\n  postbearer status\n  postbearer status --data /srv/postbearer --json\n');
  addControlOptions(command).action(async (flags: ControlFlags) => {
    const status = await withControl(flags, terminal, async (control) => need(await control.status({})));
    answer(flags, terminal, { ok: true, ...status }, () => presentStatus(status, terminal));
    finish(EXIT.ok);
  });
};
