/**
 * What becomes of a message after an attempt. Pure: the same attempt always gives the same decision.
 *
 * The rules of this file:
 * - each recipient is judged by its own verdict: taken and refused are final, deferred is tried again;
 * - a set-up fault (a wrong secret, no right to send as this From) uses up no attempt and ends nothing: the recipients
 *   that met it stay as they were, and the lane or this sender is held;
 * - an uncertain outcome is never followed by an early second copy: the message keeps its Message-ID and waits, or stops, or
 *   waits for a person, as the settings say;
 * - a recipient expires only by an attempt that was just made and not taken, after the lifetime, and after several others;
 * - about a notice there is never a notice;
 * - a sender who said when to be told (RFC 3461) is told then and not otherwise: of a failure and a delay where nothing was said,
 *   and of a success where the server took the message but no request for notices.
 */
import type { DsnNotify, Fault, MailboxAddress, Verdict } from '@postbearer/core';
import type { UncertainPolicy } from './context.ts';
import type { LeasedMessage, LeasedRecipient } from './leased-message.ts';
import { FEWEST_ATTEMPTS, waitAfter, type RetryTimes } from './retry-schedule.ts';
import type { HoldReason } from './schema.ts';
import { isEnded, stateAfter, worstOf, type MessageState, type RecipientState } from './states.ts';

/** Whom a set-up fault stops: the whole lane, or only what has the same From. */
export type HoldScope = 'lane' | 'sender';

/** What an attempt met. */
export interface AttemptReport {
  /** Wall clock, milliseconds since 1970. */
  readonly startedAt: number;
  readonly endedAt: number;
  /** One for each recipient of the lease. */
  readonly verdicts: readonly Verdict[];
  /** The set-up fault that it met; verdicts with the same code do not count as attempts. */
  readonly hold?: { readonly scope: HoldScope; readonly fault: Fault };
}

/** What a recipient becomes. */
export interface RecipientDecision {
  readonly number: number;
  readonly address: MailboxAddress;
  readonly state: RecipientState;
  readonly fault?: Fault;
}

/** What the submitter is to be told. */
export interface Notice {
  /** `relayed`: handed to a server that sends no notices itself (RFC 3461 section 5.2.2). */
  readonly kind: 'failed' | 'unconfirmed' | 'delayed' | 'relayed';
  readonly recipients: readonly {
    readonly address: MailboxAddress;
    /** Why; none of one that was relayed. */
    readonly fault?: Fault;
  }[];
}

/** What becomes of a message. */
export interface Decision {
  readonly state: MessageState;
  /** When it may be sent again, milliseconds since 1970. */
  readonly readyAt: number;
  readonly usesAttempt: boolean;
  readonly holdReason?: HoldReason;
  readonly recipients: readonly RecipientDecision[];
  /** The fault that a list shows for the message. */
  readonly fault?: Fault;
  readonly hold?: { readonly scope: HoldScope; readonly fault: Fault };
  readonly notices: readonly Notice[];
  readonly report: AttemptReport;
}

/** What a decision rests on besides the attempt. */
export interface DecisionRules {
  readonly now: number;
  readonly random: () => number;
  readonly retryTimes: RetryTimes;
  readonly uncertain: UncertainPolicy;
}

function recipientAfter(
  leased: LeasedMessage,
  recipient: LeasedRecipient,
  verdict: Verdict,
  { hold }: AttemptReport,
  { retryTimes, uncertain }: DecisionRules,
): RecipientDecision {
  const { number, address } = recipient;
  if (verdict.outcome === 'accepted') return { number, address, state: 'delivered' };
  const { fault } = verdict;
  if (verdict.outcome === 'uncertain') {
    return { number, address, state: uncertain === 'stop' ? 'unconfirmed' : 'uncertain', fault };
  }
  if (hold !== undefined && hold.fault.code === fault.code) {
    return { number, address, state: recipient.state, fault };
  }
  if (verdict.outcome === 'refused') return { number, address, state: 'refused', fault };
  const isOver = leased.ageMs >= retryTimes.lifetimeMs && leased.attempts + 1 >= FEWEST_ATTEMPTS;
  return { number, address, state: isOver ? 'expired' : 'deferred', fault };
}

/** Whether the sender of a message wants to be told of this about a recipient. */
function wants({ message }: LeasedMessage, address: MailboxAddress, when: DsnNotify[number]): boolean {
  const { dsn } = message.envelope;
  const asked = dsn?.recipients?.find(({ recipient }) => recipient === address)?.notify ?? dsn?.notify;
  return asked === undefined ? when !== 'success' : asked.includes(when);
}

