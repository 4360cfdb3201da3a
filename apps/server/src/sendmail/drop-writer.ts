/**
 * Puts a message into the folder where the service finds it.
 *
 * The rules of this file:
 * - the name cannot be guessed (128 random bits), since others may open a file in the folder whose name they know;
 * - a file is written under a name that the service passes over, flushed, and only then renamed; so what is there under its
 *   last name is whole;
 * - it is done when file and name are on disk. Most accounts may not open the folder to flush it; flushing the file again after
 *   the rename writes its new name on ext4, XFS and Btrfs, and the folder is flushed as well where that is allowed;
 * - what fails leaves nothing behind.
 */
import { randomBytes } from 'node:crypto';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { failure, success, type Fault, type Result } from '@postbearer/core';
import { DropEncoder, type DropHead } from './drop-format.ts';
import { sendmailFaults } from './faults.ts';

/** The end of the name of a file that is whole. */
export const WHOLE = '.mail';
/** The end of the name of a file that is being written. */
export const PART = '.part';

/** Readable for the group of the folder, which is that of the service. */
const FILE_MODE = 0o640;
/** Exchange Online takes no larger message, whatever is set for a mailbox. */
const LARGEST_MESSAGE_BYTES = 150 * 1024 * 1024;

const NO_FOLDER: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'EROFS', 'ELOOP']);
const NO_ROOM: ReadonlySet<string | undefined> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

class TooLarge extends Error {}

function faultOf(error: unknown, folder: string): Fault | undefined {
  if (error instanceof TooLarge) return sendmailFaults.make('SENDMAIL_TOO_LARGE', { limit: LARGEST_MESSAGE_BYTES });
  if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) return undefined;
  const { code, message: reason } = error as NodeJS.ErrnoException;
  if (NO_FOLDER.has(code)) return sendmailFaults.make('SENDMAIL_FOLDER_MISSING', { folder, reason });
  return sendmailFaults.make(NO_ROOM.has(code) ? 'SENDMAIL_NO_ROOM' : 'SENDMAIL_NOT_STORED', { folder, reason });
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; at += (await file.write(bytes, at)).bytesWritten);
}

async function write(file: FileHandle, head: DropHead, content: AsyncIterable<Uint8Array>): Promise<void> {
  const encoder = new DropEncoder();
  await writeAll(file, encoder.head(head));
  let bytes = 0;
  for await (const piece of content) {
    bytes += piece.length;
    if (bytes > LARGEST_MESSAGE_BYTES) throw new TooLarge();
    await writeAll(file, encoder.piece(piece));
  }
  await writeAll(file, encoder.end());
}

/** Puts the names in a folder on disk, where this account may. */
export async function flushFolder(folder: string): Promise<void> {
  let opened: FileHandle;
  try {
    opened = await open(folder, 'r');
  } catch {
    return;
  }
  try {
    await opened.sync();
  } finally {
    await opened.close();
  }
}

/**
 * Puts a message into the folder; when this resolves well, it is on disk.
 *
 * Fails with `SENDMAIL_FOLDER_MISSING`, `SENDMAIL_NO_ROOM`, `SENDMAIL_NOT_STORED` or `SENDMAIL_TOO_LARGE`. Throws what reading
 * the content throws.
 *
 * @param folder - that of the service.
 * @param content - the message, every line with CRLF.
 * @returns the name of the file.
 */
export async function dropMessage(
  folder: string,
  head: DropHead,
  content: AsyncIterable<Uint8Array>,
): Promise<Result<string>> {
  const id = randomBytes(16).toString('hex');
  const [part, whole] = [join(folder, `${id}${PART}`), join(folder, `${id}${WHOLE}`)];
  let file: FileHandle;
  try {
    file = await open(part, 'wx', FILE_MODE);
  } catch (error) {
    const fault = faultOf(error, folder);
    if (fault === undefined) throw error;
    return failure(fault);
  }
  try {
    // Whatever the umask of the caller says.
    await file.chmod(FILE_MODE);
    await write(file, head, content);
    await file.sync();
    await rename(part, whole);
    await file.sync();
    await flushFolder(folder);
    return success(`${id}${WHOLE}`);
  } catch (error) {
    await rm(part, { force: true });
    const fault = faultOf(error, folder);
    if (fault === undefined) throw error;
    return failure(fault);
  } finally {
    await file.close();
  }
}
