/** A raw message: checked, never changed. */
import {
  failure,
  parseAddressList,
  success,
  type MailboxAddress,
  type MessageSource,
  type Result,
} from '@postbearer/core';
import { envelopeOf, type ComposedMessage } from './envelope.ts';
import { mailerFaults } from './faults.ts';
import type { MailInput } from './mail.ts';
import { endOfHeader, LONGEST_HEADER_BYTES, readRawHeader, type RawField } from './raw-header.ts';

const COMPOSED_FIELDS = [
  'subject',
  'text',
  'html',
  'attachments',
  'headers',
  'messageId',
  'inReplyTo',
  'references',
  'date',
  'replyTo',
] as const;

/** Everything up to the end of the header, or one byte more than a header may have. */
async function beginningOf(source: MessageSource): Promise<Uint8Array> {
  let beginning = Buffer.alloc(0);
  for await (const part of source.open()) {
    // The end may lie across two parts, so the last bytes of what was there are looked at again.
    const from = Math.max(0, beginning.length - 3);
    beginning = Buffer.concat([beginning, part]);
    if (beginning.length > LONGEST_HEADER_BYTES || endOfHeader(beginning.toString('latin1', from)) >= 0) break;
  }
  return beginning;
}

function recipientsOf(fields: readonly RawField[]): Result<readonly MailboxAddress[]> {
  const recipients: MailboxAddress[] = [];
  for (const { name, value } of fields) {
    if (name !== 'to' && name !== 'cc') continue;
    const parsed = parseAddressList(value);
    if (!parsed.ok) return parsed;
    recipients.push(...parsed.value.map(({ address }) => address));
  }
  return success(recipients);
}

/**
 * Checks a raw message and makes its envelope.
 *
 * @param named - the recipients that the caller named; where there are none those of the message's To and Cc fields count.
 */
export async function composeRaw(
  mail: MailInput,
  raw: string | Uint8Array | MessageSource,
  sender: MailboxAddress,
  named: readonly MailboxAddress[],
): Promise<Result<ComposedMessage>> {
  const extra = COMPOSED_FIELDS.find((field) => mail[field] !== undefined);
  if (extra !== undefined) return failure(mailerFaults.make('MESSAGE_RAW_AND_FIELDS', { field: extra }));
  const content = typeof raw === 'string' ? Buffer.from(raw) : raw;
  const fields = readRawHeader(content instanceof Uint8Array ? content : await beginningOf(content));
  if (!fields.ok) return fields;
  const bcc = fields.value.find(({ name }) => name === 'bcc' || name === 'resent-bcc');
  if (bcc !== undefined) return failure(mailerFaults.make('MESSAGE_RAW_HAS_BCC', { field: bcc.name, line: bcc.line }));
  const recipients = named.length > 0 ? success(named) : recipientsOf(fields.value);
  if (!recipients.ok) return recipients;
  const envelope = envelopeOf(mail, sender, recipients.value);
  if (!envelope.ok) return envelope;
  return success({
    messageId: fields.value.find(({ name }) => name === 'message-id')?.value ?? '',
    envelope: envelope.value,
    content,
  });
}
