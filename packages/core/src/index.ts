/**
 * The shared words of Postbearer, as types and pure functions.
 *
 * A word comes in here when two packages need it and it does no input or output.
 *
 * @packageDocumentation
 */
export { needsSmtpUtf8, parseMailboxAddress, type MailboxAddress } from './address.ts';
export { parseAddressList, type NamedAddress } from './address-list.ts';
export { hasSubjectAltName, type NamedCertificate } from './certificate-name.ts';
export { systemClock, type Clock, type ClockTimer } from './clock.ts';
export { EVENT_CATALOGUE, eventsReference } from './event-catalogue.ts';
export type * from './events.ts';
export type * from './evidence.ts';
export type { ExchangePlan, ExchangeStep } from './exchange-plan.ts';
export {
  defineFaults,
  type Fault,
  type FaultCatalogue,
  type FaultCode,
  type FaultDefinition,
  type FaultDetails,
  type FaultValues,
  type NextStep,
  type Remedy,
} from './fault.ts';
export { coreFaults } from './faults.ts';
export { isShown, LOG_LEVELS, parseLogLevel, type LogLevel } from './log-level.ts';
export { createScrubber, type Scrubber } from './mask.ts';
export type {
  DsnNotify,
  DsnRequest,
  Envelope,
  Message,
  MessageContent,
  MessageSource,
  RecipientDsn,
} from './message.ts';
export { oneLine } from './one-line.ts';
export { evidenceLine, faultLines, levelOf, renderJson, renderText, sentenceOf } from './render-event.ts';
export { failure, success, type Failure, type Result, type Success } from './result.ts';
export { Secret, type SecretRef } from './secret.ts';
export type { Accepted, Deferred, Refused, Uncertain, Verdict } from './verdict.ts';
