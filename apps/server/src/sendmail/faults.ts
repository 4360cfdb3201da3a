/** The faults of mail that is handed in with `postbearer sendmail`. */
import { defineFaults, type FaultCatalogue } from '@postbearer/core';

/** Every code of this room. */
export type SendmailFaultCode =
  | 'SENDMAIL_NOT_ON_WINDOWS'
  | 'SENDMAIL_FOLDER_MISSING'
  | 'SENDMAIL_FOLDER_UNSAFE'
  | 'SENDMAIL_NO_ROOM'
  | 'SENDMAIL_NOT_STORED'
  | 'SENDMAIL_NO_RECIPIENTS'
  | 'SENDMAIL_TOO_LARGE'
  | 'SENDMAIL_FILE_BAD'
  | 'SENDMAIL_FILE_UNREADABLE'
  | 'SENDMAIL_USER_UNKNOWN'
  | 'SENDMAIL_LOCAL_RECIPIENT';

/** Faults of dropping a message, and of taking it in. */
export const sendmailFaults: FaultCatalogue<SendmailFaultCode> = defineFaults<SendmailFaultCode>({
  SENDMAIL_NOT_ON_WINDOWS: {
    title: 'No sendmail on Windows',
    message: 'Windows has no folder into which every account may put mail without seeing that of others.',
    cause: 'postbearer sendmail rests on folders of POSIX systems: who owns a file is who hands it in.',
    remedy: {
      steps: [
        'Let the program send by SMTP to the relay, signed in with the password of its app.',
        'Or let it call the HTTP API with a key, or run postbearer send.',
      ],
    },
    next: 'fix-configuration',
  },
  SENDMAIL_FOLDER_MISSING: {
    title: 'No folder for mail',
    message: 'Mail cannot be put into {folder}: {reason}.',
    cause: 'The service was never started with this folder in its settings, or keeps it elsewhere.',
    remedy: {
      steps: [
        'Name the folder in the settings of the service as postbearer.sendmail.folder, and start it.',
        'Where the folder is another, give its name to programs in POSTBEARER_SENDMAIL_FOLDER.',
      ],
    },
    next: 'fix-configuration',
  },
  SENDMAIL_FOLDER_UNSAFE: {
    title: 'Folder for mail not safe',
    message: 'The folder {folder} cannot be used for mail: {reason}.',
    cause: 'Everybody may put mail into it, nobody may see or remove that of others, and the service must own it.',
    remedy: {
      steps: ['Make it anew for the account and the group of the service.'],
      command: 'install -d -m 3733 -o SERVICE-ACCOUNT -g SERVICE-GROUP {folder}',
    },
    next: 'fix-configuration',
  },
  SENDMAIL_NO_ROOM: {
    title: 'No room for mail',
    message: 'There is no room in {folder} for the message: {reason}.',
    cause: 'The disk is full, or the account has used up its share of it.',
    remedy: { steps: ['Make room, and send the message again.'] },
    next: 'retry',
  },
  SENDMAIL_NOT_STORED: {
    title: 'Message not stored',
    message: 'The message could not be put into {folder}: {reason}.',
    cause: 'The disk or the file system reported an error.',
    remedy: { steps: ['Look after the disk, and send the message again.'] },
    next: 'retry',
  },
  SENDMAIL_NO_RECIPIENTS: {
    title: 'No recipients',
    message: 'The message names nobody in To, Cc or Bcc.',
    cause: 'With -t the recipients are read from the header of the message.',
    remedy: { steps: ['Add a To field, or name the recipients on the command line.'] },
    next: 'fix-message',
  },
  SENDMAIL_TOO_LARGE: {
    title: 'Message too large',
    message: 'The message is larger than {limit} bytes.',
    cause: 'No mailbox takes larger messages.',
    remedy: { steps: ['Send a link in place of a large attachment.'] },
    next: 'fix-message',
    source:
      'learn.microsoft.com/office365/servicedescriptions/exchange-online-service-description/exchange-online-limits',
    read: '2026-11-24',
  },
  SENDMAIL_FILE_BAD: {
    title: 'File in the mail folder set aside',
    message: 'The file {file} of {user} is not mail that can be taken: {reason}.',
    cause: 'It was not written by postbearer sendmail, or was altered since.',
    remedy: { steps: ['Look at it where it was put: {aside}.', 'Remove it when nobody misses it.'] },
    next: 'give-up',
  },
  SENDMAIL_FILE_UNREADABLE: {
    title: 'File in the mail folder not readable',
    message: 'The file {file} cannot be read: {reason}.',
    cause: 'The folder did not have the group of the service when the file was written.',
    remedy: {
      steps: ['Give the file to the group of the service; it is taken in then.'],
      command: 'chgrp SERVICE-GROUP {file}',
    },
    next: 'fix-configuration',
  },
  SENDMAIL_USER_UNKNOWN: {
    title: 'Account may not send',
    message: 'The account {user} handed in a message with sendmail, and belongs to no app.',
    cause: 'An account sends as the app that names it, or as the app for everybody else; there is neither.',
    remedy: {
      steps: ['Add an app for it.', 'Then put the message back: mv {aside} {folder}/'],
      command: 'postbearer app add NAME --mailbox ADDRESS --user {user} --from-rule rewrite',
    },
    next: 'fix-configuration',
  },
  SENDMAIL_LOCAL_RECIPIENT: {
    title: 'Recipient has no domain',
    message:
      'The account {user} handed in a message for "{recipient}", which is a name of this machine and no address.',
    cause: 'Cron and other programs send to the account they run for, where nobody names an address.',
    remedy: {
      steps: [
        'Name an address that gets such mail, or name the recipient in the program (MAILTO=admin@example.com in a crontab).',
        'Then put the message back: mv {aside} {folder}/',
      ],
      command: '"postbearer": { "sendmail": { "localMailTo": "admin@example.com" } }',
    },
    next: 'fix-configuration',
  },
});
