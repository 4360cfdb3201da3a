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
  /** On the way out: the mailbox whose connection it is, where it is known. */
  readonly mailbox?: string;
  /** On the way in: the address of the client. */
  readonly client?: string;
  /** On the way in: as whom the client signed in, or the app that its address belongs to; absent until that is known. */
  readonly app?: string;
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

/** A message was stored, and whoever handed it in may be told so. */
export interface MessageQueued {
  readonly name: 'message.queued';
  /** Its name in the queue. */
  readonly id: string;
  readonly messageId: string;
  readonly app: string;
  readonly lane: string;
  /** How it came in: `smtp 192.0.2.7`. */
  readonly origin: string;
  readonly recipients: number;
  readonly sizeBytes: number;
}

/** What became of a message after an attempt is stored. */
export interface MessageSettled {
  readonly name: 'message.settled';
  readonly id: string;
  readonly messageId: string;
  readonly app: string;
  readonly lane: string;
  /** Its state in the queue. */
  readonly state: string;
  /** The fault that a list shows for it. */
  readonly faultCode?: string;
  /** When it is tried again, where it is. */
  readonly readyAt?: number;
  /** From its acceptance until now, by the wall clock. */
  readonly ageMs: number;
}

/** A device that called in from a network that is being learnt became an app. */
export interface AppEnrolled {
  readonly name: 'app.enrolled';
  readonly app: string;
  /** From where it called. */
  readonly address: string;
  /** The network that is being learnt. */
  readonly network: string;
}

/** Somebody was not allowed to hand in a message, or this message. */
export interface SubmissionRefused {
  readonly name: 'submission.refused';
  readonly app?: string;
  readonly origin: string;
  readonly fault: Fault;
}

/** A set-up fault stopped a lane, or one sender in it; mail is kept, and goes on by itself once the fault is mended. */
export interface LaneHeld {
  readonly name: 'lane.held';
  readonly lane: string;
  /** The From that is held; empty for the whole lane. */
  readonly sender: string;
  readonly fault: Fault;
}

/** A hold of a lane or of a sender is over. */
export interface LaneReleased {
  readonly name: 'lane.released';
  readonly lane: string;
  readonly sender: string;
}

/** The service listens. */
export interface ServiceListening {
  readonly name: 'service.listening';
  readonly host: string;
  readonly port: number;
  readonly security: 'starttls' | 'tls' | 'plain';
  /** Where the certificate it presents is; clients may have to trust it. */
  readonly certificateFile?: string;
}

/** A mail that the service itself writes is in the queue: it tells of a message that failed or is late. */
export interface NoticeQueued {
  readonly name: 'notice.queued';
  /** Its name in the queue. */
  readonly id: string;
  /** The name of the message that it tells of. */
  readonly about: string;
  readonly kind: 'failed' | 'unconfirmed' | 'delayed' | 'relayed';
  readonly lane: string;
}

/** The settings were read anew and are in effect. */
export interface SettingsReloaded {
  readonly name: 'settings.reloaded';
  /** The keys whose values changed. */
  readonly changed: readonly string[];
  /** Those of them that count only after a restart. */
  readonly afterRestart: readonly string[];
}

/** The settings were read anew and have mistakes; those that were in effect stay. */
export interface SettingsRefused {
  readonly name: 'settings.refused';
  /** The first mistake. */
  readonly fault: Fault;
  readonly mistakes: number;
}

/** The database does not answer, or cannot store. */
export interface DatabaseUnavailable {
  readonly name: 'database.unavailable';
  readonly fault: Fault;
}

/** The database answers and stores again. */
export interface DatabaseAvailable {
  readonly name: 'database.available';
  /** How long it was away, milliseconds. */
  readonly downMs: number;
}

/** There is too little room on the disk of the data folder to take another message in. */
export interface DiskNearlyFull {
  readonly name: 'disk.nearly-full';
  readonly folder: string;
  readonly freeBytes: number;
  /** What has to be free. */
  readonly neededBytes: number;
}

/** There is room on the disk again. */
export interface DiskRoomAgain {
  readonly name: 'disk.room-again';
  readonly folder: string;
  readonly freeBytes: number;
}

/** Log lines could not be written; the log works again. */
export interface LogDropped {
  readonly name: 'log.dropped';
  readonly lines: number;
  /** Since when, milliseconds since 1970. */
  readonly since: number;
  /** Why, as the system says it. */
  readonly reason: string;
}

/** A webhook did not take an event. */
export interface WebhookFailed {
  readonly name: 'webhook.failed';
  /** Its name in the settings. */
  readonly webhook: string;
  /** The `webhook-id` of the event. */
  readonly id: string;
  /** How often it was tried. */
  readonly attempts: number;
  /** When it is tried again, milliseconds since 1970; absent where it is set aside for a person. */
  readonly readyAt?: number;
  readonly fault: Fault;
}

/** A webhook that had failed takes events again. */
export interface WebhookRecovered {
  readonly name: 'webhook.recovered';
  readonly webhook: string;
}

/** So many events wait for a webhook that further ones are not kept for it. */
export interface WebhookOverflowed {
  readonly name: 'webhook.overflowed';
  readonly webhook: string;
  readonly waiting: number;
}

/** Another node of the same database shows signs of life. */
export interface NodeJoined {
  readonly name: 'node.joined';
  readonly node: string;
}

/** A node shows no more signs of life; others take over its lanes. */
export interface NodeLost {
  readonly name: 'node.lost';
  readonly node: string;
}

/** A copy of the database was made. */
export interface BackupMade {
  readonly name: 'backup.made';
  readonly file: string;
  readonly sizeBytes: number;
  readonly tookMs: number;
}

/** The service takes no more mail and ends. */
export interface ServiceStopping {
  readonly name: 'service.stopping';
  /** How long what is being sent may take, milliseconds. */
  readonly graceMs: number;
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
  | MessageQueued
  | MessageSettled
  | SubmissionRefused
  | AppEnrolled
  | LaneHeld
  | LaneReleased
  | ServiceListening
  | ServiceStopping
  | NoticeQueued
  | SettingsReloaded
  | SettingsRefused
  | DatabaseUnavailable
  | DatabaseAvailable
  | DiskNearlyFull
  | DiskRoomAgain
  | LogDropped
  | WebhookFailed
  | WebhookRecovered
  | WebhookOverflowed
  | NodeJoined
  | NodeLost
  | BackupMade
  | MailDisabled
  | SettingsWarning;

/** Where events go. Must not throw and must not wait. */
export type EventSink = (event: PostbearerEvent) => void;
