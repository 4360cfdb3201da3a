/**
 * From a fault to verdicts.
 *
 * What the sender has to change, and what the server refused for good, is *refused*; what nobody can know is *uncertain*;
 * everything else, also what somebody has to set up first, is *deferred*: the message itself is not at fault.
 */
import type { Fault, MailboxAddress, SmtpStage, Verdict } from '@postbearer/core';
import type { SmtpReply } from '../reply/index.ts';
import type { ClientFaultCode } from './faults.ts';

/** The verdict that a fault means for one recipient. */
export function verdictOf(recipient: MailboxAddress, fault: Fault): Verdict {
  switch (fault.next) {
    case 'give-up':
    case 'fix-message':
      return { outcome: 'refused', recipient, fault };
    case 'uncertain':
      return { outcome: 'uncertain', recipient, fault };
    case 'retry':
    case 'needs-person':
    case 'fix-configuration':
      return { outcome: 'deferred', recipient, fault };
  }
}

/** One verdict for each recipient, all for the same reason. */
export function verdictsOf(recipients: readonly MailboxAddress[], fault: Fault): Verdict[] {
  return recipients.map((recipient) => verdictOf(recipient, fault));
}

/** What a refusing reply means at a stage of a transaction. */
export function refusalCode(stage: SmtpStage, reply: SmtpReply): ClientFaultCode {
  if (reply.code === 421) return 'SMTP_SERVICE_CLOSING';
  if (reply.code === 530) return 'SMTP_AUTH_REQUIRED';
  const isTemporary = reply.code < 500;
  if (stage === 'mail') return isTemporary ? 'SMTP_SENDER_DEFERRED' : 'SMTP_SENDER_REFUSED';
  if (stage === 'rcpt') return isTemporary ? 'SMTP_RECIPIENT_DEFERRED' : 'SMTP_RECIPIENT_REFUSED';
  return isTemporary ? 'SMTP_MESSAGE_DEFERRED' : 'SMTP_MESSAGE_REFUSED';
}
