/** The faults of messages that come in by SMTP. */
import { defineFaults, type FaultCatalogue } from '@postbearer/core';

/** Every code of this room. */
export type RelayFaultCode = 'RELAY_TOO_MANY_SIGN_INS';

/** Faults of the relay itself. */
export const relayFaults: FaultCatalogue<RelayFaultCode> = defineFaults<RelayFaultCode>({
  RELAY_TOO_MANY_SIGN_INS: {
    title: 'Too many failed sign-ins',
    message: 'From {address} there were too many sign-ins with a wrong user name or password.',
    cause: 'A device has an old password, or somebody guesses.',
    remedy: { steps: ['Correct the password in the device; it may try again in 15 minutes.'] },
    next: 'retry',
  },
});
