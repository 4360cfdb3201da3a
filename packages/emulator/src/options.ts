/** How an emulator is started, and what one gives. */
import type { Clock, Secret } from '@postbearer/core';
import type { Counters } from './counters.ts';
import type { EmulatorEventSink } from './events.ts';
import type { LimitSettings } from './exchange/sending-limits.ts';
import type { ListedFault } from './fault-injection.ts';
import type { InjectedFault } from './injected-fault.ts';
import type { ReceivedMessage } from './messages.ts';
import type { EmulatorSettings, SettingsOverrides } from './settings.ts';
import type { StateOperations } from './state/operations.ts';
import type { EmulatorState } from './state/state.ts';

/** Options of `startEmulator`; all may be left out. */
export interface EmulatorOptions {
  /** Address to listen on; 127.0.0.1 when left out. */
  readonly host?: string;
  /** Lets `host` be an address that other machines reach. Whoever reaches it can read every secret of the emulator. */
  readonly allowRemote?: boolean;
  /** Port of the HTTPS side; a free one when left out or 0. */
  readonly tokenPort?: number;
  /** Port of SMTP submission; a free one when left out or 0. */
  readonly smtpPort?: number;
  /** The state; one tenant with one app and one mailbox that may send when left out. */
  readonly state?: EmulatorState;
  /** A JSON file that holds the state, in place of `state`. */
  readonly stateFile?: string;
  readonly clock?: Clock;
  /** Numbers from 0 up to 1, for token lifetimes and faults with a share. Secrets and ids do not come from it. */
  readonly random?: () => number;
  /** How many times faster than at Microsoft a minute of the message pace passes; 1 when left out, Infinity for no waiting. */
  readonly pace?: number;
  /** Life of tokens in seconds; a random 60 to 90 minutes when left out. */
  readonly tokenLifetimeSeconds?: number;
  /** Claims that every token has beside those of Entra, for tests that look for leaked tokens by a mark in them. */
  readonly furtherClaims?: Readonly<Record<string, string>>;
  /** Milliseconds until what Microsoft Graph made is known everywhere; at once when left out. */
  readonly graphPropagationMs?: number;
  /** Other limits than those of Exchange Online. */
  readonly limits?: LimitSettings;
  /** How many messages are kept in memory, the oldest going first; 10,000 when left out. */
  readonly keepMessages?: number;
  readonly onEvent?: EmulatorEventSink;
}

/** A running local Microsoft 365. */
export interface Emulator {
  /** URL of the token endpoint of a tenant (id or domain); of the first tenant when left out. */
  tokenEndpoint(tenant?: string): string;
  readonly smtp: { readonly host: string; readonly port: number };
  /** Microsoft Graph v1.0: the part that sets up apps. */
  readonly graphUrl: string;
  /**
   * A token of an administrator for Microsoft Graph, valid for an hour.
   *
   * Without permissions it may do everything that the set-up needs. Throws EmulatorError with `EMULATOR_NOT_IN_STATE` for a tenant that
   * is not there.
   */
  administratorToken(options?: { readonly tenant?: string; readonly permissions?: readonly string[] }): Secret;
  /** Scheme, host and port of the HTTPS side: the page for people is there, the API under `/emulator/`. */
  readonly url: string;
  /** Certificate of the authority that both sides' certificates come from. */
  readonly certificateAuthorityPem: string;
  /** The same as a file, in a folder of its own that `close` removes. */
  readonly certificateAuthorityFile: string;
  /** Ids and names of the first tenant, its first app and its first mailbox. */
  readonly defaults: { readonly tenantId: string; readonly clientId: string; readonly mailbox: string };
  /** What an administrator does in Entra and Exchange. */
  readonly state: StateOperations;
  /** Failures on demand. */
  readonly faults: {
    /** Arms a fault and returns its id; throws EmulatorError with `EMULATOR_FAULT_INVALID`. */
    add(fault: InjectedFault): string;
    list(): readonly ListedFault[];
    /** Forgets one fault, or all; returns how many. */
    clear(id?: string): number;
  };
  /** The messages that arrived and are still kept, oldest first. */
  readonly messages: readonly ReceivedMessage[];
  /** Forgets one message, or all; returns how many. */
  removeMessages(id?: string): number;
  /**
   * Waits until `count` messages are kept.
   *
   * Throws EmulatorError with `EMULATOR_NO_MESSAGE` after `timeoutMs` (10 seconds), or the reason of the signal.
   */
  waitForMessages(
    count: number,
    options?: { readonly timeoutMs?: number; readonly signal?: AbortSignal },
  ): Promise<readonly ReceivedMessage[]>;
  /** A complete `Global-variables.json` for an app and a mailbox, its newest valid secret included. */
  settings(overrides?: SettingsOverrides): EmulatorSettings;
  /**
   * Writes {@link Emulator.settings} to a file that only its owner may read, whole or not at all.
   *
   * A file that exists is replaced only where an emulator wrote it. Throws EmulatorError with `EMULATOR_SETTINGS_FILE_EXISTS`,
   * `EMULATOR_SETTINGS_FILE_NOT_WRITABLE`, or `EMULATOR_NOT_IN_STATE` for an app or mailbox that is not there.
   */
  writeSettings(file: string, overrides?: SettingsOverrides): Promise<void>;
  /** What was counted so far. */
  readonly counters: Readonly<Counters>;
  /** Ends every connection and timer and removes its folder; safe to repeat. */
  close(): Promise<void>;
}
