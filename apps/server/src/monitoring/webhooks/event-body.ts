/**
 * What a webhook is told, and which webhook wants it.
 *
 * A body is `{"type", "timestamp", "data"}` (Standard Webhooks, "Payload structure"). It holds no content of a message, no secret
 * and no token.
 */
import { oneLine, type Fault } from '@postbearer/core';
import type { Decision, LeasedMessage, MessageState, MessageVerb, Submission } from '@postbearer/queue';

/** An event as it is sent. */
export interface WebhookBody {
  /** `message.delivered`, `lane.held` and so on. */
  readonly type: string;
  /** The `webhook-id`: the same for each attempt to send it. */
  readonly id: string;
  readonly data: object;
}

/** Events for which webhooks are called, with what they mean. */
export const WEBHOOK_EVENT_NAMES: Readonly<Record<string, string>> = {
  'message.queued': 'The message is stored; whoever handed it in was told so.',
  'message.delivered': 'An upstream took the message for every recipient.',
  'message.deferred': 'The message was not taken; it is tried again.',
  'message.refused': 'The message was refused for good for at least one recipient.',
  'message.expired': 'The message was given up after days of attempts.',
  'message.uncertain': 'The message was perhaps taken; it is sent again under the same Message-ID after a while.',
  'message.unconfirmed': 'The message was perhaps taken, and is not sent again.',
  'message.held': 'The message waits for a person or for a mend.',
  'message.discarded': 'An operator removed the message before it was sent.',
  'message.cancelled': 'The message was called back before it was sent.',
  'lane.held': 'A set-up fault stopped a lane, or one sender in it; its mail is kept.',
  'lane.released': 'The hold of a lane or of a sender is over.',
};

const MOST_RECIPIENTS = 100;
const TOLD_STATES: ReadonlySet<MessageState> = new Set([
  'delivered',
  'deferred',
  'refused',
  'expired',
  'uncertain',
  'unconfirmed',
  'held',
]);

function shortFault({ code, title, message }: Fault): object {
  return { code, title: oneLine(title), message: oneLine(message) };
}

function wholeFault(fault: Fault): object {
  const { steps, command } = fault.remedy;
  return { ...shortFault(fault), cause: oneLine(fault.cause), steps, ...(command === undefined ? {} : { command }) };
}

/** The event of a message whose attempt is settled; `undefined` where there is none to tell. */
export function messageBody(leased: LeasedMessage, decision: Decision): WebhookBody | undefined {
  const { state, recipients, fault, readyAt, usesAttempt } = decision;
  if (!TOLD_STATES.has(state)) return undefined;
  const { id, leaseNumber, messageId, app, lane, from, subject, acceptedAt, attempts } = leased;
  const data = {
    id,
    messageId,
    app,
    lane,
    from,
    subject: oneLine(subject, 200),
    acceptedAt: new Date(acceptedAt).toISOString(),
    attempts: attempts + (usesAttempt ? 1 : 0),
    recipients: recipients.slice(0, MOST_RECIPIENTS).map((recipient) => ({
      address: recipient.address,
      state: recipient.state,
      ...(recipient.fault === undefined ? {} : { fault: recipient.fault.code }),
    })),
    recipientCount: recipients.length,
    ...(fault === undefined ? {} : { fault: shortFault(fault) }),
    ...(state === 'deferred' || state === 'uncertain' ? { nextAttemptAt: new Date(readyAt).toISOString() } : {}),
  };
  return { type: `message.${state}`, id: `msg_${id}_${leaseNumber}_${state}`, data };
}

/** States that a person or an app brings about. */
const ASKED_STATES: Readonly<Partial<Record<MessageVerb, string>>> = { discard: 'discarded', cancel: 'cancelled' };

/** The event of a message that is taken in. */
export function queuedBody(id: string, submission: Submission): WebhookBody {
  const { messageId, app, lane, from, subject = '', envelope } = submission;
  const what = { id, messageId, app, lane, from, subject: oneLine(subject, 200) };
  return {
    type: 'message.queued',
    id: `msg_${id}_0_queued`,
    data: { ...what, recipientCount: envelope.recipients.length },
  };
}

/** The event of a change that a person or an app asked for; `undefined` where it ends nothing. */
export function changedBody(verb: MessageVerb, id: string): WebhookBody | undefined {
  const state = ASKED_STATES[verb];
  return state === undefined ? undefined : { type: `message.${state}`, id: `msg_${id}_0_${state}`, data: { id } };
}

/** The event of a hold that an attempt caused or ended; `undefined` where it did neither. */
export function laneBody(leased: LeasedMessage, { hold }: Decision): WebhookBody | undefined {
  const { id, leaseNumber, lane, from, probe } = leased;
  const scope = hold?.scope ?? probe;
  if (scope === undefined) return undefined;
  const sender = scope === 'lane' ? '' : from;
  const where = { lane, ...(sender === '' ? {} : { sender }) };
  return hold === undefined
    ? { type: 'lane.released', id: `lane_${id}_${leaseNumber}_released`, data: where }
    : { type: 'lane.held', id: `lane_${id}_${leaseNumber}_held`, data: { ...where, fault: wholeFault(hold.fault) } };
}

/** Whether a list of names, in which `*` stands for any part, names an event. An empty list names all. */
export function wants(names: readonly string[], type: string): boolean {
  if (names.length === 0) return true;
  return names.some((name) => name === type || (name.endsWith('*') && type.startsWith(name.slice(0, -1))));
}

/** The text that is sent and signed. */
export function textOf({ type, data }: WebhookBody, now: number): string {
  return JSON.stringify({ type, timestamp: new Date(now).toISOString(), data });
}
