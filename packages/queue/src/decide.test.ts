import type { Verdict } from '@postbearer/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { address, DAY, GREYLISTED, HOUR, LINE_BROKE, NO_SUCH_USER, SECRET_EXPIRED } from './conformance/world.ts';
import { decide, type AttemptReport, type DecisionRules } from './decide.ts';
import { DEFAULT_RETRY_TIMES, LONGEST_WAIT_MS } from './index.ts';
import type { LeasedMessage } from './leased-message.ts';
import { isEnded, TRANSITIONS } from './states.ts';

const NOW = Date.UTC(2026, 10, 24);

interface Case {
  readonly leased: LeasedMessage;
  readonly report: AttemptReport;
  readonly rules: DecisionRules;
}

const verdict = fc.constantFrom<Omit<Extract<Verdict, { fault: unknown }>, 'recipient'> | 'accepted'>(
  'accepted',
  { outcome: 'deferred', fault: GREYLISTED },
  { outcome: 'deferred', fault: { ...GREYLISTED, retryAfterMs: DAY } },
  { outcome: 'refused', fault: NO_SUCH_USER },
  { outcome: 'uncertain', fault: LINE_BROKE },
  { outcome: 'deferred', fault: SECRET_EXPIRED },
);

const anyCase: fc.Arbitrary<Case> = fc
  .record({
    outcomes: fc.array(fc.tuple(verdict, fc.constantFrom('queued', 'deferred', 'uncertain')), {
      minLength: 1,
      maxLength: 6,
    }),
    isNotice: fc.boolean(),
    isDelayTold: fc.boolean(),
    attempts: fc.nat(200),
    ageMs: fc.integer({ min: -DAY, max: 10 * DAY }),
    hold: fc.constantFrom(undefined, 'lane', 'sender'),
    uncertain: fc.constantFrom('retry', 'stop', 'ask'),
    drawn: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  })
  .map(({ outcomes, hold, uncertain, drawn, ...rest }) => {
    const recipients = outcomes.map(([, state], number) => ({
      number,
      address: address(`u${number}@example.net`),
      state,
    }));
    const envelope = { sender: address('reports@example.com'), recipients: recipients.map((each) => each.address) };
    const leased: LeasedMessage = {
      id: 'm',
      lane: 'lane',
      leaseNumber: 1,
      message: { envelope, content: new Uint8Array() },
      recipients,
      endedStates: [],
      app: 'crm',
      from: 'reports@example.com',
      messageId: '<1@example.com>',
      subject: '',
      priority: 'normal',
      sizeBytes: 0,
      acceptedAt: NOW,
      readyAt: NOW,
      ...rest,
    };
    const reply = { kind: 'smtp', stage: 'final', host: 'h', code: 250, lines: [] } as const;
    const verdicts = outcomes.map(([outcome], index): Verdict => {
      const recipient = address(`u${index}@example.net`);
      return outcome === 'accepted' ? { outcome, recipient, reply } : { ...outcome, recipient };
    });
    const held = hold === undefined ? {} : { hold: { scope: hold, fault: SECRET_EXPIRED } as const };
    return {
      leased,
      report: { startedAt: NOW, endedAt: NOW, verdicts, ...held },
      rules: { now: NOW, random: () => drawn, retryTimes: DEFAULT_RETRY_TIMES, uncertain },
    };
  });

const reachable = new Set(TRANSITIONS.filter(({ from }) => from.includes('leased')).map(({ to }) => to));
// A lane that is held leaves what it held queued; the worst of several recipients may have ended at another time.
const endsOf = ['delivered', 'refused', 'expired', 'unconfirmed'];

function every(property: (of: Case & { readonly decision: ReturnType<typeof decide> }) => void): void {
  fc.assert(
    fc.property(anyCase, (given) => property({ ...given, decision: decide(given.leased, given.report, given.rules) })),
    { numRuns: 2000 },
  );
}

