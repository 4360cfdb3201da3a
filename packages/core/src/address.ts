/**
 * Mail addresses, parsed at the edge.
 *
 * Only a text that is exactly one RFC 5321 Mailbox (with the UTF-8 of RFC 6531) becomes a {@link MailboxAddress}; line
 * breaks, control characters, source routes and display names are refused, never dropped or repaired. What was checked is
 * what goes into the envelope, byte for byte.
 */
import { coreFaults } from './faults.ts';
import { failure, success, type Result } from './result.ts';
import { utf8Length } from './utf8-length.ts';

declare const mailboxAddress: unique symbol;

/** A text that {@link parseMailboxAddress} accepted. */
export type MailboxAddress = string & { readonly [mailboxAddress]: true };

const ATEXT = /^[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~\u0080-\u{10ffff}]$/u;
const LABEL = /^[A-Za-z0-9\u0080-\u{10ffff}](?:[A-Za-z0-9\-\u0080-\u{10ffff}]{0,61}[A-Za-z0-9\u0080-\u{10ffff}])?$/u;
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/;
const MAX_ADDRESS_BYTES = 254;
const MAX_LOCAL_BYTES = 64;
const MAX_DOMAIN_BYTES = 255;

/** Where the local part ends: the `@` outside quotes, or -1. */
function findSeparator(text: string): number {
  if (text[0] !== '"') return text.indexOf('@');
  for (let index = 1; index < text.length; index += 1) {
    if (text[index] === '\\') index += 1;
    else if (text[index] === '"') return text[index + 1] === '@' ? index + 1 : -1;
  }
  return -1;
}

function localPartProblem(local: string): string | undefined {
  if (local === '') return 'there is nothing before the @';
  if (utf8Length(local) > MAX_LOCAL_BYTES) return `the part before the @ is longer than ${MAX_LOCAL_BYTES} bytes`;
  if (local.startsWith('"')) return undefined;
  if (local.startsWith('.') || local.endsWith('.') || local.includes('..'))
    return 'a dot stands at an end or beside another dot';
  for (const character of local)
    if (character !== '.' && !ATEXT.test(character)) return `the character "${character}" needs quotes`;
  return undefined;
}

function domainProblem(domain: string): string | undefined {
  if (domain === '') return 'there is nothing after the @';
  if (utf8Length(domain) > MAX_DOMAIN_BYTES) return `the domain is longer than ${MAX_DOMAIN_BYTES} bytes`;
  if (domain.startsWith('[')) {
    const literal = domain.endsWith(']') ? domain.slice(1, -1) : '';
    if (IPV4.test(literal) || /^IPv6:[0-9A-Fa-f:.]{2,45}$/.test(literal)) return undefined;
    return 'the address literal in brackets is not an IP address';
  }
  for (const label of domain.split('.')) if (!LABEL.test(label)) return `"${label}" is not a label of a domain name`;
  return undefined;
}

function problemOf(text: string): string | undefined {
  if (text === '') return 'it is empty';
  if (text.length > 4 * MAX_ADDRESS_BYTES || utf8Length(text) > MAX_ADDRESS_BYTES)
    return `it is longer than ${MAX_ADDRESS_BYTES} bytes`;
  if (!text.isWellFormed()) return 'it holds half of a surrogate pair';
  // oxlint-disable-next-line no-control-regex -- control characters are what is refused
  if (/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(text)) return 'it holds a control character or line break';
  if (!text.startsWith('"') && /[\s<>]/.test(text)) return 'it holds a space or an angle bracket';
  const separator = findSeparator(text);
  if (separator < 0) return 'there is no @';
  return localPartProblem(text.slice(0, separator)) ?? domainProblem(text.slice(separator + 1));
}

/**
 * Parses exactly one address, without display name or angle brackets.
 *
 * @returns the address unchanged, or `MESSAGE_ADDRESS_INVALID` with the reason.
 *
 * @example
 * ```ts
 * import { parseMailboxAddress } from '@postbearer/core';
 *
 * parseMailboxAddress('user@example.com').ok; // => true
 * parseMailboxAddress('user@example.com\r\nRCPT TO:<evil@example.net>').ok; // => false
 * ```
 */
export function parseMailboxAddress(text: string): Result<MailboxAddress> {
  const reason = problemOf(text);
  if (reason !== undefined) return failure(coreFaults.make('MESSAGE_ADDRESS_INVALID', { address: text, reason }));
  return success(text as MailboxAddress);
}

/** Whether an address needs SMTPUTF8 (RFC 6531): it holds a character outside ASCII. */
export function needsSmtpUtf8(address: string): boolean {
  // oxlint-disable-next-line no-control-regex -- the range of ASCII begins with control characters
  return /[^\u0000-\u007f]/.test(address);
}
