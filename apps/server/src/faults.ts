/** The faults of the service as a whole. */
import { defineFaults, type FaultCatalogue } from '@postbearer/core';

/** Every code of the service as a whole. */
export type ServiceFaultCode = 'SERVICE_FOLDER_UNUSABLE' | 'SERVICE_REPLACED';

/** Faults that end the service, or keep it from starting. */
export const serviceFaults: FaultCatalogue<ServiceFaultCode> = defineFaults<ServiceFaultCode>({
  SERVICE_FOLDER_UNUSABLE: {
    title: 'Data folder not usable',
    message: 'The data folder {folder} cannot be used: {reason}.',
    cause: 'It cannot be made, is no folder, or belongs to another account.',
    remedy: {
      steps: [
        'Make the folder and give it to the account that runs Postbearer, or name another folder with --data or in postbearer.dataFolder.',
      ],
    },
    next: 'fix-configuration',
  },
  SERVICE_REPLACED: {
    title: 'Replaced by another process',
    message: 'Another process has started under the name "{node}" on the same database, so this one ends.',
    cause:
      'Each node that shares a database needs a name of its own; two under one name would send the same mail twice.',
    remedy: {
      steps: [
        'Where it was a restart, nothing is to be done.',
        'Otherwise give each node its own name in postbearer.node, or its own data folder.',
      ],
    },
    next: 'fix-configuration',
  },
});
