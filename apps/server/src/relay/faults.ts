/** The faults of messages that come in by SMTP. */
import { defineFaults, type FaultCatalogue } from '@postbearer/core';

/** Every code of this room. */
export type RelayFaultCode = 'RELAY_CERTIFICATE_UNREADABLE' | 'RELAY_TOO_MANY_SIGN_INS';

/** Faults of the relay itself. */
export const relayFaults: FaultCatalogue<RelayFaultCode> = defineFaults<RelayFaultCode>({
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
