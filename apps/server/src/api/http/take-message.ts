/**
 * Hands one message of a key to the queue, and says what was taken.
 *
 * The rules of this file:
 * - a key sends as its mailboxes and addresses, under the same policy as any app;
 * - the bytes go the way that those of the relay go: the same header rules, 202 after the commit, and for nothing else;
 * - an idempotency key makes repeating a request safe for 24 hours: the same request is answered as it was the first time,
 *   another is refused, and one that is still being worked on is told so.
 */
import {
  failure,
  parseMailboxAddress,
  success,
  type DsnRequest,
  type MailboxAddress,
  type Result,
} from '@postbearer/core';
import { passPoint } from '@postbearer/database';
import { composeMessage, type MailInput } from '@postbearer/mailer';
import type { Enqueued, Priority } from '@postbearer/queue';
import type { App } from '../../access/app.ts';
import { accessFaults } from '../../access/faults.ts';
import type { ApiKey } from '../../access/key.ts';
import type { Submitter } from '../../delivery/submit.ts';
import { takeIn, type Incoming } from '../../delivery/take-in.ts';
import { httpFaults } from '../faults.ts';
import { mailOf, type MessageFields } from './message-input.ts';
import { timeOf, type AcceptedMessage } from './message-output.ts';
import type { ApiParts } from './parts.ts';
import { BodyRefused } from './request-body.ts';
import { originOf, type RawCall } from './route.ts';

const BLOCK_BYTES = 64 * 1024;
/** What may stand in a key: it goes through header fields and lists. */
const IDEMPOTENCY_KEY = /^[!-~](?:[ -~]{0,253}[!-~])?$/;

/** What makes a request one request. */
export interface Idempotency {
  readonly key: string;
  /** Of the request as it came; that of its bytes where it is left out. */
  readonly digest?: string;
}

/** A message and what is said beside it. */
export interface Taking {
  readonly app: App;
  readonly sender?: MailboxAddress;
  readonly recipients?: readonly MailboxAddress[];
  readonly content: AsyncIterable<Uint8Array>;
  readonly dsn?: DsnRequest;
  readonly priority?: Priority;
  readonly sendAt?: string;
  readonly idempotency?: Idempotency;
}

/** The idempotency keys of requests that are being worked on. */
export class RequestsInProgress {
  readonly #keys = new Set<string>();

