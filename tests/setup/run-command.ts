/** Runs the command line as a person does: as a process of its own, with its own environment and folder. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { keepOutput } from './run-record.ts';

/** How a command ended. */
export interface CommandEnd {
  readonly exitCode: number | null;
  readonly out: string;
  readonly err: string;
}

/** What a command is started with. */
export interface CommandOptions {
  /** The whole environment beside PATH and HOME. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly folder?: string;
  /** The command is asked to print secrets, so its output is not kept for the search. */
  readonly printsSecrets?: true;
  /** Standard input; empty where it is left out. */
  readonly input?: string | Uint8Array;
}

/** What `npx postbearer` starts. */
export const LAUNCHER: string = fileURLToPath(new URL('../../apps/cli/bin/postbearer.mjs', import.meta.url));

/** Starts `postbearer` with these arguments and waits for its end; everything it printed is kept for the search for secrets. */
export async function runCommand(args: readonly string[], options: CommandOptions = {}): Promise<CommandEnd> {
  const child = spawn(process.execPath, [LAUNCHER, ...args], {
    cwd: options.folder ?? process.cwd(),
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      NO_PROXY: '127.0.0.1,localhost',
      ...options.environment,
    },
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (part: Buffer) => out.push(part));
  child.stderr.on('data', (part: Buffer) => err.push(part));
  child.stdin.end(options.input ?? '');
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  const end = { exitCode, out: Buffer.concat(out).toString('utf8'), err: Buffer.concat(err).toString('utf8') };
  if (options.printsSecrets !== true) keepOutput(`${end.out}${end.err}`);
  return end;
}
