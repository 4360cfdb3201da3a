/** A message as it travels: an envelope beside bytes that nobody changes. */
import type { MailboxAddress } from './address.ts';

/** When a sender wants to be told; empty means never (RFC 3461 section 4.1). */
export type DsnNotify = readonly ('success' | 'failure' | 'delay')[];

/** What a sender asked for one recipient. */
export interface RecipientDsn {
  readonly recipient: MailboxAddress;
  readonly notify?: DsnNotify;
  /** For whom the message was at first (RFC 3461 section 4.2); the address is printable ASCII. */
  readonly originalRecipient?: { readonly addressType: string; readonly address: string };
}

/** Delivery status notifications that a sender may ask for (RFC 3461 section 4). */
export interface DsnRequest {
  /** What is returned with a notice: the whole message or its headers. */
  readonly return?: 'full' | 'headers';
  /** The sender's own name for this envelope, printable ASCII; shown in notices. */
  readonly envelopeId?: string;
  /** When to notify; empty means never. */
  readonly notify?: DsnNotify;
  /** What was asked for single recipients; counts in place of `notify` for these. */
  readonly recipients?: readonly RecipientDsn[];
  /** Whoever sends the message notifies by itself, so a server that offers no notices is sent none of this (RFC 3461 section 5.2.2). */
  readonly isOptional?: true;
}

/** Who a message is from and for, as said in `MAIL FROM` and `RCPT TO`; independent of its header. */
export interface Envelope {
  /** The reverse path; empty string for the null sender of notices. */
  readonly sender: MailboxAddress | '';
  readonly recipients: readonly MailboxAddress[];
  readonly dsn?: DsnRequest;
}

/** The bytes of a message that are read as they are needed. */
export interface MessageSource {
  /** The size, or the least that it can be, where that is known before reading: checked against the server's SIZE (RFC 1870). */
  readonly sizeBytes?: number;
  /** Starts reading from the first byte; each call reads anew. */
  open(): AsyncIterable<Uint8Array>;
}

/** The bytes of a message: header, empty line, body; every line ends with CRLF. Never changed on the way but for dot stuffing. */
export type MessageContent = Uint8Array | MessageSource;

/** A message ready to be sent. */
export interface Message {
  readonly envelope: Envelope;
  readonly content: MessageContent;
}
