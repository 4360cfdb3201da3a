/**
 * What a program says is checked before it is composed.
 *
 * A header value with a line break or control character is refused, never repaired, and a field that has its own property is
 * not taken from `headers`.
 */
import { failure, success, type NamedAddress, type Result } from '@postbearer/core';
import { mailerFaults } from './faults.ts';
import type { MailInput } from './mail.ts';

/** Header fields that have a property of their own, or that only the composer may write. */
const RESERVED: ReadonlyMap<string, string> = new Map([
  ['from', 'from'],
  ['to', 'to'],
  ['cc', 'cc'],
  ['bcc', 'bcc'],
  ['resent-bcc', 'bcc'],
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

/** Why a value cannot stand in a header field, as half a sentence; `undefined` where it can. Callers without types hand over anything. */
export function headerTextProblem(value: unknown): string | undefined {
  if (typeof value !== 'string') return 'it is not a text';
  if (UNSAFE_IN_HEADER.test(value)) return 'it holds a line break or control character';
  if (!value.isWellFormed()) return 'it holds half of a surrogate pair';
  return undefined;
}

function invalid(field: string, reason: string): Result<never> {
  return failure(mailerFaults.make('MESSAGE_FIELD_INVALID', { field, reason }));
}

/** Every text that ends in a header field, with the name it has for the caller. */
function* headerTexts(
  mail: MailInput,
  named: readonly (readonly [string, readonly NamedAddress[]])[],
): Generator<readonly [string, unknown]> {
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

/**
 * Checks everything of a mail that ends in its header, and the kinds of its bodies.
 *
 * @param named - the parsed addresses of each property.
 * @returns `MESSAGE_FIELD_INVALID` or `MESSAGE_FIELD_RESERVED` with the property.
 */
export function checkFields(
  mail: MailInput,
  named: readonly (readonly [string, readonly NamedAddress[]])[],
): Result<undefined> {
  for (const field of ['text', 'html'] as const) {
    const body: unknown = mail[field];
    if (body !== undefined && typeof body !== 'string') return invalid(field, 'it is not a text');
  }
  if (mail.date !== undefined && !(mail.date instanceof Date && Number.isFinite(mail.date.getTime())))
    return invalid('date', 'it is not a date');
  for (const [field, text] of headerTexts(mail, named)) {
    const reason = headerTextProblem(text);
    if (reason !== undefined) return invalid(field, reason);
  }
  for (const name of Object.keys(mail.headers ?? {})) {
    const property = RESERVED.get(name.toLowerCase());
    if (property !== undefined) return failure(mailerFaults.make('MESSAGE_FIELD_RESERVED', { field: name, property }));
    if (!/^[!-9;-~]{1,76}$/.test(name)) return invalid('headers', 'a field name holds a character that is not allowed');
  }
  return success(undefined);
}
