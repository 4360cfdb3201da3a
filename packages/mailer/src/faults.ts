/** The faults that this package can report. */
import { defineFaults, type FaultCatalogue } from '@postbearer/core';

type Code =
  | 'MESSAGE_NO_RECIPIENT'
  | 'MESSAGE_NO_SENDER'
  | 'MESSAGE_FIELD_INVALID'
  | 'MESSAGE_FIELD_RESERVED'
  | 'MESSAGE_RAW_AND_FIELDS'
  | 'MESSAGE_RAW_HAS_BCC'
  | 'MESSAGE_RAW_NO_HEADER'
  | 'MESSAGE_RAW_HEADER_TOO_LONG'
  | 'MESSAGE_MIXED_LINE_ENDINGS'
  | 'MESSAGE_ATTACHMENT_UNREADABLE'
  | 'CONFIG_MAILER_CLOSED';

/** Faults of composing a message and of choosing its way. */
export const mailerFaults: FaultCatalogue<Code> = defineFaults({
  MESSAGE_NO_RECIPIENT: {
    title: 'No recipient',
    message: 'The message has no recipient.',
    cause: 'Neither to, cc, bcc nor the envelope names an address.',
    remedy: { steps: ['Name at least one recipient.'] },
    next: 'fix-message',
    source: 'RFC 5321 section 3.3',
    read: '2026-11-24',
  },
  MESSAGE_NO_SENDER: {
    title: 'No sender',
    message: 'The message has no sender.',
    cause: 'The message names no From address, and the settings have neither smtp.fromAddress nor smtp.username.',
    remedy: { steps: ['Set smtp.fromAddress (EMAIL_FROM_ADDRESS), or give the message a From address.'] },
    next: 'fix-configuration',
    source: 'RFC 5322 section 3.6.2',
    read: '2026-11-24',
  },
  MESSAGE_FIELD_INVALID: {
    title: 'Field not usable',
    message: 'The field {field} cannot be sent: {reason}.',
    cause: 'A line break or control character in a header field could start another field or command.',
    remedy: { steps: ['Remove the character from {field}, or encode the value before it gets here.'] },
    next: 'fix-message',
    source: 'RFC 5322 section 2.2',
    read: '2026-11-24',
  },
  MESSAGE_FIELD_RESERVED: {
    title: 'Field has its own place',
    message: 'The header field {field} cannot be given under headers.',
    cause: 'This field is written from its own property; two of it would contradict each other.',
    remedy: { steps: ['Use the property {property} in place of the header.'] },
    next: 'fix-message',
    source: 'RFC 5322 section 3.6',
    read: '2026-11-24',
  },
  MESSAGE_RAW_AND_FIELDS: {
    title: 'Raw message with further fields',
    message: 'A raw message goes out byte for byte, so {field} cannot be added to it.',
    cause: 'A raw message already holds its header and body.',
    remedy: { steps: ['Leave {field} out, or leave raw out and give all fields.'] },
    next: 'fix-message',
    source: 'RFC 5322 section 2.1',
    read: '2026-11-24',
  },
  MESSAGE_RAW_HAS_BCC: {
    title: 'Bcc field in a raw message',
    message: 'The raw message holds the field {field} in line {line}.',
    cause: 'Every receiver would read the hidden recipients, and a raw message is never changed on the way.',
    remedy: { steps: ['Remove the Bcc field from the message and name these recipients as bcc (--bcc) instead.'] },
    next: 'fix-message',
    source: 'RFC 5322 section 3.6.3',
    read: '2026-11-24',
  },
  MESSAGE_RAW_NO_HEADER: {
    title: 'Raw message without header',
    message: 'Line {line} of the raw message is not a header field.',
    cause: 'A message begins with fields of the form Name: value, then an empty line, then the body.',
    remedy: { steps: ['Put the header first, or send the content with text or html in place of raw.'] },
    next: 'fix-message',
    source: 'RFC 5322 section 2.1',
    read: '2026-11-24',
  },
  MESSAGE_RAW_HEADER_TOO_LONG: {
    title: 'Header too long',
    message: 'The header of the raw message does not end within {limit} bytes.',
    cause: 'What was not read cannot be vouched for: a Bcc field could stand behind.',
    remedy: { steps: ['Put the empty line that ends the header where it belongs.'] },
    next: 'fix-message',
    source: 'RFC 5322 section 2.1',
    read: '2026-11-24',
  },
  MESSAGE_MIXED_LINE_ENDINGS: {
    title: 'Mixed line endings',
    message: 'The message mixes line endings: line {line} ends with {found}, the lines before it with {before}.',
    cause:
      'Bare CR or LF beside CRLF is how one message is smuggled inside another, so it is neither sent nor repaired.',
    remedy: { steps: ['Write the file with one kind of line ending, CRLF or LF, throughout.'] },
    next: 'fix-message',
    source: 'RFC 5321 section 2.3.8',
    read: '2026-11-24',
  },
  MESSAGE_ATTACHMENT_UNREADABLE: {
    title: 'Attachment cannot be read',
    message: 'The attachment {file} cannot be read: {reason}.',
    cause: 'The file is missing, is not a file, or this account may not read it.',
    remedy: { steps: ['Check the path and its permissions.'] },
    next: 'fix-message',
    source: 'Node.js file system errors',
    read: '2026-11-24',
  },
  CONFIG_MAILER_CLOSED: {
    title: 'Mailer is closed',
    message: 'The mailer was closed before this message was sent.',
    cause: 'close() ends all connections; nothing can be sent after it.',
    remedy: { steps: ['Send before closing, or make a new mailer.'] },
    next: 'retry',
    source: 'packages/mailer/README.md',
    read: '2026-11-24',
  },
});
