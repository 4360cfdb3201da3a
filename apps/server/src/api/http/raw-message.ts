/**
 * A whole message as the body of a request (`message/rfc822`), streamed.
 *
 * The rules of this file:
 * - CRLF throughout stays as it is, LF throughout becomes CRLF; anything else, and NUL, is refused: such bytes are how a message
 *   is smuggled inside another;
 * - who receives it is said in the query, or in fields of the request's header, else by its own fields To, Cc and Bcc;
 * - nothing of it is parsed but its header.
 */
import { success, type MailboxAddress, type Result } from '@postbearer/core';
import { parseMailboxAddress } from '@postbearer/core';
import { mailerFaults } from '@postbearer/mailer';
import type { Priority } from '@postbearer/queue';
import { z } from 'zod';
import { deliveryFaults } from '../../delivery/faults.ts';
import { bareAddress, priority, sendAt } from './message-input.ts';
import type { AcceptedMessage } from './message-output.ts';
import type { ApiParts } from './parts.ts';
import { blocksOf, BodyRefused, checked, type Outcome } from './request-body.ts';
import type { Call, RawCall } from './route.ts';
import { appOf, takeMessage } from './take-message.ts';

/** What may be said in the query beside a whole message. */
export interface RawQuery {
  readonly sender?: string;
  readonly recipient?: readonly string[];
  readonly mailbox?: string;
  readonly priority?: Priority;
  readonly sendAt?: string;
}

const recipients = z.array(bareAddress).min(1).max(1000);

/** The parameters of a whole message. */
export const rawQuery: z.ZodObject & z.ZodType<RawQuery> = z.strictObject({
  sender: bareAddress
    .exactOptional()
    .meta({ description: 'Sender of the envelope; that of From where it is left out.' }),
  recipient: recipients.exactOptional().meta({
    description: 'A recipient; repeat it for more. Those in To, Cc and Bcc where it is left out.',
  }),
  mailbox: bareAddress.exactOptional().meta({ description: 'Through which mailbox of the key.' }),
  priority: priority.exactOptional(),
  sendAt: sendAt.exactOptional(),
});

/** The fields of the request's header that say the same as `sender` and `recipient`. */
export const ENVELOPE_HEADERS = {
  'Postbearer-Sender': 'The same as `sender`, for whom a query is kept in logs; for message/rfc822.',
  'Postbearer-Recipients': 'The same as `recipient`, with commas between them; for message/rfc822.',
} as const;

const [CR, LF, NUL] = [0x0d, 0x0a, 0x00];

/** Makes every line of a message end with CRLF, block by block. Throws `BodyRefused`. */
async function* withCrlf(blocks: AsyncIterable<Uint8Array>, mostBytes: number): AsyncGenerator<Uint8Array> {
  let ending: 'CRLF' | 'a bare LF' | undefined;
  let isAfterCr = false;
  let [line, bytes] = [1, 0];
  const refuse = (found: string): never => {
    throw new BodyRefused(
      mailerFaults.make('MESSAGE_MIXED_LINE_ENDINGS', { line, found, before: ending ?? 'CRLF or LF throughout' }),
    );
  };
  for await (const block of blocks) {
    bytes += block.length;
    if (bytes > mostBytes) throw new BodyRefused(deliveryFaults.make('MESSAGE_SIZE_OVER_LIMIT', { limit: mostBytes }));
    const added: number[] = [];
    for (let at = 0; at < block.length; at += 1) {
      const byte = block[at];
      if (isAfterCr && byte !== LF) refuse('a bare CR');
      if (byte === NUL) {
        throw new BodyRefused(
          mailerFaults.make('MESSAGE_FIELD_INVALID', { field: 'body', reason: 'it holds a NUL byte' }),
        );
      }
      if (byte === LF) {
        const found = isAfterCr ? 'CRLF' : 'a bare LF';
        ending ??= found;
        if (found !== ending) refuse(found);
        if (found === 'a bare LF') added.push(at);
        line += 1;
      }
      isAfterCr = byte === CR;
    }
    yield added.length === 0 ? block : lengthened(block, added);
  }
  if (isAfterCr) refuse('a bare CR');
}

function lengthened(block: Uint8Array, places: readonly number[]): Uint8Array {
  const out = new Uint8Array(block.length + places.length);
  let [from, to] = [0, 0];
  for (const place of places) {
    out.set(block.subarray(from, place), to);
    to += place - from;
    out[to] = CR;
    to += 1;
    from = place;
  }
  out.set(block.subarray(from), to);
  return out;
}

/** The envelope in fields of the request's header, in the form of the query. */
function envelopeHeaders({ incoming: { headers } }: Pick<RawCall, 'incoming'>): Record<string, unknown> {
  const sender = headers['postbearer-sender'];
  const named = headers['postbearer-recipients'];
  return {
    ...(sender === undefined ? {} : { sender }),
    ...(named === undefined
      ? {}
      : { recipient: [named].flat().flatMap((text) => text.split(',').map((one) => one.trim())) }),
  };
}

function parsedAll(addresses: readonly string[]): Result<readonly MailboxAddress[]> {
  const all = new Set<MailboxAddress>();
  for (const address of addresses) {
    const parsed = parseMailboxAddress(address);
    if (!parsed.ok) return parsed;
    all.add(parsed.value);
  }
  return success([...all]);
}

/** Stores the message that the body of a request is. */
export async function takeRaw(
  call: Call<RawQuery>,
  idempotencyKey: string | undefined,
  parts: ApiParts,
): Promise<Outcome<AcceptedMessage>> {
  const said = checked(rawQuery, { ...envelopeHeaders(call), ...call.query });
  if (!said.ok) return said;
  const { mailbox, sender, recipient, ...rest } = said.value;
  const app = appOf(call.key, mailbox);
  if (!app.ok) return app;
  const from = parsedAll(sender === undefined ? [] : [sender]);
  if (!from.ok) return from;
  const to = recipient === undefined ? success(undefined) : parsedAll(recipient);
  if (!to.ok) return to;
  const [envelopeSender] = from.value;
  const taking = {
    ...rest,
    app: app.value,
    content: withCrlf(blocksOf(call.incoming), parts.submitter.maxMessageBytes),
    ...(envelopeSender === undefined ? {} : { sender: envelopeSender }),
    ...(to.value === undefined ? {} : { recipients: to.value }),
    ...(idempotencyKey === undefined ? {} : { idempotency: { key: idempotencyKey } }),
  };
  return await takeMessage(taking, { ...call, query: new URLSearchParams() }, parts);
}
