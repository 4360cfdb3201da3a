/**
 * What a person or an app may do with a message: retry, release, discard, cancel.
 *
 * Which is possible in which state says the table of states. A message that is being sent can be touched by nobody but its
 * sender; a recipient that has it already keeps it.
 */
import { failure, success, type Result } from '@postbearer/core';
import { mustChange, prepare, type Database, type Statement, type ValueNamed } from '@postbearer/database';
import { sql, type RawBuilder } from 'kysely';
import { queueFaults } from './faults.ts';
import { db } from './schema.ts';
import { isEnded, OPEN_RECIPIENT_STATES, stateAfter, statesBefore, type MessageState } from './states.ts';

/** The verbs. */
export type MessageVerb = 'retry' | 'release' | 'discard' | 'cancel';

/** What may be stored together with the change. */
export interface ChangeOptions {
  /** Statements of the caller, such as an audit record: stored with the change, or not at all. */
  readonly statements?: readonly Statement[];
}

/** A message after a change. */
interface ChangedMessage {
  readonly state: MessageState;
  readonly lane: string;
}

type ChangeValues = { readonly id: string; readonly now: number };

function literals(states: readonly string[]): RawBuilder<unknown> {
  return sql.join(states.map((state) => sql.lit(state)));
}

function possible(verb: MessageVerb): RawBuilder<unknown> {
  return sql`state in (${literals(statesBefore(verb))})`;
}

/** What ended without being delivered may be tried again, as long as its content is kept. */
const reopenRecipients = prepare(
  (value: ValueNamed<ChangeValues>) =>
    sql`update recipient set state = 'queued', changed_at = ${value('now')} where message_id = ${value('id')} and state in (${literals(statesBefore('retry').filter((state) => isEnded(state)))}) and exists (select 1 from message where message.id = recipient.message_id and ended_at is not null and has_body = 1 and ${possible('retry')})`,
);

function queueAgain(verb: 'retry' | 'release'): (values: ChangeValues) => Statement {
  return prepare(
    (value: ValueNamed<ChangeValues>) =>
      sql`update message set state = ${sql.lit(stateAfter(verb))}, ready_at = ${value('now')}, lifetime_from = ${value('now')}, hold_reason = null, crashes = 0, ended_at = null, wait_left = null where id = ${value('id')} and has_body = 1 and ${possible(verb)}`,
  );
}

const endRecipients = {
  discard: endStatement('discard'),
  cancel: endStatement('cancel'),
} as const;

function endStatement(verb: 'discard' | 'cancel'): (values: ChangeValues) => Statement {
  return prepare(
    (value: ValueNamed<ChangeValues>) =>
      sql`update recipient set state = ${sql.lit(stateAfter(verb))}, changed_at = ${value('now')} where message_id = ${value('id')} and state in (${literals(OPEN_RECIPIENT_STATES)})`,
  );
}

function endMessage(verb: 'discard' | 'cancel'): (values: ChangeValues) => Statement {
  return prepare(
    (value: ValueNamed<ChangeValues>) =>
      sql`update message set state = ${sql.lit(stateAfter(verb))}, ended_at = ${value('now')}, hold_reason = null where id = ${value('id')} and ${possible(verb)}`,
  );
}

const change: Readonly<Record<MessageVerb, (values: ChangeValues) => Statement>> = {
  retry: queueAgain('retry'),
  release: queueAgain('release'),
  discard: endMessage('discard'),
  cancel: endMessage('cancel'),
};

const look = prepare((value: ValueNamed<{ id: string }>) =>
  db
    .selectFrom('message')
    .select(['state', 'has_body', 'lane'])
    .where('id', '=', value('id'))
    .where('state', '<>', 'receiving'),
);

function statementsFor(verb: MessageVerb, values: ChangeValues): readonly Statement[] {
  const changed = mustChange(change[verb](values), 1);
  if (verb === 'retry') return [reopenRecipients(values), changed];
  if (verb === 'release') return [changed];
  return [changed, endRecipients[verb](values)];
}

/** How many of the first statements of a batch are ours, the look at the message left out. */
const OWN_STATEMENTS: Readonly<Record<MessageVerb, number>> = { retry: 2, release: 1, discard: 2, cancel: 2 };

async function whyNot(database: Database, verb: MessageVerb, id: string, unmet: number): Promise<Result<never>> {
  // One of the caller's: ours are the first three at most.
  if (unmet > OWN_STATEMENTS[verb]) return failure(queueFaults.make('QUEUE_BATCH_UNDONE'));
  const found = await database.query(look({ id }));
  if (!found.ok) return found;
  const [message] = found.value;
  if (message === undefined) return failure(queueFaults.make('QUEUE_MESSAGE_UNKNOWN', { id }));
  const allowed = statesBefore(verb);
  if (allowed.includes(message.state) && message.has_body === 0) {
    return failure(queueFaults.make('QUEUE_BODY_GONE', { id }));
  }
  const values = { id, state: message.state, verb, possible: allowed.join(', ') };
  return failure(queueFaults.make('QUEUE_NOT_POSSIBLE', values));
}

/** Changes a message. Fails with `QUEUE_MESSAGE_UNKNOWN`, `QUEUE_NOT_POSSIBLE`, `QUEUE_BODY_GONE`, `QUEUE_BATCH_UNDONE` or what the database reports. */
export async function changeMessage(
  database: Database,
  verb: MessageVerb,
  values: ChangeValues,
  options: ChangeOptions = {},
): Promise<Result<ChangedMessage>> {
  const statements = [...statementsFor(verb, values), ...(options.statements ?? [])];
  const outcome = await database.batch([look({ id: values.id }), ...statements]);
  if (!outcome.ok) return outcome;
  if (!outcome.value.done) return whyNot(database, verb, values.id, outcome.value.statement);
  const [found] = outcome.value.results;
  return success({ state: stateAfter(verb), lane: found.rows[0]?.lane ?? '' });
}
