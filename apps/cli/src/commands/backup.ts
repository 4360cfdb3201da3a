/** `postbearer backup`: all data of the service in one file. */
import { resolve } from 'node:path';
import type { DefineCommand } from '../command-table.ts';
import { actorOf, addControlOptions, answer, need, withControl, type ControlFlags } from '../control-options.ts';
import { EXIT } from '../exit-codes.ts';

/** Adds the argument, the options and the action of `postbearer backup`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .description(
      "Copies the service's database, its own certificate and its identity into one file, while it runs or not. The file holds mail: keep it as you keep the data folder.",
    )
    .argument('<file>', 'where to; an earlier backup of that name is replaced when the new one is whole')
    .addHelpText(
      'after',
      '\nThe settings file is no part of it. With PostgreSQL the command to use is told.\n\nExamples:\n  postbearer backup /var/backups/postbearer.db\n  postbearer backup "/var/backups/postbearer-$(date +%F).db"\n',
    );
  addControlOptions(command).action(async (file: string, flags: ControlFlags) => {
    const input = { file: resolve(terminal.workingFolder, file), actor: actorOf() };
    const made = await withControl(flags, terminal, async (control) => need(await control.backup(input)));
    answer(flags, terminal, { ok: true, ...made }, () => `Wrote ${made.file}: ${made.sizeBytes} bytes, whole.\n`);
    finish(EXIT.ok);
  });
};
