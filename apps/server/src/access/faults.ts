/** The faults of apps and of what they may do. */
import { defineFaults, type FaultCatalogue } from '@postbearer/core';

/** Every code of this room. */
export type AccessFaultCode =
  | 'ACCESS_CERTIFICATE_UNREADABLE'
  | 'ACCESS_NETWORK_INVALID'
  | 'ACCESS_APP_INVALID'
  | 'ACCESS_APP_EXISTS'
  | 'ACCESS_APP_UNKNOWN'
  | 'ACCESS_CREDENTIAL_WRONG'
  | 'ACCESS_NOBODY'
  | 'ACCESS_SENDER_NOT_ALLOWED';

/** Faults of apps, their credentials and their allowed senders. */
export const accessFaults: FaultCatalogue<AccessFaultCode> = defineFaults<AccessFaultCode>({
  ACCESS_CERTIFICATE_UNREADABLE: {
    title: 'Certificate not readable',
    message: 'The certificate or key in {file} cannot be read: {reason}.',
    cause: 'The file does not exist, or the account of the service may not read it.',
    remedy: { steps: ['Correct the path, or give the account of the service the right to read the file.'] },
    next: 'fix-configuration',
  },
  ACCESS_NETWORK_INVALID: {
    title: 'Not a network',
    message: '"{network}" is not a network: {reason}.',
    cause: 'A network is an address and the length of its fixed part, such as 192.0.2.0/24 or 2001:db8::/32.',
    remedy: { steps: ['Correct the network.'] },
    next: 'fix-configuration',
    source: 'RFC 4632 section 3.1',
    read: '2026-11-24',
  },
  ACCESS_APP_INVALID: {
    title: 'App not complete',
    message: 'The app "{app}" cannot be added: {reason}.',
    cause: 'An app has a short name and at least one mailbox that it may send as.',
    remedy: { steps: ['Correct the call.'], command: 'postbearer app add {app} --mailbox ADDRESS' },
    next: 'fix-configuration',
  },
  ACCESS_APP_EXISTS: {
    title: 'App already there',
    message: 'There already is an app "{app}".',
    cause: 'The name of an app is also the user name with which it signs in, so it is given once.',
    remedy: { steps: ['Choose another name, or remove the app first.'], command: 'postbearer app remove {app}' },
    next: 'fix-configuration',
  },
  ACCESS_APP_UNKNOWN: {
    title: 'No such app',
    message: 'There is no app "{app}".',
    cause: 'It was never added, or it was removed.',
    remedy: { steps: ['Look at the list of apps.'], command: 'postbearer app list' },
    next: 'fix-configuration',
  },
  ACCESS_CREDENTIAL_WRONG: {
    title: 'User name or password wrong',
    message: 'Somebody at {address} signed in as "{app}" with a wrong user name or password.',
    cause: 'There is no app of that name, or its password is another.',
    remedy: {
      steps: [
        'Enter the name of the app and the password that was shown when it was added.',
        'Where it is lost, remove the app and add it again.',
      ],
    },
    next: 'fix-configuration',
  },
  ACCESS_NOBODY: {
    title: 'Not allowed to send',
    message: 'A device at {address} tried to send without signing in, and its address belongs to no app.',
    cause: 'Without a password only the networks that an app names may send.',
    remedy: {
      steps: ['Let the device sign in, or add an app with its network.'],
      command: 'postbearer app add NAME --mailbox ADDRESS --network {address}',
    },
    next: 'fix-configuration',
  },
  ACCESS_SENDER_NOT_ALLOWED: {
    title: 'Sender not allowed',
    message: 'The app "{app}" may not send as {sender}.',
    cause: 'An app sends as its mailboxes and as the addresses that were allowed for it, and as nobody else.',
    remedy: {
      steps: [
        'Let the app use one of its own addresses: {allowed}.',
        'Or add it anew with --from {sender}, or with --from-rule rewrite.',
      ],
    },
    next: 'fix-message',
  },
});
