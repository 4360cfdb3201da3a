/**
 * Messages whose lease was never settled: their node died, or the worker that had them is stuck.
 *
 * It goes back at once and keeps its place, but is a suspect from now on: one of those that were in hand may be what kills
 * the node, so suspects are sent few at a time (see `lease.ts`). The third time a message is set aside.
 */
import { prepare, type Statement, type ValueNamed } from '@postbearer/database';
import { sql } from 'kysely';
import { queueFaults } from './faults.ts';
import { db, type HoldReason, type MessageRow } from './schema.ts';
import { stateAfter, type MessageState } from './states.ts';

/** After this many lost leases a message is set aside. */
const MOST_CRASHES = 3;

/** A message whose lease is lost. */
export type LostMessage = Pick<MessageRow, 'id' | 'lane' | 'crashes' | 'lease_number' | 'ready_at'>;

/** Leases of another run in the lanes of this node: whoever had them is gone. */
export const leasedByOthers: (values: { readonly node: string; readonly run: string }) => Statement<LostMessage> =
  prepare((value: ValueNamed<{ node: string; run: string }>) =>
    db
      .selectFrom('message')
      .innerJoin('lane', 'lane.name', 'message.lane')
      .select(['message.id', 'message.lane', 'message.crashes', 'message.lease_number', 'message.ready_at'])
      .where('message.state', '=', sql.lit('leased'))
      .where('message.leased_by', '<>', value('run'))
      .where('lane.owner', '=', value('node')),
  );

/** One lease of this run. */
export const leasedById: (values: { readonly id: string; readonly lease_number: number }) => Statement<LostMessage> =
  prepare((value: ValueNamed<{ id: string; lease_number: number }>) =>
    db
      .selectFrom('message')
      .select(['id', 'lane', 'crashes', 'lease_number', 'ready_at'])
      .where('id', '=', value('id'))
      .where('state', '=', sql.lit('leased'))
      .where('lease_number', '=', value('lease_number')),
  );

interface RecoverValues extends Readonly<Record<string, string | number | null>> {
  readonly id: string;
  readonly lease_number: number;
  readonly state: MessageState;
  readonly ready_at: number;
  readonly crashes: number;
  readonly hold_reason: HoldReason | null;
}

const recover = prepare((value: ValueNamed<RecoverValues>) =>
  db
    .updateTable('message')
    .set({
      state: value('state'),
      ready_at: value('ready_at'),
      crashes: value('crashes'),
      hold_reason: value('hold_reason'),
      leased_by: null,
    })
    .where('id', '=', value('id'))
    .where('state', '=', sql.lit('leased'))
    .where('lease_number', '=', value('lease_number')),
);

const recordFault = prepare((value: ValueNamed<{ id: string; code: string; fault: string }>) =>
  db
    .updateTable('message')
    .set({ fault_code: value('code'), fault: value('fault') })
    .where('id', '=', value('id'))
    .where('hold_reason', '=', 'crashes'),
);

/** The statements that take a message back from a lost lease; they change nothing where it was settled after all. */
export function recoverStatements({ id, lease_number, ready_at, crashes: before }: LostMessage): Statement[] {
  const crashes = before + 1;
  const values = { id, lease_number, ready_at, crashes };
  if (crashes < MOST_CRASHES) return [recover({ ...values, state: stateAfter('crash'), hold_reason: null })];
  const fault = queueFaults.make('QUEUE_MESSAGE_SET_ASIDE', { id });
  return [
    recover({ ...values, state: stateAfter('set-aside'), hold_reason: 'crashes' }),
    recordFault({ id, code: fault.code, fault: JSON.stringify(fault) }),
  ];
}
