/**
 * The mail that tells a sender what became of a message: a delivery status notification (RFC 3464).
 *
 * Three parts: words for people, fields for programs, and of the message itself its Message-ID and subject alone. It comes from
 * the mailbox, because submission to Microsoft 365 takes no null sender, and says `Auto-Submitted` so that nobody answers.
 */
import { evidenceLine, oneLine, type DsnRequest, type Fault, type MailboxAddress } from '@postbearer/core';

/** Of whom a notice tells; why is missing where nothing went wrong. */
export interface NoticeRecipient {
  readonly address: MailboxAddress;
  readonly fault?: Fault;
}

/** What a notice tells. */
export interface DeliveryNotice {
  readonly kind: 'failed' | 'unconfirmed' | 'delayed' | 'relayed';
  /** The mailbox that it comes from. */
  readonly mailbox: MailboxAddress;
  readonly to: MailboxAddress;
  /** The Message-ID of the notice. */
  readonly messageId: string;
  /** The name of this host. */
  readonly hostname: string;
  /** The message that it is about. */
  readonly original: {
    readonly messageId: string;
    readonly subject: string;
    /** Milliseconds since 1970. */
    readonly acceptedAt: number;
    /** What the sender asked for, and named, when it handed the message in. */
    readonly dsn?: DsnRequest;
  };
  readonly recipients: readonly NoticeRecipient[];
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** The first words of a notice and its subject, by kind. */
const WORDS: Readonly<Record<DeliveryNotice['kind'], { readonly subject: string; readonly text: string }>> = {
  failed: { subject: 'Mail not delivered', text: 'Your message was not delivered to these recipients.' },
  unconfirmed: {
    subject: 'Mail perhaps not delivered',
    text: 'Your message was perhaps delivered to these recipients, and perhaps not: the connection broke before the answer came. It is not sent again, so that nobody gets it twice.',
  },
  delayed: {
    subject: 'Mail delayed',
    text: 'Your message was not delivered to these recipients yet. It is tried again for some days; you need not send it again.',
  },
  relayed: {
    subject: 'Mail handed on',
    text: 'Your message was handed on for these recipients, to a server that sends no notices. You will hear no more of it unless it comes back.',
  },
};

/** The words of RFC 3464 section 2.3.3. */
const ACTIONS: Readonly<Record<DeliveryNotice['kind'], string>> = {
  failed: 'failed',
  unconfirmed: 'failed',
  delayed: 'delayed',
  relayed: 'relayed',
};

const LINE_CHARACTERS = 76;
const LONGEST_SUBJECT = 120;

function isAscii(text: string): boolean {
  return /^[ -~]*$/.test(text);
}

function base64Lines(text: string): string[] {
  return (
    Buffer.from(text, 'utf8')
      .toString('base64')
      .match(new RegExp(`.{1,${LINE_CHARACTERS}}`, 'g')) ?? []
  );
}

function date(ms: number): string {
  return new Date(ms).toUTCString().replace('GMT', '+0000');
}

function wordsFor({ kind, original, recipients, hostname }: DeliveryNotice): string {
  const about = [`Subject: ${oneLine(original.subject)}`, `Handed in: ${date(original.acceptedAt)}`];
  const reasons = recipients.map(({ address, fault }) => {
    if (fault === undefined) return address;
    const said = evidenceLine(fault);
    return [address, `  ${fault.message}`, ...(said === undefined ? [] : [`  ${said}`])].join('\r\n');
  });
  return [WORDS[kind].text, about.join('\r\n'), ...reasons, `This is an automatic message of ${hostname}.`].join(
    '\r\n\r\n',
  );
}

/** The status code of a recipient (RFC 3463): what the server said, as far as it fits what became of the message. */
function statusOf(kind: DeliveryNotice['kind'], fault: Fault | undefined): string {
  const said = fault?.evidence?.kind === 'smtp' ? fault.evidence.enhanced : undefined;
  if (kind === 'relayed') return '2.0.0';
  if (kind === 'delayed') return said?.startsWith('4') === true ? said : '4.4.7';
  if (kind === 'unconfirmed') return '4.4.2';
  return said?.startsWith('5') === true ? said : '5.0.0';
}

function recipientFields({ kind, original }: DeliveryNotice, { address, fault }: NoticeRecipient): string[] {
  const said = fault === undefined ? undefined : evidenceLine(fault);
  const first = original.dsn?.recipients?.find(({ recipient }) => recipient === address)?.originalRecipient;
  return [
    '',
    ...(first === undefined ? [] : [`Original-Recipient: ${first.addressType}; ${first.address}`]),
    `Final-Recipient: ${isAscii(address) ? 'rfc822' : 'utf-8'}; ${address}`,
    `Action: ${ACTIONS[kind]}`,
    `Status: ${statusOf(kind, fault)}`,
    ...(said !== undefined && isAscii(said) ? [`Diagnostic-Code: smtp; ${said.slice(0, 800)}`] : []),
  ];
}

function headersOf({ original }: DeliveryNotice): string[] {
  return [
    ...(isAscii(original.messageId) ? [`Message-ID: ${original.messageId}`] : []),
    ...(isAscii(original.subject) ? [`Subject: ${original.subject}`] : []),
  ];
}

/** The notice as the bytes of a message. */
export function composeDeliveryNotice(notice: DeliveryNotice): Uint8Array {
  const { kind, mailbox, to, messageId, hostname, original, recipients, now } = notice;
  const boundary = `notice-${messageId.replaceAll(/[^A-Za-z0-9]/g, '').slice(0, 40)}`;
  const subject = isAscii(original.subject) && original.subject !== '' ? `: ${original.subject}` : '';
  const isReference = /^<[^<>\s]+>$/.test(original.messageId) && isAscii(original.messageId);
  const lines = [
    `From: Mail Delivery <${mailbox}>`,
    `To: <${to}>`,
    `Subject: ${`${WORDS[kind].subject}${subject}`.slice(0, LONGEST_SUBJECT)}`,
    `Date: ${date(now)}`,
    `Message-ID: ${messageId}`,
    ...(isReference ? [`In-Reply-To: ${original.messageId}`, `References: ${original.messageId}`] : []),
    'Auto-Submitted: auto-replied',
    'MIME-Version: 1.0',
    `Content-Type: multipart/report; report-type=delivery-status; boundary="${boundary}"`,
    '',
    `--${boundary}`,
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: base64',
    '',
    ...base64Lines(wordsFor(notice)),
    '',
    `--${boundary}`,
    'Content-Type: message/delivery-status',
    '',
    ...(original.dsn?.envelopeId === undefined ? [] : [`Original-Envelope-Id: ${original.dsn.envelopeId}`]),
    `Reporting-MTA: dns; ${hostname}`,
    `Arrival-Date: ${date(original.acceptedAt)}`,
    ...recipients.flatMap((recipient) => recipientFields(notice, recipient)),
    '',
    `--${boundary}`,
    'Content-Type: text/rfc822-headers',
    '',
    ...headersOf(notice),
    '',
    `--${boundary}--`,
    '',
  ];
  return Buffer.from(lines.join('\r\n'), 'utf8');
}
