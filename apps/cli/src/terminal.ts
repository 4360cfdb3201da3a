/**
 * The terminal as a parameter: what a command reads, where it writes, and how the writing may look.
 *
 * Results go to standard output, logs and faults to standard error. Colour and pictures only on a terminal; `NO_COLOR` is
 * honoured. With `--json` standard output carries exactly one JSON document.
 */
import { once } from 'node:events';
import { addAbortSignal } from 'node:stream';
import { styleText } from 'node:util';
import { EXIT } from './exit-codes.ts';

/** Ways to stress a word. */
export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/** What a command may touch of the world outside its arguments. */
export interface Terminal {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingFolder: string;
  /** Whether standard output is a terminal. */
  readonly isTerminal: boolean;
  /** Columns of the terminal; 80 in a pipe. */
  readonly width: number;
  /** Writes to standard output. */
  out(text: string): void;
  /** Resolves when standard output has room for more: whoever writes much waits for it. */
  drained(): Promise<void>;
  /** Writes to standard error. */
  err(text: string): void;
  /** All of standard input. */
  readInput(): Promise<Uint8Array>;
  /** Standard input as it comes; ends with an error when the command is interrupted. */
  inputBlocks(): AsyncIterable<Uint8Array>;
  /** The text with a style, where the terminal shows styles. */
  style(style: Style, text: string): string;
  /** Aborted at the first Ctrl+C or termination signal, and when nobody reads the output any more. */
  readonly signal: AbortSignal;
  /** Whether something could not be written to standard output (a full disk). */
  hasLostOutput(): boolean;
}

async function readAll(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

/**
 * Watches a stream of this process. A reader that went away (`postbearer … | head`) ends the command as an interruption does, so
 * that it cleans up; anything else that cannot be written is lost output.
 */
function watch(stream: NodeJS.WriteStream, interruption: AbortController): () => boolean {
  let isLost = false;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') {
      interruption.abort(new Error('nobody reads the output any more'));
      return;
    }
    isLost = true;
    // The command may have ended already, and with it the moment to give an exit code.
    process.exitCode = EXIT.temporary;
  });
  return () => isLost;
}

async function drained(stream: NodeJS.WriteStream, signal: AbortSignal): Promise<void> {
  if (stream.writableNeedDrain) await once(stream, 'drain', { signal });
}

/** The terminal of this process; `interruption` is aborted when nobody reads its output any more. */
export function processTerminal(interruption: AbortController): Terminal {
  const isTerminal = process.stdout.isTTY;
  const isOutLost = watch(process.stdout, interruption);
  // Nobody has to read the log: what was asked is done all the same.
  process.stderr.on('error', () => undefined);
  return {
    environment: process.env,
    workingFolder: process.cwd(),
    isTerminal,
    // Some terminals say 0 columns.
    width: Math.min(process.stdout.columns || 80, 120),
    out: (text) => void process.stdout.write(text),
    drained: async () => await drained(process.stdout, interruption.signal),
    err: (text) => void process.stderr.write(text),
    readInput: async () => await readAll(process.stdin),
    inputBlocks: () => addAbortSignal(interruption.signal, process.stdin),
    style: (style, text) => (isTerminal ? styleText(style, text, { stream: process.stdout }) : text),
    signal: interruption.signal,
    hasLostOutput: isOutLost,
  };
}

/** Resolves at the first Ctrl+C or termination signal. */
export async function interrupted({ signal }: Terminal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((done) => {
    signal.addEventListener('abort', () => done(), { once: true });
  });
}
