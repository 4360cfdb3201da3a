/** Asks for a secret without showing it. */
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import type { Terminal } from '../terminal.ts';

/** What a person types, not echoed; in a pipe, all of standard input. */
export async function askSecret(question: string, terminal: Terminal): Promise<string> {
  if (!process.stdin.isTTY) return Buffer.from(await terminal.readInput()).toString('utf8');
  terminal.err(question);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  try {
    return await new Promise<string>((done, fail) => {
      reader.once('line', done);
      reader.once('close', () => done(''));
      terminal.signal.addEventListener('abort', () => fail(terminal.signal.reason as Error), { once: true });
    });
  } finally {
    reader.close();
    terminal.err('\n');
  }
}
