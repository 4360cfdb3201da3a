/** Files in memory, for tests of reading. */
import type { FileAccess } from '../file-access.ts';

/** A file as a test writes it; a text alone is an ordinary file of this account with mode 0600. */
export type MemoryFile =
  | string
  | {
      readonly text?: string;
      readonly bytes?: Uint8Array;
      readonly mode?: number;
      readonly owner?: number;
      readonly isFolder?: boolean;
      /** The code of the error that reading it gives. */
      readonly readError?: string;
      /** What `stat` says, where that differs from the content. */
      readonly sizeBytes?: number;
    };

/** The account that runs the test. */
export const TEST_ACCOUNT = 1000;

const FOLDER = { isFile: false, sizeBytes: 0, mode: 0o700, owner: TEST_ACCOUNT };

/** The files of an imagined machine by absolute path. */
export function memoryFiles(files: Readonly<Record<string, MemoryFile>>): FileAccess {
  const entryOf = (path: string): Exclude<MemoryFile, string> | undefined => {
    const file = Object.hasOwn(files, path) ? files[path] : undefined;
    return typeof file === 'string' ? { text: file } : file;
  };
  const bytesOf = (file: Exclude<MemoryFile, string>): Uint8Array =>
    file.bytes ?? new TextEncoder().encode(file.text ?? '');
  return {
    account: TEST_ACCOUNT,
    stat: async (path) => {
      const file = entryOf(path);
      if (file === undefined)
        return Object.keys(files).some((name) => name.startsWith(`${path}/`)) ? FOLDER : undefined;
      const sizeBytes = file.sizeBytes ?? bytesOf(file).length;
      return { isFile: file.isFolder !== true, sizeBytes, mode: file.mode ?? 0o600, owner: file.owner ?? TEST_ACCOUNT };
    },
    read: async (path) => {
      const file = entryOf(path);
      if (file === undefined || file.readError !== undefined)
        throw Object.assign(new Error('refused by the test'), { code: file?.readError ?? 'ENOENT' });
      return bytesOf(file);
    },
  };
}
