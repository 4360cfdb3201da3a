/**
 * Everything that happens and is worth telling, as one typed union.
 *
 * Logs, metrics, alerts and streams all read these events; none of them steers what happens. An event holds no secret
 * and no token. `render-event.ts` gives each its words.
 */
import type { Fault } from './fault.ts';

/** A token was obtained from its endpoint (not from the cache). */
export interface TokenAcquired {
  readonly name: 'token.acquired';
  readonly endpoint: string;
  readonly clientId: string;
  readonly scope: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

/** A token could not be obtained. */
export interface TokenFailed {
  readonly name: 'token.failed';
  readonly endpoint: string;
  readonly clientId: string;
  readonly fault: Fault;
}

/** A connection to an SMTP server stands, encrypted or not. */
export interface SmtpConnected {
  readonly name: 'smtp.connected';
  readonly connection: string;
  readonly host: string;
  readonly port: number;
  /** The TLS version, such as `TLSv1.3`; absent on an unencrypted connection. */
  readonly tls?: string;
}

/** A server accepted our credentials. */
export interface SmtpAuthenticated {
  readonly name: 'smtp.authenticated';
  readonly connection: string;
  readonly host: string;
  readonly mailbox: string;
  readonly mechanism: string;
}

/** A server refused our credentials. */
export interface SmtpAuthenticationFailed {
  readonly name: 'smtp.authentication-failed';
  readonly host: string;
  readonly mailbox: string;
  readonly mechanism: string;
  readonly fault: Fault;
  /** The fault was told in full by the event just before: there was no token to sign in with. */
  readonly toldBefore?: boolean;
}

/** One line of an SMTP dialogue, credentials blanked, message content left out. */
export interface SmtpDialogue {
  readonly name: 'smtp.dialogue';
  readonly connection: string;
  readonly from: 'client' | 'server';
  readonly text: string;
}

/** A connection ended. */
export interface SmtpClosed {
  readonly name: 'smtp.closed';
  readonly connection: string;
  readonly host: string;
  /** How many messages it carried. */
  readonly messages: number;
}

/** A server accepted a message for a recipient. */
export interface MessageAccepted {
  readonly name: 'message.accepted';
  readonly messageId: string;
  readonly recipient: string;
  /** The server's final reply. */
  readonly reply: string;
}

/** A message was not accepted, or perhaps not, for a recipient. */
export interface MessageNotAccepted {
  readonly name: 'message.not-accepted';
  readonly messageId: string;
  readonly recipient: string;
  readonly outcome: 'deferred' | 'refused' | 'uncertain';
  readonly fault: Fault;
  /** The fault was told in full by an event just before (a failed sign-in, or another recipient); the text form then names it only. */
  readonly toldBefore?: boolean;
}

/** Mail is switched off in the settings; nothing was sent. */
export interface MailDisabled {
  readonly name: 'mail.disabled';
  readonly fault: Fault;
}

/** The settings are usable, but something in them is worth a word. */
export interface SettingsWarning {
  readonly name: 'settings.warning';
  readonly fault: Fault;
}

/** Anything of the above. */
export type PostbearerEvent =
  | TokenAcquired
  | TokenFailed
  | SmtpConnected
  | SmtpAuthenticated
  | SmtpAuthenticationFailed
  | SmtpDialogue
  | SmtpClosed
  | MessageAccepted
  | MessageNotAccepted
  | MailDisabled
  | SettingsWarning;

/** Where events go. Must not throw and must not wait. */
export type EventSink = (event: PostbearerEvent) => void;
