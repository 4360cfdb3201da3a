/** `postbearer app refused`: who was turned away, why, and what would admit them. */
import type { DefineCommand } from '../../command-table.ts';
import { addControlOptions, answer, need, withControl, type ControlFlags } from '../../control-options.ts';
import { EXIT } from '../../exit-codes.ts';
import { presentRefused } from '../../present/apps.ts';

/** Adds the options and the action of `postbearer app refused`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .description(
      'Lists who was turned away in the last 30 days, the latest first: from where, with which name, why, how often, and the one command that would admit it.',
    )
    .addHelpText('after', '\nExamples:\n  postbearer app refused\n  postbearer app refused --json\n');
  addControlOptions(command).action(async (flags: ControlFlags) => {
    const refused = await withControl(flags, terminal, async (control) => need(await control.listRefused({})));
    answer(flags, terminal, { ok: true, refused }, () => presentRefused(refused));
    finish(EXIT.ok);
  });
};
