/** Monitoring as a part of the service. */
import type { Monitoring } from './monitoring/monitoring.ts';
import { changeBy, type Part, type PartContext } from './part.ts';

/** As Postfix does: room for one and a half of the largest messages. */
const ROOM_FOR_MESSAGES = 1.5;

/** What monitoring asks of other parts. */
export interface MonitoringPartSources {
  readonly node: string;
  readonly listeners: () => readonly string[];
  readonly relaySessions: () => number;
}

/** Makes the part; it watches the store from its first change on. */
export function createMonitoringPart(
  { store, current, isClosing }: PartContext,
  monitoring: Monitoring,
  sources: MonitoringPartSources,
): Part {
  let isOpen = false;
  return {
    async prepare(next) {
      const commit = (): void => monitoring.setDialogue(next.dialogue);
      if (isOpen) return changeBy(commit);
      const opened = await monitoring.open({
        ...sources,
        queue: store.queue,
        settings: () => current().settings,
        neededBytes: () =>
          store.database.kind === 'sqlite' ? ROOM_FOR_MESSAGES * current().service.relay.maxMessageBytes : 0,
        isClosing,
      });
      if (!opened.ok) return opened;
      isOpen = true;
      return changeBy(commit);
    },
    close: async () => await monitoring.closeStore(),
  };
}