describe('a decision', () => {
  it('follows the table of states, and ends a message when none of its recipients is open', () => {
    every(({ decision }) => {
      expect([...reachable, ...endsOf]).toContain(decision.state);
      const areEnded = decision.recipients.every(({ state }) => isEnded(state));
      expect(isEnded(decision.state)).toBe(areEnded);
    });
  });

  it('gives what was taken as delivered, and nothing else', () => {
    every(({ decision, report }) => {
      const accepted = report.verdicts
        .filter(({ outcome }) => outcome === 'accepted')
        .map(({ recipient }) => recipient);
      const delivered = decision.recipients.filter(({ state }) => state === 'delivered').map((each) => each.address);
      expect(delivered).toEqual(accepted);
    });
  });

  it('uses up no attempt for a set-up fault, and ends nobody who met it', () => {
    every(({ decision, leased, report }) => {
      expect(decision.usesAttempt).toBe(report.hold === undefined);
      if (report.hold === undefined) return;
      for (const { state, fault, number } of decision.recipients) {
        if (fault?.code === SECRET_EXPIRED.code) expect(state).toBe(leased.recipients[number]?.state);
      }
    });
  });

  it('expires nobody before the lifetime, nor before several attempts', () => {
    every(({ decision, leased, rules }) => {
      if (leased.ageMs >= rules.retryTimes.lifetimeMs && leased.attempts >= 5) return;
      expect(decision.recipients.filter(({ state }) => state === 'expired')).toEqual([]);
    });
  });

  it('tells of each failure once, of a delay only after hours, and of a notice never', () => {
    every(({ decision, leased }) => {
      const told = (kind: string): unknown[] =>
        decision.notices
          .filter((notice) => notice.kind === kind)
          .flatMap(({ recipients }) => recipients.map((each) => each.address));
      const failed = decision.recipients.filter(({ state }) => ['refused', 'expired'].includes(state));
      expect(told('failed')).toEqual(leased.isNotice ? [] : failed.map((each) => each.address));
      if (leased.isNotice) expect(decision.notices).toEqual([]);
      if (leased.ageMs < 4 * HOUR || leased.isDelayTold) expect(told('delayed')).toEqual([]);
    });
  });

  it('never sends early what may have been taken, and lets nothing wait without end', () => {
    every(({ decision, rules, report, leased }) => {
      const isInDoubt = report.verdicts.some(({ outcome }) => outcome === 'uncertain');
      if (decision.state === 'uncertain') {
        expect(decision.readyAt).toBe(NOW + rules.retryTimes.uncertainWaitMs);
        expect(rules.uncertain).toBe('retry');
      }
      if (isInDoubt && rules.uncertain === 'retry') expect(decision.state).toBe('uncertain');
      if (decision.state === 'deferred') {
        expect(decision.readyAt - NOW).toBeGreaterThanOrEqual(300_000);
        expect(decision.readyAt - NOW).toBeLessThanOrEqual(LONGEST_WAIT_MS);
      }
      if (decision.state === 'queued') expect(decision.readyAt).toBe(leased.readyAt);
    });
  });

  it('is refused where a recipient has no verdict', () => {
    fc.assert(
      fc.property(anyCase, ({ leased, report, rules }) => {
        const short = { ...report, verdicts: report.verdicts.slice(1) };
        expect(() => decide(leased, short, rules)).toThrow('has no verdict');
      }),
    );
  });

  it('tells a sender what it asked to be told, recipient by recipient, and of success only where nobody else will', () => {
    const never = address('never@example.net');
    const failures = address('failures@example.net');
    const successes = address('successes@example.net');
    const all = [never, failures, successes, address('unsaid@example.net')];
    const told = (verdictFor: (recipient: ReturnType<typeof address>) => Verdict, ageMs = 0): unknown => {
      const [base] = fc.sample(anyCase, { numRuns: 1, seed: 1 });
      if (base === undefined) throw new Error('no case');
      const dsn = {
        recipients: [
          { recipient: never, notify: [] },
          { recipient: failures, notify: ['failure'] },
          { recipient: successes, notify: ['success', 'delay'] },
        ],
      } as const;
      const envelope = { sender: address('reports@example.com'), recipients: all, dsn };
      const recipients = all.map((each, number) => ({ number, address: each, state: 'queued' as const }));
      const message = { envelope, content: new Uint8Array() };
      const leased: LeasedMessage = {
        ...base.leased,
        message,
        recipients,
        isNotice: false,
        isDelayTold: false,
        attempts: 0,
        ageMs,
      };
      const report: AttemptReport = { startedAt: NOW, endedAt: NOW, verdicts: all.map(verdictFor) };
      return decide(leased, report, { ...base.rules, uncertain: 'retry' }).notices.map(({ kind, recipients: of }) => [
        kind,
        of.map((each) => each.address.split('@')[0]),
      ]);
    };
    const reply = { kind: 'smtp', stage: 'final', host: 'h', code: 250, lines: [] } as const;
    expect(told((recipient) => ({ outcome: 'refused', recipient, fault: NO_SUCH_USER }))).toEqual([
      ['failed', ['failures', 'unsaid']],
    ]);
    expect(told((recipient) => ({ outcome: 'deferred', recipient, fault: GREYLISTED }), 5 * HOUR)).toEqual([
      ['delayed', ['successes', 'unsaid']],
    ]);
    expect(told((recipient) => ({ outcome: 'accepted', recipient, reply, isDsnDropped: true }))).toEqual([
      ['relayed', ['successes']],
    ]);
    // The server notifies by itself.
    expect(told((recipient) => ({ outcome: 'accepted', recipient, reply }))).toEqual([]);
  });
});
