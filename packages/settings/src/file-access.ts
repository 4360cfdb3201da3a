/**
 * Reading files, bounded, as text, with a finding in place of an exception.
 *
 * Rule: only ordinary files of at most 10 MB are read. Links are followed, because Kubernetes mounts secrets as links.
 */
import { readFile, stat } from 'node:fs/promises';
import { posix, win32 } from 'node:path';
import { mistake, type Place } from './place.ts';
import type { Finding } from './settings.ts';

/** What is known of a file without reading it. */
export interface FileFacts {
  readonly isFile: boolean;
  readonly sizeBytes: number;
  /** Permission bits. */
  readonly mode: number;
  /** Number of the account it belongs to. */
  readonly owner: number;
}

/** The files of a machine, as the readers need them. */
export interface FileAccess {
  /** Number of the account that runs this program; absent where files have no such owners. */
  readonly account?: number;
  /** Of what a link leads to; `undefined` where there is nothing. Throws where it cannot be told. */
  stat(path: string): Promise<FileFacts | undefined>;
  /** The whole file. Throws where it cannot be read. */
  read(path: string): Promise<Uint8Array>;
}

/** The code of a system error, such as `EACCES`. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}

/** The files of this machine. */
export const systemFiles: FileAccess = {
  ...(process.getuid === undefined ? {} : { account: process.getuid() }),
  async stat(path) {
    try {
      const facts = await stat(path);
      return { isFile: facts.isFile(), sizeBytes: facts.size, mode: facts.mode & 0o7777, owner: facts.uid };
    } catch (error) {
      if (['ENOENT', 'ENOTDIR'].includes(codeOf(error))) return undefined;
      throw error;
    }
  },
  read: (path) => readFile(path),
};

/** Files larger than this hold no settings. */
const LARGEST_FILE_BYTES: number = 10 * 1024 * 1024;

/** What reading a file gave. */
export type FileText =
  | { readonly ok: true; readonly text: string; readonly hasMark: boolean; readonly facts: FileFacts }
  | { readonly ok: false; readonly finding: Finding };

/** Why a file cannot be read, and what to do about it. */
interface Refusal {
  readonly reason: string;
  readonly advice: string;
}

const ABSENT: Refusal = { reason: 'it does not exist', advice: 'Put the file there, or correct the name' };
const NO_FILE: Refusal = {
  reason: 'it is not an ordinary file',
  advice: 'Name the file itself, not a folder or device',
};
const NOT_UTF8: Refusal = { reason: 'it is not UTF-8 text', advice: 'Save the file as UTF-8 text' };
const UTF16: Refusal = { ...NOT_UTF8, reason: 'it is saved as UTF-16 and has to be UTF-8' };
const NO_RIGHT: Refusal = {
  reason: 'this account may not read it',
  advice: 'Give the account that runs this program the right to read the file',
};

const REFUSALS: Readonly<Record<string, Refusal>> = {
  EACCES: NO_RIGHT,
  EPERM: NO_RIGHT,
  ELOOP: { reason: 'it is a link that leads back to itself', advice: 'Correct the link' },
  ENAMETOOLONG: { reason: 'the name is too long', advice: 'Correct the name' },
};

function refusalOf(error: unknown): Refusal {
  const code = codeOf(error);
  return REFUSALS[code] ?? { reason: code, advice: 'Make sure that this account can read the file' };
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Reads files as text, relative to one folder. */
export class FileReader {
  readonly files: FileAccess;
  readonly folder: string;
  readonly paths: typeof posix;

  constructor(files: FileAccess, folder: string, platform: string) {
    this.files = files;
    this.folder = folder;
    this.paths = platform === 'win32' ? win32 : posix;
  }

  /** The same files, relative to another folder. */
  in(folder: string): FileReader {
    return new FileReader(this.files, folder, this.paths === win32 ? 'win32' : 'posix');
  }

  resolvePath(path: string): string {
    return this.paths.resolve(this.folder, path);
  }

  join(folder: string, name: string): string {
    return this.paths.join(folder, name);
  }

  /** Whether there is anything; what cannot be looked at counts as there, so that reading it says why. */
  async exists(path: string): Promise<boolean> {
    try {
      return (await this.files.stat(path)) !== undefined;
    } catch {
      return true;
    }
  }

  /** Reads a text without its byte order mark. */
  async readText(path: string, place: Place): Promise<FileText> {
    const refuse = (refusal: Refusal): FileText => ({
      ok: false,
      finding: mistake('CONFIG_FILE_UNREADABLE', place, { file: path, ...refusal }),
    });
    try {
      const facts = await this.files.stat(path);
      if (facts === undefined) return refuse(ABSENT);
      if (!facts.isFile) return refuse(NO_FILE);
      if (facts.sizeBytes > LARGEST_FILE_BYTES) return this.#tooLarge(path, place);
      const bytes = await this.files.read(path);
      if (bytes.length > LARGEST_FILE_BYTES) return this.#tooLarge(path, place);
      return this.#decoded(bytes, facts) ?? refuse(this.#encodingOf(bytes));
    } catch (error) {
      return refuse(refusalOf(error));
    }
  }

  #tooLarge(path: string, place: Place): FileText {
    return {
      ok: false,
      finding: mistake('CONFIG_FILE_TOO_LARGE', place, { file: path, limit: LARGEST_FILE_BYTES }),
    };
  }

  #decoded(bytes: Uint8Array, facts: FileFacts): FileText | undefined {
    const text = decode(bytes);
    if (text === undefined) return undefined;
    const hasMark = text.startsWith('\ufeff');
    return { ok: true, text: hasMark ? text.slice(1) : text, hasMark, facts };
  }

  #encodingOf(bytes: Uint8Array): Refusal {
    const [first, second] = bytes;
    // Windows PowerShell writes this with Out-File and >.
    const isUtf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
    return isUtf16 ? UTF16 : NOT_UTF8;
  }
}
