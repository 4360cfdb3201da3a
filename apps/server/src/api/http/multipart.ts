/**
 * A message with large attachments (`multipart/form-data`): a part `message` with its fields as JSON, and each file as a part.
 *
 * The rules of this file:
 * - files go to a folder of their own while they arrive, so memory stays bounded; they are removed when the request ends, and
 *   what a crash left there is removed at the next start;
 * - a file part named `attachments` is an attachment; one named `cid:NAME` is an inline picture with that Content-ID;
 * - a request is the same as another where its fields and files are, whatever divides them.
 */
import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Busboy, type BusboyFileStream, type BusboyHeaders } from '@fastify/busboy';
import { failure, success, type Fault, type Result } from '@postbearer/core';
import { headerTextProblem, type Attachment } from '@postbearer/mailer';
import { deliveryFaults } from '../../delivery/faults.ts';
import { httpFaults } from '../faults.ts';
import { messageWithoutFiles, type MessageFields } from './message-input.ts';
import type { AcceptedMessage } from './message-output.ts';
import type { ApiParts } from './parts.ts';
import { blocksOf, BodyRefused, checked, parseJson, type Outcome } from './request-body.ts';
import type { RawCall } from './route.ts';
import { composeAndTake } from './take-message.ts';

const LARGEST_FIELDS_BYTES = 4 * 1024 * 1024;
const MOST_FILES = 100;

interface Upload {
  readonly attachment: Attachment;
  readonly path: string;
  readonly digest: string;
}

interface Form {
  readonly message: string | undefined;
  readonly uploads: readonly Upload[];
}

function unreadable(reason: string): Fault {
  return httpFaults.make('SERVICE_REQUEST_UNREADABLE', { reason });
}

function refuse(fault: Fault): never {
  throw new BodyRefused(fault);
}

/** How a file part is meant, by its name and the names it gives. */
function attachmentOf(name: string, filename: string, contentType: string, path: string): Attachment {
  const cid = /^cid:(.+)$/s.exec(name)?.[1];
  if (cid === undefined && name !== 'attachments')
    refuse(unreadable('a file part is named neither attachments nor cid:NAME'));
  for (const text of [filename, contentType, cid ?? '']) {
    const problem = headerTextProblem(text);
    if (problem !== undefined) refuse(unreadable(`a name in a file part cannot be sent: ${problem}`));
  }
  return {
    path,
    contentType,
    ...(filename === '' ? { filename: 'attachment' } : { filename }),
    ...(cid === undefined ? {} : { cid }),
  };
}

/** Reads one form. */
class FormReader {
  readonly #folder: string;
  readonly #mostBytes: number;
  readonly #uploads: Promise<Upload>[] = [];
  readonly #streams: BusboyFileStream[] = [];
  #bytes = 0;
  #message: string | undefined;
  #fault: Fault | undefined;

  constructor(folder: string, mostBytes: number) {
    this.#folder = folder;
    this.#mostBytes = mostBytes;
  }

  /** Reads to the end. Fails with the first thing that is wrong; throws what reading throws. */
  async read(body: IncomingMessage, headers: BusboyHeaders): Promise<Result<Form>> {
    const form = new Busboy({
      headers,
      limits: {
        fileSize: this.#mostBytes,
        files: MOST_FILES,
        fields: 1,
        fieldSize: LARGEST_FIELDS_BYTES,
        headerPairs: 20,
      },
    });
    const stop = (fault: Fault): void => {
      this.#fault ??= fault;
      form.destroy(new BodyRefused(this.#fault));
    };
    form.on('field', (name, value, _nameCut, isCut) => {
      if (name !== 'message') stop(unreadable('it has a part that is neither message nor a file'));
      else if (isCut) stop(httpFaults.make('SERVICE_BODY_TOO_LARGE', { limit: LARGEST_FIELDS_BYTES }));
      else this.#message = value;
    });
    form.on('file', (name, stream, filename, _encoding, type) => {
      this.#streams.push(stream);
      const upload = this.#store(name, stream, filename, type);
      // Looked at when all are awaited; until then nobody is missing a failure.
      upload.catch((error: unknown) => stop(error instanceof BodyRefused ? error.fault : unreadable('it broke off')));
      this.#uploads.push(upload);
    });
    form.on('filesLimit', () => stop(unreadable(`it has more than ${MOST_FILES} files`)));
    form.on('fieldsLimit', () => stop(unreadable('it has more than one part message')));
    try {
      await pipeline(blocksOf(body), form);
      return success({ message: this.#message, uploads: await Promise.all(this.#uploads) });
    } catch (error) {
      // A form that ends early leaves its files waiting for more.
      for (const stream of this.#streams) stream.destroy(new Error('The form ended early.'));
      await Promise.allSettled(this.#uploads);
      if (this.#fault !== undefined) return failure(this.#fault);
      if (body.destroyed && body.errored !== null) throw error;
      return failure(unreadable('its parts do not end as announced'));
    }
  }

  async #store(name: string, stream: BusboyFileStream, filename: string, type: string): Promise<Upload> {
    const path = join(this.#folder, randomUUID());
    const digest = createHash('sha256');
    const counted = new Transform({
      transform: (block: Buffer, _encoding, done) => {
        this.#bytes += block.length;
        digest.update(block);
        if (this.#bytes <= this.#mostBytes) done(undefined, block);
        else done(new BodyRefused(deliveryFaults.make('MESSAGE_SIZE_OVER_LIMIT', { limit: this.#mostBytes })));
      },
    });
    try {
      const attachment = attachmentOf(name, filename ?? '', type, path);
      await pipeline(stream, counted, createWriteStream(path, { flags: 'wx', mode: 0o600 }));
      return { attachment, path, digest: digest.digest('hex') };
    } catch (error) {
      stream.resume();
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC') refuse(deliveryFaults.make('SERVICE_NO_ROOM'));
      throw error;
    }
  }
}

function fieldsOf({ message }: Form): Outcome<MessageFields> {
  if (message === undefined) return failure(unreadable('it has no part message'));
  const value = parseJson(Buffer.from(message));
  return value.ok ? checked(messageWithoutFiles, value.value) : value;
}

function digestOf({ message, uploads }: Form): string {
  const files = uploads.map(({ digest, attachment: { path: _path, ...names } }) => [digest, names]);
  return createHash('sha256')
    .update(JSON.stringify([message, files]))
    .digest('hex');
}

/** Stores the message that the parts of a request make. */
export async function takeMultipart(
  call: RawCall,
  idempotencyKey: string | undefined,
  parts: ApiParts,
): Promise<Outcome<AcceptedMessage>> {
  const { headers } = call.incoming;
  if (!/;\s*boundary=/i.test(headers['content-type'] ?? ''))
    return failure(unreadable('its Content-Type names no boundary'));
  const folder = join(parts.uploadFolder, randomUUID());
  await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    const reader = new FormReader(folder, parts.submitter.maxMessageBytes);
    const form = await reader.read(call.incoming, { ...headers, 'content-type': headers['content-type'] ?? '' });
    if (!form.ok) return form;
    const fields = fieldsOf(form.value);
    if (!fields.ok) return fields;
    const idempotency =
      idempotencyKey === undefined ? undefined : { key: idempotencyKey, digest: digestOf(form.value) };
    const attachments = form.value.uploads.map(({ attachment }) => attachment);
    return await composeAndTake(fields.value, attachments, idempotency, call, parts);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Empties the folder of uploads: what is there was left by a process that ended. */
export async function emptyUploads(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}
