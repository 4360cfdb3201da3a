/**
 * The envelope as commands, with the parameters of the extensions in use.
 *
 * A message needs 8BITMIME where it has 8-bit bytes, SMTPUTF8 where an address or the header has them, DSN where notices
 * are asked for, and must not be larger than the server's SIZE. Where the server does not offer what a message needs, the
 * message is refused with a fault before a command is sent. Nothing is altered and no request of the sender is dropped:
 * a relay may drop a request for notices (RFC 3461 section 5.2.2), but then it has to send notices itself, and this is not
 * a relay.
 */
import {
  failure,
  needsSmtpUtf8,
  success,
  type DsnRequest,
  type Envelope,
  type Fault,
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
}

const LONGEST_ENVELOPE_ID = 100;

/** RFC 3461 section 4: `+`, `=` and what is not visible ASCII become `+XX`. */
function xtext(text: string): string {
  return text.replaceAll(
    /[^!-*,-<>-~]/g,
    (character) => `+${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}

function dsnProblem(dsn: DsnRequest): Fault | undefined {
  const { envelopeId = '' } = dsn;
  if (envelopeId.length > LONGEST_ENVELOPE_ID)
    return clientFaults.make('MESSAGE_DSN_INVALID', { reason: `it is longer than ${LONGEST_ENVELOPE_ID} characters` });
  if (/[^ -~]/.test(envelopeId))
    return clientFaults.make('MESSAGE_DSN_INVALID', { reason: 'it holds a character that is not printable ASCII' });
  return undefined;
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
  if (envelope.dsn !== undefined) {
    if (!offered.dsn) return clientFaults.make('SMTP_DSN_NOT_OFFERED', { host });
    const problem = dsnProblem(envelope.dsn);
    if (problem !== undefined) return problem;
  }
  return sizeFault(facts.sizeBytes, offered, host);
}

/** The fault of a message that is larger than the server takes; known before its content is touched. */
export function sizeFault(sizeBytes: number | undefined, offered: SmtpCapabilities, host: string): Fault | undefined {
  const limit = offered.sizeLimitBytes;
  if (limit === undefined || sizeBytes === undefined || sizeBytes <= limit) return undefined;
  return clientFaults.make('SMTP_MESSAGE_TOO_LARGE', { host, size: sizeBytes, limit });
}

function mailCommand(
  envelope: Envelope,
  facts: ContentFacts,
  offered: SmtpCapabilities,
  isInternational: boolean,
): string {
  let line = `MAIL FROM:<${envelope.sender}>`;
  if (offered.size && facts.sizeBytes !== undefined) line += ` SIZE=${facts.sizeBytes}`;
  // Content that nobody has seen yet may turn out to hold 8-bit bytes.
  if (facts.eightBit !== false && offered.eightBitMime) line += ' BODY=8BITMIME';
  if (isInternational) line += ' SMTPUTF8';
  const { dsn } = envelope;
  if (dsn?.return !== undefined) line += dsn.return === 'full' ? ' RET=FULL' : ' RET=HDRS';
  if (dsn?.envelopeId !== undefined) line += ` ENVID=${xtext(dsn.envelopeId)}`;
  return line;
}

function notifyParameter(dsn: DsnRequest | undefined): string {
  if (dsn?.notify === undefined) return '';
  return ` NOTIFY=${dsn.notify.length === 0 ? 'NEVER' : dsn.notify.join(',').toUpperCase()}`;
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
  const notify = notifyParameter(envelope.dsn);
  return success({
    mail: mailCommand(envelope, facts, offered, isInternational),
    rcpts: envelope.recipients.map((address) => `RCPT TO:<${address}>${notify}`),
  });
}
