/**
 * The three slots of a secret as files: the one that the settings name, and beside it `.next` and `.previous`.
 *
 * Whoever reads the secret's file finds a whole one at every moment: files are written under another name, flushed, and renamed, and the
 * folder is flushed after them. All have mode 0600.
 */
import { copyFile, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { failure, Secret, success, type Result } from '@postbearer/core';
import { secretFaults } from '../faults.ts';
import type { RotationLog, RotationRecord, SecretSlots } from './rotation.ts';

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : String(error);
}

/** Flushes what a folder says of its files, where the system knows of that. */
async function flushFolder(file: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(dirname(file), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function writeWhole(file: string, text: string): Promise<void> {
  const fresh = `${file}.writing`;
  const handle = await open(fresh, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(fresh, file);
  await flushFolder(file);
}

async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function guarded<T>(file: string, work: () => Promise<T>): Promise<Result<T>> {
  try {
    return success(await work());
  } catch (error) {
    return failure(secretFaults.make('SECRET_FILE_NOT_WRITTEN', { file, reason: codeOf(error) }));
  }
}

/** Reads a slot; an empty file is an empty slot. */
function read(path: string): () => Promise<Result<Secret | undefined>> {
  return async () =>
    await guarded(path, async () => {
      const value = (await readText(path))?.replace(/\r?\n$/, '') ?? '';
      return value === '' ? undefined : Secret.of(value);
    });
}

/** Empties a slot. */
function drop(path: string): () => Promise<Result<void>> {
  return async () =>
    await guarded(path, async () => {
      await rm(path, { force: true });
      await flushFolder(path);
    });
}

/** `to` gets what `from` has, while `to` stays whole. */
async function copyWhole(from: string, to: string): Promise<void> {
  const fresh = `${to}.writing`;
  await copyFile(from, fresh);
  const handle = await open(fresh, 'r+');
  try {
    await handle.chmod(0o600);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(fresh, to);
  await flushFolder(to);
}

/** The slots of a secret that is kept in a file. */
export function fileSlots(file: string): SecretSlots {
  const [next, previous] = [`${file}.next`, `${file}.previous`];
  return {
    current: read(file),
    next: read(next),
    previous: read(previous),
    putNext: async (secret) => await guarded(next, async () => await writeWhole(next, secret.reveal())),
    promoteNext: async () =>
      await guarded(file, async () => {
        if ((await readText(file)) !== undefined) await copyWhole(file, previous);
        await rename(next, file);
        await flushFolder(file);
      }),
    restorePrevious: async () =>
      await guarded(file, async () => {
        await copyWhole(file, next);
        await rename(previous, file);
        await flushFolder(file);
      }),
    dropNext: drop(next),
    dropPrevious: drop(previous),
  };
}

/** The record of a rotation as a file of JSON. */
export function fileRotationLog(file: string): RotationLog {
  return {
    load: async () =>
      await guarded(file, async () => {
        const text = await readText(file);
        return text === undefined ? undefined : (JSON.parse(text) as RotationRecord);
      }),
    save: async (record) =>
      await guarded(file, async () => await writeWhole(file, `${JSON.stringify(record, undefined, 2)}\n`)),
    clear: async () =>
      await guarded(file, async () => {
        await rm(file, { force: true });
        await flushFolder(file);
      }),
  };
}
