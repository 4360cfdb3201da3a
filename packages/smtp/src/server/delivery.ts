/**
 * One message on its way from the client to the handler, after DATA or BDAT.
 *
 * Rules for both: content is read to its true end whatever becomes of it, and nothing of it is ever taken for a command;
 * whatever the handler answers, content that was not whole is refused.
 */
import { ContentChannel, MessageContentError, type ContentEnd } from './content-channel.ts';
import type { Conversation } from './conversation.ts';
import type { ReceivedEnvelope } from './handler.ts';
import { isRefusal, type ServerReply } from './reply.ts';
import type { NoInput } from './wire.ts';

const LARGEST_BLOCK_BYTES = 64 * 1024;

/** Runs the handler's `message` beside the dialogue. */
export class Delivery {
  readonly #conversation: Conversation;
  readonly #content = new ContentChannel();
  readonly #endsAt: number;
  readonly #outcome: Promise<ServerReply>;
  #refusal: ServerReply | undefined;
  #sizeBytes = 0;

  constructor(conversation: Conversation, envelope: ReceivedEnvelope) {
    this.#conversation = conversation;
    this.#endsAt = conversation.wire.deadlineIn(conversation.setup.timeouts.messageMs);
    this.#outcome = this.#run(envelope);
  }

  /** Bytes handed over so far. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** The handler's refusal, where it gave one before the end. */
  get refusal(): ServerReply | undefined {
    return this.#refusal;
  }

  /** The next bytes from the client, at most `maxBytes`, or why none came in time. */
  async read(maxBytes: number = LARGEST_BLOCK_BYTES): Promise<Buffer | NoInput> {
    const { wire, setup } = this.#conversation;
    const deadline = Math.min(this.#endsAt, wire.deadlineIn(setup.timeouts.dataBlockMs));
    return wire.readBlock(Math.min(maxBytes, LARGEST_BLOCK_BYTES), deadline);
  }

  /** Hands bytes to the handler; resolves when it is ready for the next ones. */
  async write(block: Uint8Array): Promise<void> {
    if (block.length === 0) return;
    this.#sizeBytes += block.length;
    await this.#content.write(block);
  }

  /** The content is whole: the client is told what the handler answers, and the transaction is over. */
  async complete(): Promise<void> {
    this.#content.end();
    const outcome = await this.#outcome;
    this.#conversation.transaction = undefined;
    if (!isRefusal(outcome)) this.#conversation.forgive();
    await this.#conversation.reply(outcome);
  }

  /** The content will not become whole. */
  fail(reason: ContentEnd): void {
    this.#content.fail(reason);
  }

  /** Resolves when the handler has let go of the message. */
  async released(): Promise<void> {
    await this.#outcome;
  }

  async #run(envelope: ReceivedEnvelope): Promise<ServerReply> {
    const { setup, session } = this.#conversation;
    const answer = await this.#conversation.consult(async () => {
      try {
        return await setup.handler.message?.(session, { envelope, content: this.#content });
      } catch (error) {
        // Our own error on its way back is no fault of the handler's.
        if (error instanceof MessageContentError && error === this.#content.failure) return setup.replies.internalError;
        throw error;
      }
    });
    this.#content.abandon();
    const outcome = answer ?? setup.replies.messagesNotTaken;
    if (isRefusal(outcome)) this.#refusal = outcome;
    // A cut is a cut at once: the rest of the message is not waited for.
    if ('drop' in outcome) this.#conversation.wire.drop();
    return outcome;
  }
}
