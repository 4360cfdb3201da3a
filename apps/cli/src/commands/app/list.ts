/** `postbearer app list`: the applications and devices that may send. */
import type { DefineCommand } from '../../command-table.ts';
import { addControlOptions, answer, need, withControl, type ControlFlags } from '../../control-options.ts';
import { EXIT } from '../../exit-codes.ts';
import { presentApps } from '../../present/apps.ts';

/** Adds the options and the action of `postbearer app list`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .description('Lists the apps with what they may do, and the networks whose devices are being learnt.')
    .addHelpText('after', '\nExamples:\n  postbearer app list\n');
  addControlOptions(command).action(async (flags: ControlFlags) => {
    const { apps, learning } = await withControl(flags, terminal, async (control) => ({
      apps: need(await control.listApps({})),
      learning: need(await control.listLearning({})),
    }));
    answer(flags, terminal, { ok: true, apps, learning }, () => presentApps(apps, learning, terminal));
    finish(EXIT.ok);
  });
};
