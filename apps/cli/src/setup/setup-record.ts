/**
 * What the set-up noted for later, beside the settings file: `postbearer-setup.json`.
 *
 * It holds what settings have no place for and what Exchange has to be told: the object ID of the enterprise application, which of
 * Microsoft's ways was taken, and of the secret all but its value. No secret stands in it.
 */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ExchangePlan } from '@postbearer/core';
import type { CredentialFacts } from '@postbearer/microsoft365';
import { CommandFailure } from '../command-failure.ts';

/** What is noted. */
export interface SetupRecord {
  readonly uniqueName: string;
  readonly displayName: string;
  readonly tenant: string;
  readonly clientId: string;
  /** Object ID of the registration, for Microsoft Graph. */
  readonly applicationObjectId: string;
  /** Object ID of the enterprise application, for Exchange. */
  readonly servicePrincipalObjectId: string;
  readonly model: ExchangePlan['model'];
  readonly secret?: Pick<CredentialFacts, 'keyId' | 'hint' | 'startsAt' | 'endsAt'> & { readonly file: string };
}

const NAME = 'postbearer-setup.json';

/** Where the note of a settings file is. */
function recordFileOf(settingsFile: string): string {
  return join(dirname(settingsFile), NAME);
}

/** Writes the note, whole or not at all. */
export async function writeRecord(settingsFile: string, record: SetupRecord): Promise<void> {
  const file = recordFileOf(settingsFile);
  const fresh = `${file}.new`;
  await writeFile(fresh, `${JSON.stringify(record, undefined, 2)}\n`, { mode: 0o600 });
  await rename(fresh, file);
}

/** The note beside a settings file; `undefined` where there is none. */
export async function readRecord(settingsFile: string): Promise<SetupRecord | undefined> {
  const file = recordFileOf(settingsFile);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw CommandFailure.usage(`${file} cannot be read: ${(error as Error).message}`);
  }
  try {
    return JSON.parse(text) as SetupRecord;
  } catch {
    throw CommandFailure.usage(`${file} is damaged; remove it and run postbearer setup entra again.`);
  }
}
