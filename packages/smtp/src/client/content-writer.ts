/**
 * Writes content at the pace of the connection.
 *
 * Small content leaves in one write. Anything else goes piece by piece, and the next piece is read only when the socket has
 * room, so that memory stays flat whatever the size. While we wait for the server to take bytes its time runs; while we wait
 * for our own source it does not.
 */
import { Buffer } from 'node:buffer';
import type { Fault } from '@postbearer/core';
import { bareEndingFault, type CheckedBytes, type OpenedSource, type ReadyContent } from './content.ts';
import { ContentScanner } from './content-scan.ts';
import { endsLine, stuffDots } from './dot-stuffing.ts';
import { clientFaults } from './faults.ts';
import type { Wire } from './wire.ts';

/** What the writer tells. */
export interface WriterEvents {
  /** Called before the bytes that end the message are written. */
  onLastWrite(): void;
  /** Everything is written. */
  onWritten(): void;
  /** The content must not be sent. */
  onBadContent(fault: Fault): void;
  /** The source threw. */
  onSourceError(error: unknown): void;
}

const PIECE_BYTES = 65_536;
const NOTHING = new Uint8Array();
const CRLF = Buffer.from('\r\n');
const END = Buffer.from('.\r\n');
const END_OF_OPEN_LINE = Buffer.from('\r\n.\r\n');

/** Writes the content of one message. */
export class ContentWriter {
  readonly #wire: Wire;
  readonly #takesEightBit: boolean;
  readonly #events: WriterEvents;
  #isStopped = false;

  /** @param takesEightBit - whether 8-bit bytes may turn up in content that nobody has seen yet. */
  constructor(wire: Wire, takesEightBit: boolean, events: WriterEvents) {
    this.#wire = wire;
    this.#takesEightBit = takesEightBit;
    this.#events = events;
  }

  /** Writes nothing more and tells nothing more. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Writes bytes as they are, for BDAT. */
  writeChunk(content: CheckedBytes): void {
    this.#writeBytes(content.bytes, content.isComplete ? undefined : CRLF, false);
  }

  /** Writes content with doubled dots and the end mark, for DATA. */
  writeData(content: ReadyContent): void {
    if (content.kind === 'source') void this.#writeSource(content);
    else this.#writeBytes(content.bytes, content.isComplete ? END : END_OF_OPEN_LINE, content.hasDots);
  }

  #writeBytes(bytes: Uint8Array, end: Uint8Array | undefined, hasDots: boolean): void {
    if (bytes.length > PIECE_BYTES) void this.#writePieces(bytes, end, hasDots);
    else this.#writeLast(hasDots ? stuffDots(bytes, true) : bytes, end);
  }

  async #writePieces(bytes: Uint8Array, end: Uint8Array | undefined, hasDots: boolean): Promise<void> {
    let isAtLineStart = true;
    let left = bytes.length;
    for (const piece of slices(bytes)) {
      left -= piece.length;
      const written = hasDots ? stuffDots(piece, isAtLineStart) : piece;
      if (left === 0) return this.#writeLast(written, end);
      await this.#write(written);
      if (this.#isStopped) return;
      isAtLineStart = endsLine(piece);
    }
  }

  /** From here on the reply may come at any moment, so nothing is waited for. */
  #writeLast(bytes: Uint8Array, end: Uint8Array | undefined): void {
    this.#events.onLastWrite();
    this.#wire.cork();
    if (bytes.length > 0) this.#wire.writeContent(bytes);
    if (end !== undefined) this.#wire.writeContent(end);
    this.#wire.uncork();
    this.#events.onWritten();
  }

  async #writeSource(content: OpenedSource): Promise<void> {
    const scanner = new ContentScanner();
    try {
      for await (const piece of piecesOf(content)) {
        if (this.#isStopped) return;
        const isAtLineStart = scanner.isAtLineStart;
        const hasDots = scanner.scan(piece);
        const fault = this.#faultIn(scanner);
        if (fault !== undefined) return this.#events.onBadContent(fault);
        await this.#write(hasDots ? stuffDots(piece, isAtLineStart) : piece);
        if (this.#isStopped) return;
        this.#wire.expectNothing();
      }
    } catch (error) {
      if (!this.#isStopped) this.#events.onSourceError(error);
      return;
    }
    if (this.#isStopped) return;
    const bare = scanner.end();
    if (bare !== undefined) return this.#events.onBadContent(bareEndingFault(bare));
    this.#writeLast(NOTHING, scanner.isAtLineStart ? END : END_OF_OPEN_LINE);
  }

  #faultIn(scanner: ContentScanner): Fault | undefined {
    if (scanner.bareEnding !== undefined) return bareEndingFault(scanner.bareEnding);
    if (scanner.isEightBit && !this.#takesEightBit)
      return clientFaults.make('SMTP_8BITMIME_NOT_OFFERED', { host: this.#wire.host });
    return undefined;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    this.#wire.expect('content');
    if (bytes.length > 0 && !this.#wire.writeContent(bytes)) await this.#wire.drained();
  }
}

/** What was read ahead and then the rest, in pieces of bounded size whatever the source gives. */
async function* piecesOf(content: OpenedSource): AsyncGenerator<Uint8Array> {
  for (const chunk of content.ahead) yield* slices(chunk);
  for await (const chunk of { [Symbol.asyncIterator]: () => content.rest }) yield* slices(chunk);
}

function* slices(bytes: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += PIECE_BYTES) yield bytes.subarray(start, start + PIECE_BYTES);
}
