/** Monitoring as a part of the service. */
import type { Result } from '@postbearer/core';
import { resolveSecret } from '@postbearer/secrets';
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
  { store, current, isClosing, environment }: PartContext,
  monitoring: Monitoring,
  sources: MonitoringPartSources,
): Part {
  let isOpen = false;
  const open = async (): Promise<Result<void>> =>
    await monitoring.open({
      ...sources,
      queue: store.queue,
      settings: () => current().settings,
      neededBytes: () =>
        store.database.kind === 'sqlite' ? ROOM_FOR_MESSAGES * current().service.relay.maxMessageBytes : 0,
      isClosing,
      environment,
      resolveSecret: async (reference) => await resolveSecret(reference, { environment }),
    });
  return {
    async prepare(next) {
      if (!isOpen) {
        const opened = await open();
        if (!opened.ok) return opened;
        isOpen = true;
      }
      const { webhooks } = next.service;
      const checked = monitoring.checkWebhooks(webhooks);
      if (!checked.ok) return checked;
      return changeBy(() => {
        monitoring.setDialogue(next.dialogue);
        monitoring.followWebhooks(webhooks);
      });
    },
    close: async () => await monitoring.closeStore(),
  };
}
