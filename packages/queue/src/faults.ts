/** The faults of the queue. */
import { defineFaults, type FaultCatalogue } from '@postbearer/core';

/** Every code of this package. */
export type QueueFaultCode =
  | 'QUEUE_KEY_REUSED'
  | 'QUEUE_INTAKE_LOST'
  | 'QUEUE_BATCH_UNDONE'
  | 'QUEUE_LANE_NOT_OURS'
  | 'QUEUE_MESSAGE_UNKNOWN'
  | 'QUEUE_NOT_POSSIBLE'
  | 'QUEUE_BODY_GONE'
  | 'QUEUE_NODE_REPLACED'
  | 'QUEUE_MESSAGE_SET_ASIDE';

/** Faults of taking in, leasing and changing messages. */
export const queueFaults: FaultCatalogue<QueueFaultCode> = defineFaults<QueueFaultCode>({
  QUEUE_KEY_REUSED: {
    title: 'Idempotency key used for another message',
    message: 'The idempotency key "{key}" was used for another message within the last 24 hours.',
    cause: 'A key names one request. The same key with other content is a mistake of the program that sends.',
    remedy: { steps: ['Give each message a key of its own, and use it again only to repeat the same request.'] },
    next: 'fix-message',
    source: 'draft-ietf-httpapi-idempotency-key-header, "Error Scenarios"',
    read: '2026-11-24',
  },
  QUEUE_INTAKE_LOST: {
    title: 'Message not taken whole',
    message: 'The message was not stored: it took so long to arrive that what had arrived was cleared away.',
    cause: 'This node did not give a sign of life for a while, and the others cleared up after it.',
    remedy: { steps: ['Send the message again.'] },
    next: 'retry',
  },
  QUEUE_BATCH_UNDONE: {
    title: 'Nothing stored',
    message: 'The message was not stored, because what was to be stored together with it was no longer as expected.',
    cause: 'Something else changed it at the same time.',
    remedy: { steps: ['Start again from where the message came.'] },
    next: 'give-up',
  },
  QUEUE_LANE_NOT_OURS: {
    title: 'Lane belongs to another node',
    message: 'The lane {lane} is not owned by the node {node}.',
    cause: 'Exactly one node sends for a lane. It moved to another, or this node could not give a sign of life.',
    remedy: { steps: ['Nothing is to be done: the node that owns the lane sends for it.'] },
    next: 'retry',
  },
  QUEUE_MESSAGE_UNKNOWN: {
    title: 'No such message',
    message: 'There is no message {id}.',
    cause: 'It never was, or its record was old enough to be removed.',
    remedy: { steps: ['Look for it by recipient or time.'] },
    next: 'give-up',
  },
  QUEUE_NOT_POSSIBLE: {
    title: 'Not possible now',
    message: 'The message {id} is {state}; {verb} is possible while it is {possible}.',
    cause: 'What can be done with a message depends on how far it has come.',
    remedy: { steps: ['Look at the message again.'] },
    next: 'give-up',
  },
  QUEUE_BODY_GONE: {
    title: 'Content no longer kept',
    message: 'The content of the message {id} is no longer kept.',
    cause: 'The content of a message is removed some days after it ended; its record stays longer.',
    remedy: { steps: ['Send the message anew from where it came.'] },
    next: 'give-up',
  },
  QUEUE_NODE_REPLACED: {
    title: 'Another node of the same name',
    message: 'Another process has started as the node {node}; this one sends no more.',
    cause: 'Two processes with the same name cannot tell their lanes apart.',
    remedy: { steps: ['Give each node a name of its own, or end one of the two processes.'] },
    next: 'fix-configuration',
  },
  QUEUE_MESSAGE_SET_ASIDE: {
    title: 'Set aside after three crashes',
    message: 'The message {id} was in hand three times when its node died, so it is not tried again.',
    cause: 'Either the message makes the program fail, or it was there by chance each time.',
    remedy: { steps: ['Look at the message.', 'Release it to try it once more, or discard it.'] },
    next: 'needs-person',
  },
});
