/** A message in the hands of whoever sends it. */
import type { MailboxAddress, Message } from '@postbearer/core';
import type { Priority } from './schema.ts';
import type { EndedState, OpenRecipientState } from './states.ts';

/** A recipient to which a leased message is to be sent. */
export interface LeasedRecipient {
  /** Its place in the envelope, from 0. */
  readonly number: number;
  readonly address: MailboxAddress;
  readonly state: OpenRecipientState;
}

/** A message that one worker has for a while. */
export interface LeasedMessage {
  readonly id: string;
  readonly lane: string;
  /** The fencing number: settling with an older one changes nothing. */
  readonly leaseNumber: number;
  /** What is tried with it: a hold of the lane, a hold of its sender, or nothing. */
  readonly probe?: 'lane' | 'sender';
  /** Envelope with the recipients that are open, and content: what the mailer takes. */
  readonly message: Message;
  readonly recipients: readonly LeasedRecipient[];
  /** The final states of its other recipients. */
  readonly endedStates: readonly EndedState[];
  readonly app: string;
  /** The address of its From field, in lower case. */
  readonly from: string;
  readonly messageId: string;
  readonly subject: string;
  readonly priority: Priority;
  readonly isNotice: boolean;
  /** Whether the submitter was told that it is late. */
  readonly isDelayTold: boolean;
  readonly sizeBytes: number;
  /** How many attempts were used up. */
  readonly attempts: number;
  /** Milliseconds since 1970. */
  readonly acceptedAt: number;
  readonly readyAt: number;
  /** How long it has been tried or was ready to be, milliseconds, by a clock that believes no jump. */
  readonly ageMs: number;
}
