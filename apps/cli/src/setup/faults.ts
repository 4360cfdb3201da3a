/** Faults of the set-up that are no fault of Microsoft's. */
import { defineFaults, type FaultCatalogue } from '@postbearer/core';

/** Faults of the set-up commands. */
export const setupFaults: FaultCatalogue<'CLI_SECRET_NOT_KEPT' | 'CLI_SCRIPT_NOT_WRITTEN' | 'CLI_OBJECT_ID_UNKNOWN'> =
  defineFaults({
    CLI_SECRET_NOT_KEPT: {
      title: 'New secret could not be kept',
      message: 'The new client secret could not be written to {file}: {reason}. It was removed again.',
      cause: 'The folder is missing, full, or belongs to another account.',
      remedy: {
        steps: [
          'Make the folder writable for this account, or name another file with --secret-file, and run the command again.',
        ],
      },
      next: 'fix-configuration',
    },
    CLI_SCRIPT_NOT_WRITTEN: {
      title: 'Script could not be written',
      message: 'The script could not be written to {file}: {reason}.',
      cause: 'The folder is missing, full, or belongs to another account.',
      remedy: { steps: ['Name another file with --output.'] },
      next: 'fix-configuration',
    },
    CLI_OBJECT_ID_UNKNOWN: {
      title: 'Object ID of the enterprise application not known',
      message: 'It is not known under which Object ID Exchange has to register the app {clientId}.',
      cause: 'The app was not set up by postbearer setup entra, and no token could be had that names it.',
      remedy: {
        steps: [
          'Open Enterprise applications in the Microsoft Entra admin center, then the app, and copy its Object ID; that under App registrations is another one and does not work.',
          'Give it: postbearer setup exchange --object-id ID.',
        ],
      },
      next: 'fix-configuration',
    },
  });
