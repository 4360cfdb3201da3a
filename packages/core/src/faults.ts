/** The faults that this package can report. */
import { defineFaults, type FaultCatalogue } from './fault.ts';

/** Faults of addresses. */
export const coreFaults: FaultCatalogue<'MESSAGE_ADDRESS_INVALID' | 'MESSAGE_ADDRESS_LIST_INVALID'> = defineFaults({
  MESSAGE_ADDRESS_INVALID: {
    title: 'Not a mail address',
    message: '"{address}" is not a mail address: {reason}.',
    cause: 'An address in the envelope must have the form local-part@domain; nothing else is passed to a server.',
    remedy: { steps: ['Correct the address, for example notifications@example.com.'] },
    next: 'fix-message',
    source: 'RFC 5321 section 4.1.2, RFC 6531 section 3.3',
    read: '2026-11-24',
  },
  MESSAGE_ADDRESS_LIST_INVALID: {
    title: 'Not a list of mail addresses',
    message: '"{text}" is not a list of mail addresses: at character {at}, {reason}.',
    cause: 'A list holds addresses with commas between them, each alone or in angle brackets after a name.',
    remedy: { steps: ['Correct the list, for example "Smith, Ann" <ann@example.com>, bob@example.com.'] },
    next: 'fix-message',
    source: 'RFC 5322 section 3.4',
    read: '2026-11-24',
  },
});
