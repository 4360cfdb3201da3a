/**
 * A lock that is a file: whoever makes it has it. One that a process left which ended is taken over.
 *
 * The file names process and machine. A process of this machine that does not run any more has let go; one of another machine is
 * believed, and a person removes its file where that machine is gone.
 */
import { open, readFile, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { failure, type Result } from '@postbearer/core';
import { secretFaults } from '../faults.ts';

interface Holder {
  readonly host: string;
  readonly pid: number;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // A process of another account is there and may not be asked.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

async function holderOf(file: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Holder;
  } catch {
    return undefined;
  }
}

async function take(file: string): Promise<boolean> {
  try {
    const handle = await open(file, 'wx', 0o600);
    await handle.writeFile(JSON.stringify({ host: hostname(), pid: process.pid } satisfies Holder));
    await handle.close();
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Runs work while this file is ours. Fails with `SECRET_ROTATION_LOCKED` where somebody else has it. */
export async function withFileLock<T>(file: string, work: () => Promise<Result<T>>): Promise<Result<T>> {
  if (!(await take(file))) {
    const holder = await holderOf(file);
    const isLeft = holder === undefined || (holder.host === hostname() && !isRunning(holder.pid));
    if (isLeft) await rm(file, { force: true });
    if (!isLeft || !(await take(file))) {
      const who = holder === undefined ? 'another process' : `process ${holder.pid} on ${holder.host}`;
      return failure(secretFaults.make('SECRET_ROTATION_LOCKED', { file, who }));
    }
  }
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}
