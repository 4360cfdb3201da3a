/** `postbearer app add`: lets an application or device send, or enrols those that call in for a while. */
import { FROM_RULES, type AppInput, type FromRule } from '@postbearer/server';
import { Option } from 'commander';
import { CommandFailure } from '../../command-failure.ts';
import type { DefineCommand } from '../../command-table.ts';
import { actorOf, addControlOptions, answer, need, withControl, type ControlFlags } from '../../control-options.ts';
import { durationOf } from '../../duration.ts';
import { EXIT } from '../../exit-codes.ts';
import { readPassword } from '../../password-input.ts';
import type { Terminal } from '../../terminal.ts';

interface AddFlags extends ControlFlags {
  readonly mailbox: readonly string[];
  readonly from?: readonly string[];
  readonly network?: readonly string[];
  readonly user?: readonly string[];
  readonly fromRule?: FromRule;
  readonly passwordStdin?: true;
  readonly learn?: string;
  readonly for?: string;
  readonly public?: true;
}

function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

function inputOf(
  name: string,
  { mailbox, from = [], network = [], user = [], fromRule = 'refuse' }: AddFlags,
): AppInput {
  return { name, mailboxes: mailbox, from, networks: network, users: user, fromRule };
}

async function addOne(name: string, flags: AddFlags, terminal: Terminal): Promise<void> {
  const app = inputOf(name, flags);
  const actor = actorOf();
  if (flags.passwordStdin === true) {
    const password = await readPassword(terminal);
    await withControl(flags, terminal, async (control) =>
      need(await control.addAppWithPassword({ app, password, actor })),
    );
    answer(flags, terminal, { ok: true, app }, () => `Added ${name}, with the password that was given.\n`);
    return;
  }
  const added = await withControl(flags, terminal, async (control) => need(await control.addApp({ app, actor })));
  answer(
    flags,
    terminal,
    { ok: true, ...added },
    () => `Added ${name}.\nUser      ${name}\nPassword  ${added.password}\nWrite it down now: it is not shown again.\n`,
  );
}

async function learn(network: string, flags: AddFlags, terminal: Terminal): Promise<void> {
  const { mailbox: mailboxes, fromRule = 'rewrite' } = flags;
  const forMs = durationOf('--for', flags.for ?? '2h');
  const wish = { network, mailboxes, fromRule, forMs, isPublicMeant: flags.public === true };
  const learning = await withControl(flags, terminal, async (control) =>
    need(await control.learnApps({ learn: wish, actor: actorOf() })),
  );
  answer(flags, terminal, { ok: true, learning }, () =>
    forMs === 0
      ? `No longer learning the devices of ${network}.\n`
      : `Learning the devices of ${network} until ${new Date(learning.until).toISOString()}: whoever calls in from there may send as ${mailboxes.join(', ')}.\nSee them with: postbearer app list\n`,
  );
}

/** Adds the options and the action of `postbearer app add`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .description(
      'Lets an application or device send, and shows its password: this once, for it is not kept. With --learn it enrols the devices that call in for a while.',
    )
    .argument('[name]', 'its name, which is also the user name with which it signs in')
    .requiredOption('--mailbox <address>', 'mailbox that it may send as; repeat for more', collect)
    .option('--from <address>', 'another address that it may have in From; repeat for more', collect)
    .option('--network <range>', 'addresses that may send without a password, such as 192.0.2.0/24', collect)
    .option('--user <account>', 'account of this machine whose sendmail hands in as this app; repeat for more', collect)
    .addOption(
      new Option(
        '--from-rule <rule>',
        'what happens to another From: it is refused (so it is where nothing is said), becomes the mailbox (so it is with --learn), or is kept',
      ).choices([...FROM_RULES]),
    )
    .option('--password-stdin', 'take the password that the device has from standard input, in place of a new one')
    .option('--learn <range>', 'enrol the devices that call in from there; no name is given then')
    .option('--for <time>', 'how long to learn, such as 30m or 2h; 0 ends it (2h where it is left out)')
    .option('--public', 'learn although the range holds addresses of the Internet')
    .addHelpText(
      'after',
      '\nExamples:\n  postbearer app add scanner --mailbox notifications@example.com\n  postbearer app add printers --mailbox notifications@example.com --network 192.0.2.0/24 --from-rule rewrite\n  postbearer app add copier --mailbox notifications@example.com --password-stdin < password.txt\n  postbearer app add --learn 10.1.2.0/24 --for 2h --mailbox notifications@example.com\n',
    );
  addControlOptions(command).action(async (name: string | undefined, flags: AddFlags) => {
    if ((name === undefined) === (flags.learn === undefined))
      throw CommandFailure.usage('Give the name of the app, or --learn with a network, and not both.');
    if (name !== undefined) await addOne(name, flags, terminal);
    else if (flags.learn !== undefined) await learn(flags.learn, flags, terminal);
    finish(EXIT.ok);
  });
};
