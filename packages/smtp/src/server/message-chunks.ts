/**
 * BDAT: a message in chunks of a stated length (RFC 3030 section 2).
 *
 * Rules beside those of `delivery.ts`:
 * - A chunk is consumed exactly, also where it is refused, so that its bytes are never taken for commands. Where its length cannot be read or goes
 *   beyond the size limit it is refused without reading it and the connection closed.
 * - Without BODY=BINARYMIME the content obeys the same rule of line endings as after DATA, so that a message that is passed on with
 *   DATA cannot smuggle. The connection goes on, because the length leaves no doubt where the content ends.
 * - After a refused chunk the following ones are refused too, until the last one or RSET.
 */
import type { Conversation } from './conversation.ts';
import { Delivery } from './delivery.ts';
import { LineEndingCheck } from './dot-decoder.ts';
import { askToStart } from './message-data.ts';
import { isRefusal, type ServerReply } from './reply.ts';
import { envelopeOf, type Transaction } from './transaction.ts';

/** The chunks of one message: those so far, or that one of them was refused. */
export type Chunks = { readonly delivery: Delivery; readonly lineEndings: LineEndingCheck | undefined } | 'refused';

const ARGUMENT = /^(\d{1,15})(?: +(LAST))?$/i;

/** The delivery that a chunk belongs to, or why it belongs to none. */
async function chunksFor(conversation: Conversation): Promise<Exclude<Chunks, 'refused'> | ServerReply> {
  const { replies } = conversation.setup;
  const { offers, transaction } = conversation;
  if (offers?.keywords.has('CHUNKING') !== true) return replies.commandNotOffered;
  if (transaction === undefined) return replies.senderFirst;
  if (transaction.chunks === 'refused') return replies.chunkAfterFailure;
  if (transaction.chunks !== undefined) return transaction.chunks;
  if (transaction.recipients.length === 0) return replies.noRecipients;
  const answer = await askToStart(conversation, transaction);
  if (answer !== undefined && isRefusal(answer)) return answer;
  const chunks = {
    delivery: new Delivery(conversation, envelopeOf(transaction)),
    lineEndings: transaction.parameters.body === 'BINARYMIME' ? undefined : new LineEndingCheck(),
  };
  transaction.chunks = chunks;
  return chunks;
}

/** Ends what came so far of a message; the next chunks are refused, or, if this was the last one, the transaction is over. */
async function refuse(conversation: Conversation, reply: ServerReply, isLast: boolean): Promise<void> {
  const { transaction } = conversation;
  if (transaction !== undefined) {
    transaction.chunks = 'refused';
    if (isLast) conversation.transaction = undefined;
  }
  await conversation.reply(reply);
}

async function discard(conversation: Conversation, bytes: number): Promise<void> {
  const { wire, setup } = conversation;
  for (let left = bytes; left > 0;) {
    const block = await wire.readBlock(left, wire.deadlineIn(setup.timeouts.dataBlockMs));
    if (!Buffer.isBuffer(block)) return conversation.endFor(block);
    left -= block.length;
  }
}

/** Reads one chunk to its end; gives whether its line endings are right, or `undefined` where the client is gone. */
async function readChunk(
  conversation: Conversation,
  { delivery, lineEndings }: Exclude<Chunks, 'refused'>,
  bytes: number,
): Promise<'whole' | 'malformed' | undefined> {
  for (let left = bytes; left > 0;) {
    const block = await delivery.read(left);
    if (!Buffer.isBuffer(block)) {
      await conversation.endFor(block);
      return undefined;
    }
    left -= block.length;
    if (lineEndings?.defectIn(block) !== undefined) {
      await discard(conversation, left);
      return conversation.isOver ? undefined : 'malformed';
    }
    await delivery.write(block);
  }
  return 'whole';
}

async function receive(
  conversation: Conversation,
  chunks: Exclude<Chunks, 'refused'>,
  bytes: number,
  isLast: boolean,
): Promise<void> {
  const { replies } = conversation.setup;
  const { delivery, lineEndings } = chunks;
  const reading = await readChunk(conversation, chunks, bytes);
  if (reading === undefined) return;
  if (reading === 'malformed' || (isLast && lineEndings?.end() !== undefined)) {
    delivery.fail('malformed');
    await delivery.released();
    return refuse(conversation, replies.contentMalformed, isLast);
  }
  if (isLast) return delivery.complete();
  if (delivery.refusal !== undefined) return refuse(conversation, delivery.refusal, isLast);
  await conversation.reply(replies.chunkReceived);
}

/** Ends an open message of a transaction that will have no more chunks. */
export async function abandonChunks(
  transaction: Transaction | undefined,
  reason: 'abandoned' | 'cut' | 'too-large',
): Promise<void> {
  const chunks = transaction?.chunks;
  if (chunks === undefined || chunks === 'refused') return;
  chunks.delivery.fail(reason);
  await chunks.delivery.released();
}

/** BDAT. */
export async function bdat(conversation: Conversation, argument: string): Promise<void> {
  const { replies, limits } = conversation.setup;
  const [, digits, last] = ARGUMENT.exec(argument) ?? [];
  if (digits === undefined) return conversation.end(replies.argumentsInvalid);
  const bytes = Number(digits);
  const isLast = last !== undefined;
  const open = conversation.transaction?.chunks;
  const before = open === undefined || open === 'refused' ? 0 : open.delivery.sizeBytes;
  if (before + bytes > limits.messageBytes) {
    await conversation.end(replies.messageTooLarge);
    await conversation.wire.flush();
    return abandonChunks(conversation.transaction, 'too-large');
  }
  const chunks = await chunksFor(conversation);
  if ('delivery' in chunks) return receive(conversation, chunks, bytes, isLast);
  // A line that is to be cut is cut at once.
  if (!('drop' in chunks)) await discard(conversation, bytes);
  await refuse(conversation, chunks, isLast);
}
