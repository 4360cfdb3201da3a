/** The options that every command with settings shares, and how they become settings. */
import { readSettings, type LoadOptions, type Settings, type SettingsReading } from '@postbearer/settings';
import { isShown, parseLogLevel, type EventSink, type LogLevel } from '@postbearer/core';
import { createEventLog } from '@postbearer/mailer';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { EXIT } from './exit-codes.ts';
import { presentFindings } from './present/findings.ts';
import type { Terminal } from './terminal.ts';

/** The values of {@link addSettingsOptions} and {@link addLogOptions}. */
export interface SettingsFlags {
  readonly config?: string;
  readonly set?: Readonly<Record<string, string>>;
  readonly json?: true;
  readonly logLevel?: LogLevel;
  readonly logFormat?: 'text' | 'json';
}

function collectSetting(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const cut = text.indexOf('=');
  // A key of another form may be a secret that was meant as a value, so it is not looked up and not repeated.
  if (cut < 1 || !/^[A-Za-z][\w.@-]*$/.test(text.slice(0, cut)))
    throw new InvalidArgumentError('It must have the form key=value, for example smtp.port=2587.');
  return { ...before, [text.slice(0, cut)]: text.slice(cut + 1) };
}

function parseLevel(text: string): LogLevel {
  const level = parseLogLevel(text);
  if (level === undefined)
    throw new InvalidArgumentError('It must be one of Verbose, Debug, Information, Warning, Error, Fatal.');
  return level;
}

/** Adds `--json`. */
export function addJsonOption(command: Command): Command {
  return command.option('--json', 'print one JSON document for machines');
}

/** Adds `--config`, `--set` and `--json`. */
export function addSettingsOptions(command: Command): Command {
  return addJsonOption(
    command
      .option('-c, --config <file>', 'settings file: Global-variables.json or *.tfvars')
      .option(
        '--set <key=value>',
        'override one setting, for example smtp.port=2587; repeat for more (never for secrets)',
        collectSetting,
      ),
  );
}

/** Adds `--log-level` and `--log-format`; `otherwise` says what holds where the level is left out. */
export function addLogOptions(command: Command, otherwise = 'LOG_LEVEL of the settings where left out'): Command {
  return command
    .option('--log-level <level>', `Verbose, Debug, Information, Warning, Error or Fatal; ${otherwise}`, parseLevel)
    .addOption(
      new Option(
        '--log-format <form>',
        'form of the log lines on standard error; text where nothing else is set',
      ).choices(['text', 'json']),
    );
}

/** Where the settings of these flags are read. */
export function loadOptionsOf(flags: SettingsFlags, terminal: Terminal): LoadOptions {
  return {
    environment: terminal.environment,
    workingFolder: terminal.workingFolder,
    ...(flags.config === undefined ? {} : { configFile: flags.config }),
    ...(flags.set === undefined ? {} : { overrides: flags.set }),
  };
}

/** Reads the settings, or tells everything that is wrong with them. */
export async function requireSettings(flags: SettingsFlags, terminal: Terminal): Promise<Settings | undefined> {
  const reading = await readSettings(loadOptionsOf(flags, terminal));
  if (reading.settings === undefined) tellFindings(reading, flags, terminal);
  return reading.settings;
}

function tellFindings(reading: SettingsReading, flags: SettingsFlags, terminal: Terminal): void {
  if (flags.json === true)
    terminal.out(
      `${JSON.stringify({ ok: false, exitCode: EXIT.settings, findings: reading.findings }, undefined, 2)}\n`,
    );
  else terminal.err(presentFindings(reading, terminal));
}

/** The level of the log: flags first, then LOG_LEVEL of the settings. */
export function logLevelOf(flags: SettingsFlags, settings: Settings): LogLevel {
  return flags.logLevel ?? settings.logLevel;
}

/**
 * The log of a command, on standard error. On a terminal, where the result stands right below it, the text form has the first
 * line of each record only: the result says the rest, laid out.
 */
export function logOf(flags: SettingsFlags, level: LogLevel, terminal: Terminal): EventSink {
  const format = flags.logFormat ?? 'text';
  const isShort = terminal.isTerminal && format === 'text' && !isShown('Debug', level);
  return createEventLog({
    level,
    format,
    write: (record) => terminal.err(isShort ? `${record.split('\n', 1)[0] ?? ''}\n` : record),
  });
}

/** Whether the dialogue itself is to be logged. */
export function wantsDialogue(level: LogLevel): boolean {
  return isShown('Debug', level);
}
