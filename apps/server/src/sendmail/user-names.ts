/** The names of accounts: a file knows its owner by number only. */
import { execFile } from 'node:child_process';
import type { Clock } from '@postbearer/core';

const REMEMBERED_MS = 60_000;
const PATIENCE_MS = 5000;

/** Gives the name of an account; its number as text where it has none. */
export type UserNames = (uid: number) => Promise<string>;

/** Asks the system as every program does, so that accounts of a directory service are found too. */
async function askSystem(uid: number): Promise<string | undefined> {
  return await new Promise((resolve) => {
    execFile('id', ['-un', '--', String(uid)], { timeout: PATIENCE_MS }, (error, out) => {
      const name = out.trim();
      resolve(error === null && name !== '' ? name : undefined);
    });
  });
}

/** Looks up names, and remembers each for a minute. */
export function createUserNames(clock: Clock, ask: typeof askSystem = askSystem): UserNames {
  const known = new Map<number, { readonly name: Promise<string>; readonly untilMs: number }>();
  return async (uid) => {
    const found = known.get(uid);
    if (found !== undefined && clock.monotonicMs() < found.untilMs) return await found.name;
    const name = ask(uid).then((answer) => answer ?? String(uid));
    known.set(uid, { name, untilMs: clock.monotonicMs() + REMEMBERED_MS });
    return await name;
  };
}
