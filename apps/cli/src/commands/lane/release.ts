/** `postbearer lane release`: lets a lane send again. */
import type { DefineCommand } from '../../command-table.ts';
import { actorOf, addControlOptions, answer, need, withControl, type ControlFlags } from '../../control-options.ts';
import { EXIT } from '../../exit-codes.ts';

interface LaneFlags extends ControlFlags {
  readonly from?: string;
}

/** Adds the options and the action of `postbearer lane release`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .description('Lets a lane, or one From in it, send again. After a set-up fault one message is tried first.')
    .argument('<lane>', 'its name, as lane list shows it')
    .option('--from <address>', 'only what has this From')
    .addHelpText('after', '\nExamples:\n  postbearer lane release default/notifications@example.com\n');
  addControlOptions(command).action(async (lane: string, flags: LaneFlags) => {
    const input = { lane, sender: flags.from ?? '', actor: actorOf() };
    await withControl(flags, terminal, async (control) => need(await control.releaseLane(input)));
    answer(flags, terminal, { ok: true, lane }, () => `Released ${lane}.\n`);
    finish(EXIT.ok);
  });
};
