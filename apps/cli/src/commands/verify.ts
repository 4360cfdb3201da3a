/** `postbearer verify`: walks the chain from settings to sign-in and names the first broken link. */
import { renderChain } from '@postbearer/diagnosis';
import { createMailer } from '@postbearer/mailer';
import type { DefineCommand } from '../command-table.ts';
import { EXIT, exitCodeOf } from '../exit-codes.ts';
import {
  addLogOptions,
  addSettingsOptions,
  logOf,
  requireSettings,
  wantsDialogue,
  type SettingsFlags,
} from '../settings-options.ts';
import type { Terminal } from '../terminal.ts';

/** In a pipe nothing is cut. */
const WIDE = 400;

interface VerifyFlags extends SettingsFlags {
  readonly upstream?: string;
}

async function run(flags: VerifyFlags, terminal: Terminal): Promise<number> {
  const settings = await requireSettings(flags, terminal);
  if (settings === undefined) return EXIT.settings;
  // The picture says it all; log lines stand beside it only where they are asked for.
  const level = flags.logLevel ?? (wantsDialogue(settings.logLevel) ? settings.logLevel : 'Fatal');
  await using mailer = createMailer(settings, {
    environment: terminal.environment,
    dialogue: wantsDialogue(level),
    onEvent: logOf(flags, level, terminal),
  });
  const report = await mailer.verify({
    signal: terminal.signal,
    ...(flags.upstream === undefined ? {} : { upstream: flags.upstream }),
  });
  const fault = report.firstBroken?.fault;
  const exitCode = report.ok ? EXIT.ok : fault === undefined ? EXIT.temporary : exitCodeOf(fault);
  if (flags.json === true) terminal.out(`${JSON.stringify({ ...report, exitCode }, undefined, 2)}\n`);
  else
    terminal.out(
      `${renderChain(report, { color: terminal.isTerminal && terminal.environment['NO_COLOR'] === undefined, width: terminal.isTerminal ? terminal.width : WIDE, unicode: true })}\n`,
    );
  return exitCode;
}

/** Adds the options and the action of `postbearer verify`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .description(
      'Checks every step that a mail will take (settings, name, connection, encryption, token, sign-in, sender) without sending one.',
    )
    .option('--upstream <name>', 'which upstream of the settings is checked; default where left out')
    .addHelpText(
      'after',
      '\nExamples:\n  postbearer verify\n  postbearer verify --config Global-variables.json --json\n',
    );
  addLogOptions(addSettingsOptions(command), 'none where left out, unless LOG_LEVEL of the settings is Debug').action(
    async (flags: VerifyFlags) => finish(await run(flags, terminal)),
  );
};
