/**
 * Sends one message now, with OAuth 2.0 client credentials over SMTP: settings, token, connection, verdict.
 *
 * @packageDocumentation
 */
export { loadSettings, readSettings, type LoadOptions, type Settings } from '@postbearer/settings';
export { headerTextProblem } from './check-fields.ts';
export { composeMessage } from './compose.ts';
export type { ComposedMessage } from './envelope.ts';
export { createEventLog, type EventLogOptions } from './event-log.ts';
export { mailerFaults } from './faults.ts';
export { toCrlf } from './line-endings.ts';
export type { AddressesInput, AddressInput, Attachment, MailInput } from './mail.ts';
export {
  createMailer,
  type CallOptions,
  type Mailer,
  type MailerOptions,
  type SendMessageOptions,
  type VerifyOptions,
} from './mailer.ts';
export { worstFault, type SendOutcome } from './outcome.ts';
export { SettingsError, type GlobalVariables, type SettingsInput } from './settings-input.ts';
