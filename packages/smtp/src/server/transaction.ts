/**
 * A mail transaction: MAIL, RCPT and what they gather (RFC 5321 section 3.3).
 */
import type { MailboxAddress } from '@postbearer/core';
import type { Conversation } from './conversation.ts';
import type { MailParameters, ReceivedEnvelope, RecipientParameters } from './handler.ts';
import { parseMailParameters, parseRecipientParameters, type ParameterProblem } from './mail-parameters.ts';
import { parseForwardPath, parseReversePath } from './mail-path.ts';
import { abandonChunks, type Chunks } from './message-chunks.ts';
import { isRefusal } from './reply.ts';

/** What was said since MAIL. */
export interface Transaction {
  readonly sender: MailboxAddress | '';
  readonly parameters: MailParameters;
  readonly recipients: MailboxAddress[];
  readonly recipientParameters: RecipientParameters[];
  /** Recipients over the limit that were told 452. */
  overshoot: number;
  /** From the first BDAT on. */
  chunks: Chunks | undefined;
}

/** The envelope as a handler gets it, fixed from now on. */
export function envelopeOf(transaction: Transaction): ReceivedEnvelope {
  return {
    sender: transaction.sender,
    parameters: transaction.parameters,
    recipients: [...transaction.recipients],
    recipientParameters: [...transaction.recipientParameters],
  };
}

/** Ends the open transaction, if any, without a message. */
export async function abandonTransaction(conversation: Conversation): Promise<void> {
  const { transaction } = conversation;
  conversation.transaction = undefined;
  await abandonChunks(transaction, conversation.isOver ? 'cut' : 'abandoned');
}

async function refuseParameters(conversation: Conversation, problem: ParameterProblem): Promise<void> {
  const { replies } = conversation.setup;
  await conversation.reply(problem === 'unknown' ? replies.parameterUnknown : replies.parameterInvalid);
}

/** RFC 6531 section 3.3: a non-ASCII address is allowed only after SMTPUTF8 at MAIL. */
function lacksSmtpUtf8(address: string, parameters: MailParameters): boolean {
  // oxlint-disable-next-line no-control-regex -- the range of ASCII begins with control characters
  return parameters.smtpUtf8 !== true && /[^\u0000-\u007f]/.test(address);
}

/** MAIL FROM. */
export async function mail(conversation: Conversation, argument: string): Promise<void> {
  const { setup, session, offers } = conversation;
  const { replies } = setup;
  if (offers === undefined) return conversation.reply(replies.helloFirst);
  if (conversation.transaction !== undefined) return conversation.reply(replies.senderAlready);
  const parsed = parseReversePath(argument);
  if (parsed === 'syntax') return conversation.reply(replies.argumentsInvalid);
  if (parsed === 'address') return conversation.reply(replies.senderInvalid);
  const parameters = parseMailParameters(parsed.parameters, offers.keywords);
  if (typeof parameters === 'string') return refuseParameters(conversation, parameters);
  const sender = parsed.path;
  if (lacksSmtpUtf8(sender, parameters)) return conversation.reply(replies.addressNeedsSmtpUtf8);
  if ((parameters.sizeBytes ?? 0) > setup.limits.messageBytes) return conversation.reply(replies.messageTooLarge);

  const answer = await conversation.consult(() => setup.handler.mail?.(session, { sender, parameters }));
  if (answer === undefined || !isRefusal(answer)) {
    conversation.transaction = {
      sender,
      parameters,
      recipients: [],
      recipientParameters: [],
      overshoot: 0,
      chunks: undefined,
    };
  }
  await conversation.replyOr(replies.senderAccepted, answer);
}

/** RFC 5321 section 4.5.3.1.10: the recipients over the limit are told 452 and may come in another message. */
async function refuseOvershoot(conversation: Conversation, transaction: Transaction): Promise<void> {
  const { limits, replies } = conversation.setup;
  transaction.overshoot += 1;
  if (transaction.overshoot > limits.recipientOvershoot) return conversation.end(replies.tooManyErrors);
  await conversation.reply(replies.tooManyRecipients, { isCounted: false });
}

/** RCPT TO. */
export async function recipient(conversation: Conversation, argument: string): Promise<void> {
  const { setup, session, offers, transaction } = conversation;
  const { replies } = setup;
  if (transaction === undefined || offers === undefined) return conversation.reply(replies.senderFirst);
  if (transaction.chunks !== undefined) return conversation.reply(replies.badSequence);
  const parsed = parseForwardPath(argument, setup.postmaster);
  if (parsed === 'syntax') return conversation.reply(replies.argumentsInvalid);
  if (parsed === 'address') return conversation.reply(replies.recipientInvalid);
  const parameters = parseRecipientParameters(parsed.parameters, offers.keywords);
  if (typeof parameters === 'string') return refuseParameters(conversation, parameters);
  const address = parsed.path;
  if (lacksSmtpUtf8(address, transaction.parameters)) return conversation.reply(replies.addressNeedsSmtpUtf8);
  if (transaction.recipients.length >= setup.limits.recipients) return refuseOvershoot(conversation, transaction);

  const answer = await conversation.consult(() =>
    setup.handler.recipient?.(session, { recipient: address, parameters }),
  );
  if (answer === undefined || !isRefusal(answer)) {
    transaction.recipients.push(address);
    transaction.recipientParameters.push(parameters);
  }
  await conversation.replyOr(replies.recipientAccepted, answer);
}
