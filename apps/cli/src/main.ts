/**
 * The command line: finds the command, loads its module, runs it, gives its exit code.
 *
 * `--version` and the first `--help` are answered before anything else is loaded.
 */
import { readFileSync } from 'node:fs';
import { COMMANDS, NOUNS, type CommandEntry } from './command-table.ts';
import { EXIT } from './exit-codes.ts';
import { manual } from './present/manual.ts';
import { processTerminal, type Terminal } from './terminal.ts';

function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : 'unknown';
}

/** The command that the arguments name, and what is left of them. */
function findCommand(args: readonly string[]): { entry: CommandEntry; rest: readonly string[] } | undefined {
  for (const words of [2, 1]) {
    const entry = COMMANDS.find(
      ({ path }) => path.split(' ').length === words && path === args.slice(0, words).join(' '),
    );
    if (entry !== undefined) return { entry, rest: args.slice(words) };
  }
  return undefined;
}

function unknownCommand(args: readonly string[], terminal: Terminal): number {
  const [word = ''] = args;
  const verbs = COMMANDS.filter(({ path }) => path.startsWith(`${word} `)).map(({ path }) => path);
  const said =
    verbs.length > 0
      ? `postbearer ${word} needs a further word: ${verbs.join(', ')}.`
      : `postbearer has no command "${word}".`;
  terminal.err(`${said}\nSee postbearer --help.\n`);
  return EXIT.usage;
}

/** Commands that read their words by themselves start without the reader of all others. */
async function run(entry: CommandEntry, words: readonly string[], terminal: Terminal): Promise<number> {
  if (entry.readsItsWords === true && words[0] !== '--help') {
    try {
      const { run: runItself } = await entry.load();
      if (runItself !== undefined) return await runItself(words, terminal);
    } catch (error) {
      const { endOf } = await import('./run-command.ts');
      return endOf(error, entry.path, terminal);
    }
  }
  const { runCommand } = await import('./run-command.ts');
  return await runCommand(entry, words, terminal);
}

/**
 * Runs one command line.
 *
 * @param args - the words after the program's name.
 * @param given - the terminal; that of the process where it is left out.
 * @returns the exit code (see `exit-codes.ts`).
 */
export async function main(args: readonly string[], given?: Terminal): Promise<number> {
  const interruption = new AbortController();
  const interrupt = (): void => interruption.abort(new Error('interrupted'));
  const terminal = given ?? processTerminal(interruption);
  const [first, second] = args;
  if (first === '--version' || first === '-V') {
    terminal.out(`${version()}\n`);
    return EXIT.ok;
  }
  if (first === 'help' && second !== undefined) return await main([...args.slice(1), '--help'], terminal);
  if (first === undefined || first === '--help' || first === '-h' || first === 'help') {
    terminal.out(manual(terminal));
    return first === undefined ? EXIT.usage : EXIT.ok;
  }
  if (Object.hasOwn(NOUNS, first) && (second === undefined || second === '--help' || second === '-h')) {
    terminal.out(manual(terminal, first));
    return second === undefined ? EXIT.usage : EXIT.ok;
  }
  const found = findCommand(args);
  if (found === undefined) return unknownCommand(args, terminal);
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    const exitCode = await run(found.entry, found.rest, terminal);
    return terminal.hasLostOutput() ? EXIT.temporary : exitCode;
  } catch (error) {
    const said = error instanceof Error ? (error.stack ?? error.message) : String(error);
    terminal.err(`postbearer: this is a bug: ${said}\n`);
    return EXIT.bug;
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}
