/** What `queue retry`, `queue release` and `queue discard` have in common: one verb for each of several messages. */
import type { MessageVerb } from '@postbearer/queue';
import type { Command } from 'commander';
import { actorOf, addControlOptions, answer, need, withControl, type ControlFlags } from './control-options.ts';
import { EXIT } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';

/** Adds the argument, the options and the action of a command that does `verb` with messages; the first that cannot be changed ends it. */
export function defineVerb(
  verb: Exclude<MessageVerb, 'cancel'>,
  command: Command,
  terminal: Terminal,
  finish: (exitCode: number) => void,
): void {
  command
    .argument('<id...>', 'names of messages in the queue')
    .addHelpText('after', `\nExamples:\n  postbearer queue ${verb} 01m87xf7spddc22eexa49kygh2\n`);
  addControlOptions(command).action(async (ids: readonly string[], flags: ControlFlags) => {
    const actor = actorOf();
    const changed = await withControl(flags, terminal, async (control) => {
      const states: { readonly id: string; readonly state: string }[] = [];
      for (const id of ids) states.push({ id, state: need(await control.changeMessage({ id, verb, actor })) });
      return states;
    });
    answer(flags, terminal, { ok: true, messages: changed }, () =>
      changed.map(({ id, state }) => `${id} is ${state} now.\n`).join(''),
    );
    finish(EXIT.ok);
  });
}
