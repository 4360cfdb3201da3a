/** A relay that is measured: takes mail on loopback without a sign-in, keeps it on disk, and hands it to the sink. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as passed } from 'node:timers/promises';
import type { Sink } from '../../sink/sink.ts';

/** What every relay is started in. */
export interface RelayWorld {
  /** A folder of its own. */
  readonly folder: string;
  readonly sink: Sink;
  readonly caPem: string;
  readonly tokenEndpoint: string;
  /** Connections to the sink that it may have. */
  readonly connections: number;
}

/** A running relay. */
export interface Relay {
  readonly port: number;
  /** The process whose descendants are the relay. */
  readonly pid: number;
  stop(): Promise<void>;
}

/** Whether somebody listens. */
async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Waits until somebody listens. */
export async function untilAnswering(port: number, forMs = 20_000): Promise<void> {
  for (const end = performance.now() + forMs; performance.now() < end; await passed(20))
    if (await answers(port)) return;
  throw new Error(`Nothing listens on port ${port}`);
}

/** Ends a program, the hard way where it does not by itself. */
export async function stopProgram(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
  await ended;
  clearTimeout(timer);
}

/** Runs a program to its end; what it said is in the error where it failed. */
export async function runToEnd(command: string, args: readonly string[]): Promise<void> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let told = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => (told += part.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${told}`);
}
