/**
 * Writing down what became of a leased message.
 *
 * One batch holds the verdicts, the attempt with its whole replies, the hold that a set-up fault causes, and whatever the
 * caller adds (a notice of failure). It is stored only while the lease is still held: the fencing number is compared and
 * set. Whoever lost the lease changes nothing, and is told so.
 */
import { failure, success, type Fault, type Result, type Verdict } from '@postbearer/core';
import { mustChange, passPoint, prepare, type Statement, type ValueNamed } from '@postbearer/database';
import { sql } from 'kysely';
import type { QueueContext } from './context.ts';
import type { AttemptReport, Decision, RecipientDecision } from './decide.ts';
import { queueFaults } from './faults.ts';
import type { PreparedMessage } from './intake.ts';
import type { LeasedMessage } from './leased-message.ts';
import { db, type MessageRow } from './schema.ts';
import { isEnded, OPEN_RECIPIENT_STATES, type RecipientState } from './states.ts';

type SettledColumns = Pick<
  MessageRow,
  | 'id'
  | 'lease_number'
  | 'state'
  | 'ready_at'
  | 'attempts'
  | 'crashes'
  | 'hold_reason'
  | 'fault_code'
  | 'fault'
  | 'delay_told'
  | 'ended_at'
  | 'wait_left'
>;

const settleRow = prepare((value: ValueNamed<{ readonly [Column in keyof SettledColumns]: SettledColumns[Column] }>) =>
  db
    .updateTable('message')
    .set({
      state: value('state'),
      ready_at: value('ready_at'),
      attempts: value('attempts'),
      crashes: value('crashes'),
      hold_reason: value('hold_reason'),
      fault_code: value('fault_code'),
      fault: value('fault'),
      delay_told: value('delay_told'),
      ended_at: value('ended_at'),
      wait_left: value('wait_left'),
      leased_by: null,
    })
    .where('id', '=', value('id'))
    .where('state', '=', sql.lit('leased'))
    .where('lease_number', '=', value('lease_number')),
);

interface RecipientValues extends Readonly<Record<string, string | number | null>> {
  readonly id: string;
  readonly state: RecipientState;
  readonly fault_code: string | null;
  readonly at: number;
}

const settleAllRecipients = prepare((value: ValueNamed<RecipientValues>) =>
  db
    .updateTable('recipient')
    .set({ state: value('state'), fault_code: value('fault_code'), changed_at: value('at') })
    .where('message_id', '=', value('id'))
    .where(
      'state',
      'in',
      OPEN_RECIPIENT_STATES.map((state) => sql.lit(state)),
    ),
);

const settleRecipient = prepare((value: ValueNamed<RecipientValues & { readonly number: number }>) =>
  db
    .updateTable('recipient')
    .set({ state: value('state'), fault_code: value('fault_code'), changed_at: value('at') })
    .where('message_id', '=', value('id'))
    .where('number', '=', value('number')),
);

const insertAttempt = prepare(
  (
    value: ValueNamed<{
      id: string;
      number: number;
      node: string;
      started: number;
      ended: number;
      is_used: number;
      replies: string;
    }>,
  ) =>
    db.insertInto('attempt').values({
      message_id: value('id'),
      number: value('number'),
      node: value('node'),
      started_at: value('started'),
      ended_at: value('ended'),
      is_used: value('is_used'),
      replies: value('replies'),
    }),
);

const upsertHold = prepare(
  (value: ValueNamed<{ lane: string; sender: string; code: string; fault: string; since: number }>) =>
    db
      .insertInto('lane_hold')
      .values({
        lane: value('lane'),
        sender: value('sender'),
        kind: 'fault',
        fault_code: value('code'),
        fault: value('fault'),
        since: value('since'),
        probe_asked: 0,
      })
      // A hold that a person made stays that person's; one of a fault keeps its beginning.
      .onConflict((conflict) =>
        conflict
          .columns(['lane', 'sender'])
          .doUpdateSet((excluded) => ({
            fault_code: excluded.ref('excluded.fault_code'),
            fault: excluded.ref('excluded.fault'),
            probe_asked: 0,
          }))
          .where('lane_hold.kind', '=', 'fault'),
      ),
);

const liftFaultHold = prepare((value: ValueNamed<{ lane: string; sender: string }>) =>
  db
    .deleteFrom('lane_hold')
    .where('lane', '=', value('lane'))
    .where('sender', '=', value('sender'))
    .where('kind', '=', 'fault'),
);

/** What was said about which recipients of an attempt: recipients with the same words stand together. */
export interface AttemptReply {
  /** Their places in the envelope. */
  readonly recipients: readonly number[];
  readonly verdict: Omit<Verdict, 'recipient'>;
}

