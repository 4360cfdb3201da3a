/** `postbearer secret rollback`: back to the previous secret, while it is still valid. */
import { rollBackSecret } from '@postbearer/secrets';
import type { DefineCommand } from '../../command-table.ts';
import { need } from '../../control-options.ts';
import { EXIT } from '../../exit-codes.ts';
import { directoryOfApp, graphIssuer, ownSecret, rotationOf } from '../../secret/own-secret.ts';
import { addSettingsOptions, requireSettings, type SettingsFlags } from '../../settings-options.ts';
import { addGraphOptions, openGraph, type GraphFlags } from '../../setup/graph-access.ts';
import { StepLines } from '../../setup/step-lines.ts';
import type { Terminal } from '../../terminal.ts';

interface RollbackFlags extends SettingsFlags, GraphFlags {
  readonly upstream: string;
  readonly asApp?: true;
}

async function run(flags: RollbackFlags, terminal: Terminal): Promise<number> {
  const settings = await requireSettings(flags, terminal);
  if (settings === undefined) return EXIT.settings;
  const own = ownSecret(settings, flags.upstream);
  const lines = new StepLines(terminal);
  const directory =
    flags.asApp === true
      ? directoryOfApp(own, flags, terminal)
      : (await openGraph(flags, terminal, (wait) => lines.wait(wait))).directory;
  need(await rollBackSecret(rotationOf(own, graphIssuer(directory, own.clientId), terminal)));
  terminal.out(
    flags.json === true
      ? '{"state":"rolled-back"}\n'
      : 'The previous secret is in use again; the new one was removed.\n',
  );
  return EXIT.ok;
}

/** Adds the options and the action of `postbearer secret rollback`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .description(
      'Goes back to the previous secret while its rotation is in the time of grace: proves it, switches, and removes the new one.',
    )
    .option('--upstream <name>', 'whose secret', 'default')
    .option('--as-app', 'as the app itself, which needs Application.ReadWrite.OwnedBy of Microsoft Graph')
    .addHelpText('after', '\nExamples:\n  postbearer secret rollback --token-stdin < token.txt\n');
  addGraphOptions(addSettingsOptions(command)).action(async (flags: RollbackFlags) =>
    finish(await run(flags, terminal)),
  );
};
