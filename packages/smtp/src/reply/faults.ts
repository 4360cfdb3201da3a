/** The faults of reading a server's replies. */
import { defineFaults, type FaultCatalogue, type FaultDefinition } from '@postbearer/core';

const notSmtp = {
  cause: 'The server, or something between, does not speak SMTP, or is out of step with this client.',
  remedy: {
    steps: [
      'Check host and port of the SMTP server.',
      'If they are right, look for a proxy or a firewall that changes SMTP traffic.',
    ],
  },
  next: 'retry',
  source: 'RFC 5321 section 4.2',
  read: '2026-11-24',
} as const satisfies Partial<FaultDefinition>;

/** What can be wrong with the bytes of a reply. `evidence` is added by whoever knows the host. */
export const replyFaults: FaultCatalogue<'SMTP_REPLY_MALFORMED' | 'SMTP_REPLY_TOO_LONG'> = defineFaults({
  SMTP_REPLY_MALFORMED: {
    ...notSmtp,
    title: 'Not an SMTP reply',
    message: 'The server sent "{excerpt}", which is not an SMTP reply: {reason}.',
  },
  SMTP_REPLY_TOO_LONG: {
    ...notSmtp,
    title: 'SMTP reply too long',
    message: 'The server sent a reply that is too long: {reason}.',
  },
});
