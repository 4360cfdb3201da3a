/** `postbearer lane hold`: sends nothing of a lane until it is released. */
import type { DefineCommand } from '../../command-table.ts';
import { actorOf, addControlOptions, answer, need, withControl, type ControlFlags } from '../../control-options.ts';
import { EXIT } from '../../exit-codes.ts';

interface LaneFlags extends ControlFlags {
  readonly from?: string;
}

/** Adds the options and the action of `postbearer lane hold`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .description('Sends nothing of a lane, or of one From in it, until it is released. Mail is still taken and kept.')
    .argument('<lane>', 'its name, as lane list shows it')
    .option('--from <address>', 'only what has this From')
    .addHelpText('after', '\nExamples:\n  postbearer lane hold default/notifications@example.com\n');
  addControlOptions(command).action(async (lane: string, flags: LaneFlags) => {
    const input = { lane, sender: flags.from ?? '', actor: actorOf() };
    await withControl(flags, terminal, async (control) => need(await control.holdLane(input)));
    answer(flags, terminal, { ok: true, lane }, () => `Held ${lane}.\n`);
    finish(EXIT.ok);
  });
};
