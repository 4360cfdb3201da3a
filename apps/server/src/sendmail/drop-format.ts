/**
 * The form of a file in which a message waits for the service.
 *
 * The rules of this file:
 * - a file is a row of records: a letter, the length of what follows (4 bytes, the highest first), and that;
 * - first V, the version; then who it is from (S, where that was said), for whom (R, one or more) and what notices are wished
 *   (D); then the message in pieces (M); and last E, the SHA-256 of everything before it;
 * - a file that does not end with the right E is not mail, whatever else it holds: what was cut off, altered or only begun is
 *   never sent.
 */
import { createHash, type Hash } from 'node:crypto';
import type { DsnRequest } from '@postbearer/core';

/** What stands before the bytes of a message. */
export interface DropHead {
  /** Absent where the caller named none; empty for the null sender of notices. */
  readonly sender?: string;
  /** Addresses, and names of this machine that have no domain, such as `root`. */
  readonly recipients: readonly string[];
  readonly dsn?: DsnRequest;
}

/** A file that was read up to the message; `content` gives the rest and throws {@link DropDamaged} where it is not whole. */
export interface Drop extends DropHead {
  readonly content: AsyncIterable<Uint8Array>;
}

/** A file is not what a whole one looks like. */
export class DropDamaged extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'DropDamaged';
  }
}

const VERSION = 'postbearer drop 1';
const HEAD_BYTES = 5;
const LONGEST_TEXT_BYTES = 4096;
const LARGEST_PIECE_BYTES = 64 * 1024;
const DIGEST_BYTES = 32;
/** More than any server takes; a longer list is not read into memory. */
const MOST_RECIPIENTS = 5000;

type Letter = 'V' | 'S' | 'R' | 'D' | 'M' | 'E';

/** How much a record of each kind may hold, bytes. */
const LONGEST: Readonly<Record<Letter, number>> = {
  V: LONGEST_TEXT_BYTES,
  S: LONGEST_TEXT_BYTES,
  R: LONGEST_TEXT_BYTES,
  D: LONGEST_TEXT_BYTES,
  M: LARGEST_PIECE_BYTES,
  E: DIGEST_BYTES,
};

/** Makes the bytes of a file, in order: `head`, `piece` for each part of the message, `end`. */
export class DropEncoder {
  readonly #hash: Hash = createHash('sha256');

