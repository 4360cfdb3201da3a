/**
 * What became of a message for each of its recipients.
 *
 * A server may take a message for one recipient and refuse it for another (RFC 5321 section 3.3), so there is one
 * verdict for each recipient and none for the message. `uncertain` is said when the line broke after the end of the
 * message and before the server's reply (RFC 1047): the message may have been accepted, and sending it again may double it.
 */
import type { SmtpEvidence } from './evidence.ts';
import type { Fault } from './fault.ts';
import type { MailboxAddress } from './address.ts';

/** The server took responsibility: its 250 to the end of the message was read. */
export interface Accepted {
  readonly outcome: 'accepted';
  readonly recipient: MailboxAddress;
  /** The final reply, whole; Exchange Online puts its message id into it. */
  readonly reply: SmtpEvidence;
  /** The server offers no notices, so what the sender asked for ended here: whoever relays answers for it (RFC 3461 section 5.2.2). */
  readonly isDsnDropped?: true;
}

/** Not taken now; the same may work later, or after somebody acts (see the fault's `next`). */
export interface Deferred {
  readonly outcome: 'deferred';
  readonly recipient: MailboxAddress;
  readonly fault: Fault;
}

/** Refused for good. */
export interface Refused {
  readonly outcome: 'refused';
  readonly recipient: MailboxAddress;
  readonly fault: Fault;
}

/** Perhaps taken: the line broke before the final reply. */
export interface Uncertain {
  readonly outcome: 'uncertain';
  readonly recipient: MailboxAddress;
  readonly fault: Fault;
}

/** What became of a message for one recipient. */
export type Verdict = Accepted | Deferred | Refused | Uncertain;
