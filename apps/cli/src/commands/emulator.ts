/** `postbearer emulator`: a local Microsoft 365 that stays until it is interrupted. */
import { resolve } from 'node:path';
import { startEmulator, type Emulator } from '@postbearer/emulator';
import { InvalidArgumentError } from 'commander';
import type { DefineCommand } from '../command-table.ts';
import { EXIT } from '../exit-codes.ts';
import { addJsonOption } from '../settings-options.ts';
import { interrupted, type Terminal } from '../terminal.ts';

interface EmulatorFlags {
  readonly smtpPort?: number;
  readonly tokenPort?: number;
  readonly state?: string;
  readonly writeSettings?: string;
  readonly pace?: boolean;
  readonly json?: true;
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new InvalidArgumentError('It must be a port number from 0 to 65535; 0 takes a free one.');
  return port;
}

function readyLine(emulator: Emulator, settingsFile: string | undefined): string {
  const settings = settingsFile === undefined ? '' : `  settings ${settingsFile}`;
  return `Emulator ready: SMTP ${emulator.smtp.host}:${emulator.smtp.port}  token ${emulator.tokenEndpoint()}  inbox ${emulator.url}${settings}`;
}

async function run(flags: EmulatorFlags, terminal: Terminal): Promise<number> {
  const emulator = await startEmulator({
    ...(flags.smtpPort === undefined ? {} : { smtpPort: flags.smtpPort }),
    ...(flags.tokenPort === undefined ? {} : { tokenPort: flags.tokenPort }),
    ...(flags.pace === false ? { pace: Number.POSITIVE_INFINITY } : {}),
    ...(flags.state === undefined ? {} : { stateFile: resolve(terminal.workingFolder, flags.state) }),
  });
  try {
    const settingsFile =
      flags.writeSettings === undefined ? undefined : resolve(terminal.workingFolder, flags.writeSettings);
    if (settingsFile !== undefined) await emulator.writeSettings(settingsFile);
    const ready = {
      ready: true,
      smtp: emulator.smtp,
      tokenEndpoint: emulator.tokenEndpoint(),
      inbox: emulator.url,
      certificateAuthorityFile: emulator.certificateAuthorityFile,
      settingsFile,
    };
    terminal.out(flags.json === true ? `${JSON.stringify(ready)}\n` : `${readyLine(emulator, settingsFile)}\n`);
    await interrupted(terminal);
  } finally {
    await emulator.close();
  }
  return EXIT.ok;
}

/** Adds the options and the action of `postbearer emulator`. */
export const define: DefineCommand = (command, terminal, finish) => {
  addJsonOption(command)
    .description(
      'Runs a local Microsoft 365 (Entra token endpoint and Exchange Online SMTP) on this machine until it is interrupted.',
    )
    .option('--smtp-port <port>', 'port of SMTP submission; a free one where left out', parsePort)
    .option(
      '--token-port <port>',
      'port of the token endpoint and of the inbox page; a free one where left out',
      parsePort,
    )
    .option('--state <file>', 'JSON file with tenants, apps and mailboxes; one ready tenant where left out')
    .option('--no-pace', 'takes messages as fast as they come, not 30 a minute')
    .option(
      '--write-settings <file>',
      "writes settings that point at the emulator; never over a file that is not an emulator's",
    )
    .addHelpText(
      'after',
      '\nExamples:\n  postbearer emulator --write-settings emulator.json\n  postbearer send --config emulator.json --to user@example.com --subject Test --text Hello\n',
    )
    .action(async (flags: EmulatorFlags) => finish(await run(flags, terminal)));
};
