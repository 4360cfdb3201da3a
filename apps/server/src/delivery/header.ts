/**
 * The header of a message that comes in: what is read of it, and the few things that are changed (RFC 6409 section 8).
 *
 * The rules of this file:
 * - a Received line is put before everything; Bcc, Resent-Bcc and Postbearer-Idempotency-Key are taken out;
 * - where they are missing, Date, Message-ID and From are added at the end;
 * - where the app's rule says so, the addresses in From become the mailbox, and the name that is shown stays;
 * - every other byte stays as it is. A line that is no field ends the header, and an empty line is put before it.
 * Two From fields are refused: programs differ in which they show.
 */
import {
  failure,
  oneLine,
  parseAddressList,
  success,
  type MailboxAddress,
  type NamedAddress,
  type Result,
} from '@postbearer/core';
import { deliveryFaults } from './faults.ts';

/** A header that was read. */
export interface IncomingHeader {
  /** The addresses in From; empty where there is no From. */
  readonly from: readonly MailboxAddress[];
  readonly messageId?: string;
  readonly subject: string;
  /** What makes repeating the message safe, where the client says it. */
  readonly idempotencyKey?: string;
  readonly fields: readonly Field[];
}

/** One field with its bytes, one character for each; its last CRLF among them. */
interface Field {
  /** In lower case. */
  readonly name: string;
  readonly raw: string;
}

/** What is written into a header. */
export interface HeaderChanges {
  /** The whole Received field without its CRLF. */
  readonly received: string;
  /** For a message that has none. */
  readonly messageId: string;
  readonly date: string;
  readonly sender: MailboxAddress;
  /** What every address in From becomes. */
  readonly from?: MailboxAddress;
}

/** The beginning of a field (RFC 5322 section 2.2; a space before the colon is obsolete syntax). */
export const FIELD: RegExp = /^([!-9;-~]+)[ \t]*:/;
const IDEMPOTENCY_KEY = 'postbearer-idempotency-key';
const REMOVED: ReadonlySet<string> = new Set(['bcc', 'resent-bcc', IDEMPOTENCY_KEY]);
const ADDRESSED: ReadonlySet<string> = new Set(['to', 'cc', 'bcc']);
const LONGEST_KEY = 255;

/** Cuts before each line that does not begin with a space or tab. */
function fieldsOf(header: string): Field[] {
  return header
    .split(/(?<=\r\n)(?![ \t])/)
    .filter((raw) => raw !== '')
    .map((raw) => ({ name: (FIELD.exec(raw)?.[1] ?? '').toLowerCase(), raw }));
}

/** The value of a field as UTF-8, unfolded. */
function valueOf({ raw }: Field): string {
  const bytes = Buffer.from(raw.slice(raw.indexOf(':') + 1), 'latin1');
  return bytes.toString('utf8').replaceAll('\r\n', '').trim();
}

function unclear(reason: string): Result<never> {
  return failure(deliveryFaults.make('MESSAGE_FROM_UNCLEAR', { reason }));
}

function addressesOf(fields: readonly Field[]): Result<readonly NamedAddress[]> {
  const [from, second] = fields.filter(({ name }) => name === 'from');
  if (from === undefined) return success([]);
  if (second !== undefined) return unclear('there are two of them');
  const parsed = parseAddressList(valueOf(from));
  if (!parsed.ok) return unclear(parsed.fault.message);
  return parsed.value.length === 0 ? unclear('it names nobody') : parsed;
}

/** Everybody whom the fields To, Cc and Bcc name, each once. Fails with `MESSAGE_ADDRESS_LIST_INVALID`. */
export function recipientsOf({ fields }: IncomingHeader): Result<readonly MailboxAddress[]> {
  const addresses = new Set<MailboxAddress>();
  for (const field of fields) {
    if (!ADDRESSED.has(field.name)) continue;
    const parsed = parseAddressList(valueOf(field));
    if (!parsed.ok) return parsed;
    for (const { address } of parsed.value) addresses.add(address);
  }
  return success([...addresses]);
}

/** Reads a header: every line of its fields, one character a byte. Fails with `MESSAGE_FROM_UNCLEAR`. */
export function readHeader(text: string): Result<IncomingHeader> {
  const fields = fieldsOf(text);
  const from = addressesOf(fields);
  if (!from.ok) return from;
  const messageId = fields.find(({ name }) => name === 'message-id');
  const subject = fields.find(({ name }) => name === 'subject');
  const key = fields.find(({ name }) => name === IDEMPOTENCY_KEY);
  return success({
    from: from.value.map(({ address }) => address),
    ...(messageId === undefined ? {} : { messageId: oneLine(valueOf(messageId), 998) }),
    subject: subject === undefined ? '' : valueOf(subject),
    ...(key === undefined ? {} : { idempotencyKey: oneLine(valueOf(key), LONGEST_KEY) }),
    fields,
  });
}

function quotedName(name: string): string {
  // An encoded word (RFC 2047) within quotes would no longer be one.
  const isPlain = /^[A-Za-z0-9 !#$%&'*+\-/=?^_`{|}~]*$/.test(name) || /^=\?\S+\?=$/.test(name);
  return isPlain ? name : `"${name.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}

/** The field with the first name that it had, and the new address. */
function rewrittenFrom(field: Field, address: MailboxAddress): string {
  const parsed = parseAddressList(valueOf(field));
  const name = parsed.ok ? (parsed.value[0]?.name ?? '') : '';
  const text = name === '' ? `From: ${address}\r\n` : `From: ${quotedName(name)} <${address}>\r\n`;
  return Buffer.from(text, 'utf8').toString('latin1');
}

function ended(raw: string): string {
  return raw.endsWith('\r\n') ? raw : `${raw}\r\n`;
}

/** The header as it is stored, with the empty line behind it where `needsEmptyLine`. One character a byte. */
export function writeHeader(header: IncomingHeader, changes: HeaderChanges, needsEmptyLine: boolean): string {
  const { fields } = header;
  const has = (name: string): boolean => fields.some((field) => field.name === name);
  const kept = fields
    .filter(({ name }) => !REMOVED.has(name))
    .map((field) =>
      field.name === 'from' && changes.from !== undefined ? rewrittenFrom(field, changes.from) : ended(field.raw),
    );
  const added = [
    ...(has('from') ? [] : [`From: ${changes.sender}\r\n`]),
    ...(has('date') ? [] : [`Date: ${changes.date}\r\n`]),
    ...(has('message-id') ? [] : [`Message-ID: ${changes.messageId}\r\n`]),
  ];
  const latin1 = added.map((text) => Buffer.from(text, 'utf8').toString('latin1'));
  return [`${changes.received}\r\n`, ...kept, ...latin1, ...(needsEmptyLine ? ['\r\n'] : [])].join('');
}

/** A date as a header has it (RFC 5322 section 3.3), in UTC. */
export function headerDate(ms: number): string {
  return new Date(ms).toUTCString().replace('GMT', '+0000');
}
