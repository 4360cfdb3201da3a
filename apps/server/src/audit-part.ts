/** The record of changes as a part of the service: once a day what is too old goes. */
import type { ClockTimer } from '@postbearer/core';
import { removeOldAudit } from './access/audit-log.ts';
import { changeBy, type Part, type PartContext } from './part.ts';

const DAY_MS = 24 * 60 * 60_000;

/** Makes the part; it begins with its first change. */
export function createAuditPart({ store, clock }: PartContext): Part {
  let timer: ClockTimer | undefined;
  let removing: Promise<unknown> = Promise.resolve();
  const remove = (): void => {
    // Where it fails, tomorrow is another day.
    removing = removeOldAudit(store.database, clock.now());
    timer = clock.setTimer(remove, DAY_MS, { background: true });
  };
  return {
    prepare() {
      return Promise.resolve(
        changeBy(() => {
          if (timer === undefined) remove();
        }),
      );
    },
    async close() {
      timer?.cancel();
      await removing;
    },
  };
}
