/**
 * The envelope as commands, with the parameters of the extensions in use.
 *
 * A message needs 8BITMIME where it has 8-bit bytes, SMTPUTF8 where an address or the header has them, DSN where notices
 * are asked for, and must not be larger than the server's SIZE. Where the server does not offer what a message needs, the
 * message is refused with a fault before a command is sent. Nothing is altered, and a request for notices is dropped only where
 * it says that whoever sends the message notifies by itself, as a relay has to (RFC 3461 section 5.2.2); the verdict says so then.
 */
import {
  failure,
  needsSmtpUtf8,
  success,
  type DsnNotify,
  type DsnRequest,
  type Envelope,
  type Fault,
  type RecipientDsn,
  type Result,
} from '@postbearer/core';
import type { SmtpCapabilities } from './capabilities.ts';
import { clientFaults } from './faults.ts';

/** What has to be known about the content before the envelope is sent. */
export interface ContentFacts {
  /** Bytes, where known. */
  readonly sizeBytes: number | undefined;
  /** `unknown` for content that is read while it is sent. */
  readonly eightBit: boolean | 'unknown';
  readonly isHeaderEightBit: boolean;
}

/** The envelope as command lines without CR LF. */
export interface EnvelopeCommands {
  readonly mail: string;
  readonly rcpts: readonly string[];
  /** A request for notices was left out. */
  readonly isDsnDropped: boolean;
}

const LONGEST_ENVELOPE_ID = 100;
/** With its type, as xtext (RFC 3461 section 4.2). */
const LONGEST_ORIGINAL_RECIPIENT = 500;

/** RFC 3461 section 4: `+`, `=` and what is not visible ASCII become `+XX`. */
function xtext(text: string): string {
  return text.replaceAll(
    /[^!-*,-<>-~]/g,
    (character) => `+${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}

function originalRecipientProblem({ originalRecipient }: RecipientDsn): string | undefined {
  if (originalRecipient === undefined) return undefined;
  const { addressType, address } = originalRecipient;
  if (!/^[A-Za-z0-9-]+$/.test(addressType)) return 'the type of an original recipient is no word';
  if (!/^[ -~]+$/.test(address)) return 'an original recipient is not printable ASCII';
  const length = addressType.length + 1 + xtext(address).length;
  return length > LONGEST_ORIGINAL_RECIPIENT ? 'an original recipient is too long' : undefined;
}

function dsnInvalid(reason: string): Fault {
  return clientFaults.make('MESSAGE_DSN_INVALID', { reason });
}

function dsnProblem({ envelopeId = '', recipients = [] }: DsnRequest): Fault | undefined {
  if (envelopeId.length > LONGEST_ENVELOPE_ID) return dsnInvalid(`it is longer than ${LONGEST_ENVELOPE_ID} characters`);
  if (/[^ -~]/.test(envelopeId)) return dsnInvalid('it holds a character that is not printable ASCII');
  const problem = recipients.map(originalRecipientProblem).find((reason) => reason !== undefined);
  return problem === undefined ? undefined : dsnInvalid(problem);
}

function problemOf(
  envelope: Envelope,
  facts: ContentFacts,
  offered: SmtpCapabilities,
  host: string,
  isInternational: boolean,
): Fault | undefined {
  if (isInternational && !offered.smtpUtf8) {
    const part = facts.isHeaderEightBit ? 'header of the message' : 'envelope';
    return clientFaults.make('SMTP_SMTPUTF8_NOT_OFFERED', { host, part });
  }
  if (facts.eightBit === true && !offered.eightBitMime) return clientFaults.make('SMTP_8BITMIME_NOT_OFFERED', { host });
  const { dsn } = envelope;
  if (dsn !== undefined && !offered.dsn && dsn.isOptional !== true)
    return clientFaults.make('SMTP_DSN_NOT_OFFERED', { host });
  const problem = dsn !== undefined && offered.dsn ? dsnProblem(dsn) : undefined;
  return problem ?? sizeFault(facts.sizeBytes, offered, host);
}

/** The fault of a message that is larger than the server takes; known before its content is touched. */
export function sizeFault(sizeBytes: number | undefined, offered: SmtpCapabilities, host: string): Fault | undefined {
  const limit = offered.sizeLimitBytes;
  if (limit === undefined || sizeBytes === undefined || sizeBytes <= limit) return undefined;
  return clientFaults.make('SMTP_MESSAGE_TOO_LARGE', { host, size: sizeBytes, limit });
}

function mailCommand(
  { sender, dsn }: Envelope,
  facts: ContentFacts,
  offered: SmtpCapabilities,
  isInternational: boolean,
): string {
  let line = `MAIL FROM:<${sender}>`;
  if (offered.size && facts.sizeBytes !== undefined) line += ` SIZE=${facts.sizeBytes}`;
  // Content that nobody has seen yet may turn out to hold 8-bit bytes.
  if (facts.eightBit !== false && offered.eightBitMime) line += ' BODY=8BITMIME';
  if (isInternational) line += ' SMTPUTF8';
  if (dsn?.return !== undefined) line += dsn.return === 'full' ? ' RET=FULL' : ' RET=HDRS';
  if (dsn?.envelopeId !== undefined) line += ` ENVID=${xtext(dsn.envelopeId)}`;
  return line;
}

function notifyParameter(notify: DsnNotify | undefined): string {
  if (notify === undefined) return '';
  return ` NOTIFY=${notify.length === 0 ? 'NEVER' : notify.join(',').toUpperCase()}`;
}

function originalRecipientParameter(asked: RecipientDsn | undefined): string {
  if (asked?.originalRecipient === undefined) return '';
  const { addressType, address } = asked.originalRecipient;
  return ` ORCPT=${addressType};${xtext(address)}`;
}

function rcptCommands({ recipients, dsn }: Envelope): string[] {
  const single = new Map(dsn?.recipients?.map((asked) => [asked.recipient, asked]));
  return recipients.map((address) => {
    const asked = single.get(address);
    return `RCPT TO:<${address}>${notifyParameter(asked?.notify ?? dsn?.notify)}${originalRecipientParameter(asked)}`;
  });
}

function withoutDsn({ sender, recipients }: Envelope): Envelope {
  return { sender, recipients };
}

/** Makes the commands, or says why this message cannot go to this server. */
export function envelopeCommands(
  envelope: Envelope,
  facts: ContentFacts,
  offered: SmtpCapabilities,
  host: string,
): Result<EnvelopeCommands> {
  const isInternational =
    facts.isHeaderEightBit ||
    needsSmtpUtf8(envelope.sender) ||
    envelope.recipients.some((address) => needsSmtpUtf8(address));
  const problem = problemOf(envelope, facts, offered, host, isInternational);
  if (problem !== undefined) return failure(problem);
  const isDsnDropped = envelope.dsn !== undefined && !offered.dsn;
  const said = isDsnDropped ? withoutDsn(envelope) : envelope;
  return success({
    mail: mailCommand(said, facts, offered, isInternational),
    rcpts: rcptCommands(said),
    isDsnDropped,
  });
}
