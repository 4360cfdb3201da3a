/**
 * Hands the content of a message from the connection to the handler, one block at a time.
 *
 * The connection waits until the handler took a block before it reads the next one from the client: at most one block waits
 * here, however slow the handler is.
 */

/** Why content ended early. */
export type ContentEnd =
  /** A bare CR, bare LF or NUL. */
  | 'malformed'
  | 'too-large'
  /** RSET, a new greeting or the like between two chunks of BDAT. */
  | 'abandoned'
  /** The client is gone or too slow, or the server stops. */
  | 'cut';

const WORDS: Readonly<Record<ContentEnd, string>> = {
  malformed: 'The content holds a bare CR, bare LF or NUL',
  'too-large': 'The content is larger than the limit',
  abandoned: 'The client gave the message up',
  cut: 'The connection ended before the message did',
};

/** Thrown out of the iteration of {@link IncomingMessage.content}: the message is not whole and will not be. */
export class MessageContentError extends Error {
  override readonly name = 'MessageContentError';
  readonly reason: ContentEnd;

  constructor(reason: ContentEnd) {
    super(WORDS[reason]);
    this.reason = reason;
  }
}

/** See the head of this file. One writer, one reader. */
export class ContentChannel implements AsyncIterable<Uint8Array> {
  #block: Uint8Array | undefined;
  #isEnded = false;
  #failure: MessageContentError | undefined;
  #isOpenedForReading = false;
  #isReaderGone = false;
  #wakeWriter: (() => void) | undefined;
  #wakeReader: (() => void) | undefined;

  /** Why the content ended early, where it did. */
  get failure(): MessageContentError | undefined {
    return this.#failure;
  }

  /** Hands over a block; resolves when it was taken or there is no one left to take it. */
  async write(block: Uint8Array): Promise<void> {
    if (this.#isReaderGone) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#block = block;
    this.#wakeWriter = resolve;
    this.#wakeReader?.();
    await promise;
  }

  /** The content is whole. */
  end(): void {
    this.#isEnded = true;
    this.#wakeReader?.();
  }

  /** The content will not become whole. The first reason stays. */
  fail(reason: ContentEnd): void {
    if (this.#isEnded) return;
    this.#failure ??= new MessageContentError(reason);
    this.#wakeReader?.();
  }

  /** No one will read on: what is written from now on is thrown away. */
  abandon(): void {
    this.#isReaderGone = true;
    this.#take();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#isOpenedForReading) throw new Error('The content of a message can be read only once');
    this.#isOpenedForReading = true;
    try {
      for (;;) {
        // Before what is left of the blocks: whoever reads slowly should not store more of a message that is lost.
        if (this.#failure !== undefined) throw this.#failure;
        if (this.#isReaderGone) throw new Error('The content of a message ends with the answer of its handler');
        const block = this.#take();
        if (block !== undefined) yield block;
        else if (this.#isEnded) return;
        else await this.#nextChange();
      }
    } finally {
      this.abandon();
    }
  }

  #take(): Uint8Array | undefined {
    const block = this.#block;
    this.#block = undefined;
    this.#wakeWriter?.();
    this.#wakeWriter = undefined;
    return block;
  }

  #nextChange(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wakeReader = resolve;
    return promise;
  }
}
