/**
 * Messages whose lease was never settled: their node died, or the worker that had them is stuck.
 *
 * The first time a message goes back at once. The second time it waits a few seconds, drawn at random, so that it is not
 * again in flight beside the same others: one of them may be what kills the node. The third time it is set aside.
 */
import { prepare, type Statement, type ValueNamed } from '@postbearer/database';
import { sql } from 'kysely';
import type { QueueContext } from './context.ts';
import { queueFaults } from './faults.ts';
import { waitAfterCrash } from './retry-schedule.ts';
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
export function recoverStatements({ clock, random }: QueueContext, lost: LostMessage): Statement[] {
  const { id, lease_number } = lost;
  const crashes = lost.crashes + 1;
  if (crashes >= MOST_CRASHES) {
    const fault = queueFaults.make('QUEUE_MESSAGE_SET_ASIDE', { id });
    return [
      recover({
        id,
        lease_number,
        state: stateAfter('set-aside'),
        ready_at: lost.ready_at,
        crashes,
        hold_reason: 'crashes',
      }),
      recordFault({ id, code: fault.code, fault: JSON.stringify(fault) }),
    ];
  }
  const isFirst = crashes === 1;
  return [
    recover({
      id,
      lease_number,
      state: stateAfter(isFirst ? 'crash' : 'crash-again'),
      ready_at: isFirst ? lost.ready_at : clock.now() + waitAfterCrash(random),
      crashes,
      hold_reason: null,
    }),
  ];
}
