/** What the emulator tells whoever started it. No event holds a secret or a token. */
import type { FaultStage } from './injected-fault.ts';
import type { ReceivedMessage } from './messages.ts';

/** The token endpoint answered. */
export interface TokenAnswered {
  readonly name: 'emulator.token-answered';
  readonly tenant: string;
  readonly clientId: string;
  readonly status: number;
  /** The AADSTS number of a refusal. */
  readonly aadsts?: number;
}

/** Somebody signed in over SMTP, or was refused. */
export interface SignInAnswered {
  readonly name: 'emulator.sign-in-answered';
  readonly connection: string;
  readonly user: string;
  readonly mechanism: string;
  readonly accepted: boolean;
  readonly reply: string;
}

/** A message was taken. */
export interface MessageReceived {
  readonly name: 'emulator.message-received';
  readonly message: ReceivedMessage;
}

/** A message was refused. */
export interface MessageRefused {
  readonly name: 'emulator.message-refused';
  readonly connection: string;
  readonly mailbox: string;
  readonly reply: string;
}

/** A fault on demand came true. */
export interface FaultApplied {
  readonly name: 'emulator.fault-applied';
  readonly id: string;
  readonly stage: FaultStage;
}

/** Anything of the above. */
export type EmulatorEvent = TokenAnswered | SignInAnswered | MessageReceived | MessageRefused | FaultApplied;

/** Where events go. Must not throw and must not wait. */
export type EmulatorEventSink = (event: EmulatorEvent) => void;
