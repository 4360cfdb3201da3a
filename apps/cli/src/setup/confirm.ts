/** Asking before something is granted, made or taken away. */
import { createInterface } from 'node:readline/promises';
import { CommandFailure } from '../command-failure.ts';
import type { Terminal } from '../terminal.ts';

/** Whether a person says yes. `--yes` says it beforehand; without a terminal and without `--yes` nothing is done. */
export async function confirm(question: string, flags: { readonly yes?: true }, terminal: Terminal): Promise<boolean> {
  if (flags.yes === true) return true;
  if (!process.stdin.isTTY || !terminal.isTerminal) {
    throw CommandFailure.usage('Nothing was done: there is nobody to ask. Run it on a terminal, or say --yes.');
  }
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await reader.question(`${question} [y/N] `, { signal: terminal.signal });
    return /^y(?:es)?$/i.test(answer.trim());
  } finally {
    reader.close();
  }
}
