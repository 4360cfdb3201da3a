/**
 * What became of one mail.
 *
 * Each recipient has its own verdict; the worst of them decides for the whole. `uncertain` is the worst of all: a program that
 * sends again after it may double the mail. Then come the faults that a person must mend, a refusal, a wrong message, and last
 * what a later attempt may cure.
 */
import type { Envelope, Fault, NextStep, Verdict } from '@postbearer/core';

/** The report of {@link Mailer.send}. */
export interface SendOutcome {
  /** Every recipient was accepted. */
  readonly ok: boolean;
  /** With angle brackets; empty where there is none. */
  readonly messageId: string;
  /** Who it was from and for; absent where the message could not be made. */
  readonly envelope?: Envelope;
  /** One verdict for each recipient of the envelope, in its order; empty where the message could not be made. */
  readonly recipients: readonly Verdict[];
  /** The worst fault; absent exactly when `ok`. */
  readonly fault?: Fault;
}

const WORST_FIRST: readonly NextStep[] = [
  'uncertain',
  'fix-configuration',
  'needs-person',
  'give-up',
  'fix-message',
  'retry',
];

/**
 * The fault that decides: the one whose next step stands first in uncertain, fix-configuration, needs-person, give-up, fix-message, retry.
 *
 * @returns `undefined` for an empty list.
 */
export function worstFault(faults: readonly Fault[]): Fault | undefined {
  for (const next of WORST_FIRST) {
    const found = faults.find((fault) => fault.next === next);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The outcome of a mail that never got as far as a server. */
export function notSent(fault: Fault, messageId = ''): SendOutcome {
  return { ok: false, messageId, recipients: [], fault };
}

/** The outcome of a mail from the verdicts of its recipients. */
export function outcomeOf(messageId: string, envelope: Envelope, recipients: readonly Verdict[]): SendOutcome {
  const fault = worstFault(recipients.flatMap((verdict) => (verdict.outcome === 'accepted' ? [] : [verdict.fault])));
  return { ok: fault === undefined, messageId, envelope, recipients, ...(fault === undefined ? {} : { fault }) };
}
