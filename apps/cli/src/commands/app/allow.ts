/** `postbearer app allow`: lets an app do more than it may already. */
import { FROM_RULES, type FromRule } from '@postbearer/server';
import { Option } from 'commander';
import { CommandFailure } from '../../command-failure.ts';
import type { DefineCommand } from '../../command-table.ts';
import { actorOf, addControlOptions, answer, need, withControl, type ControlFlags } from '../../control-options.ts';
import { EXIT } from '../../exit-codes.ts';

interface AllowFlags extends ControlFlags {
  readonly mailbox?: readonly string[];
  readonly from?: readonly string[];
  readonly network?: readonly string[];
  readonly user?: readonly string[];
  readonly fromRule?: FromRule;
}

function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

/** Adds the options and the action of `postbearer app allow`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .description('Lets an app do more than it may already; what it may already stays.')
    .argument('<name>', 'its name')
    .option('--mailbox <address>', 'another mailbox that it may send as; repeat for more', collect)
    .option('--from <address>', 'another address that it may have in From; repeat for more', collect)
    .option('--network <range>', 'more addresses that may send without a password', collect)
    .option('--user <account>', 'another account of this machine whose sendmail hands in as this app', collect)
    .addOption(new Option('--from-rule <rule>', 'what happens to another From from now on').choices([...FROM_RULES]))
    .addHelpText(
      'after',
      '\nExamples:\n  postbearer app allow scanner --from scans@example.com\n  postbearer app allow scanner --from-rule rewrite\n',
    );
  addControlOptions(command).action(async (name: string, flags: AllowFlags) => {
    const { mailbox: mailboxes = [], from = [], network: networks = [], user: users = [], fromRule } = flags;
    if ([...mailboxes, ...from, ...networks, ...users].length === 0 && fromRule === undefined)
      throw CommandFailure.usage('Say what is to be allowed: --mailbox, --from, --network, --user or --from-rule.');
    const more = { name, mailboxes, from, networks, users, ...(fromRule === undefined ? {} : { fromRule }) };
    const app = await withControl(flags, terminal, async (control) =>
      need(await control.allowApp({ app: more, actor: actorOf() })),
    );
    answer(flags, terminal, { ok: true, app }, () => `Changed ${app.name}.\n`);
    finish(EXIT.ok);
  });
};
