/**
 * A recipient, the content or a policy on the way: refusals that concern one message and not the set-up.
 *
 * Most of these come as non-delivery reports after Exchange Online took the message; a few come at once, and all of them
 * where mail is handed to the MX host of a tenant.
 */
import type { FaultDefinition, SmtpStage } from '@postbearer/core';
import type { SmtpRule } from './rules.ts';
import { DEVICES, NDR, READ, SEEN_IN_LOGS } from './sources.ts';

/** Codes of this group. */
export type DeliveryCode =
  | 'M365_RECIPIENT_NOT_FOUND'
  | 'M365_RECIPIENT_RESTRICTED'
  | 'M365_RECIPIENT_UNAVAILABLE'
  | 'M365_RECIPIENT_THROTTLED'
  | 'M365_ADDRESS_INVALID'
  | 'M365_CONTENT_INVALID'
  | 'M365_POLICY_REJECTED'
  | 'M365_DOMAIN_AUTHENTICATION_FAILED'
  | 'M365_SENDING_IP_BLOCKED'
  | 'M365_RELAY_NOT_ATTRIBUTED';

/** The wording of this group. */
export const deliveryDefinitions: Readonly<Record<DeliveryCode, FaultDefinition>> = {
  M365_RECIPIENT_NOT_FOUND: {
    title: 'Recipient does not exist',
    message: '{server} knows no such recipient.',
    cause: 'The address is misspelt, or the mailbox was removed.',
    remedy: { steps: ['Correct the address of the recipient.'] },
    next: 'give-up',
    source: NDR,
    read: READ,
  },
  M365_RECIPIENT_RESTRICTED: {
    title: 'Recipient does not take this sender',
    message: 'The recipient takes no mail from {fromAddress}.',
    cause: 'The mailbox or group takes mail only from chosen senders, or only from inside its organization.',
    remedy: { steps: ['Ask the owner of the recipient address to allow this sender.'] },
    next: 'give-up',
    source: NDR,
    read: READ,
  },
  M365_RECIPIENT_UNAVAILABLE: {
    title: "Recipient's mailbox full or busy",
    message: 'The mailbox of the recipient cannot take the message.',
    cause: 'It is full, or one of its folders holds too many items.',
    remedy: { steps: ['Ask the recipient to make room, then send again.'] },
    next: 'give-up',
    source: NDR,
    read: READ,
  },
  M365_RECIPIENT_THROTTLED: {
    title: 'Recipient receives too much',
    message: 'The mailbox of the recipient receives more than it may in this hour.',
    cause: 'Exchange Online limits what one mailbox receives; this is not the limit of the sender.',
    remedy: {
      steps: [
        'For a single case it is enough to send the message again later.',
        'Send fewer messages an hour to this recipient.',
      ],
    },
    next: 'retry',
    source: NDR,
    read: READ,
  },
  M365_ADDRESS_INVALID: {
    title: 'Address in the message invalid',
    message: '{server} does not accept an address of the message.',
    cause: 'A recipient or From address is malformed, or there are several From addresses without a Sender.',
    remedy: { steps: ['Correct the addresses in the envelope and in the headers From and Sender.'] },
    next: 'fix-message',
    source: NDR,
    read: READ,
  },
  M365_CONTENT_INVALID: {
    title: 'Message content invalid',
    message: '{server} refuses the content of the message as malformed.',
    cause: 'The message holds bare line feeds or broken MIME.',
    remedy: { steps: ['Have the program that makes the message end its lines with CR LF and write well-formed MIME.'] },
    next: 'fix-message',
    source: NDR,
    read: READ,
  },
  M365_POLICY_REJECTED: {
    title: 'Rejected by a policy',
    message: 'A mail flow rule, block list or forwarding policy refuses the message.',
    cause: 'An organization on the way, the own or that of the recipient, has a rule that this message meets.',
    remedy: { steps: ['Find the rule in the Exchange admin center, Mail flow, Rules, and change it or the message.'] },
    next: 'give-up',
    source: NDR,
    read: READ,
  },
  M365_DOMAIN_AUTHENTICATION_FAILED: {
    title: 'SPF, DKIM or DMARC failed',
    message: 'The domain of {fromAddress} does not pass the checks of the receiver.',
    cause: 'SPF, DKIM or DMARC of the From domain does not fit the service that sends.',
    remedy: { steps: ['Set SPF and DKIM of the From domain for Microsoft 365, and a DMARC record that fits them.'] },
    next: 'give-up',
    source: NDR,
    read: READ,
  },
  M365_SENDING_IP_BLOCKED: {
    title: 'Sending address blocked',
    message: '{server} takes no mail from the IP address of this machine.',
    cause: 'The address has a bad reputation or sends too much.',
    remedy: {
      steps: [
        'Send through {smtpHost} on port 587 with sign-in instead of directly to the MX host.',
        'Otherwise ask for removal at sender.office.com.',
      ],
    },
    next: 'needs-person',
    source: NDR,
    read: READ,
  },
  M365_RELAY_NOT_ATTRIBUTED: {
    title: 'Relay not attributed to the tenant',
    message: '{server} is an MX host and knows no connector for this machine.',
    cause:
      'Mail was handed to the MX host as to a relay, and neither address nor certificate fits an inbound connector.',
    remedy: {
      steps: [
        'Set smtp.server to {smtpHost} and smtp.port to 587, with sign-in.',
        'Otherwise correct the inbound connector in the Exchange admin center.',
      ],
    },
    next: 'fix-configuration',
    source: DEVICES,
    read: READ,
  },
};