function noticesFor(
  leased: LeasedMessage,
  recipients: readonly RecipientDecision[],
  { verdicts }: AttemptReport,
  { retryTimes }: DecisionRules,
): Notice[] {
  if (leased.isNotice) return [];
  const of = (kind: Notice['kind'], states: readonly RecipientState[]): Notice[] => {
    const when = kind === 'delayed' ? 'delay' : 'failure';
    const told = recipients.flatMap(({ address, state, fault }) =>
      states.includes(state) && fault !== undefined && wants(leased, address, when) ? [{ address, fault }] : [],
    );
    return told.length === 0 ? [] : [{ kind, recipients: told }];
  };
  const relayed = verdicts.flatMap((verdict) => {
    const isOurs = verdict.outcome === 'accepted' && verdict.isDsnDropped === true;
    return isOurs && wants(leased, verdict.recipient, 'success') ? [{ address: verdict.recipient }] : [];
  });
  const isLate = leased.ageMs >= retryTimes.delayNoticeMs && !leased.isDelayTold;
  return [
    ...of('failed', ['refused', 'expired']),
    ...of('unconfirmed', ['unconfirmed']),
    ...(isLate ? of('delayed', ['deferred']) : []),
    ...(relayed.length === 0 ? [] : [{ kind: 'relayed', recipients: relayed } as const]),
  ];
}

/** The fault that stands for the message: of a recipient that is open, else of the one that ended worst. */
function faultOf(recipients: readonly RecipientDecision[]): Fault | undefined {
  const open = recipients.find(({ state, fault }) => !isEnded(state) && fault !== undefined);
  return (open ?? recipients.find(({ fault }) => fault !== undefined))?.fault;
}

type Next = Pick<Decision, 'state' | 'readyAt' | 'holdReason'>;

function nextOf(
  leased: LeasedMessage,
  recipients: readonly RecipientDecision[],
  { hold, verdicts }: AttemptReport,
  rules: DecisionRules,
): Next {
  const states = recipients.map(({ state }) => state);
  const { now, retryTimes } = rules;
  if (states.every(isEnded)) return { state: worstOf([...leased.endedStates, ...states]), readyAt: now };
  // A recipient that was in doubt before this attempt and met a set-up fault now has waited already.
  const isInDoubt = rules.uncertain !== 'stop' && verdicts.some(({ outcome }) => outcome === 'uncertain');
  if (isInDoubt) {
    return rules.uncertain === 'ask'
      ? { state: stateAfter('ask'), readyAt: now, holdReason: 'uncertain' }
      : { state: stateAfter('doubt'), readyAt: now + retryTimes.uncertainWaitMs };
  }
  if (hold !== undefined) {
    // It keeps its place among the others.
    return hold.scope === 'lane'
      ? { state: stateAfter('hold-lane'), readyAt: leased.readyAt }
      : { state: stateAfter('hold-sender'), readyAt: leased.readyAt, holdReason: 'sender' };
  }
  const asked = recipients.map(({ state, fault }) => (isEnded(state) ? 0 : (fault?.retryAfterMs ?? 0)));
  const waitMs = waitAfter(leased.attempts + 1, rules.random, Math.max(0, ...asked));
  return { state: stateAfter('defer'), readyAt: now + waitMs };
}

/**
 * Decides what becomes of a leased message.
 *
 * @throws Error where a recipient of the lease has no verdict.
 */
export function decide(leased: LeasedMessage, report: AttemptReport, rules: DecisionRules): Decision {
  const verdicts = new Map(report.verdicts.map((verdict) => [verdict.recipient, verdict]));
  const recipients = leased.recipients.map((recipient) => {
    const verdict = verdicts.get(recipient.address);
    if (verdict === undefined) throw new Error(`The recipient ${recipient.number} of ${leased.id} has no verdict.`);
    return recipientAfter(leased, recipient, verdict, report, rules);
  });
  const fault = faultOf(recipients);
  return {
    ...nextOf(leased, recipients, report, rules),
    usesAttempt: report.hold === undefined,
    recipients,
    ...(fault === undefined ? {} : { fault }),
    ...(report.hold === undefined ? {} : { hold: report.hold }),
    notices: noticesFor(leased, recipients, report, rules),
    report,
  };
}
