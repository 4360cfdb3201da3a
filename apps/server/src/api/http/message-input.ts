/**
 * A message as a program says it in JSON.
 *
 * Each field is checked here, so that what is wrong is told with its place; the same rules are applied again where the message
 * is composed. Fields that are not known are refused: a misspelt `bbc` must not send a mail to fewer people than meant.
 */
import { parseAddressList, parseMailboxAddress } from '@postbearer/core';
import { headerTextProblem, type MailInput } from '@postbearer/mailer';
import type { Priority } from '@postbearer/queue';
import { z } from 'zod';

const LONGEST_TEXT = 998;
const LONGEST_ADDRESS = 2000;
const MOST_ADDRESSES = 1000;
const MOST_ATTACHMENTS = 100;
const MOST_HEADERS = 100;
const FARTHEST_MS = 365 * 24 * 3_600_000;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** A text that goes into a header field. */
function headerText(longest: number = LONGEST_TEXT): z.ZodString {
  return z
    .string()
    .max(longest)
    .superRefine((text, context) => {
      const problem = headerTextProblem(text);
      if (problem !== undefined) context.addIssue({ code: 'custom', message: `It cannot be sent: ${problem}.` });
    });
}

const written = z
  .string()
  .max(LONGEST_ADDRESS)
  .superRefine((text, context) => {
    const parsed = parseAddressList(text);
    if (!parsed.ok) context.addIssue({ code: 'custom', message: parsed.fault.message });
  });

/** One address without a name. */
export const bareAddress: z.ZodType<string> = z
  .string()
  .max(LONGEST_ADDRESS)
  .superRefine((text, context) => {
    const parsed = parseMailboxAddress(text);
    if (!parsed.ok) context.addIssue({ code: 'custom', message: parsed.fault.message });
  })
  .meta({ id: 'MailboxAddress', description: 'One mail address.', examples: ['user@example.com'] });

const address = z.union([written, z.strictObject({ name: headerText().exactOptional(), address: bareAddress })]).meta({
  id: 'Address',
  description: 'An address, `Name <address>`, or name and address apart.',
  examples: ['Ann <ann@example.com>'],
});

const addresses = z
  .union([
    written,
    z.strictObject({ name: headerText().exactOptional(), address: bareAddress }),
    z.array(address).max(MOST_ADDRESSES),
  ])
  .meta({ id: 'Addresses', description: 'One address or several; a text may hold several, with commas between them.' });

/** A file that goes with a message. */
export interface AttachmentInput {
  readonly filename?: string;
  readonly contentType?: string;
  readonly cid?: string;
  /** Base64. */
  readonly content: string;
}

const attachment: z.ZodType<AttachmentInput> = z
  .strictObject({
    filename: headerText(255).exactOptional(),
    contentType: headerText(255)
      .exactOptional()
      .meta({ description: 'Guessed from the file name where it is left out.' }),
    cid: headerText(255)
      .exactOptional()
      .meta({ description: 'Makes it an inline picture that the HTML shows with `<img src="cid:…">`.' }),
    content: z
      .string()
      .refine(
        (text) => text.length % 4 === 0 && BASE64.test(text),
        'It is not Base64 (RFC 4648 section 4, with padding).',
      )
      .meta({ contentEncoding: 'base64', description: 'The bytes in Base64.' }),
  })
  .meta({ id: 'Attachment', description: 'A file that goes with a message.' });

const dsn = z
  .strictObject({
    return: z.enum(['full', 'headers']).exactOptional().meta({ description: 'What is returned with a notice.' }),
    envelopeId: z
      .string()
      .regex(/^[!-~]{1,100}$/)
      .exactOptional()
      .meta({ description: 'Your own name for the message, shown in notices.' }),
    notify: z
      .array(z.enum(['success', 'failure', 'delay']))
      .max(3)
      .exactOptional()
      .meta({ description: 'When to notify; an empty list means never.' }),
  })
  .meta({ id: 'DeliveryNotices', description: 'Notices of what becomes of the message (RFC 3461).' });

