/**
 * The terminal as a parameter: what a command reads, where it writes, and how the writing may look.
 *
 * Results go to standard output, logs and faults to standard error. Colour and pictures only on a terminal; `NO_COLOR` is
 * honoured. With `--json` standard output carries exactly one JSON document.
 */
import { styleText } from 'node:util';

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
  /** Writes to standard error. */
  err(text: string): void;
  /** All of standard input. */
  readInput(): Promise<Uint8Array>;
  /** The text with a style, where the terminal shows styles. */
  style(style: Style, text: string): string;
  /** Aborted at the first Ctrl+C or termination signal. */
  readonly signal: AbortSignal;
}

async function readAll(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

/** The terminal of this process. */
export function processTerminal(signal: AbortSignal): Terminal {
  const isTerminal = process.stdout.isTTY;
  return {
    environment: process.env,
    workingFolder: process.cwd(),
    isTerminal,
    width: Math.min(process.stdout.columns ?? 80, 120),
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    readInput: async () => await readAll(process.stdin),
    style: (style, text) => (isTerminal ? styleText(style, text, { stream: process.stdout }) : text),
    signal,
  };
}

/** Resolves at the first Ctrl+C or termination signal. */
export async function interrupted({ signal }: Terminal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((done) => {
    signal.addEventListener('abort', () => done(), { once: true });
  });
}
