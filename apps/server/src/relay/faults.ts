/** The faults of messages that come in by SMTP. */
import { defineFaults, type FaultCatalogue } from '@postbearer/core';

/** Every code of this room. */
export type RelayFaultCode = 'RELAY_TOO_MANY_SIGN_INS' | 'RELAY_SIGN_IN_BUSY';

/** Faults of the relay itself. */
export const relayFaults: FaultCatalogue<RelayFaultCode> = defineFaults<RelayFaultCode>({
  RELAY_SIGN_IN_BUSY: {
    title: 'Too many sign in at once',
    message: 'A sign-in from {address} was not looked at: too many others wait.',
    cause: 'Passwords that somebody chose are slow to check on purpose, and many were tried at once.',
    remedy: {
      steps: ['The device tries again by itself. Where it goes on, look at who was turned away.'],
      command: 'postbearer app refused',
    },
    next: 'retry',
  },
  RELAY_TOO_MANY_SIGN_INS: {
    title: 'Too many failed sign-ins',
    message: 'There were too many sign-ins as "{app}" with a wrong user name or password; this one is from {address}.',
    cause: 'A device has an old password, or somebody guesses.',
    remedy: { steps: ['Correct the password in the device; it may try again in 15 minutes.'] },
    next: 'retry',
  },
});
