/** `postbearer config show`: every setting in effect, with the place it came from, secrets masked. */
import { oneLine } from '@postbearer/core';
import { readSettings } from '@postbearer/settings';
import type { DefineCommand } from '../../command-table.ts';
import { EXIT } from '../../exit-codes.ts';
import { presentFindings } from '../../present/findings.ts';
import { table } from '../../present/table.ts';
import { addSettingsOptions, loadOptionsOf, type SettingsFlags } from '../../settings-options.ts';

/** Adds the options and the action of `postbearer config show`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .description(
      'Prints every setting in effect and the place it came from. Secrets are masked; nothing is sent anywhere.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  postbearer config show\n  postbearer config show --config terraform.tfvars --json\n',
    );
  addSettingsOptions(command).action(async (flags: SettingsFlags) => {
    const reading = await readSettings(loadOptionsOf(flags, terminal));
    const exitCode = reading.settings === undefined ? EXIT.settings : EXIT.ok;
    if (flags.json === true) {
      const values = reading.values.map(({ key, value, source, origin, isSecret }) => ({
        key,
        value,
        source,
        origin,
        isSecret,
      }));
      terminal.out(
        `${JSON.stringify({ file: reading.file, form: reading.form, values, findings: reading.findings, exitCode }, undefined, 2)}\n`,
      );
    } else {
      const rows = reading.values.map(({ key, value, source }) => [oneLine(key), oneLine(value), oneLine(source)]);
      terminal.out(table(['Setting', 'Value', 'Source'], rows, terminal));
      if (reading.findings.length > 0) terminal.err(`\n${presentFindings(reading, terminal)}`);
    }
    finish(exitCode);
  });
};