  /** Does `work` unless the same key is being worked on. Fails with `SERVICE_REQUEST_IN_PROGRESS`. */
  async during<T>(holder: ApiKey, key: string | undefined, work: () => Promise<T>): Promise<T | Result<never>> {
    if (key === undefined) return await work();
    const name = JSON.stringify([holder.name, key]);
    if (this.#keys.has(name)) return failure(httpFaults.make('SERVICE_REQUEST_IN_PROGRESS', { key }));
    this.#keys.add(name);
    try {
      return await work();
    } finally {
      this.#keys.delete(name);
    }
  }
}

/** The idempotency key of a request; `undefined` where it has none. Fails with `SERVICE_REQUEST_UNREADABLE`. */
export function idempotencyKeyOf({ incoming }: Pick<RawCall, 'incoming'>): Result<string | undefined> {
  const given = incoming.headers['idempotency-key'];
  if (given === undefined) return success(undefined);
  const key = [given].flat().join(',');
  if (IDEMPOTENCY_KEY.test(key)) return success(key);
  const reason = 'its field Idempotency-Key is not 1 to 255 printable characters of ASCII';
  return failure(httpFaults.make('SERVICE_REQUEST_UNREADABLE', { reason }));
}

/** The app that a key sends as, bound to one of its mailboxes where one is named. Fails with `ACCESS_KEY_SCOPE` or `ACCESS_SENDER_NOT_ALLOWED`. */
export function appOf({ name, app }: ApiKey, mailbox?: string): Result<App> {
  if (app === undefined) return failure(accessFaults.make('ACCESS_KEY_SCOPE', { key: name, scope: 'send' }));
  if (mailbox === undefined) return success(app);
  const own = app.mailboxes.find((each) => each.toLowerCase() === mailbox.toLowerCase());
  if (own !== undefined) return success({ ...app, mailboxes: [own] });
  const values = { app: app.name, sender: mailbox, allowed: app.mailboxes.join(', ') };
  return failure(accessFaults.make('ACCESS_SENDER_NOT_ALLOWED', values));
}

interface Stored {
  readonly from: string;
  readonly mailbox: string;
  readonly messageId: string;
  readonly recipients: readonly string[];
  readonly sizeBytes: number;
}

/** The submitter, which also tells what it is given, and counts the recipients once they are known. */
function watched(submitter: Submitter, tell: (stored: Stored) => void): Submitter {
  return {
    ...submitter,
    async accept(intake, request, route, facts) {
      const { messageId, recipients } = facts;
      const admitted = submitter.admission.recipients(request.app, recipients.length);
      if (!admitted.ok) return admitted;
      const from = route.from ?? request.from[0] ?? route.sender;
      tell({ from, mailbox: route.lane.mailbox, messageId, recipients, sizeBytes: intake.sizeBytes });
      return await submitter.accept(intake, request, route, facts);
    },
  };
}

async function takeChecked(incoming: Incoming, submitter: Submitter): Promise<Result<Enqueued>> {
  try {
    return await takeIn(incoming, submitter);
  } catch (error) {
    if (error instanceof BodyRefused) return failure(error.fault);
    throw error;
  }
}

/** Stores a message. What its content refuses (`BodyRefused`) is a failure; anything else that reading it throws is thrown. */
export async function takeMessage(taking: Taking, call: RawCall, parts: ApiParts): Promise<Result<AcceptedMessage>> {
  const { clock, onEvent } = parts;
  const hostname = parts.hostname();
  const { app, sendAt, ...rest } = taking;
  let stored: Stored | undefined;
  const submitter = watched(parts.submitter, (told) => {
    stored = told;
  });
  const origin = originOf(call);
  const incoming = {
    ...rest,
    app,
    origin,
    received: `Received: by ${hostname} with HTTP`,
    hostname,
    now: clock.now(),
    ...(sendAt === undefined ? {} : { sendAt: Date.parse(sendAt) }),
  };
  const admitted = await submitter.admission.message(app);
  const taken = admitted.ok ? await takeChecked(incoming, submitter) : admitted;
  if (!taken.ok || stored === undefined) {
    if (!taken.ok) onEvent({ name: 'submission.refused', app: app.name, origin, fault: taken.fault });
    return taken.ok ? failure(httpFaults.make('SERVICE_FAILED_INSIDE')) : taken;
  }
  passPoint('confirm:before');
  const { id, isNew } = taken.value;
  const message = { id, ...stored, ...(sendAt === undefined ? {} : { sendAt: timeOf(Date.parse(sendAt)) }) };
  if (isNew) return success(message);
  // It is the same request, so only what was drawn anew differs from what was answered then.
  const first = await parts.queue.get(id);
  if (!first.ok) return first;
  return success({ ...message, messageId: first.value.messageId, sizeBytes: first.value.sizeBytes });
}

/** Bytes in blocks that are cheap to hand on. */
async function* blocksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES) yield bytes.subarray(at, at + BLOCK_BYTES);
}

/** Composes a message from its fields and stores it. */
export async function composeAndTake(
  fields: MessageFields,
  attachments: NonNullable<MailInput['attachments']>,
  idempotency: Idempotency | undefined,
  call: RawCall,
  parts: ApiParts,
): Promise<Result<AcceptedMessage>> {
  const app = appOf(call.key, fields.mailbox);
  if (!app.ok) return app;
  const composed = await composeMessage(mailOf(fields, attachments), app.value.mailboxes[0]);
  if (!composed.ok) return composed;
  const { envelope, content } = composed.value;
  const sender = parseMailboxAddress(envelope.sender);
  if (!sender.ok) return sender;
  const { dsn, priority, sendAt } = fields;
  const taking: Taking = {
    app: app.value,
    sender: sender.value,
    recipients: envelope.recipients,
    content: content instanceof Uint8Array ? blocksOf(content) : content.open(),
    ...(dsn === undefined ? {} : { dsn }),
    ...(priority === undefined ? {} : { priority }),
    ...(sendAt === undefined ? {} : { sendAt }),
    ...(idempotency === undefined ? {} : { idempotency }),
  };
  return await takeMessage(taking, call, parts);
}
