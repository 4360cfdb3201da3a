/** `postbearer config check`: all mistakes in the settings at once, each with its place and its mend. */
import { readSettings } from '@postbearer/settings';
import type { DefineCommand } from '../../command-table.ts';
import { EXIT } from '../../exit-codes.ts';
import { presentFindings } from '../../present/findings.ts';
import { addSettingsOptions, loadOptionsOf, type SettingsFlags } from '../../settings-options.ts';

/** Adds the options and the action of `postbearer config check`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .description(
      'Reports every mistake in the settings at once: where it is, what was expected and how to mend it. Nothing is sent anywhere.',
    )
    .addHelpText(
      'after',
      '\nExit code: 0 when the settings can be used (warnings do not count), else 78.\n\nExamples:\n  postbearer config check --config Global-variables.json\n  postbearer config check --config terraform.tfvars --json\n',
    );
  addSettingsOptions(command).action(async (flags: SettingsFlags) => {
    const reading = await readSettings(loadOptionsOf(flags, terminal));
    const exitCode = reading.settings === undefined ? EXIT.settings : EXIT.ok;
    if (flags.json === true) {
      terminal.out(
        `${JSON.stringify({ ok: exitCode === EXIT.ok, file: reading.file, findings: reading.findings, exitCode }, undefined, 2)}\n`,
      );
    } else {
      terminal.out(presentFindings(reading, terminal));
    }
    finish(exitCode);
  });
};
