/** The faults of messages that come in by SMTP. */
import { defineFaults, type FaultCatalogue } from '@postbearer/core';

/** Every code of this room. */
export type RelayFaultCode =
  | 'RELAY_HEADER_TOO_LONG'
  | 'RELAY_FROM_UNCLEAR'
  | 'RELAY_CERTIFICATE_UNREADABLE'
  | 'RELAY_TOO_MANY_SIGN_INS';

/** Faults of headers and of the relay itself. */
export const relayFaults: FaultCatalogue<RelayFaultCode> = defineFaults<RelayFaultCode>({
  RELAY_HEADER_TOO_LONG: {
    title: 'Header too long',
    message: 'The header of the message is longer than {limit} bytes.',
    cause: 'No mail program writes such a header; what was not read cannot be checked.',
    remedy: { steps: ['Look at what the program writes before the first empty line.'] },
    next: 'fix-message',
  },
  RELAY_FROM_UNCLEAR: {
    title: 'From not clear',
    message: 'The From field of the message cannot be used: {reason}.',
    cause: 'Who a message is from must be one clear list of addresses, or nobody can say whether it is allowed.',
    remedy: { steps: ['Correct the sender address in the program or device.'] },
    next: 'fix-message',
    source: 'RFC 5322 section 3.6',
    read: '2026-11-24',
  },
  RELAY_CERTIFICATE_UNREADABLE: {
    title: 'Certificate not readable',
    message: 'The certificate or key in {file} cannot be read: {reason}.',
    cause: 'The file does not exist, or the account of the service may not read it.',
    remedy: { steps: ['Correct the path, or give the account of the service the right to read the file.'] },
    next: 'fix-configuration',
  },
  RELAY_TOO_MANY_SIGN_INS: {
    title: 'Too many failed sign-ins',
    message: 'From {address} there were too many sign-ins with a wrong user name or password.',
    cause: 'A device has an old password, or somebody guesses.',
    remedy: { steps: ['Correct the password in the device; it may try again in 15 minutes.'] },
    next: 'retry',
  },
});
