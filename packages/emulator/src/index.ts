/**
 * A local Microsoft 365 for tests and demonstrations: Entra's token endpoint and Exchange Online's SMTP submission, with
 * their real error texts, limits, and faults on demand.
 *
 * @packageDocumentation
 */
export type { Counters } from './counters.ts';
export { startEmulator } from './emulator.ts';
export type {
  EmulatorEvent,
  EmulatorEventSink,
  FaultApplied,
  MessageReceived,
  MessageRefused,
  SignInAnswered,
  TokenAnswered,
} from './events.ts';
export type { LimitSettings } from './exchange/sending-limits.ts';
export type { ListedFault } from './fault-injection.ts';
export { EmulatorError, emulatorFaults } from './faults.ts';
export { FAULT_STAGES, type FaultAction, type FaultStage, type InjectedFault } from './injected-fault.ts';
export type { ReceivedMessage } from './messages.ts';
export type { Emulator, EmulatorOptions } from './options.ts';
export type { EmulatorSettings, SettingsOverrides } from './settings.ts';
export type { MailboxChanges, SmtpAuthSwitch, StateOperations, TenantPolicies } from './state/operations.ts';
export type {
  AppState,
  BasicAuthPolicy,
  EmulatorState,
  FederatedCredentialState,
  MailboxState,
  MissingFullAccess,
  SecretState,
  ServicePrincipalState,
  TenantState,
} from './state/state.ts';
