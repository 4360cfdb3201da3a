/**
 * The sign-in passed, and Exchange Online does not take the message from this mailbox: permission, quota, pace, block.
 *
 * Two numbers have two owners each, told apart by words only: `432 4.3.2` is the sender's own limit with
 * STOREDRV.ClientSubmit and the recipient's with STOREDRV.Deliver; `554 5.2.2` is a full mailbox or a used-up daily quota.
 * `430 4.2.0` reads as temporary but is a missing permission: trying again does not help.
 */
import type { FaultDefinition, SmtpEvidence, SmtpStage } from '@postbearer/core';
import type { SmtpRule } from './rules.ts';
import { NDR, OAUTH_SMTP, READ, SEEN_IN_LOGS, SENDING_LIMITS, SUBMISSION_LIMITS } from './sources.ts';

/** Codes of this group. */
export type SubmissionCode =
  | 'M365_SEND_AS_DENIED'
  | 'M365_MAILBOX_ACCESS_MISSING'
  | 'M365_MAILBOX_FULL'
  | 'M365_CONNECTIONS_EXCEEDED'
  | 'M365_DAILY_RECIPIENTS_EXCEEDED'
  | 'M365_TENANT_EXTERNAL_RECIPIENTS_EXCEEDED'
  | 'M365_RECIPIENTS_PER_DOMAIN_EXCEEDED'
  | 'M365_SENDER_BLOCKED'
  | 'M365_TENANT_BLOCKED'
  | 'M365_MESSAGE_TOO_LARGE'
  | 'M365_SERVER_BUSY';

