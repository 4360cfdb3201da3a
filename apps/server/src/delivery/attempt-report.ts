/**
 * From the outcome of sending to what the queue has to know.
 *
 * A set-up fault is one that only a person or a change of settings mends. It holds the whole lane, because the next message
 * would meet the same; only the missing right to send as one From holds that From alone. An unreachable or busy server is
 * no set-up fault, but it slows the lane down for a moment.
 */
import type { Fault, Verdict } from '@postbearer/core';
import type { SendOutcome } from '@postbearer/mailer';
import type { AttemptReport, HoldScope, LeasedMessage } from '@postbearer/queue';

const SENDER_FAULT = 'M365_SEND_AS_DENIED';
/** Replies by which a server asks to come more slowly: RFC 5321 section 4.2.3, and Exchange's 432 4.3.2. */
const SLOWER_CODES: ReadonlySet<number> = new Set([0, 421, 432]);

/** The times of an attempt, milliseconds since 1970. */
export interface AttemptTimes {
  readonly startedAt: number;
  readonly endedAt: number;
}

function isSetUpFault({ next }: Fault): boolean {
  return next === 'needs-person' || next === 'fix-configuration';
}

function faultsOf(verdicts: readonly Verdict[]): Fault[] {
  return verdicts.flatMap((verdict) => ('fault' in verdict && verdict.outcome !== 'uncertain' ? [verdict.fault] : []));
}

/** What was said to each recipient; a fault of the whole message is that of each. */
function verdictsOf(leased: LeasedMessage, outcome: SendOutcome): readonly Verdict[] {
  if (outcome.recipients.length > 0) return outcome.recipients;
  const { fault } = outcome;
  if (fault === undefined) throw new Error(`Sending ${leased.id} gave neither a verdict nor a fault.`);
  return leased.recipients.map(({ address }) => ({ outcome: 'deferred', recipient: address, fault }));
}

function holdOf(verdicts: readonly Verdict[]): { readonly scope: HoldScope; readonly fault: Fault } | undefined {
  const fault = faultsOf(verdicts).find(isSetUpFault);
  if (fault === undefined) return undefined;
  return { scope: fault.code === SENDER_FAULT ? 'sender' : 'lane', fault };
}

/** The report of an attempt for the queue. */
export function reportOf(leased: LeasedMessage, outcome: SendOutcome, times: AttemptTimes): AttemptReport {
  const verdicts = verdictsOf(leased, outcome);
  const hold = holdOf(verdicts);
  return { ...times, verdicts, ...(hold === undefined ? {} : { hold }) };
}

/** Whether the server, or the way to it or to its tokens, asks the lane to go more slowly. */
export function asksToSlowDown({ verdicts }: AttemptReport): boolean {
  return faultsOf(verdicts).some(({ next, evidence }) => {
    if (next !== 'retry') return false;
    if (evidence?.kind === 'smtp') return SLOWER_CODES.has(evidence.code);
    return evidence?.kind === 'network' || evidence?.kind === 'token';
  });
}
