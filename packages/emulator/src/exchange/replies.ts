/**
 * What Exchange Online says over SMTP, word for word where words were seen.
 *
 * Refusals end with server data in brackets: `[host timestamp id]` while a session is being set up, `[Hostname=host]` after a
 * message. Host names of the emulator end in `.example`, so no log of a test can be taken for one of the real service.
 */
import { randomInt } from 'node:crypto';

/** Names and ids that one emulator puts into its replies. */
export interface ServerData {
  /** In greeting and EHLO, such as `PB1P281CA0042.outlook.office365.example`. */
  readonly greetingHost: string;
  /** In trailing data, such as `PB1P281CA0042.PBRP281.PROD.OUTLOOK.EXAMPLE`. */
  readonly dataHost: string;
}

/** Makes names of the form Exchange Online uses. */
export function createServerData(): ServerData {
  const server = `PB1P281CA${String(randomInt(1, 9999)).padStart(4, '0')}`;
  return {
    greetingHost: `${server}.outlook.office365.example`,
    dataHost: `${server}.PBRP281.PROD.OUTLOOK.EXAMPLE`,
  };
}

/** An id of a session: 16 upper-case hexadecimal digits, the first three as they were seen. */
export function sessionId(): string {
  return `08D${randomInt(0, 16 ** 6)
    .toString(16)
    .padStart(6, '0')}${randomInt(0, 16 ** 7)
    .toString(16)
    .padStart(7, '0')}`.toUpperCase();
}

/** The date of the greeting: `Sun, 23 Nov 2025 11:12:20 +0000`. */
function rfcDate(now: number): string {
  return new Date(now).toUTCString().replace('GMT', '+0000');
}

/** Text of the greeting after `220 `. */
export function greetingText(server: ServerData, now: number, session: string): string {
  return `${server.greetingHost} Microsoft ESMTP MAIL Service ready at ${rfcDate(now)} [${session}]`;
}

/** First line of the EHLO reply after `250-`. */
export function helloText(server: ServerData, clientAddress: string): string {
  return `${server.greetingHost} Hello [${clientAddress}]`;
}

/** The largest message that EHLO announces. */
export const ANNOUNCED_SIZE_BYTES = 157_286_400;

/** The extensions in Exchange Online's order. STARTTLS stands where AUTH stands once the line is encrypted. */
export function extensionLines(encrypted: boolean): readonly string[] {
  return [
    `SIZE ${ANNOUNCED_SIZE_BYTES}`,
    'PIPELINING',
    'DSN',
    'ENHANCEDSTATUSCODES',
    encrypted ? 'AUTH LOGIN XOAUTH2' : 'STARTTLS',
    '8BITMIME',
    'BINARYMIME',
    'CHUNKING',
    'SMTPUTF8',
  ];
}

const NO = 'Authentication unsuccessful';

/** Why a sign-in is refused. */
export type SignInRefusal =
  | 'unsuccessful'
  | 'tenantOff'
  | 'mailboxOff'
  | 'securityDefaults'
  | 'basicBlocked'
  | 'basicRetired'
  | 'credentialsWrong'
  | 'unknownMechanism'
  | 'notAuthenticated';

/** Refusals of a sign-in. Trailing data is added where they are sent. */
export const SIGN_IN_REPLIES: Readonly<Record<SignInRefusal, string>> = {
  unsuccessful: `535 5.7.3 ${NO}`,
  tenantOff: `535 5.7.139 ${NO}, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information.`,
  mailboxOff: `535 5.7.139 ${NO}, SmtpClientAuthentication is disabled for the Mailbox. Visit https://aka.ms/smtp_auth_disabled for more information.`,
  securityDefaults: `535 5.7.139 ${NO}, user is locked by your organization's security defaults policy. Contact your administrator.`,
  basicBlocked: `535 5.7.139 ${NO}, basic authentication is disabled.`,
  basicRetired: '550 5.7.30 Basic authentication is not supported for Client Submission.',
  credentialsWrong: `535 5.7.139 ${NO}, the user credentials were incorrect.`,
  unknownMechanism: '504 5.7.4 Unrecognized authentication type',
  notAuthenticated: '530 5.7.57 Client not authenticated to send mail.',
};

/** Why a message is refused. */
export type MessageRefusal =
  | 'tooManyConnections'
  | 'dailyRecipients'
  | 'tooManyRecipients'
  | 'tooLarge'
  | 'mailboxFull'
  | 'logonFailure'
  | 'fromInvalid'
  | 'severalFrom';

/** Refusals of a message. */
export const MESSAGE_REPLIES: Readonly<Record<MessageRefusal, string>> = {
  tooManyConnections:
    '432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information.',
  dailyRecipients: '554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException',
  tooManyRecipients: '452 4.5.3 Too many recipients',
  tooLarge: '552 5.3.4 Message size exceeds fixed maximum message size',
  mailboxFull: '554 5.2.2 mailbox full; STOREDRV.Submission.Exception:QuotaExceededException',
  logonFailure:
    '430 4.2.0 STOREDRV; mailbox logon failure; STOREDRV.Submission.Exception:ConnectionFailedTransientException.MapiExceptionLogonFailed; Failed to process message due to a transient exception',
  fromInvalid: '501 5.1.7 Invalid address',
  severalFrom: '550 5.1.20 Multiple From addresses are not allowed without Sender address',
};

/** The refusal of a sender address that is not the mailbox's own. */
export function sendAsDenied(mailbox: string, sender: string): string {
  return `554 5.2.252 SendAsDenied; ${mailbox} not allowed to send as ${sender}; STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed to process message due to a permanent exception with message [BeginDiagnosticData]Cannot submit message. 1.84300:0A000000, 1.73948:00000000, 1.108572:00000000, 0.117068:0B000000, 1.79180:0A000000[EndDiagnosticData]`;
}

/** Adds the server data of a session: `[host timestamp id]`. */
export function withSessionData(reply: string, server: ServerData, now: number, session: string): string {
  return `${reply} [${server.dataHost} ${new Date(now).toISOString()} ${session}]`;
}

/** Adds the server data of a message: `[Hostname=host]`. */
export function withHostname(reply: string, server: ServerData): string {
  return `${reply} [Hostname=${server.dataHost}]`;
}
