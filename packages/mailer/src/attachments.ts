/** Attachments: small ones are read into memory, large files are streamed while the message is sent. */
import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { failure, success, type Result } from '@postbearer/core';
import { mailerFaults } from './faults.ts';
import type { Attachment } from './mail.ts';

/** Attachments up to this size are read into memory; larger ones are streamed. */
const SMALL_ATTACHMENT_BYTES = 256 * 1024;

/** A part as MailComposer takes it. */
export interface PreparedAttachment {
  readonly options: {
    readonly filename: string | false;
    readonly content?: Buffer;
    readonly path?: string;
    readonly contentType?: string;
    readonly cid?: string;
    readonly contentDisposition: 'attachment' | 'inline';
  };
  /** Of a file that is read while the message is sent: what it takes up there, in base64 with its line breaks. */
  readonly streamedBytes: number;
}

/** Lone CR and LF become line breaks: inside a body they can mean nothing else. */
export function withCrlf(text: string): string {
  return text.replaceAll(/\r\n|\r|\n/g, '\r\n');
}

/** A message as attachment is not encoded as base64 (RFC 2046 section 5.2.1), so its line ends must be looked at. */
function isMessage({ contentType, filename, path }: Attachment): boolean {
  return contentType === undefined ? /\.eml$/i.test(filename ?? path ?? '') : /^message\//i.test(contentType);
}

function partOf(bytes: Buffer, attachment: Attachment): Buffer {
  return isMessage(attachment) ? Buffer.from(withCrlf(bytes.toString('latin1')), 'latin1') : bytes;
}

/** Bytes of base64 in lines of 76 characters. */
function encodedBytes(bytes: number): number {
  const characters = Math.ceil(bytes / 3) * 4;
  return characters + Math.ceil(characters / 76) * 2;
}

function bytesOf(content: string | Uint8Array): Buffer {
  return typeof content === 'string'
    ? Buffer.from(content)
    : Buffer.from(content.buffer, content.byteOffset, content.byteLength);
}

/**
 * Makes an attachment ready to be composed.
 *
 * @returns `MESSAGE_FIELD_INVALID` where it has not exactly one of path and content, `MESSAGE_ATTACHMENT_UNREADABLE` with the reason.
 */
export async function prepareAttachment(attachment: Attachment): Promise<Result<PreparedAttachment>> {
  const { path, content, contentType, cid } = attachment;
  const options = {
    filename: attachment.filename ?? (path === undefined ? false : basename(path)),
    ...(contentType === undefined ? {} : { contentType }),
    ...(cid === undefined ? {} : { cid }),
    contentDisposition: cid === undefined ? 'attachment' : 'inline',
  } as const;
  const isContent = typeof content === 'string' || content instanceof Uint8Array;
  if (isContent === (typeof path === 'string')) {
    const reason = 'an attachment needs exactly one of path and content (a text or bytes)';
    return failure(mailerFaults.make('MESSAGE_FIELD_INVALID', { field: 'attachments', reason }));
  }
  if (isContent)
    return success({ options: { ...options, content: partOf(bytesOf(content), attachment) }, streamedBytes: 0 });
  const file = path ?? '';
  try {
    const status = await stat(file);
    if (!status.isFile())
      return failure(mailerFaults.make('MESSAGE_ATTACHMENT_UNREADABLE', { file, reason: 'it is not a file' }));
    if (status.size > SMALL_ATTACHMENT_BYTES && !isMessage(attachment)) {
      return success({ options: { ...options, path: file }, streamedBytes: encodedBytes(status.size) });
    }
    return success({ options: { ...options, content: partOf(await readFile(file), attachment) }, streamedBytes: 0 });
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return failure(mailerFaults.make('MESSAGE_ATTACHMENT_UNREADABLE', { file, reason }));
  }
}
