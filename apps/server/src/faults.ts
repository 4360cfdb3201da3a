/** The faults of the service as a whole. */
import { defineFaults, type FaultCatalogue } from '@postbearer/core';

/** Faults that end the service, or keep it from starting. */
export const serviceFaults: FaultCatalogue<'SERVICE_REPLACED'> = defineFaults({
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
