/** The statements about events that wait for webhooks. */
import { prepare, type Statement, type ValueNamed } from '@postbearer/database';
import { db } from '../schema.ts';

const insert = prepare((value: ValueNamed<{ webhook: string; id: string; event: string; now: number; body: string }>) =>
  db
    .insertInto('webhook_event')
    .values({
      webhook: value('webhook'),
      id: value('id'),
      event: value('event'),
      created_at: value('now'),
      body: value('body'),
      state: 'waiting',
      attempts: 0,
      due_at: value('now'),
      reason: null,
    })
    .onConflict((conflict) => conflict.doNothing()),
);

/** What a claim gives. */
export interface ClaimedEvent {
  readonly id: string;
  readonly event: string;
  readonly body: string;
  /** This attempt counted. */
  readonly attempts: number;
  readonly created_at: number;
}

// A time that lies further ahead than any wait was written before the clock went back.
const claim = prepare(
  (value: ValueNamed<{ webhook: string; now: number; latest: number; lease: number; limit: number }>) =>
    db
      .updateTable('webhook_event')
      .set((eb) => ({ attempts: eb('attempts', '+', 1), due_at: value('lease') }))
      .where('webhook', '=', value('webhook'))
      .where('state', '=', 'waiting')
      // Another node may have claimed it meanwhile.
      .where((eb) => eb.or([eb('due_at', '<=', value('now')), eb('due_at', '>', value('latest'))]))
      .where('id', 'in', (eb) =>
        eb
          .selectFrom('webhook_event as due')
          .select('due.id')
          .where('due.webhook', '=', value('webhook'))
          .where('due.state', '=', 'waiting')
          .where((of) => of.or([of('due.due_at', '<=', value('now')), of('due.due_at', '>', value('latest'))]))
          .orderBy('due.due_at')
          .orderBy('due.id')
          .limit(value('limit')),
      )
      .returning(['id', 'event', 'body', 'attempts', 'created_at']),
);

const remove = prepare((value: ValueNamed<{ webhook: string; id: string }>) =>
  db.deleteFrom('webhook_event').where('webhook', '=', value('webhook')).where('id', '=', value('id')),
);

const putBack = prepare(
  (value: ValueNamed<{ webhook: string; id: string; state: 'waiting' | 'parked'; due: number; reason: string }>) =>
    db
      .updateTable('webhook_event')
      .set({ state: value('state'), due_at: value('due'), reason: value('reason') })
      .where('webhook', '=', value('webhook'))
      .where('id', '=', value('id')),
);

const notTried = prepare((value: ValueNamed<{ webhook: string; id: string; due: number }>) =>
  db
    .updateTable('webhook_event')
    .set((eb) => ({ due_at: value('due'), attempts: eb('attempts', '-', 1) }))
    .where('webhook', '=', value('webhook'))
    .where('id', '=', value('id')),
);

const takeUp = prepare((value: ValueNamed<{ webhook: string; now: number }>) =>
  db
    .updateTable('webhook_event')
    .set({ state: 'waiting', attempts: 0, due_at: value('now') })
    .where('webhook', '=', value('webhook'))
    .where('state', '=', 'parked'),
);

const counts = prepare(() =>
  db
    .selectFrom('webhook_event')
    .select((eb) => ['webhook', 'state', eb.fn.countAll<number>().as('count')])
    .groupBy(['webhook', 'state']),
);

const forget = prepare((value: ValueNamed<{ before: number }>) =>
  db.deleteFrom('webhook_event').where('created_at', '<', value('before')),
);

/** Keeps an event for a webhook. */
export function keepEvent(webhook: string, id: string, event: string, body: string, now: number): Statement {
  return insert({ webhook, id, event, body, now });
}

/** Which events to claim; `lease` is when they are due again where nobody says what became of them, `latest` the latest time that is believed. */
export interface Claim {
  readonly webhook: string;
  readonly now: number;
  readonly latest: number;
  readonly lease: number;
  readonly limit: number;
}

/** Gives events that are due, and counts an attempt for each. */
export function claimEvents(of: Claim): Statement<ClaimedEvent> {
  return claim({ ...of });
}

/** Removes an event that was taken. */
export function removeEvent(webhook: string, id: string): Statement {
  return remove({ webhook, id });
}

/** What becomes of an event that was not taken. */
export interface PutBack {
  readonly webhook: string;
  readonly id: string;
  readonly state: 'waiting' | 'parked';
  readonly due: number;
  /** For people. */
  readonly reason: string;
}

/** Puts an event back, or sets it aside. */
export function putEventBack(values: PutBack): Statement {
  return putBack({ ...values });
}

/** Gives back what was claimed and not tried. */
export function eventNotTried(webhook: string, id: string, due: number): Statement {
  return notTried({ webhook, id, due });
}

/** Takes up again what was set aside for a webhook. */
export function takeUpEvents(webhook: string, now: number): Statement {
  return takeUp({ webhook, now });
}

/** How many events of each webhook wait or are set aside. */
export function countEvents(): Statement<{
  readonly webhook: string;
  readonly state: 'waiting' | 'parked';
  readonly count: number;
}> {
  return counts({});
}

/** Removes what was made before a time, whatever became of it. */
export function forgetEvents(before: number): Statement {
  return forget({ before });
}
