/** The faults of resolving a secret. None of them ever shows the value. */
import { defineFaults, type FaultCatalogue } from '@postbearer/core';

const SYSTEMD = { source: 'systemd.exec(5), LoadCredential= and $CREDENTIALS_DIRECTORY', read: '2026-11-24' } as const;

/** Every code of this package. */
export type SecretFaultCode =
  | 'SECRET_EMPTY'
  | 'SECRET_FILE_MISSING'
  | 'SECRET_FILE_UNREADABLE'
  | 'SECRET_FILE_IS_FOLDER'
  | 'SECRET_FILE_TOO_LARGE'
  | 'SECRET_FILE_NOT_TEXT'
  | 'SECRET_FILE_OPEN_TO_OTHERS'
  | 'SECRET_CREDENTIAL_NAME_INVALID'
  | 'SECRET_CREDENTIALS_ABSENT'
  | 'SECRET_CREDENTIAL_MISSING'
  | 'SECRET_FILE_NOT_WRITTEN'
  | 'SECRET_NO_ROOM_AT_ISSUER'
  | 'SECRET_ROTATION_LOCKED'
  | 'SECRET_ROTATION_BROKEN'
  | 'SECRET_NOTHING_TO_ROLL_BACK';

/** Faults of secrets in settings, files and systemd credentials. */
export const secretFaults: FaultCatalogue<SecretFaultCode> = defineFaults<SecretFaultCode>({
  SECRET_EMPTY: {
    title: 'Secret is empty',
    message: 'The secret in {place} is empty.',
    cause: 'The setting or file is there, but nothing was written into it.',
    remedy: { steps: ['Write the secret into {place}.'] },
    next: 'fix-configuration',
  },
  SECRET_FILE_MISSING: {
    title: 'Secret file not found',
    message: 'The secret file {file} does not exist.',
    cause: 'The settings name a file that is not there, or is not there yet.',
    remedy: { steps: ['Correct the path, or put a file with the secret alone there.'] },
    next: 'fix-configuration',
  },
  SECRET_FILE_UNREADABLE: {
    title: 'Secret file cannot be read',
    message: 'The secret file {file} cannot be read ({reason}).',
    cause: 'The account that runs this program may not read the file or one of its folders.',
    remedy: { steps: ['Make the account that runs this program the owner of {file}, with mode 0400.'] },
    next: 'fix-configuration',
  },
  SECRET_FILE_IS_FOLDER: {
    title: 'Secret file is a folder',
    message: '{file} is a folder, not a file with a secret.',
    cause: 'The path ends one step too early, or a container mounted a folder where the file was not found.',
    remedy: { steps: ['Name the file itself.'] },
    next: 'fix-configuration',
  },
  SECRET_FILE_TOO_LARGE: {
    title: 'Secret file too large',
    message: '{file} is larger than {limit} bytes; a secret is not.',
    cause: 'Another file was named by mistake.',
    remedy: { steps: ['Name a file that holds the secret alone.'] },
    next: 'fix-configuration',
  },
  SECRET_FILE_NOT_TEXT: {
    title: 'Secret file is not text',
    message: '{file} is not UTF-8 text.',
    cause: 'The file is binary, or was saved as UTF-16 as Windows PowerShell does with ">".',
    remedy: { steps: ['Save the file as UTF-8.'] },
    next: 'fix-configuration',
  },
  SECRET_FILE_OPEN_TO_OTHERS: {
    title: 'Secret file open to others',
    message: '{file} can be {access} by every account of this machine (mode {mode}).',
    cause: 'A secret file should belong to the account that uses it and be closed to all others.',
    remedy: { steps: ['Take the rights of others away.'], command: 'chmod 0400 {file}' },
    next: 'fix-configuration',
  },
  SECRET_CREDENTIAL_NAME_INVALID: {
    title: 'Not a credential name',
    message: '"{name}" cannot be the name of a systemd credential.',
    cause: 'The name of a credential is a file name without a slash.',
    remedy: { steps: ['Use the name that stands in LoadCredential= of the unit, before the colon.'] },
    next: 'fix-configuration',
    ...SYSTEMD,
  },
  SECRET_CREDENTIALS_ABSENT: {
    title: 'No systemd credentials',
    message: 'The credential {name} was asked for, but $CREDENTIALS_DIRECTORY is not set.',
    cause: 'This program was not started by a systemd unit that passes credentials.',
    remedy: {
      steps: [
        'Add LoadCredential={name}:/path/to/the/secret to the unit and restart it.',
        'Started by hand, name a file instead.',
      ],
    },
    next: 'fix-configuration',
    ...SYSTEMD,
  },
  SECRET_CREDENTIAL_MISSING: {
    title: 'systemd credential not found',
    message: 'The unit passes no credential named {name}.',
    cause: 'LoadCredential= in the unit does not name it, or names it otherwise.',
    remedy: { steps: ['Add LoadCredential={name}:/path/to/the/secret to the unit and restart it.'] },
    next: 'fix-configuration',
    ...SYSTEMD,
  },
  SECRET_FILE_NOT_WRITTEN: {
    title: 'Secret file cannot be written',
    message: 'The file {file} cannot be read or written ({reason}).',
    cause: 'The folder is missing, full or read-only, or belongs to another account.',
    remedy: {
      steps: [
        'Make the folder writable for the account that runs this program, and run the command again: it goes on where it stopped.',
      ],
    },
    next: 'fix-configuration',
  },
  SECRET_NO_ROOM_AT_ISSUER: {
    title: 'The app holds too many secrets',
    message: 'The app holds {count} secrets already ({secrets}), and a rotation needs room for one more.',
    cause:
      'Somebody added a secret by hand, or an app of somebody else uses the same registration. What nobody here made is not removed here.',
    remedy: {
      steps: [
        'Find out which of them is used by nobody; postbearer setup audit lists them with their ends.',
        'Remove it in the app registration under "Certificates & secrets", and rotate again.',
      ],
    },
    next: 'needs-person',
    source: 'github.com/Azure/azure-cli issue 12946',
    read: '2026-11-25',
  },
  SECRET_ROTATION_LOCKED: {
    title: 'Another rotation is under way',
    message: '{who} is rotating this secret; its lock is {file}.',
    cause: 'Two commands, or a command and the service, rotate at the same time; one is enough.',
    remedy: { steps: ['Wait until it is done.', 'If that machine is gone, remove {file} and run the command again.'] },
    next: 'retry',
  },
  SECRET_ROTATION_BROKEN: {
    title: 'Secret file vanished during a rotation',
    message: 'The rotation had switched to a new secret, and its file is gone.',
    cause: 'Somebody removed or moved the file between the switch and the end of the grace.',
    remedy: { steps: ['Put the file back from a backup, or set a new secret: postbearer secret set.'] },
    next: 'needs-person',
  },
  SECRET_NOTHING_TO_ROLL_BACK: {
    title: 'No previous secret',
    message: 'There is no previous secret that could be used again.',
    cause: 'No rotation is in its time of grace; afterwards the old secret is removed.',
    remedy: { steps: ['Set a secret that is valid: postbearer secret set, or rotate: postbearer secret rotate.'] },
    next: 'fix-configuration',
  },
});