/** The wording of this group. */
export const submissionDefinitions: Readonly<Record<SubmissionCode, FaultDefinition>> = {
  M365_SEND_AS_DENIED: {
    title: 'Sender address not allowed',
    message: 'Exchange Online does not let {mailbox} send as {fromAddress}.',
    cause: 'The From address is not that of the mailbox that signed in, and the right to send as it is missing.',
    remedy: {
      steps: [
        'Simplest: set smtp.fromAddress (EMAIL_FROM_ADDRESS) to {mailbox}.',
        'Otherwise give the app the right to send as that address with the command below; the trustee is the Object ID of the enterprise application, as Get-ServicePrincipal shows it.',
        'If a program writes its own From header into the message, correct it there.',
      ],
      command: 'Add-RecipientPermission -Identity {psFrom} -Trustee {psObjectId} -AccessRights SendAs',
    },
    next: 'needs-person',
    source: OAUTH_SMTP,
    read: READ,
  },
  M365_MAILBOX_ACCESS_MISSING: {
    title: 'The app may not open the mailbox',
    message: 'The sign-in passed, but Exchange Online cannot open the mailbox {mailbox} for the app.',
    cause:
      'The service principal of the app has no FullAccess on the mailbox, or the mailbox has no licence; the reply reads as temporary but does not pass by itself.',
    remedy: {
      steps: [
        'In PowerShell with the module ExchangeOnlineManagement, run Connect-ExchangeOnline as an Exchange administrator.',
        'Give the app the mailbox with the command below; -User is the Object ID of the enterprise application, as Get-ServicePrincipal shows it.',
        'Check that the mailbox exists and has a licence, or is a shared mailbox.',
        'Wait: guides name 15 to 60 minutes until Exchange knows a change; Microsoft gives no number.',
      ],
      command: 'Add-MailboxPermission -Identity {psMailbox} -User {psObjectId} -AccessRights FullAccess',
    },
    next: 'needs-person',
    source: `${OAUTH_SMTP}; github.com/simonrob/email-oauth2-proxy issue 271`,
    read: READ,
  },
  M365_MAILBOX_FULL: {
    title: 'Sending mailbox full',
    message: 'The mailbox {mailbox} has no room for what it sends.',
    cause: 'Exchange Online keeps a copy of each sent message in Sent Items, and the mailbox is full.',
    remedy: {
      steps: [
        'Empty Sent Items and Deleted Items of the mailbox.',
        'Set a retention policy that deletes sent mail after some days.',
      ],
    },
    next: 'needs-person',
    source: SUBMISSION_LIMITS,
    read: READ,
  },
  M365_CONNECTIONS_EXCEEDED: {
    title: 'Too many connections at once',
    message: 'More than three connections send for {mailbox} at the same time.',
    cause:
      'Exchange Online takes three sending connections for a mailbox; those of other programs with the same mailbox count.',
    remedy: {
      steps: [
        'For a single case it is enough to send the message again later.',
        'If it lasts, look for another program that sends with the same mailbox, or give it a mailbox of its own.',
      ],
    },
    next: 'retry',
    source: SUBMISSION_LIMITS,
    read: READ,
  },
  M365_DAILY_RECIPIENTS_EXCEEDED: {
    title: 'Daily recipient limit reached',
    message: 'The mailbox {mailbox} has sent to 10,000 recipients within 24 hours.',
    cause:
      'Exchange Online counts recipients of a mailbox over the last 24 hours and takes no more until some of them are older.',
    remedy: {
      steps: [
        'Wait: the count falls as the hours pass.',
        'Check that nobody misuses the mailbox.',
        'Spread the mail over more mailboxes or days; for bulk mail use a service made for it.',
      ],
    },
    next: 'retry',
    source: SENDING_LIMITS,
    read: READ,
  },
  M365_TENANT_EXTERNAL_RECIPIENTS_EXCEEDED: {
    title: "Tenant's external limit reached",
    message: 'The tenant of {mailbox} has reached its daily number of recipients outside the organization.',
    cause: 'The number depends on the licences of the tenant, and is small for a trial.',
    remedy: {
      steps: [
        'Wait until the last 24 hours hold fewer.',
        'Buy licences for a higher number, or send bulk mail through a service made for it.',
      ],
    },
    next: 'retry',
    source: NDR,
    read: READ,
  },
  M365_RECIPIENTS_PER_DOMAIN_EXCEEDED: {
    title: 'Too many recipients in one message',
    message: '{server} takes no more recipients in this message for now.',
    cause: 'A message may have 200 recipients of one domain in its envelope, and 500 to 1000 in all.',
    remedy: {
      steps: [
        'For a single case it is enough to send it again later to the remaining recipients.',
        'Split larger messages.',
      ],
    },
    next: 'retry',
    source: NDR,
    read: READ,
  },
  M365_SENDER_BLOCKED: {
    title: 'Sender blocked for spam',
    message: 'Microsoft has blocked {mailbox} from sending outside the organization.',
    cause: 'Mail of this account looked like spam: it may be misused, or it sent bulk mail.',
    remedy: {
      steps: [
        'Find out who sent what with the mailbox, and change its secrets.',
        'Release it in the Microsoft Defender portal, Email & collaboration, Review, Restricted entities.',
      ],
    },
    next: 'needs-person',
    source: NDR,
    read: READ,
  },
  M365_TENANT_BLOCKED: {
    title: 'Tenant blocked from sending',
    message: 'Microsoft takes no outbound mail from the tenant of {mailbox}.',
    cause:
      'Much of the mail of the tenant looked like spam, it sent from domains that are not registered in it, or it is new and has no reputation.',
    remedy: {
      steps: [
        'Add and verify every domain that sends in the Microsoft 365 admin center.',
        'Find the source of the suspicious mail and stop it.',
        'Then ask Microsoft support to lift the block.',
      ],
    },
    next: 'needs-person',
    source: NDR,
    read: READ,
  },
  M365_MESSAGE_TOO_LARGE: {
    title: 'Message or headers too large',
    message: '{server} does not take a message of this size.',
    cause:
      'The message is larger than the sending or receiving mailbox allows (about 35 MB unless it was raised), or its headers are too long.',
    remedy: {
      steps: [
        'Make the message smaller, for example with a link in place of the attachment.',
        'An administrator can raise the limit of the mailbox up to 150 MB: Set-Mailbox -Identity {psMailbox} -MaxSendSize 150MB',
      ],
    },
    next: 'fix-message',
    source: SEEN_IN_LOGS,
    read: READ,
  },
  M365_SERVER_BUSY: {
    title: 'Passing fault of the mail server',
    message: '{server} has a passing fault and asks to try again later.',
    cause: 'A part of Exchange Online was not available for a moment; the sender did nothing wrong.',
    remedy: {
      steps: [
        'Try again later; nothing has to be changed here.',
        'If it lasts, look at Service health in the Microsoft 365 admin center.',
      ],
    },
    next: 'retry',
    source: SEEN_IN_LOGS,
    read: READ,
  },
};

const SENDING: readonly SmtpStage[] = ['mail', 'rcpt', 'data', 'content', 'final'];
const FROM_GREETING: readonly SmtpStage[] = ['greeting', 'ehlo', 'auth', ...SENDING];

