/**
 * A message as programs of this machine hand it in, made into one that can travel.
 *
 * The rules of this file:
 * - lines that end with LF, or with any number of CR before it, end with CRLF; a CR elsewhere and a NUL become spaces: they
 *   cannot travel;
 * - without `-i` a line with nothing but a dot ends the message; a first line as mailbox files have it (`From user date`) is left out;
 * - with `-t` the recipients are those of To, Cc and Bcc, or of their Resent- forms where there is one, and those of the command
 *   line; the service takes the Bcc lines out;
 * - names without a domain stay recipients by name; in From they get the name of this machine, as cron's `root (Cron Daemon)`
 *   would otherwise be no address;
 * - only the header is held in memory.
 */
import {
  failure,
  parseAddressList,
  parseMailboxAddress,
  success,
  type DsnRequest,
  type Result,
} from '@postbearer/core';
import { HeaderReader, type FoundHeader } from '../delivery/header-reader.ts';
import type { DropHead } from './drop-format.ts';
import { sendmailFaults } from './faults.ts';

/** What the caller said beside the message. */
export interface LocalSubmission {
  readonly recipients: readonly string[];
  /** Whether the header names recipients too (`-t`). */
  readonly readsRecipients: boolean;
  /** Whether a line with nothing but a dot is an ordinary one (`-i`). */
  readonly ignoresDots: boolean;
  /** The sender (`-f`): empty or `<>` for the null sender. */
  readonly sender?: string;
  /** The name for a From that is missing (`-F`). */
  readonly fullName?: string;
  readonly dsn?: DsnRequest;
}

/** A message that can be dropped. */
export interface ReadyMessage {
  readonly head: DropHead;
  readonly content: AsyncIterable<Uint8Array>;
}

interface Field {
  /** In lower case. */
  readonly name: string;
  /** With its CRLF; one character a byte. */
  readonly raw: string;
}

const RECIPIENT_FIELDS: ReadonlySet<string> = new Set(['to', 'cc', 'bcc']);
/** An account or alias of a machine. */
const LOCAL_NAME = /^[A-Za-z0-9_][A-Za-z0-9._+-]{0,63}$/;

/** How many characters at the end of a text mean something only with what follows them. */
function openEnd(text: string, isLineStart: boolean): number {
  let end = text.length;
  while (end > 0 && text[end - 1] === '\r') end -= 1;
  const isDot = text[end - 1] === '.' && (end === 1 ? isLineStart : text[end - 2] === '\n');
  return text.length - (isDot ? end - 1 : end);
}

/** Gives lines with CRLF, until the dot that ends the message where dots do that. */
async function* withLineEnds(blocks: AsyncIterable<Uint8Array>, ignoresDots: boolean): AsyncGenerator<Uint8Array> {
  let held = '';
  let isLineStart = true;
  for await (const block of blocks) {
    const text = held + Buffer.from(block.buffer, block.byteOffset, block.length).toString('latin1');
    const cut = text.length - openEnd(text, isLineStart);
    held = text.slice(cut);
    const whole = travelling(text.slice(0, cut));
    const end = ignoresDots ? -1 : endOf(whole, isLineStart);
    yield Buffer.from(end < 0 ? whole : whole.slice(0, end), 'latin1');
    if (end >= 0) return;
    if (whole !== '') isLineStart = whole.endsWith('\n');
  }
  const last = held.replaceAll('\r', '');
  if (last === '' ? isLineStart : !ignoresDots) return;
  yield Buffer.from(`${last}\r\n`, 'latin1');
}

/** The text with line ends and characters that can travel. */
function travelling(text: string): string {
  // oxlint-disable-next-line no-control-regex -- NUL is what cannot travel
  return text.replaceAll(/\r+\n?|[\n\0]/g, (found) => (found.endsWith('\n') ? '\r\n' : ' '.repeat(found.length)));
}

/** Where the dot begins that ends the message; -1 where there is none. */
function endOf(text: string, isLineStart: boolean): number {
  if (isLineStart && text.startsWith('.\r\n')) return 0;
  const found = text.indexOf('\r\n.\r\n');
  return found < 0 ? -1 : found + 2;
}

function fieldsOf(header: string): Field[] {
  return header
    .split(/(?<=\r\n)(?![ \t])/)
    .filter((raw) => raw !== '')
    .map((raw) => ({ name: raw.slice(0, raw.indexOf(':')).trim().toLowerCase(), raw }));
}

function valueOf({ raw }: Field): string {
  return Buffer.from(raw.slice(raw.indexOf(':') + 1), 'latin1')
    .toString('utf8')
    .replaceAll('\r\n', '')
    .trim();
}

/** The recipients that a text names, some of them perhaps without a domain. Fails with `MESSAGE_ADDRESS_LIST_INVALID`. */
function recipientsIn(text: string): Result<readonly string[]> {
  const whole = parseAddressList(text);
  if (whole.ok) return success(whole.value.map(({ address }) => address));
  const found: string[] = [];
  for (const part of text.split(',').map((each) => each.trim())) {
    const one = LOCAL_NAME.test(part) ? undefined : parseAddressList(part);
    if (one?.ok === false) return whole;
    found.push(...(one === undefined ? [part] : one.value.map(({ address }) => address)));
  }
  return success(found);
}

