/**
 * The face between the protocol and what a server is for: one method for each stage of a session.
 *
 * Every method is optional. One that is missing or gives `undefined` leaves the standard behaviour, with two exceptions on
 * the safe side: without `authenticate` AUTH is not offered, and without `message` no message is taken.
 *
 * A method that throws gives the client 451 4.3.0 and the error to `options.onError`; the connection goes on.
 */
import type { Envelope, MailboxAddress, Secret } from '@postbearer/core';
import type { ServerReply } from './reply.ts';
import type { SmtpSession } from './session.ts';

/** A value, now or later. */
export type Awaitable<T> = T | Promise<T>;

/** A reply in place of the standard one, or nothing. */
export type Answer = Awaitable<ServerReply | undefined>;

/** Credentials that a client offers, decoded. Always over TLS. */
export type AuthAttempt =
  /** `username` is empty where OAUTHBEARER names none (RFC 7628 section 3.1). */
  | { readonly mechanism: 'XOAUTH2' | 'OAUTHBEARER'; readonly username: string; readonly token: Secret }
  | { readonly mechanism: 'PLAIN' | 'LOGIN'; readonly username: string; readonly password: Secret };

/** The mechanisms that the server half can speak. */
export type AuthMechanism = AuthAttempt['mechanism'];

/** The outcome of an attempt to sign in. */
export type AuthOutcome =
  /** Signed in; `reply` in place of the standard 235. */
  | { readonly identity: string; readonly reply?: ServerReply }
  /** Refused in two steps: a 334 that holds `challenge` (sent as base64), then, whatever the client says to it, the reply. Google's XOAUTH2 does so. */
  | { readonly challenge: string; readonly reply: ServerReply }
  /** Refused. OAUTHBEARER is told so in two steps all the same, because RFC 7628 section 3.2.2 demands them. */
  | ServerReply;

/** Parameters of MAIL FROM. */
export interface MailParameters {
  /** What the client says the message will have, in bytes (RFC 1870). */
  readonly sizeBytes?: number;
  /** RFC 6152, RFC 3030. */
  readonly body?: '7BIT' | '8BITMIME' | 'BINARYMIME';
  /** RFC 6531. */
  readonly smtpUtf8?: true;
  /** What a delivery notice is to return (RFC 3461 section 4.3). */
  readonly return?: 'full' | 'headers';
  /** The sender's name for this envelope, decoded from xtext (RFC 3461 section 4.4). */
  readonly envelopeId?: string;
}

/** Parameters of RCPT TO. */
export interface RecipientParameters {
  /** When to notify the sender (RFC 3461 section 4.1); empty means never. */
  readonly notify?: readonly ('success' | 'failure' | 'delay')[];
  /** For whom the message was at first (RFC 3461 section 4.2), decoded from xtext. */
  readonly originalRecipient?: { readonly addressType: string; readonly address: string };
}

/** An envelope with everything the client said about it. */
export interface ReceivedEnvelope extends Omit<Envelope, 'dsn'> {
  readonly parameters: MailParameters;
  /** In the order of `recipients`. */
  readonly recipientParameters: readonly RecipientParameters[];
}

/** A message while it comes in. */
export interface IncomingMessage {
  readonly envelope: ReceivedEnvelope;
  /**
   * The content, dots unstuffed, as it arrives; to be read once. The client is read no faster than this is. A block stays as
   * it is for as long as it is kept.
   *
   * Only an iteration that ends by itself has seen a whole message. It throws {@link MessageContentError} where the content
   * is malformed, too large or cut: nothing of it may be delivered, and whatever the handler then answers, the client is
   * told the right refusal. A handler that answers before the end is answered for at the end: the rest is read and thrown away.
   *
   * After DATA every line ends with CRLF. After BDAT the last line may lack it, and BODY=BINARYMIME allows any bytes.
   */
  readonly content: AsyncIterable<Uint8Array>;
}

/** What a server does with those who speak to it. Methods are in the order of a session. */
export interface SmtpServerHandler<State = undefined> {
  /** Before the greeting. A refusal replaces the greeting and ends the connection; 220 replaces its text. */
  connect?(session: SmtpSession<State>): Answer;
  /**
   * The lines of the EHLO reply after the first, in full control of order and content; what is not listed is not accepted
   * either: AUTH mechanisms, STARTTLS, CHUNKING, BINARYMIME, SIZE, 8BITMIME, SMTPUTF8, DSN.
   *
   * Two things it cannot do: AUTH lines are left out while there is no TLS, and STARTTLS where it is active or there is no certificate.
   *
   * @param standard - what would be listed by itself.
   */
  extensions?(session: SmtpSession<State>, standard: readonly string[]): readonly string[];
  /** At EHLO and HELO. A refusal refuses; 250 replaces the first line. `session.heloName` is not yet changed. */
  ehlo?(session: SmtpSession<State>, name: string): Answer;
  /** At STARTTLS. A refusal refuses; 220 replaces the text. */
  startTls?(session: SmtpSession<State>): Answer;
  /** Credentials were offered and well formed. */
  authenticate?(session: SmtpSession<State>, attempt: AuthAttempt): Awaitable<AuthOutcome>;
  /** At MAIL FROM with valid arguments; `sender` is empty for the null sender of notices. */
  mail?(
    session: SmtpSession<State>,
    mail: { readonly sender: MailboxAddress | ''; readonly parameters: MailParameters },
  ): Answer;
  /** At RCPT TO with valid arguments. `<Postmaster>` (RFC 5321 section 4.1.1.3) comes as `postmaster@` and this server's own name. */
  recipient?(
    session: SmtpSession<State>,
    recipient: { readonly recipient: MailboxAddress; readonly parameters: RecipientParameters },
  ): Answer;
  /** At DATA or the first BDAT, with at least one recipient; 354 replaces the text at DATA. */
  dataStart?(session: SmtpSession<State>, envelope: ReceivedEnvelope): Answer;
  /** The content begins to come in. The reply is what the client is told at its end; 2xx means: it is stored. */
  message?(session: SmtpSession<State>, message: IncomingMessage): Awaitable<ServerReply>;
  /** At RSET. */
  reset?(session: SmtpSession<State>): Answer;
  /** At QUIT. */
  quit?(session: SmtpSession<State>): Answer;
  /** The connection is gone; called once for each session that `connect` was called for. */
  closed?(session: SmtpSession<State>): Awaitable<void>;
}
