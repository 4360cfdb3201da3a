/**
 * Runs one command and tells how it ended.
 *
 * With `--json` standard output gets exactly one document: that of the command, or, where it ended before it had one,
 * `{ "ok": false, "exitCode": …, "error": …, "fault": … }`. Words that were typed are not repeated in a message about
 * usage: they may hold a secret.
 */
import { Command, CommanderError } from 'commander';
import { CommandFailure } from './command-failure.ts';
import type { CommandEntry } from './command-table.ts';
import { EXIT } from './exit-codes.ts';
import { presentFault } from './present/fault.ts';
import type { Terminal } from './terminal.ts';

/** What commander found wrong, without the value that was typed. */
function usageMessage(error: CommanderError): string {
  return error.message
    .replace(/^error: /, '')
    .replace(/unknown option '([^'=]*)[^']*'/, "unknown option '$1'")
    .replace(/ argument '.*' is invalid\. /s, ' has a wrong value. ')
    .replace(/(too many arguments[^:]*):.*/s, '$1')
    .replace(/^argument missing for/, 'a value is missing for');
}

function failureOf(error: unknown, terminal: Terminal): CommandFailure | undefined {
  if (error instanceof CommandFailure) return error;
  if (error instanceof CommanderError) return CommandFailure.usage(usageMessage(error));
  // Those of the emulator carry a fault and are not known here, so that it is not loaded for every command.
  if (!terminal.signal.aborted && error instanceof Error && 'fault' in error)
    return CommandFailure.of(error.fault as never);
  return undefined;
}

function tellFailure(
  { message, exitCode, fault }: CommandFailure,
  path: string,
  isJson: boolean,
  terminal: Terminal,
): void {
  if (isJson) terminal.out(`${JSON.stringify({ ok: false, exitCode, error: message, fault }, undefined, 2)}\n`);
  else if (fault !== undefined) terminal.err(presentFault(fault, terminal));
  else terminal.err(`${message}\nSee postbearer ${path} --help.\n`);
}

/** Tells how a command ended that threw, and gives its exit code; throws again what is a bug. */
export function endOf(error: unknown, path: string, terminal: Terminal): number {
  const failure = failureOf(error, terminal);
  if (failure === undefined && !terminal.signal.aborted) throw error;
  if (failure !== undefined) tellFailure(failure, path, false, terminal);
  return failure?.exitCode ?? EXIT.cancelled;
}

/**
 * Runs the command `entry` with the words after its name.
 *
 * @returns the exit code; throws only what is a bug.
 */
export async function runCommand(entry: CommandEntry, args: readonly string[], terminal: Terminal): Promise<number> {
  const isJson = args.includes('--json');
  let hasAnswered = false;
  const watched: Terminal = {
    ...terminal,
    out(text) {
      hasAnswered = true;
      terminal.out(text);
    },
  };
  let exitCode: number = EXIT.ok;
  const command = new Command(`postbearer ${entry.path}`)
    .summary(entry.summary)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => watched.out(text),
      // Told below, in one form for all.
      writeErr: () => undefined,
      getOutHelpWidth: () => terminal.width,
    });
  try {
    const { define } = await entry.load();
    define(command, watched, (code) => {
      exitCode = code;
    });
    await command.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok;
    const failure = failureOf(error, terminal);
    if (failure !== undefined) {
      tellFailure(failure, entry.path, isJson && !hasAnswered, terminal);
      return failure.exitCode;
    }
    if (!terminal.signal.aborted) throw error;
    if (isJson && !hasAnswered)
      terminal.out(`${JSON.stringify({ ok: false, exitCode: EXIT.cancelled, error: 'interrupted' })}\n`);
    return EXIT.cancelled;
  }
}
