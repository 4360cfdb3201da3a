/**
 * From what a program says to an envelope and bytes.
 *
 * Every address is parsed here, once, and goes into the envelope as it was parsed; a header value with a line break or control
 * character is refused, never repaired. A message whose parts are all in memory or small becomes bytes; one with a large file
 * becomes a source that reads the file while it is sent. The MIME itself is written by nodemailer's MailComposer.
 */
import {
  failure,
  success,
  type NamedAddress,
  type MailboxAddress,
  type MessageContent,
  type Result,
} from '@postbearer/core';
import MailComposer from 'nodemailer/lib/mail-composer';
import { prepareAttachment, withCrlf, type PreparedAttachment } from './attachments.ts';
import { checkFields } from './check-fields.ts';
import { composeRaw } from './compose-raw.ts';
import { envelopeOf, parseAddresses, type ComposedMessage } from './envelope.ts';
import { mailerFaults } from './faults.ts';
import type { MailInput } from './mail.ts';

function toComposer({ name, address }: NamedAddress): { name: string; address: string } {
  return { name: name ?? '', address };
}

/**
 * Composes a mail, or checks a raw one.
 *
 * @param defaultFrom - the sender where the mail names none.
 * @returns envelope and content, or a `MESSAGE_…` fault that names the property.
 */
export async function composeMessage(
  mail: MailInput,
  defaultFrom: MailboxAddress | undefined,
): Promise<Result<ComposedMessage>> {
  const from = parseAddresses('from', mail.from ?? defaultFrom);
  if (!from.ok) return from;
  const sender = from.value[0];
  if (sender === undefined) return failure(mailerFaults.make('MESSAGE_NO_SENDER'));
  if (from.value.length > 1)
    return failure(
      mailerFaults.make('MESSAGE_FIELD_INVALID', { field: 'from', reason: 'it names more than one address' }),
    );
  const lists = [];
  for (const field of ['to', 'cc', 'bcc', 'replyTo'] as const) {
    const parsed = parseAddresses(field, mail[field]);
    if (!parsed.ok) return parsed;
    lists.push(parsed.value);
  }
  const [to = [], cc = [], bcc = [], replyTo = []] = lists;
  const recipients = [...to, ...cc, ...bcc].map(({ address }) => address);
  if (mail.raw !== undefined) return composeRaw(mail, mail.raw, sender.address, recipients);

  const safe = checkFields(mail, [
    ['from', from.value],
    ['to', to],
    ['cc', cc],
    ['replyTo', replyTo],
  ]);
  if (!safe.ok) return safe;
  const envelope = envelopeOf(mail, sender.address, recipients);
  if (!envelope.ok) return envelope;
  const attachments: PreparedAttachment[] = [];
  for (const attachment of mail.attachments ?? []) {
    const prepared = await prepareAttachment(attachment);
    if (!prepared.ok) return prepared;
    attachments.push(prepared.value);
  }

  const compiled = new MailComposer({
    from: toComposer(sender),
    to: to.map(toComposer),
    cc: cc.map(toComposer),
    replyTo: replyTo.map(toComposer),
    subject: mail.subject ?? '',
    ...(mail.text === undefined && mail.html !== undefined ? {} : { text: withCrlf(mail.text ?? '') }),
    ...(mail.html === undefined ? {} : { html: withCrlf(mail.html) }),
    attachments: attachments.map(({ options }) => options),
    headers: Object.entries(mail.headers ?? {}).flatMap(([key, values]) =>
      [values].flat().map((value) => ({ key, value })),
    ),
    ...(mail.messageId === undefined ? {} : { messageId: mail.messageId }),
    ...(mail.inReplyTo === undefined ? {} : { inReplyTo: mail.inReplyTo }),
    ...(mail.references === undefined ? {} : { references: [...mail.references] }),
    ...(mail.date === undefined ? {} : { date: mail.date }),
    disableUrlAccess: true,
  }).compile();
  // What the streamed files take up is the least that the whole message has, and enough for a server to refuse it at once.
  const streamedBytes = attachments.reduce((sum, attachment) => sum + attachment.streamedBytes, 0);
  const content: MessageContent =
    streamedBytes > 0 ? { sizeBytes: streamedBytes, open: () => compiled.createReadStream() } : await compiled.build();
  return success({ messageId: compiled.messageId(), envelope: envelope.value, content });
}
