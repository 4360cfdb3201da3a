/**
 * Replaces a file that holds secrets.
 *
 * Rule: the new text is written to a file beside the old one, flushed to disk and renamed over it, so that a reader sees the
 * one or the other, whole, even after a power cut. Afterwards its owner alone may read and write it; a stricter mode is kept.
 * The owner is kept as well, or nothing is written. Whether the old file is still the one that was read is asked last of all,
 * when the new one is ready to take its place.
 */
import { randomBytes } from 'node:crypto';
import { chown, open, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { codeOf } from './file-access.ts';

/** Permission bits and owner of a file. */
export interface FileOwner {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

function shown(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

function modeFor(old: FileOwner | undefined, notes: string[]): number {
  if (old === undefined) return 0o600;
  const mode = old.mode & 0o600;
  if (old.mode !== mode) notes.push(`The mode was ${shown(old.mode)} and is now ${shown(mode)}.`);
  else if (mode !== 0o600) notes.push(`The mode ${shown(mode)} was kept.`);
  return mode;
}

/** Gives the new file the owner of the old one; false where that is not allowed. */
async function keepOwner(path: string, old: FileOwner | undefined, notes: string[]): Promise<boolean> {
  if (old === undefined || process.platform === 'win32') return true;
  const now = await stat(path);
  if (now.uid === old.uid && now.gid === old.gid) return true;
  try {
    await chown(path, old.uid, old.gid);
    notes.push(`The owner ${old.uid}:${old.gid} was kept.`);
    return true;
  } catch {
    return false;
  }
}

/** Makes the rename itself durable, where folders can be flushed. */
async function flushFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** What became of it: `changed` where the old file is not the one any more that was read. */
export type Replaced =
  | { readonly outcome: 'done'; readonly notes: readonly string[] }
  | { readonly outcome: 'changed' }
  | { readonly outcome: 'refused'; readonly reason: string; readonly advice: string };

const NOT_OURS: Replaced = {
  outcome: 'refused',
  reason: 'it belongs to another account and would change its owner',
  advice: 'Run this as its owner or as root',
};

async function writeBeside(
  beside: string,
  text: string,
  mode: number,
  old: FileOwner | undefined,
  notes: string[],
): Promise<boolean> {
  const handle = await open(beside, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    if (!(await keepOwner(beside, old, notes))) return false;
    await handle.chmod(mode);
    await handle.sync();
    return true;
  } finally {
    await handle.close();
  }
}

/**
 * Puts a text into a file, whole or not at all. Never throws.
 *
 * @param old - what is known of the file that is replaced.
 * @param isCurrent - whether the file still is as it was read.
 */
export async function replaceFile(
  file: string,
  text: string,
  old: FileOwner | undefined,
  isCurrent: () => Promise<boolean>,
): Promise<Replaced> {
  const notes: string[] = [];
  const mode = modeFor(old, notes);
  const beside = join(dirname(file), `.${basename(file)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    if (!(await writeBeside(beside, text, mode, old, notes))) return NOT_OURS;
    if (!(await isCurrent())) return { outcome: 'changed' };
    await rename(beside, file);
    await flushFolder(dirname(file));
    return { outcome: 'done', notes };
  } catch (error) {
    const advice = 'Make sure that this account may write into the folder of the file';
    return { outcome: 'refused', reason: `the system says ${codeOf(error)}`, advice };
  } finally {
    // After the rename there is nothing left to remove.
    await unlink(beside).catch(() => undefined);
  }
}
