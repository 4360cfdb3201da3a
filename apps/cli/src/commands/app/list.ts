/** `postbearer app list`: the applications and devices that may send. */
import type { DefineCommand } from '../../command-table.ts';
import { addControlOptions, answer, need, withControl, type ControlFlags } from '../../control-options.ts';
import { EXIT } from '../../exit-codes.ts';
import { table } from '../../present/table.ts';

/** Adds the options and the action of `postbearer app list`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .description('Lists the apps with their mailboxes, addresses and networks.')
    .addHelpText('after', '\nExamples:\n  postbearer app list\n');
  addControlOptions(command).action(async (flags: ControlFlags) => {
    const apps = await withControl(flags, terminal, async (control) => need(await control.listApps({})));
    answer(flags, terminal, { ok: true, apps }, () => {
      const rows = apps.map(({ name, mailboxes, from = [], networks = [], fromRule = 'refuse' }) => [
        name,
        mailboxes.join(', '),
        from.join(', '),
        networks.join(', '),
        fromRule,
      ]);
      if (rows.length === 0) return 'No apps: nobody may send.\n';
      return table(['APP', 'MAILBOXES', 'ALSO FROM', 'NETWORKS', 'OTHER FROM'], rows, terminal);
    });
    finish(EXIT.ok);
  });
};