/** When a message is to be sent. */
export const sendAt: z.ZodType<string> = z.iso
  .datetime({ offset: true })
  .superRefine((text, context) => {
    if (Date.parse(text) > Date.now() + FARTHEST_MS)
      context.addIssue({ code: 'custom', message: 'It is more than a year away.' });
  })
  .meta({
    description: 'When to send it; at once where it is left out or past.',
    examples: ['2027-01-31T08:00:00+01:00'],
  });

/** How urgent a message is. */
export const priority: z.ZodType<Priority> = z
  .enum(['urgent', 'normal', 'bulk'])
  .meta({ description: 'What goes first where several wait for the same mailbox.' });

const headerValue = headerText(8000);

const fields = {
  from: address.exactOptional().meta({ description: 'Who it is from; the mailbox where it is left out.' }),
  to: addresses.exactOptional(),
  cc: addresses.exactOptional(),
  bcc: addresses.exactOptional().meta({ description: 'They receive it, and nobody sees them.' }),
  replyTo: addresses.exactOptional(),
  subject: headerText().exactOptional(),
  text: z.string().exactOptional(),
  html: z.string().exactOptional(),
  headers: z
    .record(z.string().regex(/^[!-9;-~]{1,76}$/), z.union([headerValue, z.array(headerValue).max(20)]))
    .refine((given) => Object.keys(given).length <= MOST_HEADERS, `There are more than ${MOST_HEADERS}.`)
    .exactOptional()
    .meta({ description: 'Further header fields. What has a field of its own here is refused.' }),
  messageId: headerText().exactOptional().meta({ description: 'With angle brackets; made where it is left out.' }),
  inReplyTo: headerText().exactOptional(),
  references: z.array(headerText()).max(100).exactOptional(),
  mailbox: bareAddress.exactOptional().meta({
    description: 'Through which mailbox of the key; that of `from`, or the first, where it is left out.',
  }),
  priority: priority.exactOptional(),
  sendAt: sendAt.exactOptional(),
  dsn: dsn.exactOptional(),
};

/** A message as it was checked, without its attachments. */
export type MessageFields = Pick<
  MailInput,
  | 'from'
  | 'to'
  | 'cc'
  | 'bcc'
  | 'replyTo'
  | 'subject'
  | 'text'
  | 'html'
  | 'headers'
  | 'messageId'
  | 'inReplyTo'
  | 'references'
  | 'dsn'
> & { readonly mailbox?: string; readonly priority?: Priority; readonly sendAt?: string };

/** A message as it was checked. */
export type MessageInput = MessageFields & { readonly attachments?: readonly AttachmentInput[] };

/** A message to send. */
export const messageInput: z.ZodType<MessageInput> = z
  .strictObject({ ...fields, attachments: z.array(attachment).max(MOST_ATTACHMENTS).exactOptional() })
  .meta({
    id: 'MessageInput',
    description: 'A message to send.',
    examples: [{ to: 'user@example.com', subject: 'Your order', text: 'It is on its way.' }],
  });

/** A message whose attachments come beside it. */
export const messageWithoutFiles: z.ZodType<MessageFields> = z
  .strictObject(fields)
  .meta({ id: 'MessageWithoutFiles', description: 'A message whose attachments come as parts of their own.' });

/** What the composer takes for a message; the attachments are given by whoever has their bytes. */
export function mailOf(input: MessageFields, attachments: MailInput['attachments']): MailInput {
  const { mailbox: _mailbox, priority: _priority, sendAt: _sendAt, ...mail } = input;
  return { ...mail, ...(attachments === undefined ? {} : { attachments }) };
}

/** The bytes of attachments that came in Base64. */
export function attachmentsOf({ attachments = [] }: MessageInput): NonNullable<MailInput['attachments']> {
  return attachments.map(({ content, ...names }) => ({ ...names, content: Buffer.from(content, 'base64') }));
}
