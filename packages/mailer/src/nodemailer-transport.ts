/**
 * A transport for nodemailer, so that existing code changes one line:
 * `nodemailer.createTransport(createNodemailerTransport(mailer))`.
 *
 * nodemailer composes, Postbearer signs in and sends. Recipients that were refused come back in `rejected`; when none was accepted
 * the callback gets an error whose `fault` says why and what to do.
 */
import type { Fault, Verdict } from '@postbearer/core';
import { parseEnvelope } from './envelope.ts';
import type { Mailer } from './mailer.ts';
import type { SendOutcome } from './outcome.ts';

/** The part of nodemailer's message that a transport reads. */
export interface NodemailerMessage {
  readonly message: {
    createReadStream(): AsyncIterable<Uint8Array>;
    getEnvelope(): NodemailerEnvelope;
    messageId(): string;
  };
}

/** Who a message is from and for, as nodemailer says it. */
export interface NodemailerEnvelope {
  readonly from: string | false;
  readonly to: readonly string[];
}

/** What nodemailer's `sendMail` resolves with. */
export interface NodemailerInfo {
  readonly envelope: { readonly from: string; readonly to: readonly string[] };
  readonly messageId: string;
  readonly accepted: readonly string[];
  readonly rejected: readonly string[];
  readonly rejectedErrors: readonly PostbearerSendError[];
  /** The server's final reply, where a recipient was accepted. */
  readonly response: string;
  /** The verdicts as Postbearer gives them. */
  readonly verdicts: readonly Verdict[];
}

/** An error for callers of nodemailer: its `fault` says why and what to do. */
export class PostbearerSendError extends Error {
  /** The fault code. */
  readonly code: string;
  readonly fault: Fault;
  /** The address that was refused, where it was one. */
  readonly recipient: string | undefined;
  /** The SMTP code that the server gave, where it gave one. */
  readonly responseCode: number | undefined;

  constructor(fault: Fault, recipient?: string) {
    super(`${fault.title}: ${fault.message}`);
    this.name = 'PostbearerSendError';
    this.code = fault.code;
    this.fault = fault;
    this.recipient = recipient;
    this.responseCode = fault.evidence?.kind === 'smtp' && fault.evidence.code > 0 ? fault.evidence.code : undefined;
  }
}

type Callback = (error: Error | null, info?: NodemailerInfo) => void;

/** What `nodemailer.createTransport` takes. */
export interface NodemailerTransport {
  readonly name: string;
  readonly version: string;
  send(mail: NodemailerMessage, callback: Callback): void;
  /** Resolves when mail would go out; rejects with a {@link PostbearerSendError} otherwise. */
  verify(): Promise<true>;
  close(): void;
}

function infoOf({ envelope, messageId, recipients }: SendOutcome): NodemailerInfo {
  const rejectedErrors = recipients.flatMap((verdict) =>
    verdict.outcome === 'accepted' ? [] : [new PostbearerSendError(verdict.fault, verdict.recipient)],
  );
  const reply = recipients.find((verdict) => verdict.outcome === 'accepted')?.reply;
  return {
    envelope: { from: envelope?.sender ?? '', to: envelope?.recipients ?? [] },
    messageId,
    accepted: recipients.flatMap((verdict) => (verdict.outcome === 'accepted' ? [verdict.recipient] : [])),
    rejected: rejectedErrors.flatMap(({ recipient }) => (recipient === undefined ? [] : [recipient])),
    rejectedErrors,
    response: reply === undefined ? '' : [reply.code, reply.enhanced, ...reply.lines].filter(Boolean).join(' '),
    verdicts: recipients,
  };
}

async function sendThrough(mailer: Mailer, { message }: NodemailerMessage): Promise<NodemailerInfo> {
  const { from, to } = message.getEnvelope();
  const envelope = parseEnvelope(from === false ? '' : from, to);
  if (!envelope.ok) throw new PostbearerSendError(envelope.fault);
  const messageId = message.messageId();
  // Read once only: nodemailer's attachments may be streams that cannot be read again.
  const outcome = await mailer.sendMessage(
    { envelope: envelope.value, content: { open: () => message.createReadStream() } },
    { messageId },
  );
  const info = infoOf(outcome);
  if (info.accepted.length === 0 && outcome.fault !== undefined) throw new PostbearerSendError(outcome.fault);
  return info;
}

/** nodemailer's transports answer by a callback; it is called outside of the try, so that its own errors are its own. */
async function deliver(mailer: Mailer, mail: NodemailerMessage, callback: Callback): Promise<void> {
  let info: NodemailerInfo;
  try {
    info = await sendThrough(mailer, mail);
  } catch (error) {
    callback(error instanceof Error ? error : new Error(String(error)));
    return;
  }
  callback(null, info);
}

/** A nodemailer transport that sends through `mailer`; closing the transport closes the mailer. */
export function createNodemailerTransport(mailer: Mailer): NodemailerTransport {
  return {
    name: 'postbearer',
    version: '0.1.0',
    send: (mail, callback) => void deliver(mailer, mail, callback),
    async verify() {
      const report = await mailer.verify();
      const fault = report.firstBroken?.fault;
      if (!report.ok && fault !== undefined) throw new PostbearerSendError(fault);
      return true;
    },
    close: () => void mailer.close(),
  };
}