/** How Exchange Online says so. */
export const submissionRules: readonly SmtpRule<SubmissionCode>[] = [
  { fault: 'M365_SEND_AS_DENIED', stages: SENDING, replies: ['554 5.2.252', '550 5.7.60'], source: SEEN_IN_LOGS },
  {
    fault: 'M365_SEND_AS_DENIED',
    stages: SENDING,
    replies: ['554 5.2.0'],
    phrase: 'SendAsDeniedException',
    source: SEEN_IN_LOGS,
  },
  {
    fault: 'M365_MAILBOX_ACCESS_MISSING',
    stages: SENDING,
    replies: ['430 4.2.0'],
    phrase: 'mailbox logon failure',
    source: SEEN_IN_LOGS,
  },
  {
    fault: 'M365_MAILBOX_ACCESS_MISSING',
    stages: SENDING,
    replies: ['430 4.2.0'],
    phrase: 'MapiExceptionLogonFailed',
    source: SEEN_IN_LOGS,
  },
  {
    fault: 'M365_DAILY_RECIPIENTS_EXCEEDED',
    stages: SENDING,
    replies: ['554 5.2.0'],
    phrase: 'SubmissionQuotaExceededException',
    source: SUBMISSION_LIMITS,
  },
  {
    fault: 'M365_DAILY_RECIPIENTS_EXCEEDED',
    stages: SENDING,
    replies: ['554 5.2.2', '550 5.2.2'],
    phrase: 'Submission quota exceeded',
    source: NDR,
  },
  { fault: 'M365_DAILY_RECIPIENTS_EXCEEDED', stages: SENDING, replies: ['550 5.1.90', '554 5.1.90'], source: NDR },
  {
    fault: 'M365_MAILBOX_FULL',
    stages: SENDING,
    replies: ['554 5.2.2'],
    phrase: 'STOREDRV.Submission',
    source: SUBMISSION_LIMITS,
  },
  {
    fault: 'M365_MAILBOX_FULL',
    stages: SENDING,
    replies: ['554 5.2.2'],
    phrase: 'mailbox full',
    source: SUBMISSION_LIMITS,
  },
  {
    fault: 'M365_CONNECTIONS_EXCEEDED',
    stages: FROM_GREETING,
    replies: ['432 4.3.2'],
    phrase: 'STOREDRV.ClientSubmit',
    source: SUBMISSION_LIMITS,
  },
  {
    fault: 'M365_CONNECTIONS_EXCEEDED',
    stages: FROM_GREETING,
    replies: ['432 4.3.2'],
    phrase: 'Concurrent connections limit exceeded',
    source: SEEN_IN_LOGS,
  },
  {
    fault: 'M365_TENANT_EXTERNAL_RECIPIENTS_EXCEEDED',
    stages: SENDING,
    replies: ['550 5.7.232', '554 5.7.232', '550 5.7.233', '554 5.7.233'],
    source: NDR,
  },
  { fault: 'M365_RECIPIENTS_PER_DOMAIN_EXCEEDED', stages: ['rcpt'], replies: ['452 4.5.3'], source: NDR },
  {
    fault: 'M365_SENDER_BLOCKED',
    stages: SENDING,
    replies: ['550 5.1.8', '550 5.7.501', '550 5.7.502', '550 5.7.503'],
    source: NDR,
  },
  {
    fault: 'M365_TENANT_BLOCKED',
    stages: SENDING,
    replies: ['550 5.7.705', '550 5.7.708', '550 5.7.750'],
    source: NDR,
  },
  { fault: 'M365_MESSAGE_TOO_LARGE', stages: SENDING, replies: ['552 5.3.4', '550 5.2.3'], source: SEEN_IN_LOGS },
  {
    fault: 'M365_MESSAGE_TOO_LARGE',
    stages: SENDING,
    replies: ['554 5.2.0'],
    phrase: 'MapiExceptionMaxSubmissionExceeded',
    source: SEEN_IN_LOGS,
  },
  {
    fault: 'M365_SERVER_BUSY',
    stages: FROM_GREETING,
    replies: ['421 4.3.2', '451 4.7.0', '451 4.3.2', '451 4.4.0', '452 4.3.1', '450 4.7.3'],
    source: SEEN_IN_LOGS,
  },
];

/** The sender that `554 5.2.252 SendAsDenied; MAILBOX not allowed to send as SENDER; …` names; older forms name none. */
export function deniedSender({ lines }: SmtpEvidence): string | undefined {
  return /SendAsDenied; \S+ not allowed to send as (?<sender>[^\s;]+)(?:;|$)/.exec(lines.join(' '))?.groups?.['sender'];
}
