/** What a program says to send one mail: names of the fields are those of RFC 5322 and of every mail library. */
import type { DsnRequest, MessageSource } from '@postbearer/core';

/** One address: `user@example.com`, `Name <user@example.com>`, or name and address apart. */
export type AddressInput = string | { readonly name?: string; readonly address: string };

/** One or several addresses; a text may hold several, separated by commas. */
export type AddressesInput = AddressInput | readonly AddressInput[];

/** A file that goes with a mail. Exactly one of `path` and `content` says where its bytes are. */
export interface Attachment {
  /** The name that the receiver sees; taken from `path` where it is left out. */
  readonly filename?: string;
  /** A file to read while sending; it is never loaded whole unless it is small. */
  readonly path?: string;
  /** The bytes themselves; a string is encoded as UTF-8. */
  readonly content?: string | Uint8Array;
  /** Media type such as `application/pdf`; guessed from the file name where it is left out. */
  readonly contentType?: string;
  /** Content-ID without angle brackets. Makes the attachment an inline picture that the HTML shows with `<img src="cid:…">`. */
  readonly cid?: string;
}

/** One mail to compose, or one to send as it is (`raw`). */
export interface MailInput {
  /** Who it is from; the address of the settings where it is left out. */
  readonly from?: AddressInput;
  readonly to?: AddressesInput;
  readonly cc?: AddressesInput;
  /** Receives the mail, but never stands in its header. */
  readonly bcc?: AddressesInput;
  readonly replyTo?: AddressesInput;
  readonly subject?: string;
  readonly text?: string;
  readonly html?: string;
  readonly attachments?: readonly Attachment[];
  /** Further header fields. Fields that this library writes itself are refused here. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Message-ID with angle brackets; made anew where it is left out. */
  readonly messageId?: string;
  readonly inReplyTo?: string;
  readonly references?: readonly string[];
  /** The Date field; now where it is left out. */
  readonly date?: Date;
  /**
   * A whole message (header, empty line, body; CRLF line ends) that goes out byte for byte. The fields above that make a
   * message are then refused; `to`, `cc` and `bcc` say who receives it, else its own To and Cc fields do.
   */
  readonly raw?: string | Uint8Array | MessageSource;
  /** Overrides who `MAIL FROM` and `RCPT TO` name. */
  readonly envelope?: { readonly from?: string; readonly to?: AddressesInput };
  /** Delivery status notifications (RFC 3461). */
  readonly dsn?: DsnRequest;
  /** Which upstream of the settings sends it; else the one of the sender's mailbox, else `default`. */
  readonly upstream?: string;
}
