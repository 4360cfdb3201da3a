/**
 * The folder into which every account may put mail.
 *
 * The rules of this file:
 * - mode 3733: everybody may add a file, nobody may see which are there or remove that of others, and files get the group of
 *   the folder, so that the service may read them without being root;
 * - the service owns it, or is root: only the owner may remove files of others from such a folder;
 * - what is no mail goes into `bad` within it, which the service alone can open; nothing is looked at there again.
 */
import { mkdir, chmod, lstat, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { failure, success, type Result } from '@postbearer/core';
import { PART, WHOLE } from './drop-writer.ts';
import { sendmailFaults } from './faults.ts';

const FOLDER_MODE = 0o3733;
const ASIDE = 'bad';
const PERMISSIONS = 0o7777;
/** Nobody writes a message that long. */
const PART_KEPT_MS = 24 * 60 * 60_000;

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Checks that a path is a folder of ours, with a mode; says what is wrong. */
async function folderProblem(folder: string, mode: number, mayBeOthers: boolean): Promise<string | undefined> {
  const found = await lstat(folder);
  if (!found.isDirectory()) return `${folder} is no folder`;
  const own = process.geteuid?.() ?? 0;
  if (found.uid !== own && !(mayBeOthers && own === 0)) return `${folder} belongs to the account ${found.uid}`;
  if ((found.mode & PERMISSIONS) !== mode) await chmod(folder, mode);
  const { mode: set } = await lstat(folder);
  return (set & PERMISSIONS) === mode ? undefined : `the mode of ${folder} is ${(set & PERMISSIONS).toString(8)}`;
}

/** The folder, checked. Made by {@link openDropFolder}. */
export class DropFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** The path of a file in it. */
  fileOf(name: string): string {
    return join(this.path, name);
  }

  /** Where a file is put that is no mail. */
  asideOf(name: string): string {
    return join(this.path, ASIDE, name);
  }

  /** The names of whole files, in no order. */
  async list(): Promise<readonly string[]> {
    return (await readdir(this.path)).filter((name) => name.endsWith(WHOLE));
  }

  /** Puts a file aside. */
  async setAside(name: string): Promise<void> {
    await rename(this.fileOf(name), this.asideOf(name));
  }

  /** Removes a file; one that is gone is removed. */
  async remove(name: string): Promise<void> {
    await rm(this.fileOf(name), { force: true });
  }

  /** Removes what was begun a day ago and never finished. */
  async removeOldParts(now: number): Promise<void> {
    for (const name of await readdir(this.path)) {
      if (!name.endsWith(PART)) continue;
      const found = await lstat(this.fileOf(name)).catch(() => undefined);
      if (found?.isFile() === true && found.mtimeMs < now - PART_KEPT_MS) await this.remove(name);
    }
  }
}

/** Makes the folder where it is missing, and checks it. Fails with `SENDMAIL_NOT_ON_WINDOWS` or `SENDMAIL_FOLDER_UNSAFE`. */
export async function openDropFolder(
  path: string,
  platform: NodeJS.Platform = process.platform,
): Promise<Result<DropFolder>> {
  if (platform === 'win32') return failure(sendmailFaults.make('SENDMAIL_NOT_ON_WINDOWS'));
  const unsafe = (reason: string): Result<DropFolder> =>
    failure(sendmailFaults.make('SENDMAIL_FOLDER_UNSAFE', { folder: path, reason }));
  const folder = new DropFolder(path);
  try {
    await mkdir(path, { recursive: true });
    const problem = await folderProblem(path, FOLDER_MODE, true);
    if (problem !== undefined) return unsafe(problem);
    await mkdir(folder.asideOf('')).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    });
    const asideProblem = await folderProblem(join(path, ASIDE), 0o700, false);
    return asideProblem === undefined ? success(folder) : unsafe(asideProblem);
  } catch (error) {
    return unsafe(reasonOf(error));
  }
}
