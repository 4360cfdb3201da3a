/** The faults of apps and of what they may do. */
import { defineFaults, type FaultCatalogue } from '@postbearer/core';

/** Every code of this room. */
export type AccessFaultCode =
  | 'ACCESS_KEY_INVALID'
  | 'ACCESS_KEY_EXISTS'
  | 'ACCESS_KEY_UNKNOWN'
  | 'ACCESS_KEY_WRONG'
  | 'ACCESS_KEY_SCOPE'
  | 'ACCESS_CERTIFICATE_UNREADABLE'
  | 'ACCESS_NETWORK_INVALID'
  | 'ACCESS_APP_INVALID'
  | 'ACCESS_APP_EXISTS'
  | 'ACCESS_APP_UNKNOWN'
  | 'ACCESS_PASSWORD_UNFIT'
  | 'ACCESS_LEARN_PUBLIC'
  | 'ACCESS_LEARN_TIME'
  | 'ACCESS_CREDENTIAL_WRONG'
  | 'RELAY_SIGN_IN_BUSY'
  | 'RELAY_TOO_MANY_SIGN_INS'
  | 'ACCESS_NOBODY'
  | 'ACCESS_SENDER_NOT_ALLOWED';

/** Faults of apps, their credentials and their allowed senders. */
export const accessFaults: FaultCatalogue<AccessFaultCode> = defineFaults<AccessFaultCode>({
  ACCESS_KEY_INVALID: {
    title: 'Key not complete',
    message: 'The key "{key}" cannot be added: {reason}.',
    cause: 'A key has a short name and says what it is for; one that sends says through which mailboxes.',
    remedy: { steps: ['Correct the call.'], command: 'postbearer key add {key} --scope send --mailbox ADDRESS' },
    next: 'fix-configuration',
  },
  ACCESS_KEY_EXISTS: {
    title: 'Key already there',
    message: 'There already is a key "{key}".',
    cause: 'The name of a key says in lists and records who did something, so it is given once.',
    remedy: { steps: ['Choose another name, or revoke the key first.'], command: 'postbearer key revoke {key}' },
    next: 'fix-configuration',
  },
  ACCESS_KEY_UNKNOWN: {
    title: 'No such key',
    message: 'There is no key "{key}".',
    cause: 'It was never added, or it was revoked.',
    remedy: { steps: ['Look at the list of keys.'], command: 'postbearer key list' },
    next: 'fix-configuration',
  },
  ACCESS_KEY_WRONG: {
    title: 'Key not accepted',
    message: 'The request carries no key that is valid.',
    cause: 'The field Authorization is missing, or its key was mistyped, was revoked or has expired.',
    remedy: {
      steps: [
        'Send the field "Authorization: Bearer pb_…" with the key that was shown when it was added.',
        'Where it is lost or has expired, add another one.',
      ],
      command: 'postbearer key add NAME --scope send --mailbox ADDRESS',
    },
    next: 'fix-configuration',
    source: 'RFC 6750 section 2.1',
    read: '2026-11-24',
  },
  ACCESS_KEY_SCOPE: {
    title: 'Key not meant for this',
    message: 'The key "{key}" may not do this: it needs the scope {scope}.',
    cause: 'A key does what its scopes name, and nothing else.',
    remedy: {
      steps: ['Use a key that has the scope {scope}, or add one.'],
      command: 'postbearer key add NAME --scope {scope}',
    },
    next: 'fix-configuration',
    source: 'RFC 6750 section 3.1',
    read: '2026-11-24',
  },
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
  ACCESS_PASSWORD_UNFIT: {
    title: 'Password not fit',
    message: 'The password that was given for the app "{app}" cannot be used: {reason}.',
    cause: 'A password that somebody chose can be guessed, so the worst ones are not taken.',
    remedy: {
      steps: ['Choose a longer one, or let one be made: leave --password-stdin out.'],
      command: 'postbearer app rotate {app}',
    },
    next: 'fix-configuration',
  },
  ACCESS_LEARN_PUBLIC: {
    title: 'Public network',
    message: 'The network {network} holds addresses of the Internet; whoever calls from there would be enrolled.',
    cause: 'Learning trusts whoever calls from a network for a while, which is meant for networks of your own.',
    remedy: { steps: ['Name a smaller network of your own, or say --public where you mean it.'] },
    next: 'fix-configuration',
    source: 'RFC 1918, RFC 4193, RFC 6598',
    read: '2026-11-24',
  },
  ACCESS_LEARN_TIME: {
    title: 'Time not usable',
    message: 'Learning for {time} is not possible; it lasts from one minute to seven days.',
    cause: 'A door that stays open is forgotten.',
    remedy: { steps: ['Name a time such as 30m, 2h or 3d.'] },
    next: 'fix-configuration',
  },
  ACCESS_CREDENTIAL_WRONG: {
    title: 'User name or password wrong',
    message: 'Somebody at {address} signed in as "{app}" with a wrong user name or password.',
    cause: 'There is no app of that name, or its password is another.',
    remedy: {
      steps: [
        'Enter the name of the app and the password that was shown when it was added.',
        'Where it is lost, make a new one, or give the app the password that the device has.',
      ],
      command: 'postbearer app rotate {app}',
    },
    next: 'fix-configuration',
  },
  // Of the relay; here because the list of who was turned away has to know their titles.
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
        'Or allow it {sender}, or let another From become the mailbox: --from-rule rewrite.',
      ],
      command: 'postbearer app allow {app} --from {sender}',
    },
    next: 'fix-message',
  },
});