  /** The beginning. */
  head({ sender, recipients, dsn }: DropHead): Uint8Array {
    return Buffer.concat([
      this.#record('V', Buffer.from(VERSION)),
      ...(sender === undefined ? [] : [this.#record('S', Buffer.from(sender))]),
      ...recipients.map((recipient) => this.#record('R', Buffer.from(recipient))),
      ...(dsn === undefined ? [] : [this.#record('D', Buffer.from(JSON.stringify(dsn)))]),
    ]);
  }

  /** The next bytes of the message. */
  piece(bytes: Uint8Array): Uint8Array {
    const records: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += LARGEST_PIECE_BYTES)
      records.push(this.#record('M', bytes.subarray(at, at + LARGEST_PIECE_BYTES)));
    return Buffer.concat(records);
  }

  /** What makes it whole. */
  end(): Uint8Array {
    const digest = this.#hash.digest();
    return Buffer.concat([beginning('E', digest.length), digest]);
  }

  #record(letter: Letter, bytes: Uint8Array): Buffer {
    if (bytes.length > LONGEST[letter])
      throw new RangeError(`A record ${letter} of ${bytes.length} bytes is too long.`);
    const record = Buffer.concat([beginning(letter, bytes.length), bytes]);
    this.#hash.update(record);
    return record;
  }
}

function beginning(letter: Letter, length: number): Buffer {
  const bytes = Buffer.alloc(HEAD_BYTES);
  bytes.write(letter, 'latin1');
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

interface DropRecord {
  readonly letter: Letter;
  readonly bytes: Buffer;
}

/** Gives records of what arrives in blocks. Never holds more than one record and one block. */
class RecordReader {
  readonly #blocks: AsyncIterator<Uint8Array>;
  readonly #hash: Hash = createHash('sha256');
  #unread: Buffer = Buffer.alloc(0);

  constructor(blocks: AsyncIterable<Uint8Array>) {
    this.#blocks = blocks[Symbol.asyncIterator]();
  }

  /** The next record; throws {@link DropDamaged} where there is none, or one that cannot be. */
  async next(): Promise<DropRecord> {
    const start = await this.#take(HEAD_BYTES);
    const letter = start.toString('latin1', 0, 1) as Letter;
    const longest = Object.hasOwn(LONGEST, letter) ? LONGEST[letter] : -1;
    const length = start.readUInt32BE(1);
    if (length > longest) throw new DropDamaged('it holds something that is no record');
    const bytes = await this.#take(length);
    if (letter !== 'E') this.#hash.update(start).update(bytes);
    return { letter, bytes };
  }

  /** Whether an E is the right one and nothing follows it. */
  async isWhole(digest: Buffer): Promise<boolean> {
    return this.#hash.digest().equals(digest) && this.#unread.length === 0 && (await this.#blocks.next()).done === true;
  }

  async #take(length: number): Promise<Buffer> {
    const parts = [this.#unread];
    let held = this.#unread.length;
    while (held < length) {
      const block = await this.#blocks.next();
      if (block.done === true) throw new DropDamaged('it ends in the middle');
      parts.push(Buffer.from(block.value));
      held += block.value.length;
    }
    const bytes = parts.length === 1 ? this.#unread : Buffer.concat(parts, held);
    this.#unread = bytes.subarray(length);
    return bytes.subarray(0, length);
  }
}

const NOTIFY: ReadonlySet<unknown> = new Set(['success', 'failure', 'delay']);

/** Reads what somebody may have written by hand. */
function parseDsn(text: string): DsnRequest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new DropDamaged('its wishes for notices cannot be read');
  }
  const {
    return: wanted,
    envelopeId,
    notify,
  } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  const isNotify = Array.isArray(notify) && notify.every((each) => NOTIFY.has(each));
  return {
    ...(wanted === 'full' || wanted === 'headers' ? { return: wanted } : {}),
    ...(typeof envelopeId === 'string' && /^[!-~]{1,100}$/.test(envelopeId) ? { envelopeId } : {}),
    ...(isNotify ? { notify: notify as NonNullable<DsnRequest['notify']> } : {}),
  };
}

async function* contentOf(reader: RecordReader, first: DropRecord): AsyncGenerator<Uint8Array> {
  for (let record = first; ; record = await reader.next()) {
    if (record.letter === 'M') yield record.bytes;
    else if (record.letter !== 'E') throw new DropDamaged('its records are not in order');
    else if (await reader.isWhole(record.bytes)) return;
    else throw new DropDamaged('its content is not what was written');
  }
}

/** Reads a file up to its message. Throws {@link DropDamaged} for what is no such file. */
export async function readDrop(blocks: AsyncIterable<Uint8Array>): Promise<Drop> {
  const reader = new RecordReader(blocks);
  const version = await reader.next();
  if (version.letter !== 'V' || version.bytes.toString() !== VERSION) throw new DropDamaged('it is of another kind');
  const recipients: string[] = [];
  let [sender, dsn]: [string | undefined, DsnRequest | undefined] = [undefined, undefined];
  for (;;) {
    const record = await reader.next();
    const text = record.letter === 'M' || record.letter === 'E' ? '' : record.bytes.toString();
    if (record.letter === 'S') sender = text;
    else if (record.letter === 'R') recipients.push(text);
    else if (record.letter === 'D') dsn = parseDsn(text);
    else if (record.letter === 'V') throw new DropDamaged('its records are not in order');
    else {
      if (recipients.length === 0) throw new DropDamaged('it is for nobody');
      const content = contentOf(reader, record);
      return {
        recipients,
        content,
        ...(sender === undefined ? {} : { sender }),
        ...(dsn === undefined ? {} : { dsn }),
      };
    }
    if (recipients.length > MOST_RECIPIENTS) throw new DropDamaged('it has too many recipients');
  }
}
