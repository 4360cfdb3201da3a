/** `postbearer config convert`: the settings in another form. */
import { convertSettings, readSettings } from '@postbearer/settings';
import { Option } from 'commander';
import type { DefineCommand } from '../../command-table.ts';
import { EXIT } from '../../exit-codes.ts';
import { presentFindings } from '../../present/findings.ts';
import { addSettingsOptions, loadOptionsOf, type SettingsFlags } from '../../settings-options.ts';

interface ConvertFlags extends SettingsFlags {
  readonly to: 'json' | 'env' | 'tfvars';
  readonly withSecrets?: true;
}

/** Adds the options and the action of `postbearer config convert`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .description(
      'Prints the settings in another form: Global-variables.json, environment variables or Terraform variables.',
    )
    .addOption(new Option('--to <form>', 'form to print').choices(['json', 'env', 'tfvars']).makeOptionMandatory())
    .option('--with-secrets', 'print secrets in clear; a placeholder stands in their place otherwise')
    .addHelpText(
      'after',
      '\nExamples:\n  postbearer config convert --to env > postbearer.env\n  postbearer config convert --config terraform.tfvars --to json --with-secrets > Global-variables.json\n',
    );
  addSettingsOptions(command).action(async (flags: ConvertFlags) => {
    const reading = await readSettings(loadOptionsOf(flags, terminal));
    const converted = convertSettings(reading, flags.to, { withSecrets: flags.withSecrets === true });
    const exitCode = converted.ok ? EXIT.ok : EXIT.settings;
    if (flags.json === true) {
      const text = converted.ok ? { text: converted.value } : {};
      const document = { ok: converted.ok, form: flags.to, ...text, findings: reading.findings, exitCode };
      terminal.out(`${JSON.stringify(document, undefined, 2)}\n`);
    } else if (converted.ok) terminal.out(converted.value);
    else terminal.err(presentFindings(reading, terminal));
    finish(exitCode);
  });
};
