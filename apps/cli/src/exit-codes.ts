/**
 * Exit codes: those of sysexits(3), as mail programs use them.
 *
 * With several recipients the worst decides, and `uncertain` is the worst: a script that sees any other code may try again.
 */
import type { Fault, NextStep } from '@postbearer/core';

/** What each exit code of the command line means. */
export const EXIT = {
  ok: 0,
  /** The command line itself is wrong. */
  usage: 64,
  /** The message or an address is wrong. */
  message: 65,
  /** A server refused for good. */
  refused: 69,
  /** A bug in this program. */
  bug: 70,
  /** Temporary: the same may work later. */
  temporary: 75,
  /** The message may have been accepted: do not simply try again. */
  uncertain: 76,
  /** Somebody must grant or renew something: secret, consent, SMTP AUTH. */
  needsPerson: 77,
  /** The settings are wrong. */
  settings: 78,
  /** Interrupted. */
  cancelled: 130,
} as const;

const BY_NEXT: Readonly<Record<NextStep, number>> = {
  retry: EXIT.temporary,
  'needs-person': EXIT.needsPerson,
  'fix-configuration': EXIT.settings,
  'fix-message': EXIT.message,
  'give-up': EXIT.refused,
  uncertain: EXIT.uncertain,
};

/** The exit code of a fault. */
export function exitCodeOf(fault: Fault): number {
  return BY_NEXT[fault.next];
}
