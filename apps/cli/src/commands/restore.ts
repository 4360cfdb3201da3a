/** `postbearer restore`: puts a backup in the place of the data of a service. */
import { resolve } from 'node:path';
import { systemClock } from '@postbearer/core';
import { restoreBackup, type Restored } from '@postbearer/server';
import type { DefineCommand } from '../command-table.ts';
import { addControlOptions, answer, need, placeOf, type ControlFlags } from '../control-options.ts';
import { EXIT } from '../exit-codes.ts';
import { table } from '../present/table.ts';
import type { Terminal } from '../terminal.ts';

interface RestoreFlags extends ControlFlags {
  readonly replace?: true;
}

function present(restored: Restored, dataFolder: string, terminal: Terminal): string {
  const { madeAt, notEnded, asideFolder } = restored;
  const when = madeAt === undefined ? 'of an unknown time' : `of ${new Date(madeAt).toISOString()}`;
  const rows = notEnded.map(({ lane, state, count }) => [lane, state, String(count)]);
  const lanes = [...new Set(notEnded.map(({ lane }) => lane))];
  const warning = [
    'These messages had not ended when the backup was made. They are sent when the service starts, also those that',
    'it has sent since then. To look first, hold their lanes before you start it:',
    ...lanes.map((lane) => `  postbearer lane hold ${lane} --data ${dataFolder}`),
  ].join('\n');
  return [
    `Restored the backup ${when} into ${dataFolder}.\n`,
    ...(asideFolder === undefined ? [] : [`What was there before is in ${asideFolder}.\n`]),
    ...(rows.length === 0
      ? ['Every message in it had ended: nothing is sent again.\n']
      : ['\n', table(['LANE', 'STATE', 'MESSAGES'], rows, terminal), `${warning}\n`]),
  ].join('');
}

/** Adds the argument, the options and the action of `postbearer restore`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .description(
      'Puts a backup into the data folder of a service that does not run, after looking through the whole of it, and tells which mail may be sent again.',
    )
    .argument('<file>', 'what postbearer backup wrote; it is only read')
    .option('--replace', 'put data that is there aside, into a folder beside it')
    .addHelpText(
      'after',
      '\nExamples:\n  postbearer restore /var/backups/postbearer.db --data /srv/postbearer\n  postbearer restore /var/backups/postbearer.db --data /srv/postbearer --replace\n',
    );
  addControlOptions(command).action(async (file: string, flags: RestoreFlags) => {
    const { dataFolder, databaseUrl } = await placeOf(flags, terminal);
    const restored = need(
      await restoreBackup(
        {
          file: resolve(terminal.workingFolder, file),
          dataFolder,
          replaces: flags.replace === true,
          usesPostgresql: databaseUrl !== undefined,
        },
        systemClock,
      ),
    );
    answer(flags, terminal, { ok: true, dataFolder, ...restored }, () => present(restored, dataFolder, terminal));
    finish(EXIT.ok);
  });
};
