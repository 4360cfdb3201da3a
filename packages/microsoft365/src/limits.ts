/**
 * The limits of Exchange Online for mail from one mailbox, as one dated table.
 *
 * A value here says what Microsoft does, not what this product does about it: the pace of a mailbox is decided where
 * mail is sent, from these numbers. Read 2026-11-24. A limit that only public logs show is marked; the external recipients
 * of a tenant depend on its licences, and the announced 2,000 external recipients a day for a mailbox is not
 * listed because its state is not known.
 */
import { NDR, READ, SEEN_IN_LOGS, SENDING_LIMITS, SUBMISSION_LIMITS } from './faults/sources.ts';

/** One limit. */
export interface Limit {
  readonly value: number;
  /** What is counted, over which time and for whom. */
  readonly counts: string;
  /** What Exchange Online answers beyond it; absent where it only delays. */
  readonly reply?: string;
  /** Whether a page of Microsoft states the value. */
  readonly isVerified: boolean;
  readonly source: string;
  readonly read: string;
}

/** Names of the limits. */
export type LimitName =
  | 'connectionsPerMailbox'
  | 'messagesPerMinute'
  | 'recipientsPerDay'
  | 'recipientsPerMessageDefault'
  | 'recipientsPerMessageMost'
  | 'recipientsOfOneDomain'
  | 'announcedSizeBytes'
  | 'defaultMessageSizeBytes';

/**
 * Every limit by name.
 *
 * @example
 * ```ts
 * import { EXCHANGE_ONLINE_LIMITS } from '@postbearer/microsoft365';
 *
 * EXCHANGE_ONLINE_LIMITS.connectionsPerMailbox.value; // => 3
 * EXCHANGE_ONLINE_LIMITS.messagesPerMinute.value; // => 30
 * ```
 */
export const EXCHANGE_ONLINE_LIMITS: Readonly<Record<LimitName, Limit>> = {
  connectionsPerMailbox: {
    value: 3,
    counts: 'connections that send at the same time, for a mailbox',
    reply: '432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded',
    isVerified: true,
    source: SUBMISSION_LIMITS,
    read: READ,
  },
  messagesPerMinute: {
    value: 30,
    counts: 'messages in a minute, for a mailbox; more are carried over to the following minutes',
    isVerified: true,
    source: SUBMISSION_LIMITS,
    read: READ,
  },
  recipientsPerDay: {
    value: 10_000,
    counts: 'recipients in any 24 hours, for a mailbox',
    reply: '554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException',
    isVerified: true,
    source: SUBMISSION_LIMITS,
    read: READ,
  },
  recipientsPerMessageDefault: {
    value: 500,
    counts: 'recipients of a message, unless an administrator set another number',
    isVerified: true,
    source: SENDING_LIMITS,
    read: READ,
  },
  recipientsPerMessageMost: {
    value: 1000,
    counts: 'recipients of a message, the highest number that can be set',
    isVerified: true,
    source: SENDING_LIMITS,
    read: READ,
  },
  recipientsOfOneDomain: {
    value: 200,
    counts: 'recipients of one domain in an envelope',
    reply: '452 4.5.3 Too many recipients',
    isVerified: true,
    source: NDR,
    read: READ,
  },
  announcedSizeBytes: {
    value: 157_286_400,
    counts: 'bytes of a message, as announced by SIZE in the reply to EHLO',
    reply: '552 5.3.4',
    isVerified: false,
    source: SEEN_IN_LOGS,
    read: READ,
  },
  defaultMessageSizeBytes: {
    value: 36_700_160,
    counts: 'bytes of a message that a mailbox may send, unless an administrator set another number (about 35 MB)',
    reply: '552 5.3.4',
    isVerified: false,
    source: SEEN_IN_LOGS,
    read: READ,
  },
};
