/**
 * Writes the settings of an emulator to a file, and never over settings that are somebody's own.
 *
 * Rules: a file that exists is replaced only where an emulator plainly wrote it, that is where it is an ordinary file of JSON
 * whose `smtp.server` is an address of this machine and whose `smtp.caFile` lies in the folder of an emulator. The new text is
 * written to a file beside it that only its owner may read, flushed to disk and renamed, so that a reader sees the old or the
 * new settings, whole.
 */
import { randomBytes } from 'node:crypto';
import { lstat, open, readFile, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isLoopbackHost } from '@postbearer/network';
import { EmulatorError, emulatorFaults } from './faults.ts';
import type { EmulatorSettings } from './settings.ts';

/** How the folder of an emulator is named that holds the certificate of its authority. */
export const AUTHORITY_FOLDER_PREFIX = 'postbearer-emulator-';

/** No settings are longer; a longer file is not read. */
const LONGEST_FILE_BYTES = 1024 * 1024;

/** Any JSON value, as far as it is looked at. */
type ForeignSettings = { readonly smtp?: { readonly server?: unknown; readonly caFile?: unknown } | null } | null;

function isFromEmulator(text: string): boolean {
  try {
    const { server, caFile } = (JSON.parse(text) as ForeignSettings)?.smtp ?? {};
    if (typeof server !== 'string' || typeof caFile !== 'string') return false;
    return isLoopbackHost(server) && basename(dirname(caFile)).startsWith(AUTHORITY_FOLDER_PREFIX);
  } catch {
    return false;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}

/** Whether nothing is lost when a file of this name is written. A link is somebody's own, wherever it leads. */
async function isFree(file: string): Promise<boolean> {
  try {
    const facts = await lstat(file);
    if (!facts.isFile() || facts.size > LONGEST_FILE_BYTES) return false;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return true;
    throw error;
  }
  return isFromEmulator(await readFile(file, 'utf8'));
}

async function replaceFile(file: string, text: string): Promise<void> {
  const beside = join(dirname(file), `.${basename(file)}.${randomBytes(6).toString('hex')}.tmp`);
  const handle = await open(beside, 'wx', 0o600);
  try {
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(beside, file);
  } catch (error) {
    // The first error is the one that counts; the file may not even have been made.
    await unlink(beside).catch(() => undefined);
    throw error;
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'its folder does not exist',
  ENOTDIR: 'its folder is not a folder',
  EACCES: 'this account has no right to it',
  EPERM: 'this account has no right to it',
  EROFS: 'it lies on a disk that cannot be written',
  ENOSPC: 'the disk is full',
  ENAMETOOLONG: 'its name is too long',
};

/**
 * Writes settings to a file.
 *
 * @throws EmulatorError with `EMULATOR_SETTINGS_FILE_EXISTS` or `EMULATOR_SETTINGS_FILE_NOT_WRITABLE`; the file is then as it was.
 */
export async function writeSettingsFile(file: string, settings: EmulatorSettings): Promise<void> {
  try {
    if (await isFree(file)) return await replaceFile(file, `${JSON.stringify(settings, undefined, 2)}\n`);
  } catch (error) {
    const reason = REASONS[codeOf(error)] ?? `the system says ${codeOf(error)}`;
    throw new EmulatorError(emulatorFaults.make('EMULATOR_SETTINGS_FILE_NOT_WRITABLE', { file, reason }));
  }
  throw new EmulatorError(emulatorFaults.make('EMULATOR_SETTINGS_FILE_EXISTS', { file }));
}