const SENDING: readonly SmtpStage[] = ['mail', 'rcpt', 'data', 'content', 'final'];
const FROM_CONNECTION: readonly SmtpStage[] = ['greeting', 'ehlo', ...SENDING];

/** How Exchange Online says so. */
export const deliveryRules: readonly SmtpRule<DeliveryCode>[] = [
  {
    fault: 'M365_RECIPIENT_THROTTLED',
    stages: SENDING,
    replies: ['432 4.3.2'],
    phrase: 'STOREDRV.Deliver',
    source: NDR,
  },
  {
    fault: 'M365_RECIPIENT_THROTTLED',
    stages: SENDING,
    replies: ['554 5.2.121', '550 5.2.121', '554 5.2.122', '550 5.2.122'],
    source: NDR,
  },
  {
    fault: 'M365_RECIPIENT_UNAVAILABLE',
    stages: SENDING,
    replies: ['554 5.2.2', '554 4.3.2'],
    phrase: 'STOREDRV.Deliver',
    source: NDR,
  },
  {
    fault: 'M365_RECIPIENT_NOT_FOUND',
    stages: ['rcpt', 'final'],
    replies: ['550 5.1.1', '550 5.1.10', '550 5.4.1'],
    source: NDR,
  },
  {
    fault: 'M365_RECIPIENT_NOT_FOUND',
    stages: ['rcpt', 'final'],
    replies: ['550 5.5.0'],
    phrase: 'mailbox unavailable',
    source: SEEN_IN_LOGS,
  },
  {
    fault: 'M365_RECIPIENT_RESTRICTED',
    stages: ['rcpt', 'final'],
    replies: ['550 5.7.124', '550 5.7.133', '550 5.7.134'],
    source: NDR,
  },
  {
    fault: 'M365_RECIPIENT_RESTRICTED',
    stages: ['rcpt', 'final'],
    replies: ['550 5.7.1'],
    phrase: 'RESOLVER.RST.AuthRequired',
    source: NDR,
  },
  {
    fault: 'M365_ADDRESS_INVALID',
    stages: SENDING,
    replies: ['501 5.1.3', '501 5.1.7', '550 5.1.20', '550 5.7.512'],
    source: NDR,
  },
  {
    fault: 'M365_CONTENT_INVALID',
    stages: SENDING,
    replies: ['550 5.6.0', '554 5.6.0', '550 5.6.11', '554 5.6.11'],
    source: NDR,
  },
  {
    fault: 'M365_POLICY_REJECTED',
    stages: SENDING,
    replies: ['550 5.7.1'],
    phrase: 'TRANSPORT.RULES.RejectMessage',
    source: NDR,
  },
  { fault: 'M365_POLICY_REJECTED', stages: SENDING, replies: ['550 5.7.520', '550 5.7.703'], source: NDR },
  { fault: 'M365_DOMAIN_AUTHENTICATION_FAILED', stages: SENDING, replies: ['550 5.7.509', '550 5.7.515'], source: NDR },
  {
    fault: 'M365_SENDING_IP_BLOCKED',
    stages: FROM_CONNECTION,
    replies: ['550 5.7.606', '451 4.7.650', '451 4.7.500'],
    source: NDR,
  },
  {
    fault: 'M365_SENDING_IP_BLOCKED',
    stages: FROM_CONNECTION,
    replies: ['550 5.7.1'],
    phrase: 'part of their network is on our block list',
    source: SEEN_IN_LOGS,
  },
  {
    fault: 'M365_RELAY_NOT_ATTRIBUTED',
    stages: ['mail', 'rcpt'],
    replies: ['550 5.7.64', '451 4.4.62'],
    source: DEVICES,
  },
];
