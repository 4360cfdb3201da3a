/** `postbearer app add`: lets an application or device send. */
import { FROM_RULES, type AppInput, type FromRule } from '@postbearer/server';
import { Option } from 'commander';
import type { DefineCommand } from '../../command-table.ts';
import { actorOf, addControlOptions, answer, need, withControl, type ControlFlags } from '../../control-options.ts';
import { EXIT } from '../../exit-codes.ts';

interface AddFlags extends ControlFlags {
  readonly mailbox: readonly string[];
  readonly from?: readonly string[];
  readonly network?: readonly string[];
  readonly fromRule: FromRule;
}

function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

function inputOf(name: string, { mailbox, from = [], network = [], fromRule }: AddFlags): AppInput {
  return { name, mailboxes: mailbox, from, networks: network, fromRule };
}

/** Adds the options and the action of `postbearer app add`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .description('Lets an application or device send, and shows its password: this once, for it is not kept.')
    .argument('<name>', 'its name, which is also the user name with which it signs in')
    .requiredOption('--mailbox <address>', 'mailbox that it may send as; repeat for more', collect)
    .option('--from <address>', 'another address that it may have in From; repeat for more', collect)
    .option('--network <range>', 'addresses that may send without a password, such as 192.0.2.0/24', collect)
    .addOption(
      new Option('--from-rule <rule>', 'what happens to another From: it is refused, becomes the mailbox, or is kept')
        .choices([...FROM_RULES])
        .default('refuse'),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  postbearer app add scanner --mailbox notifications@example.com\n  postbearer app add printers --mailbox notifications@example.com --network 192.0.2.0/24 --from-rule rewrite\n',
    );
  addControlOptions(command).action(async (name: string, flags: AddFlags) => {
    const input = { app: inputOf(name, flags), actor: actorOf() };
    const { app, password } = await withControl(flags, terminal, async (control) => need(await control.addApp(input)));
    answer(
      flags,
      terminal,
      { ok: true, app, password },
      () =>
        `Added ${app.name}.\nUser      ${app.name}\nPassword  ${password}\nWrite it down now: it is not shown again.\n`,
    );
    finish(EXIT.ok);
  });
};
