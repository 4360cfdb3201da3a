/** A password that is given on standard input: never as an argument, where every account of the machine could read it. */
import { CommandFailure } from './command-failure.ts';
import type { Terminal } from './terminal.ts';

/** The first line of standard input. Nothing there is a mistake of usage. */
export async function readPassword(terminal: Terminal): Promise<string> {
  const text = Buffer.from(await terminal.readInput()).toString('utf8');
  const [line = ''] = text.split(/\r?\n/, 1);
  if (line === '')
    throw CommandFailure.usage('--password-stdin reads the password from standard input, and there is none.');
  return line;
}