function recipientsOf(fields: readonly Field[], { recipients, readsRecipients }: LocalSubmission): Result<string[]> {
  const isResent = fields.some(({ name }) => name.startsWith('resent-') && RECIPIENT_FIELDS.has(name.slice(7)));
  const wanted = ({ name }: Field): boolean =>
    isResent ? name.startsWith('resent-') && RECIPIENT_FIELDS.has(name.slice(7)) : RECIPIENT_FIELDS.has(name);
  const texts = [...recipients, ...(readsRecipients ? fields.filter(wanted).map(valueOf) : [])];
  const all = new Set<string>();
  for (const text of texts.filter((each) => each !== '')) {
    const found = recipientsIn(text);
    if (!found.ok) return found;
    for (const recipient of found.value) all.add(recipient);
  }
  return all.size === 0 ? failure(sendmailFaults.make('SENDMAIL_NO_RECIPIENTS')) : success([...all]);
}

/** A name as it may stand before an address. */
function quoted(name: string): string {
  return `"${name.replaceAll(/["\\\r\n]/g, ' ').trim()}"`;
}

/** A From that names an account without a domain, as an address of this machine; the field itself where it is anything else. */
function qualified(field: Field, hostname: string): string {
  const value = valueOf(field);
  if (parseAddressList(value).ok) return field.raw;
  const found = /^(?:"?([^"<>]*?)"?\s*<)?\s*([^\s<>()]+)\s*>?\s*(?:\(([^()]*)\))?$/.exec(value);
  const [, before, local = '', comment] = found ?? [];
  if (!LOCAL_NAME.test(local) || !parseMailboxAddress(`${local}@${hostname}`).ok) return field.raw;
  const name = before ?? comment ?? '';
  const text = name === '' ? `${local}@${hostname}` : `${quoted(name)} <${local}@${hostname}>`;
  return Buffer.from(`From: ${text}\r\n`).toString('latin1');
}

/** Who it is from, as far as that was said by an address. */
function senderOf({ sender }: LocalSubmission): string | undefined {
  if (sender === '' || sender === '<>') return '';
  const bare = sender?.replace(/^<(.*)>$/, '$1') ?? '';
  return parseMailboxAddress(bare).ok ? bare : undefined;
}

function headerOf(fields: readonly Field[], submission: LocalSubmission, hostname: string): string {
  const kept = fields.map((field) => (field.name === 'from' ? qualified(field, hostname) : field.raw));
  const sender = senderOf(submission);
  const { fullName = '' } = submission;
  if (fullName === '' || (sender ?? '') === '' || fields.some(({ name }) => name === 'from')) return kept.join('');
  return `${kept.join('')}${Buffer.from(`From: ${quoted(fullName)} <${sender ?? ''}>\r\n`).toString('latin1')}`;
}

/**
 * Reads a message of this machine up to its header, and gives what is to be dropped.
 *
 * Fails with `SENDMAIL_NO_RECIPIENTS`, `MESSAGE_ADDRESS_LIST_INVALID` or `MESSAGE_HEADER_TOO_LONG`.
 *
 * @param input - what the program wrote.
 * @param hostname - of this machine.
 */
export async function readLocalMessage(
  input: AsyncIterable<Uint8Array>,
  submission: LocalSubmission,
  hostname: string,
): Promise<Result<ReadyMessage>> {
  const blocks = withLineEnds(input, submission.ignoresDots)[Symbol.asyncIterator]();
  const reader = new HeaderReader();
  let found: FoundHeader | undefined;
  let isFirst = true;
  while (found === undefined) {
    const block = await blocks.next();
    if (block.done === true) {
      found = reader.end();
      break;
    }
    const bytes = isFirst ? withoutMailboxLine(block.value) : block.value;
    isFirst = false;
    const read = reader.add(bytes);
    if (!read.ok) return read;
    found = read.value;
  }
  const fields = fieldsOf(found.header);
  const recipients = recipientsOf(fields, submission);
  if (!recipients.ok) return recipients;
  const sender = senderOf(submission);
  const { dsn } = submission;
  const head = {
    recipients: recipients.value,
    ...(sender === undefined ? {} : { sender }),
    ...(dsn === undefined ? {} : { dsn }),
  };
  const header = Buffer.from(headerOf(fields, submission, hostname), 'latin1');
  return success({ head, content: joined(Buffer.concat([header, found.rest]), blocks) });
}

/** The first line of a mailbox file, which is no field, would end the header before it began. */
function withoutMailboxLine(block: Uint8Array): Uint8Array {
  const text = Buffer.from(block.buffer, block.byteOffset, Math.min(block.length, 1000)).toString('latin1');
  const line = /^>?From [^\n]*\n/.exec(text)?.[0].length ?? 0;
  return block.subarray(line);
}

async function* joined(first: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (first.length > 0) yield first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}
