/**
 * Whether Exchange Online takes a message at its end.
 *
 * In this order: too many connections send, the mailbox cannot be opened, the sender may not be used, the message is too large,
 * the mailbox is full, the recipients of the day are used up. Both the reverse path and the From field must be the
 * mailbox's own or granted by SendAs; a message without From is sent as the mailbox.
 */
import { parseAddressList } from '@postbearer/core';
import { headerFields } from '../message-header.ts';
import { MESSAGE_REPLIES, sendAsDenied } from './replies.ts';
import type { SignedIn } from './sign-in.ts';

/** What is known of a message at its end. */
export interface Submission {
  readonly sender: string;
  readonly recipientCount: number;
  /** The message; cut where it is larger than the mailbox may send. */
  readonly bytes: Uint8Array;
  readonly sizeBytes: number;
  /** Whether the connection got no place among those that send. */
  readonly isCrowdedOut: boolean;
}

/** Senders in the From field, or the refusal of a field that cannot be read. */
function fromAddresses(bytes: Uint8Array): readonly string[] | undefined {
  const list = parseAddressList(headerFields(bytes, 'from').join(', '));
  return list.ok ? list.value.map((entry) => entry.address) : undefined;
}

function deniedSender(session: SignedIn, senders: readonly string[]): string | undefined {
  const granted = session.app?.sendAs ?? session.mailbox.sendAs;
  return senders.find((sender) => {
    const name = sender.toLowerCase();
    return name !== '' && !session.mailbox.names.has(name) && !granted.has(name);
  });
}

function senderRefusal(session: SignedIn, submission: Submission): string | undefined {
  const from = headerFields(submission.bytes, 'from').length === 0 ? [] : fromAddresses(submission.bytes);
  if (from === undefined) return MESSAGE_REPLIES.fromInvalid;
  if (from.length > 1 && headerFields(submission.bytes, 'sender').length === 0) return MESSAGE_REPLIES.severalFrom;
  const denied = deniedSender(session, [submission.sender, ...from]);
  return denied === undefined ? undefined : sendAsDenied(session.mailbox.address, denied);
}

/**
 * The refusal of a message, or `undefined` where it is taken.
 *
 * @param countRecipients - counts them against the day where there is room, and says whether there was.
 */
export function refusalOf(
  session: SignedIn,
  submission: Submission,
  countRecipients: (count: number) => boolean,
): string | undefined {
  if (submission.isCrowdedOut) return MESSAGE_REPLIES.tooManyConnections;
  if (session.failsLogon) return MESSAGE_REPLIES.logonFailure;
  const sender = senderRefusal(session, submission);
  if (sender !== undefined) return sender;
  if (submission.sizeBytes > session.mailbox.maxMessageBytes) return MESSAGE_REPLIES.tooLarge;
  if (session.mailbox.full) return MESSAGE_REPLIES.mailboxFull;
  return countRecipients(submission.recipientCount) ? undefined : MESSAGE_REPLIES.dailyRecipients;
}
