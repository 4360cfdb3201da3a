/**
 * Who a mail is from and for.
 *
 * Every address is parsed here, once, and stands in the envelope exactly as it was parsed.
 */
import {
  failure,
  parseAddressList,
  parseMailboxAddress,
  success,
  type DsnRequest,
  type Envelope,
  type NamedAddress,
  type MailboxAddress,
  type MessageContent,
  type Result,
} from '@postbearer/core';
import { mailerFaults } from './faults.ts';
import type { AddressesInput, AddressInput, MailInput } from './mail.ts';

/** A mail that is ready to be handed to a connection. */
export interface ComposedMessage {
  /** With angle brackets; empty where a raw message has none. */
  readonly messageId: string;
  readonly envelope: Envelope;
  readonly content: MessageContent;
}

function isList(input: AddressesInput): input is readonly AddressInput[] {
  return Array.isArray(input);
}

/** Callers without types hand over anything. */
function isApart(item: unknown): item is { readonly name?: string; readonly address: string } {
  return typeof item === 'object' && item !== null && 'address' in item && typeof item.address === 'string';
}

/**
 * The addresses of one property.
 *
 * @param field - its name, for the fault.
 * @returns `MESSAGE_ADDRESS…` or `MESSAGE_FIELD_INVALID` where something in it is no address.
 */
export function parseAddresses(field: string, input: AddressesInput | undefined): Result<readonly NamedAddress[]> {
  const parsed: NamedAddress[] = [];
  for (const item of input === undefined ? [] : isList(input) ? input : [input]) {
    if (typeof item === 'string') {
      const several = parseAddressList(item);
      if (!several.ok) return several;
      parsed.push(...several.value);
    } else if (isApart(item)) {
      const address = parseMailboxAddress(item.address);
      if (!address.ok) return address;
      parsed.push(item.name === undefined ? { address: address.value } : { name: item.name, address: address.value });
    } else {
      return failure(
        mailerFaults.make('MESSAGE_FIELD_INVALID', { field, reason: 'it holds something that is no address' }),
      );
    }
  }
  return success(parsed);
}

/**
 * An envelope from texts.
 *
 * @param from - one address, or empty for the null sender.
 * @returns the envelope with each recipient once, `MESSAGE_ADDRESS…` or `MESSAGE_NO_RECIPIENT`.
 */
export function parseEnvelope(from: string, to: AddressesInput, dsn?: DsnRequest): Result<Envelope> {
  const sender = from === '' ? success('' as const) : parseMailboxAddress(from);
  if (!sender.ok) return sender;
  const recipients = parseAddresses('to', to);
  if (!recipients.ok) return recipients;
  // One RCPT for each address, however often it was named.
  const unique = [...new Set(recipients.value.map(({ address }) => address))];
  if (unique.length === 0) return failure(mailerFaults.make('MESSAGE_NO_RECIPIENT'));
  return success({ sender: sender.value, recipients: unique, ...(dsn === undefined ? {} : { dsn }) });
}

/** The envelope of a mail: what it says explicitly, else the addresses of its header. */
export function envelopeOf(
  mail: MailInput,
  from: MailboxAddress,
  recipients: readonly MailboxAddress[],
): Result<Envelope> {
  const named = mail.envelope?.to ?? recipients.map((address) => ({ address }));
  return parseEnvelope(mail.envelope?.from ?? from, named, mail.dsn);
}
