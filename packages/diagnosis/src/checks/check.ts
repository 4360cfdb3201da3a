/** What every check is made of. */
import type { Fault } from '@postbearer/core';
import type { CheckName, CheckStatus } from '../report.ts';
import type { ChainState } from '../chain-state.ts';

/** What a check found. */
export interface CheckOutcome {
  readonly status: CheckStatus;
  readonly detail: string;
  readonly fault?: Fault;
  /** Where it was measured elsewhere than around the check itself. */
  readonly durationMs?: number;
}

/** One link of the chain. */
export interface Check {
  readonly name: CheckName;
  /** Not tried where one of these failed or was not reached. */
  readonly needs: readonly CheckName[];
  /** Throws only when the caller cancels. */
  run(state: ChainState): Promise<CheckOutcome>;
}

/** Proven, with what was found. */
export function passed(detail: string): CheckOutcome {
  return { status: 'passed', detail };
}

/** It goes on, but a person should look. */
export function warned(detail: string, fault?: Fault): CheckOutcome {
  return { status: 'warning', detail, ...(fault === undefined ? {} : { fault }) };
}

/** The chain is broken here. */
export function failed(fault: Fault): CheckOutcome {
  return { status: 'failed', detail: fault.title, fault };
}

/** Does not apply, with the reason. */
export function skipped(reason: string): CheckOutcome {
  return { status: 'skipped', detail: reason };
}
