/** The folder in which a service keeps its data: only the account of the service can look into it. */
import { access, constants, mkdir } from 'node:fs/promises';
import { failure, success, type Result } from '@postbearer/core';
import { serviceFaults } from './faults.ts';

/** Makes the folder with mode 0700 where it is missing. Fails with `SERVICE_FOLDER_UNUSABLE`. */
export async function openDataFolder(folder: string): Promise<Result<void>> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    return success(undefined);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return failure(serviceFaults.make('SERVICE_FOLDER_UNUSABLE', { folder, reason }));
  }
}
