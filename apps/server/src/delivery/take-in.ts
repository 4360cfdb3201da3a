/**
 * Takes one message in: reads its header, finds its way, stores it. It is confirmed by whoever calls this, after it resolved.
 *
 * A message with an idempotency key is taken once: the same key with the same envelope and bytes within 24 hours is
 * confirmed and not stored again, and with others it is refused.
 */
import { createHash, type Hash } from 'node:crypto';
import { failure, success, type DsnRequest, type MailboxAddress, type Result } from '@postbearer/core';
import type { Statement } from '@postbearer/database';
import type { Enqueued, Intake, Priority } from '@postbearer/queue';
import type { App } from '../access/app.ts';
import type { Submitter } from './submit.ts';
import { HeaderReader, type FoundHeader } from './header-reader.ts';
import { deliveryFaults } from './faults.ts';
import { headerDate, readHeader, recipientsOf, writeHeader, type IncomingHeader } from './header.ts';

const CR = 0x0d;
const LF = 0x0a;

/** A message on its way in. */
export interface Incoming {
  readonly app: App;
  /** The first address in From, or the app's mailbox, where it is left out. */
  readonly sender?: MailboxAddress | '';
  /** Those in To, Cc and Bcc where it is left out. */
  readonly recipients?: readonly MailboxAddress[];
  readonly content: AsyncIterable<Uint8Array>;
  /** For people: `smtp 192.0.2.7`. */
  readonly origin: string;
  /** The Received field, but for the queue's name of the message and the time. */
  readonly received: string;
  /** The name of this host, for a Message-ID that is missing. */
  readonly hostname: string;
  /** Wall clock, milliseconds since 1970. */
  readonly now: number;
  readonly dsn?: DsnRequest;
  readonly priority?: Priority;
  /** When it is to be sent, milliseconds since 1970. */
  readonly sendAt?: number;
  /** Counts in place of the key in the header. What `digest` leaves out is the envelope and the bytes. */
  readonly idempotency?: { readonly key: string; readonly digest?: string };
  /** Stored in the same batch as the message. */
  readonly statements?: readonly Statement[];
}

interface Opened extends FoundHeader {
  readonly blocks: AsyncIterator<Uint8Array>;
}

async function readToHeader(content: AsyncIterable<Uint8Array>): Promise<Result<Opened>> {
  const blocks = content[Symbol.asyncIterator]();
  const reader = new HeaderReader();
  for (let next = await blocks.next(); next.done !== true; next = await blocks.next()) {
    const found = reader.add(next.value);
    if (!found.ok) return found;
    if (found.value !== undefined) return success({ ...found.value, blocks });
  }
  return success({ ...reader.end(), blocks });
}

/** Writes the header as it is to be and the bytes behind it as they come. */
async function writeAll(
  intake: Intake,
  header: string,
  rest: Uint8Array,
  blocks: AsyncIterator<Uint8Array>,
): Promise<Result<void>> {
  const beginning = Buffer.allocUnsafeSlow(header.length + rest.length);
  beginning.write(header, 'latin1');
  beginning.set(rest, header.length);
  const written = await intake.write(beginning, true);
  if (!written.ok) return written;
  for (let next = await blocks.next(); next.done !== true; next = await blocks.next()) {
    const more = await intake.write(next.value);
    if (!more.ok) return more;
  }
  return success(undefined);
}

/** The same blocks, each of them digested as well. */
async function* digested(blocks: AsyncIterator<Uint8Array>, digest: Hash): AsyncGenerator<Uint8Array> {
  for (let next = await blocks.next(); next.done !== true; next = await blocks.next()) {
    digest.update(next.value);
    yield next.value;
  }
}

interface Addressed {
  readonly sender: MailboxAddress | '';
  readonly recipients: readonly MailboxAddress[];
}

/** The envelope that was said, completed from the header. Fails with `MESSAGE_NOT_ADDRESSED` or `MESSAGE_ADDRESS_LIST_INVALID`. */
function addressed({ app, sender, recipients }: Incoming, header: IncomingHeader): Result<Addressed> {
  const named = recipients === undefined ? recipientsOf(header) : success(recipients);
  if (!named.ok) return named;
  if (named.value.length === 0) return failure(deliveryFaults.make('MESSAGE_NOT_ADDRESSED'));
  return success({ sender: sender ?? header.from[0] ?? app.mailboxes[0], recipients: named.value });
}

function idempotencyOf(
  { idempotency, sender, recipients }: Incoming,
  key: string | undefined,
  content: Hash | undefined,
): { idempotency?: { key: string; digest: string } } {
  if (key === undefined) return {};
  const said = JSON.stringify([sender ?? null, recipients ?? null]);
  const hash = createHash('sha256').update(said);
  const digest = idempotency?.digest ?? (content === undefined ? hash : hash.update(content.digest())).digest('hex');
  return { idempotency: { key, digest } };
}

/** A digest of what was read so far, for a message with a key of which nothing else tells what it is. */
function digestOf({ header, rest }: FoundHeader): Hash {
  return createHash('sha256').update(header, 'latin1').update(rest);
}

async function store(incoming: Incoming, intake: Intake, submitter: Submitter): Promise<Result<Enqueued>> {
  const { app, origin, hostname, now, dsn, priority, sendAt, statements } = incoming;
  const opened = await readToHeader(incoming.content);
  if (!opened.ok) return opened;
  const { rest } = opened.value;
  const header = readHeader(opened.value.header);
  if (!header.ok) return header;
  const envelope = addressed(incoming, header.value);
  if (!envelope.ok) return envelope;
  const request = { app, sender: envelope.value.sender, from: header.value.from };
  const route = submitter.route(request);
  if (!route.ok) return route;
  const messageId = header.value.messageId ?? `<${intake.id}@${hostname}>`;
  const changes = {
    received: `${incoming.received}\r\n\tid ${intake.id}; ${headerDate(now)}`,
    messageId,
    date: headerDate(now),
    sender: route.value.sender,
    ...(route.value.from === undefined ? {} : { from: route.value.from }),
  };
  const key = incoming.idempotency?.key ?? header.value.idempotencyKey;
  const digest = key === undefined ? undefined : digestOf(opened.value);
  const blocks = digest === undefined ? opened.value.blocks : digested(opened.value.blocks, digest);
  const hasEmptyLine = rest[0] === CR && rest[1] === LF;
  const written = await writeAll(intake, writeHeader(header.value, changes, !hasEmptyLine), rest, blocks);
  if (!written.ok) return written;
  return await submitter.accept(intake, request, route.value, {
    recipients: envelope.value.recipients,
    messageId,
    subject: header.value.subject,
    origin,
    ...(dsn === undefined ? {} : { dsn }),
    ...(priority === undefined ? {} : { priority }),
    ...(sendAt === undefined ? {} : { sendAt }),
    ...(statements === undefined ? {} : { statements }),
    ...idempotencyOf(incoming, key, digest),
  });
}

/**
 * Takes a message in; when this resolves well, it is on disk.
 *
 * Fails with a fault of its header, of policy or of storing; nothing of it is kept then. Throws what reading the content throws.
 */
export async function takeIn(incoming: Incoming, submitter: Submitter): Promise<Result<Enqueued>> {
  const intake = submitter.begin();
  if (!intake.ok) return intake;
  let isAccepted = false;
  try {
    const stored = await store(incoming, intake.value, submitter);
    isAccepted = stored.ok;
    return stored;
  } finally {
    if (!isAccepted) await intake.value.abandon();
  }
}
