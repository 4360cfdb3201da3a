/**
 * DATA: a message that ends with a line of one dot (RFC 5321 section 4.1.1.4).
 *
 * Rules beside those of `delivery.ts`:
 * - A bare CR, bare LF or NUL makes a message malformed. It is refused at its end and the connection closed, so that nothing that
 *   was placed behind it is executed, however it was split into segments.
 * - A message beyond the size limit is refused as soon as that is seen, without reading the rest, and the connection closed.
 */
import type { Conversation } from './conversation.ts';
import { Delivery } from './delivery.ts';
import { DotDecoder } from './dot-decoder.ts';
import { isRefusal, type ServerReply } from './reply.ts';
import { envelopeOf, type Transaction } from './transaction.ts';
import type { NoInput } from './wire.ts';

/** Whether the handler lets content come; gives its answer. Asked once for each message, also by BDAT. */
export async function askToStart(
  conversation: Conversation,
  transaction: Transaction,
): Promise<ServerReply | undefined> {
  const { setup, session } = conversation;
  if (setup.handler.message === undefined) return setup.replies.messagesNotTaken;
  return conversation.consult(() => setup.handler.dataStart?.(session, envelopeOf(transaction)));
}

async function readContent(
  conversation: Conversation,
  delivery: Delivery,
): Promise<'whole' | 'malformed' | 'too-large' | NoInput> {
  const decoder = new DotDecoder();
  // What is malformed counts too, or it could go on for ever.
  let malformedBytes = 0;
  while (!decoder.isDone) {
    const block = await delivery.read();
    if (!Buffer.isBuffer(block)) return block;
    const { content, usedBytes } = decoder.decode(block);
    conversation.wire.unread(block.subarray(usedBytes));
    if (decoder.defect !== undefined) {
      malformedBytes += usedBytes;
      delivery.fail('malformed');
    }
    if (delivery.sizeBytes + content.length + malformedBytes > conversation.setup.limits.messageBytes)
      return 'too-large';
    await delivery.write(content);
  }
  return decoder.defect === undefined ? 'whole' : 'malformed';
}

/** The content did not come whole: the connection ends. */
async function refuse(
  conversation: Conversation,
  delivery: Delivery,
  reading: 'malformed' | 'too-large' | NoInput,
): Promise<void> {
  const { replies } = conversation.setup;
  if (reading === 'malformed' || reading === 'too-large') {
    delivery.fail(reading);
    await conversation.end(reading === 'malformed' ? replies.contentMalformed : replies.messageTooLarge);
  } else {
    delivery.fail('cut');
    await conversation.endFor(reading);
  }
  // The reply must not wait for a handler that is slow to let go of the message.
  await conversation.wire.flush();
  await delivery.released();
}

/** DATA. */
export async function data(conversation: Conversation, argument: string): Promise<void> {
  const { setup, transaction } = conversation;
  const { replies } = setup;
  if (argument !== '') return conversation.reply(replies.argumentsInvalid);
  if (transaction === undefined) return conversation.reply(replies.senderFirst);
  // RFC 3030 sections 2 and 3: not after BDAT, and not for BINARYMIME.
  if (transaction.chunks !== undefined || transaction.parameters.body === 'BINARYMIME')
    return conversation.reply(replies.badSequence);
  if (transaction.recipients.length === 0) return conversation.reply(replies.noRecipients);
  const answer = await askToStart(conversation, transaction);
  await conversation.replyOr(replies.startInput, answer);
  if (conversation.isOver || (answer !== undefined && isRefusal(answer))) return;
  const delivery = new Delivery(conversation, envelopeOf(transaction));
  const reading = await readContent(conversation, delivery);
  if (reading === 'whole') await delivery.complete();
  else await refuse(conversation, delivery, reading);
}
