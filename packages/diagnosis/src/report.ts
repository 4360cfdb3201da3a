/**
 * What the chain of checks reports.
 *
 * The checks stand in the order of the way of a message. Two strands, the way to the server and the way to a token, are
 * independent of each other and run side by side; sign-in joins them.
 */
import type { Fault } from '@postbearer/core';

/** Every check, in order. */
export const CHECK_NAMES = [
  'settings',
  'name-resolution',
  'tcp',
  'smtp-greeting',
  'starttls',
  'certificate',
  'capabilities',
  'token',
  'token-claims',
  'auth',
  'sender',
] as const;

/** The name of a check. */
export type CheckName = (typeof CHECK_NAMES)[number];

/** The heading of each check, for people. */
export const CHECK_TITLES: Readonly<Record<CheckName, string>> = {
  settings: 'Settings',
  'name-resolution': 'Name',
  tcp: 'TCP connection',
  'smtp-greeting': 'SMTP greeting',
  starttls: 'Encryption',
  certificate: 'Certificate',
  capabilities: 'Capabilities',
  token: 'Token',
  'token-claims': 'Token claims',
  auth: 'Sign-in',
  sender: 'Sender',
};

/** Which of the two independent strands a check belongs to; absent for those that both depend on or that join them. */
export const CHECK_STRANDS: Readonly<Partial<Record<CheckName, 'server' | 'token'>>> = {
  'name-resolution': 'server',
  tcp: 'server',
  'smtp-greeting': 'server',
  starttls: 'server',
  certificate: 'server',
  capabilities: 'server',
  token: 'token',
  'token-claims': 'token',
};

/**
 * - `passed`: proven just now;
 * - `warning`: it goes on, but something is worth a look;
 * - `failed`: the chain is broken here;
 * - `not-reached`: not tried, since something that it needs failed;
 * - `skipped`: does not apply to this upstream.
 */
export type CheckStatus = 'passed' | 'warning' | 'failed' | 'not-reached' | 'skipped';

/** The outcome of one check. */
export interface CheckResult {
  readonly name: CheckName;
  readonly title: string;
  readonly status: CheckStatus;
  /** Milliseconds by the monotonic clock; 0 where nothing was done. */
  readonly durationMs: number;
  /** One line of facts that were found, safe for a log and a terminal. */
  readonly detail: string;
  /** Present where `failed`, and with a warning that has a remedy. */
  readonly fault?: Fault;
}

/** The outcome of the whole chain. */
export interface ChainReport {
  /** Name of the upstream in the settings. */
  readonly upstream: string;
  /** The address that signs in. */
  readonly mailbox?: string;
  /** `host:port` of the server. */
  readonly server?: string;
  /** Every check, in the order of {@link CHECK_NAMES}. */
  readonly results: readonly CheckResult[];
  /** Whether nothing failed. */
  readonly ok: boolean;
  /** The first failed check in the order of the chain. */
  readonly firstBroken?: CheckResult;
  readonly totalMs: number;
}

/** Something to show while the chain is walked. */
export type CheckProgress =
  | { readonly kind: 'started'; readonly name: CheckName; readonly title: string }
  | { readonly kind: 'finished'; readonly result: CheckResult };
