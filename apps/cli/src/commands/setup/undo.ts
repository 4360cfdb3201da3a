/** `postbearer setup undo`: takes back what `setup entra` made. */
import { undoEntra } from '@postbearer/microsoft365';
import type { DefineCommand } from '../../command-table.ts';
import { need } from '../../control-options.ts';
import { EXIT } from '../../exit-codes.ts';
import { addJsonOption } from '../../settings-options.ts';
import { confirm } from '../../setup/confirm.ts';
import { addGraphOptions, openGraph, type GraphFlags } from '../../setup/graph-access.ts';
import { StepLines } from '../../setup/step-lines.ts';
import type { Terminal } from '../../terminal.ts';

interface UndoFlags extends GraphFlags {
  readonly uniqueName: string;
  readonly yes?: true;
  readonly json?: true;
}

async function run(flags: UndoFlags, terminal: Terminal): Promise<number> {
  const lines = new StepLines(terminal);
  const { directory, tenant, who } = await openGraph(flags, terminal, (wait) => lines.wait(wait));
  const application = need(await directory.findApplication({ uniqueName: flags.uniqueName }));
  if (application === undefined) {
    terminal.out(
      flags.json === true
        ? `${JSON.stringify({ consents: 0, application: false })}\n`
        : `There is no app ${flags.uniqueName} in the tenant ${tenant}.\n`,
    );
    return EXIT.ok;
  }
  terminal.err(
    `In the tenant ${tenant}, as ${who}:\n\n  delete    the app registration "${application.displayName}" (${application.appId}) with its enterprise application,\n            its consent and ${application.secrets.length} client secrets. Whatever sends with it stops at once.\n\nMicrosoft keeps a deleted registration for 30 days.\n`,
  );
  if (!(await confirm('Delete it?', flags, terminal))) {
    terminal.err('Nothing was done.\n');
    return EXIT.cancelled;
  }
  const undone = need(await undoEntra(flags.uniqueName, directory));
  terminal.out(
    flags.json === true
      ? `${JSON.stringify(undone)}\n`
      : `✓ Deleted: the app registration, ${undone.consents} consents.\nIn Exchange Online: the script of postbearer setup exchange with -Mode Undo.\nThe settings still name the app; postbearer rollback goes back to the password.\n`,
  );
  return EXIT.ok;
}

/** Adds the options and the action of `postbearer setup undo`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .description('Takes back what setup entra made: shows it, asks, then deletes consent and app registration.')
    .option('--unique-name <name>', 'key under which Microsoft Graph finds the app', 'postbearer')
    .option('-y, --yes', 'do not ask')
    .addHelpText('after', '\nExamples:\n  postbearer setup undo --token-stdin --yes < token.txt\n');
  addJsonOption(addGraphOptions(command)).action(async (flags: UndoFlags) => finish(await run(flags, terminal)));
};
