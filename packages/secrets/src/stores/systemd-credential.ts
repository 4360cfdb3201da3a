/**
 * A secret that the systemd unit of this program passes in (systemd.exec, LoadCredential=, LoadCredentialEncrypted=).
 *
 * systemd puts each credential as a file of its name into a folder that only this service can read, and names the folder in
 * $CREDENTIALS_DIRECTORY.
 */
import { join } from 'node:path';
import { failure, type Result, type Secret } from '@postbearer/core';
import { secretFaults } from '../faults.ts';
import { readSecretFile } from './file.ts';
import type { ReadFile } from './read-bounded.ts';

// What systemd itself accepts (credential_name_valid): a file name, at most 255 bytes, printable ASCII without slash or colon.
const CREDENTIAL_NAME = /^(?!\.{1,2}$)[ -.0-9;-~]{1,255}$/;

/** Reads the credential `name`, or says with a `SECRET_…` fault why not. */
export async function readSystemdCredential(
  name: string,
  environment: Readonly<Record<string, string | undefined>>,
  readFile: ReadFile,
): Promise<Result<Secret>> {
  if (!CREDENTIAL_NAME.test(name)) return failure(secretFaults.make('SECRET_CREDENTIAL_NAME_INVALID', { name }));
  const folder = environment['CREDENTIALS_DIRECTORY'];
  if (folder === undefined || folder === '') return failure(secretFaults.make('SECRET_CREDENTIALS_ABSENT', { name }));
  const read = await readSecretFile(join(folder, name), readFile);
  if (!read.ok && read.fault.code === 'SECRET_FILE_MISSING')
    return failure(secretFaults.make('SECRET_CREDENTIAL_MISSING', { name }));
  return read;
}
