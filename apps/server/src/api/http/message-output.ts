/** A message as the API shows it: the queue's record, with times that people can read. */
import type { AttemptRecord, MessageDetails, MessageRecord, MessageState, RecipientRecord } from '@postbearer/queue';
import { z } from 'zod';
import { nextSchema, remedySchema } from './problem.ts';

/** A moment. */
export const timeSchema: z.ZodType<string> = z.iso.datetime().meta({ description: 'In UTC.' });

/** A moment of the wall clock as text. */
export function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}

/** A fault as the service met it. */
export const faultSchema: z.ZodType = z
  .looseObject({
    code: z.string(),
    title: z.string(),
    message: z.string(),
    cause: z.string(),
    remedy: remedySchema,
    next: nextSchema,
  })
  .meta({ id: 'Fault', description: 'Why something failed, what to do about it, and what the other side said.' });

/** The states of a message. */
export const messageState: z.ZodType<Exclude<MessageState, 'receiving'>> = z
  .enum([
    'scheduled',
    'queued',
    'leased',
    'deferred',
    'uncertain',
    'held',
    'delivered',
    'refused',
    'expired',
    'unconfirmed',
    'discarded',
    'cancelled',
  ])
  .meta({
    id: 'MessageState',
    description:
      '`scheduled` waits for its timeSchema, `queued` may be sent now, `leased` is being sent, `deferred` waits for its next attempt, `uncertain` was perhaps delivered and waits, `held` waits for a person or for a mend; the others are ends.',
  });

const recordFields = {
  id: z.string().meta({ examples: ['01m87xf7spddc22eexa49kygh2'] }),
  state: messageState,
  lane: z.string().meta({ description: 'The upstream and the mailbox that it goes through.' }),
  app: z.string().meta({ description: 'Who handed it in: an app, or `key:` and the name of a key.' }),
  origin: z.string().meta({ description: 'How it came in.', examples: ['http 192.0.2.7'] }),
  priority: z.enum(['urgent', 'normal', 'bulk']),
  from: z.string(),
  sender: z.string().meta({ description: 'The sender of the envelope.' }),
  messageId: z.string().meta({ description: 'Its Message-ID field.' }),
  subject: z.string(),
  recipientCount: z.int(),
  sizeBytes: z.int(),
  attempts: z.int(),
  isNotice: z.boolean().meta({ description: 'Whether it tells of another message.' }),
  hasContent: z.boolean().meta({ description: 'Whether its content is still kept.' }),
  acceptedAt: timeSchema,
  readyAt: timeSchema.meta({ description: 'When it may be sent, or sent again.' }),
  endedAt: timeSchema.exactOptional(),
  holdReason: z.enum(['sender', 'person', 'uncertain', 'crashes']).exactOptional(),
  fault: faultSchema.optional().meta({ description: 'What it met last.' }),
};

/** A message in a list. */
export const messageRecord: z.ZodType = z
  .strictObject(recordFields)
  .meta({ id: 'MessageSummary', description: 'A message as a list shows it.' });

const recipient = z
  .strictObject({
    address: z.string(),
    state: z.string().meta({ description: 'As the states of a message, for this recipient.' }),
    faultCode: z.string().exactOptional(),
    changedAt: timeSchema,
  })
  .meta({ id: 'Recipient', description: 'What became of a message for one recipient.' });

const attempt = z
  .strictObject({
    number: z.int(),
    node: z.string(),
    startedAt: timeSchema,
    endedAt: timeSchema,
    isUsed: z.boolean().meta({ description: 'Whether it counts; one that met a set-up fault does not.' }),
    replies: z.array(
      z.strictObject({
        recipients: z.array(z.string()),
        outcome: z.enum(['accepted', 'deferred', 'refused', 'uncertain']),
        reply: z
          .looseObject({})
          .exactOptional()
          .meta({ description: 'What the server said to the end of the message.' }),
        fault: faultSchema.optional(),
      }),
    ),
  })
  .meta({ id: 'Attempt', description: 'What was tried once.' });

/** A message with its recipients and attempts. */
export const messageDetails: z.ZodType = z
  .strictObject({ ...recordFields, recipients: z.array(recipient), history: z.array(attempt) })
  .meta({
    id: 'Message',
    description: 'A message with its recipients and everything that was tried, the newest first.',
  });

/** A message that was taken. */
export interface AcceptedMessage {
  readonly id: string;
  readonly messageId: string;
  readonly from: string;
  readonly mailbox: string;
  readonly recipients: readonly string[];
  readonly sizeBytes: number;
  readonly sendAt?: string;
}

/** What is said of a message that was taken. */
export const acceptedMessage: z.ZodType<AcceptedMessage> = z
  .strictObject({
    id: recordFields.id,
    messageId: recordFields.messageId,
    from: z.string(),
    mailbox: z.string().meta({ description: 'The mailbox that it goes through.' }),
    recipients: z.array(z.string()),
    sizeBytes: recordFields.sizeBytes,
    sendAt: timeSchema.exactOptional(),
  })
  .meta({ id: 'AcceptedMessage', description: 'A message that is stored and will be sent.' });

/** A record of the queue, as a list shows it. */
export function recordOutput(record: MessageRecord): Record<string, unknown> {
  const { id, lane, app, origin, priority, from, sender, messageId, subject, recipientCount, sizeBytes } = record;
  return {
    id,
    state: record.state,
    lane,
    app,
    origin,
    priority,
    from,
    sender,
    messageId,
    subject,
    recipientCount,
    sizeBytes,
    attempts: record.attempts,
    isNotice: record.isNotice,
    hasContent: record.hasBody,
    acceptedAt: timeOf(record.acceptedAt),
    readyAt: timeOf(record.readyAt),
    ...(record.endedAt === undefined ? {} : { endedAt: timeOf(record.endedAt) }),
    ...(record.holdReason === undefined ? {} : { holdReason: record.holdReason }),
    ...(record.fault === undefined ? {} : { fault: record.fault }),
  };
}

function recipientOutput({ address, state: of, faultCode, changedAt }: RecipientRecord): Record<string, unknown> {
  return { address, state: of, ...(faultCode === undefined ? {} : { faultCode }), changedAt: timeOf(changedAt) };
}

function attemptOutput(tried: AttemptRecord, recipients: readonly RecipientRecord[]): Record<string, unknown> {
  const addressOf = new Map(recipients.map(({ number, address }) => [number, address]));
  const { number, node, startedAt, endedAt, isUsed, replies } = tried;
  return {
    number,
    node,
    startedAt: timeOf(startedAt),
    endedAt: timeOf(endedAt),
    isUsed,
    replies: replies.map(({ recipients: numbers, verdict }) => ({
      recipients: numbers.map((each) => addressOf.get(each) ?? ''),
      outcome: verdict.outcome,
      ...('reply' in verdict ? { reply: verdict.reply } : {}),
      ...('fault' in verdict ? { fault: verdict.fault } : {}),
    })),
  };
}

/** A record of the queue with its recipients and attempts. */
export function detailsOutput(details: MessageDetails): Record<string, unknown> {
  return {
    ...recordOutput(details),
    recipients: details.recipients.map(recipientOutput),
    history: details.history.map((tried) => attemptOutput(tried, details.recipients)),
  };
}
