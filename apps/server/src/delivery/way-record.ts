/**
 * Which way each attempt went while mail moves from the password to OAuth, kept with the message.
 *
 * Rule: the row is stored in the batch that settles the attempt, so that there is no outcome without its way. What is counted
 * as a failure of a way is decided here: a fault that another message could have met as well. A message or an address that is
 * wrong is `refused`, and says nothing about the way.
 */
import type { Fault, Verdict } from '@postbearer/core';
import { prepare, sqlBuilder, type Statement, type ValueNamed } from '@postbearer/database';
import type { Decision, LeasedMessage } from '@postbearer/queue';
import type { Settings } from '@postbearer/settings';
import { OAUTH_LANES, type Way, type WayResult } from './ways.ts';

/** A row of `message_way`. */
export interface WayRow {
  message_id: string;
  /** The fencing number of its lease. */
  number: number;
  way: Way;
  outcome: WayResult;
  fault_code: string | null;
  /** Milliseconds since 1970. */
  at: number;
  /** The same in hours. */
  hour: number;
}

const HOUR_MS = 3_600_000;

const db = sqlBuilder<{ message_way: WayRow }>();

const insertWay = prepare((value: ValueNamed<{ readonly [Column in keyof WayRow]: WayRow[Column] }>) =>
  db.insertInto('message_way').values({
    message_id: value('message_id'),
    number: value('number'),
    way: value('way'),
    outcome: value('outcome'),
    fault_code: value('fault_code'),
    at: value('at'),
    hour: value('hour'),
  }),
);

function faultOf(verdict: Verdict): Fault | undefined {
  return verdict.outcome === 'accepted' ? undefined : verdict.fault;
}

/** What the verdicts of an attempt say about its way. */
function resultOf(verdicts: readonly Verdict[]): { readonly outcome: WayResult; readonly fault?: Fault } {
  const faults = verdicts.map(faultOf).filter((fault) => fault !== undefined);
  const failed = faults.find(({ next }) => next !== 'fix-message' && next !== 'give-up');
  if (failed !== undefined) return { outcome: 'failed', fault: failed };
  // One recipient that was accepted shows that the way works.
  if (faults.length < verdicts.length || faults[0] === undefined) return { outcome: 'delivered' };
  return { outcome: 'refused', fault: faults[0] };
}

/** Whether the way of an attempt in a lane is kept: during a migration, and of what one left behind. */
function isKept(lane: string, { service }: Settings): boolean {
  return service.migration !== undefined || lane.startsWith(`${OAUTH_LANES}/`);
}

/** The statements that keep the way of an attempt. */
export function wayStatements(
  leased: LeasedMessage,
  { report }: Decision,
  way: Way | undefined,
  settings: Settings,
): readonly Statement[] {
  if (way === undefined || !isKept(leased.lane, settings)) return [];
  const { outcome, fault } = resultOf(report.verdicts);
  return [
    insertWay({
      message_id: leased.id,
      number: leased.leaseNumber,
      way,
      outcome,
      fault_code: fault?.code ?? null,
      at: report.endedAt,
      hour: Math.floor(report.endedAt / HOUR_MS),
    }),
  ];
}
