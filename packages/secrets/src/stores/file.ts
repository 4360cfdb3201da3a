/**
 * A secret that is the content of a file.
 *
 * The file holds the secret alone, as UTF-8. One line break at its end is left off, since editors and `echo` put one there;
 * everything else belongs to the secret, also spaces and, in a private key, inner line breaks. A byte order mark is left off.
 */
import { stat } from 'node:fs/promises';
import { failure, Secret, success, type Fault, type Result } from '@postbearer/core';
import { secretFaults } from '../faults.ts';
import type { ReadFile } from './read-bounded.ts';

/** The largest secret, in bytes: a certificate with its key and chain has room, another file named by mistake is refused. */
export const MAX_SECRET_BYTES = 65_536;

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown error';
}

function readFault(file: string, error: unknown): Fault {
  const reason = errorCode(error);
  if (reason === 'ENOENT' || reason === 'ENOTDIR') return secretFaults.make('SECRET_FILE_MISSING', { file });
  if (reason === 'EISDIR') return secretFaults.make('SECRET_FILE_IS_FOLDER', { file });
  return secretFaults.make('SECRET_FILE_UNREADABLE', { file, reason });
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return text.includes('\0') ? undefined : text;
  } catch {
    return undefined;
  }
}

/** Reads the secret in a file, or says with a `SECRET_FILE_…` fault why not. */
export async function readSecretFile(file: string, readFile: ReadFile): Promise<Result<Secret>> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file, MAX_SECRET_BYTES + 1);
  } catch (error) {
    return failure(readFault(file, error));
  }
  if (bytes.length > MAX_SECRET_BYTES)
    return failure(secretFaults.make('SECRET_FILE_TOO_LARGE', { file, limit: MAX_SECRET_BYTES }));
  const text = decode(bytes);
  if (text === undefined) return failure(secretFaults.make('SECRET_FILE_NOT_TEXT', { file }));
  const secret = text.replace(/\r?\n$/, '');
  if (secret.trim() === '') return failure(secretFaults.make('SECRET_EMPTY', { place: file }));
  return success(Secret.of(secret));
}

/**
 * Whether the rights on a secret file are too wide: `SECRET_FILE_OPEN_TO_OTHERS` if every account may read or write it, else
 * `undefined`. It is a warning and stops nothing: Kubernetes and some containers mount secrets that way. On Windows rights
 * are not modes, and nothing is said; nor about a file that is not there, since reading it will tell.
 */
export async function secretFileProblem(file: string): Promise<Fault | undefined> {
  if (process.platform === 'win32') return undefined;
  const mode = await stat(file).then(
    (status) => status.mode,
    () => 0,
  );
  const words = [(mode & 0o004) === 0 ? undefined : 'read', (mode & 0o002) === 0 ? undefined : 'changed'];
  const access = words.filter(Boolean).join(' and ');
  if (access === '') return undefined;
  const shown = (mode & 0o777).toString(8).padStart(4, '0');
  return secretFaults.make('SECRET_FILE_OPEN_TO_OTHERS', { file, access, mode: shown });
}