function repliesOf(leased: LeasedMessage, { verdicts }: AttemptReport): AttemptReply[] {
  const [only] = verdicts;
  const [recipient] = leased.recipients;
  if (only !== undefined && recipient !== undefined && verdicts.length === 1 && leased.recipients.length === 1) {
    const { recipient: _, ...verdict } = only;
    return [{ recipients: [recipient.number], verdict }];
  }
  const numbers = new Map(leased.recipients.map(({ address, number }) => [address, number]));
  const grouped = Map.groupBy(verdicts, (verdict) => JSON.stringify({ ...verdict, recipient: undefined }));
  return [...grouped].map(([verdict, same]) => ({
    recipients: same.flatMap((each) => numbers.get(each.recipient) ?? []),
    verdict: JSON.parse(verdict) as Omit<Verdict, 'recipient'>,
  }));
}

function recipientStatements(id: string, recipients: readonly RecipientDecision[], at: number): Statement[] {
  const values = ({ state, fault }: RecipientDecision): RecipientValues => ({
    id,
    state,
    fault_code: fault?.code ?? null,
    at,
  });
  const [first] = recipients;
  if (first === undefined) return [];
  const areAlike = recipients.every(({ state, fault }) => state === first.state && fault?.code === first.fault?.code);
  if (areAlike) return [settleAllRecipients(values(first))];
  return recipients.map((each) => settleRecipient({ ...values(each), number: each.number }));
}

function holdStatements(leased: LeasedMessage, { hold }: Decision, now: number): Statement[] {
  const { lane, from, probe } = leased;
  if (hold !== undefined) {
    const sender = hold.scope === 'lane' ? '' : from;
    const held = upsertHold({ lane, sender, code: hold.fault.code, fault: json(hold.fault), since: now });
    // What held the lane is mended where its probe came as far as the sender.
    return probe === 'lane' && hold.scope === 'sender' ? [liftFaultHold({ lane, sender: '' }), held] : [held];
  }
  // The probe met no set-up fault, whatever else became of it: what was held for it is mended.
  return probe === undefined ? [] : [liftFaultHold({ lane, sender: probe === 'lane' ? '' : from })];
}

function json(fault: Fault): string {
  return JSON.stringify(fault);
}

/** The statements that store a decision; the first must change one row. */
function settleStatements(context: QueueContext, leased: LeasedMessage, decision: Decision): Statement[] {
  const now = context.clock.now();
  const { id, leaseNumber, attempts } = leased;
  const { report, fault } = decision;
  const isDelayed = decision.notices.some(({ kind }) => kind === 'delayed');
  const settled = settleRow({
    id,
    lease_number: leaseNumber,
    state: decision.state,
    ready_at: decision.readyAt,
    attempts: attempts + (decision.usesAttempt ? 1 : 0),
    crashes: 0,
    hold_reason: decision.holdReason ?? null,
    fault_code: fault?.code ?? null,
    fault: fault === undefined ? null : json(fault),
    delay_told: leased.isDelayTold || isDelayed ? 1 : 0,
    ended_at: isEnded(decision.state) ? now : null,
    wait_left: decision.state === 'uncertain' ? context.retryTimes.uncertainWaitMs : null,
  });
  return [
    mustChange(settled, 1),
    ...recipientStatements(id, decision.recipients, now),
    insertAttempt({
      id,
      number: leaseNumber,
      node: context.node,
      started: report.startedAt,
      ended: report.endedAt,
      is_used: decision.usesAttempt ? 1 : 0,
      replies: JSON.stringify(repliesOf(leased, report)),
    }),
    ...holdStatements(leased, decision, now),
  ];
}

const findAttempt = prepare((value: ValueNamed<{ id: string; number: number }>) =>
  db.selectFrom('attempt').select('number').where('message_id', '=', value('id')).where('number', '=', value('number')),
);

/** What is stored together with a settlement. */
export interface SettleOptions {
  /** Messages made ready by `prepareMessage`, such as a notice of failure. */
  readonly messages?: readonly PreparedMessage[];
  readonly statements?: readonly Statement[];
}

/**
 * Stores a decision; gives whether the lease still held, so that it was stored.
 *
 * Fails with what the database reports; then do it again until there is an answer. Doing it again is safe: what was stored
 * is found.
 */
export async function settleMessage(
  context: QueueContext,
  leased: LeasedMessage,
  decision: Decision,
  { messages = [], statements = [] }: SettleOptions,
): Promise<Result<boolean>> {
  const { database } = context;
  if (messages.length > 0) passPoint('notice:before');
  passPoint('settle:before');
  const outcome = await database.batch([
    ...settleStatements(context, leased, decision),
    ...messages.flatMap((message) => message.statements),
    ...statements,
  ]);
  passPoint('settle:after');
  if (messages.length > 0) passPoint('notice:after');
  if (!outcome.ok) return outcome;
  if (outcome.value.done) return success(true);
  if (outcome.value.statement > 0) return failure(queueFaults.make('QUEUE_BATCH_UNDONE'));
  const stored = await database.query(findAttempt({ id: leased.id, number: leased.leaseNumber }));
  return stored.ok ? success(stored.value.length > 0) : stored;
}
