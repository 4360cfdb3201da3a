/** The faults of the control socket. */
import { defineFaults, type FaultCatalogue } from '@postbearer/core';

/** Faults of asking a running service. */
export const controlFaults: FaultCatalogue<'SERVICE_SOCKET_UNUSABLE' | 'SERVICE_ANSWER_UNCLEAR'> = defineFaults({
  SERVICE_SOCKET_UNUSABLE: {
    title: 'Control socket not usable',
    message: 'The control socket {socket} cannot be used: {reason}.',
    cause: 'It belongs to another account, or its path is too long for a socket (about 100 characters).',
    remedy: { steps: ['Run the command as the account of the service, and choose a short path for the data folder.'] },
    next: 'fix-configuration',
  },
  SERVICE_ANSWER_UNCLEAR: {
    title: 'Service not understood',
    message: 'The service gave an answer that this program does not understand: {reason}.',
    cause: 'The service and this command are of different versions.',
    remedy: { steps: ['Use the command of the version that runs.'] },
    next: 'fix-configuration',
  },
});
