/** `postbearer app rotate`: gives an app another password. */
import type { DefineCommand } from '../../command-table.ts';
import { actorOf, addControlOptions, answer, need, withControl, type ControlFlags } from '../../control-options.ts';
import { durationOf } from '../../duration.ts';
import { EXIT } from '../../exit-codes.ts';
import { readPassword } from '../../password-input.ts';
import type { Terminal } from '../../terminal.ts';

interface RotateFlags extends ControlFlags {
  readonly grace: string;
  readonly passwordStdin?: true;
}

function graceWords(graceMs: number, grace: string): string {
  return graceMs === 0 ? 'The one before it is taken no more.' : `The one before it is taken for another ${grace}.`;
}

async function rotate(name: string, flags: RotateFlags, terminal: Terminal): Promise<void> {
  const graceMs = durationOf('--grace', flags.grace);
  const words = graceWords(graceMs, flags.grace);
  const actor = actorOf();
  if (flags.passwordStdin === true) {
    const password = await readPassword(terminal);
    const set = await withControl(flags, terminal, async (control) =>
      need(await control.setAppPassword({ name, password, graceMs, actor })),
    );
    answer(flags, terminal, { ok: true, ...set }, () => `${set.name} has the password that was given. ${words}\n`);
    return;
  }
  const rotated = await withControl(flags, terminal, async (control) =>
    need(await control.rotateApp({ name, graceMs, actor })),
  );
  answer(
    flags,
    terminal,
    { ok: true, ...rotated },
    () =>
      `${rotated.name} has a new password. ${words}\nUser      ${rotated.name}\nPassword  ${rotated.password}\nWrite it down now: it is not shown again.\n`,
  );
}

/** Adds the options and the action of `postbearer app rotate`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .description('Gives an app another password and shows it: this once, for it is not kept.')
    .argument('<name>', 'its name')
    .option('--grace <time>', 'how long the password before it is still taken, such as 24h', '0')
    .option('--password-stdin', 'take the password that the device has from standard input, in place of a new one')
    .addHelpText(
      'after',
      '\nExamples:\n  postbearer app rotate scanner\n  postbearer app rotate scanner --grace 24h\n  postbearer app rotate copier --password-stdin < password.txt\n',
    );
  addControlOptions(command).action(async (name: string, flags: RotateFlags) => {
    await rotate(name, flags, terminal);
    finish(EXIT.ok);
  });
};
