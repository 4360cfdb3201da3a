/**
 * From what a program says to an envelope and bytes.
 *
 * Every address is parsed here, once, and goes into the envelope as it was parsed; a header value with a line break or control
 * character is refused, never repaired. A message whose parts are all in memory or small becomes bytes; one with a large file
 * becomes a source that reads the file while it is sent. The MIME itself is written by nodemailer's MailComposer.
 */
import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import {
  failure,
  success,
  type NamedAddress,
  type MailboxAddress,
  type MessageContent,
  type Result,
} from '@postbearer/core';
import MailComposer from 'nodemailer/lib/mail-composer';
import { composeRaw } from './compose-raw.ts';
import { envelopeOf, parseAddresses, type ComposedMessage } from './envelope.ts';
import { mailerFaults } from './faults.ts';
import type { Attachment, MailInput } from './mail.ts';

/** Attachments up to this size are read into memory; larger ones are streamed. */
const SMALL_ATTACHMENT_BYTES = 256 * 1024;

/** Header fields that have a property of their own, or that only the composer may write. */
const RESERVED: ReadonlyMap<string, string> = new Map([
  ['from', 'from'],
  ['to', 'to'],
  ['cc', 'cc'],
  ['bcc', 'bcc'],
  ['reply-to', 'replyTo'],
  ['subject', 'subject'],
  ['date', 'date'],
  ['message-id', 'messageId'],
  ['in-reply-to', 'inReplyTo'],
  ['references', 'references'],
  ['mime-version', 'text or html'],
  ['content-type', 'text or html'],
  ['content-transfer-encoding', 'text or html'],
]);

// oxlint-disable-next-line no-control-regex -- control characters are what is refused
const UNSAFE_IN_HEADER = /[\u0000-\u0008\u000a-\u001f\u007f\u0085\u2028\u2029]/;

function headerProblem(value: string): string | undefined {
  if (UNSAFE_IN_HEADER.test(value)) return 'it holds a line break or control character';
  if (!value.isWellFormed()) return 'it holds half of a surrogate pair';
  return undefined;
}

/** Every text that ends in a header field, with the name it has for the caller. */
function* headerTexts(
  mail: MailInput,
  named: readonly (readonly [string, readonly NamedAddress[]])[],
): Generator<readonly [string, string]> {
  for (const [field, addresses] of named) for (const { name } of addresses) if (name !== undefined) yield [field, name];
  for (const field of ['subject', 'messageId', 'inReplyTo'] as const)
    if (mail[field] !== undefined) yield [field, mail[field]];
  for (const reference of mail.references ?? []) yield ['references', reference];
  for (const attachment of mail.attachments ?? []) {
    for (const field of ['filename', 'contentType', 'cid'] as const)
      if (attachment[field] !== undefined) yield [`attachments.${field}`, attachment[field]];
  }
  for (const [name, values] of Object.entries(mail.headers ?? {}))
    for (const value of [values].flat()) yield [`headers.${name}`, value];
}

function checkHeaders(
  mail: MailInput,
  named: readonly (readonly [string, readonly NamedAddress[]])[],
): Result<undefined> {
  for (const [field, text] of headerTexts(mail, named)) {
    const reason = headerProblem(text);
    if (reason !== undefined) return failure(mailerFaults.make('MESSAGE_FIELD_INVALID', { field, reason }));
  }
  for (const name of Object.keys(mail.headers ?? {})) {
    const property = RESERVED.get(name.toLowerCase());
    if (property !== undefined) return failure(mailerFaults.make('MESSAGE_FIELD_RESERVED', { field: name, property }));
    if (!/^[!-9;-~]{1,76}$/.test(name))
      return failure(
        mailerFaults.make('MESSAGE_FIELD_INVALID', {
          field: 'headers',
          reason: 'a field name holds a character that is not allowed',
        }),
      );
  }
  return success(undefined);
}

/** Lone CR and LF in text become line breaks: inside a body they can mean nothing else. */
function withCrlf(text: string): string {
  return text.replaceAll(/\r\n|\r|\n/g, '\r\n');
}

interface PreparedAttachment {
  readonly options: {
    filename: string | false;
    content?: Buffer;
    path?: string;
    contentType?: string;
    cid?: string;
    contentDisposition: string;
  };
  readonly isStreamed: boolean;
}

async function prepareAttachment(attachment: Attachment): Promise<Result<PreparedAttachment>> {
  const { path, content } = attachment;
  const options = {
    filename: attachment.filename ?? (path === undefined ? false : basename(path)),
    ...(attachment.contentType === undefined ? {} : { contentType: attachment.contentType }),
    ...(attachment.cid === undefined ? {} : { cid: attachment.cid }),
    contentDisposition: attachment.cid === undefined ? 'attachment' : 'inline',
  } as const;
  if ((path === undefined) === (content === undefined)) {
    return failure(
      mailerFaults.make('MESSAGE_FIELD_INVALID', {
        field: 'attachments',
        reason: 'an attachment needs exactly one of path and content',
      }),
    );
  }
  if (content !== undefined) {
    const bytes =
      typeof content === 'string'
        ? Buffer.from(content)
        : Buffer.from(content.buffer, content.byteOffset, content.byteLength);
    return success({ options: { ...options, content: asPart(bytes, attachment.contentType) }, isStreamed: false });
  }
  const file = path ?? '';
  try {
    const status = await stat(file);
    if (!status.isFile())
      return failure(mailerFaults.make('MESSAGE_ATTACHMENT_UNREADABLE', { file, reason: 'it is not a file' }));
    // An attached message is not encoded as base64 (RFC 2046 section 5.2.1), so its line ends must be looked at.
    if (status.size <= SMALL_ATTACHMENT_BYTES || isMessagePart(attachment.contentType)) {
      return success({
        options: { ...options, content: asPart(await readFile(file), attachment.contentType) },
        isStreamed: false,
      });
    }
    return success({ options: { ...options, path: file }, isStreamed: true });
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return failure(mailerFaults.make('MESSAGE_ATTACHMENT_UNREADABLE', { file, reason }));
  }
}

function isMessagePart(contentType: string | undefined): boolean {
  return /^message\//i.test(contentType ?? '');
}

function asPart(bytes: Buffer, contentType: string | undefined): Buffer {
  return isMessagePart(contentType) ? Buffer.from(withCrlf(bytes.toString('latin1')), 'latin1') : bytes;
}

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
  const from = parseAddresses(mail.from ?? defaultFrom);
  if (!from.ok) return from;
  const sender = from.value[0];
  if (sender === undefined) return failure(mailerFaults.make('MESSAGE_NO_SENDER'));
  if (from.value.length > 1)
    return failure(
      mailerFaults.make('MESSAGE_FIELD_INVALID', { field: 'from', reason: 'it names more than one address' }),
    );
  const lists = [];
  for (const field of ['to', 'cc', 'bcc', 'replyTo'] as const) {
    const parsed = parseAddresses(mail[field]);
    if (!parsed.ok) return parsed;
    lists.push(parsed.value);
  }
  const [to = [], cc = [], bcc = [], replyTo = []] = lists;
  const recipients = [...to, ...cc, ...bcc].map(({ address }) => address);
  if (mail.raw !== undefined) return composeRaw(mail, mail.raw, sender.address, recipients);

  const safe = checkHeaders(mail, [
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
  const content: MessageContent = attachments.some(({ isStreamed }) => isStreamed)
    ? { open: () => compiled.createReadStream() }
    : await compiled.build();
  return success({ messageId: compiled.messageId(), envelope: envelope.value, content });
}
