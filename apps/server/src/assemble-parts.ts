/** The parts of the service in their order. What one needs of another it is given here. */
import { success, type Result } from '@postbearer/core';
import { createApiPart, type ApiPart } from './api-part.ts';
import { controlFromAfar, createControl, type Control, type MadeBackup } from './api/control.ts';
import { openControlSocket } from './api/control-socket.ts';
import { createAuditPart } from './audit-part.ts';
import { makeBackup } from './backup.ts';
import { migrationOf } from './delivery/ways.ts';
import { createMigrationReports } from './migration/reports.ts';
import { createMonitoringPart } from './monitoring-part.ts';
import { laneLabel } from './monitoring/lane-label.ts';
import type { Monitoring } from './monitoring/monitoring.ts';
import type { Part, PartContext } from './part.ts';
import { createRelayPart, type RelayPart } from './relay-part.ts';
import { createSendingPart, type SendingPart } from './sending-part.ts';
import { createSendmailPart } from './sendmail-part.ts';

/** What others see of the parts. */
export interface Assembled {
  readonly relay: Pick<RelayPart, 'addresses' | 'sessions'>;
  readonly api: Pick<ApiPart, 'addresses'>;
  readonly control: Control;
}

/** How the parts begin. */
export interface AssembleOptions {
  /** The name of this node. */
  readonly node: string;
  /** Begins a part with the settings in force, and ends it with the service. */
  readonly begin: (part: Part) => Promise<Result<void>>;
  /** What is open beside the parts, closed in the opposite order. */
  readonly held: AsyncDisposableStack;
}

async function backUp({ store, dataFolder, clock, onEvent }: PartContext, file: string): Promise<Result<MadeBackup>> {
  const made = await makeBackup(store.database, dataFolder, file, clock);
  if (made.ok) onEvent({ name: 'backup.made', ...made.value });
  return made;
}

function controlOf(context: PartContext, { dispatcher, lanes }: SendingPart, monitoring: Monitoring): Control {
  const { store, clock } = context;
  return createControl({
    ...store,
    clock,
    today: async () => await monitoring.today(),
    migration: createMigrationReports({ ...store, clock }),
    makeBackup: async (file) => await backUp(context, file),
    running: {
      drainMs: (lane, count) => dispatcher.drainMs(lane, count),
      paceOf: (lane) => lanes.byName(lane).pace,
      labelOf: laneLabel,
      facts: () => monitoring.facts(),
      migration: () => migrationOf(context.current().settings),
      trace: (wanted) => monitoring.trace(wanted),
      changed: (verb, id) => monitoring.changed(verb, id),
    },
  });
}

/** Begins all parts, from the inside out. Fails with the first that cannot begin. */
export async function assembleParts(
  context: PartContext,
  monitoring: Monitoring,
  { node, begin, held }: AssembleOptions,
): Promise<Result<Assembled>> {
  const listening: { relay?: RelayPart; api?: ApiPart } = {};
  const watching = createMonitoringPart(context, monitoring, {
    node,
    listeners: () =>
      [...(listening.relay?.addresses ?? []), ...(listening.api?.addresses ?? [])].map(
        ({ host, port, security }) => `${host}:${port} (${security})`,
      ),
    relaySessions: () => listening.relay?.sessions ?? 0,
  });
  const sending = createSendingPart(context, {
    settled: (leased, decision) => monitoring.settled(leased, decision),
    queued: (id, submission) => monitoring.queued(id, submission),
  });
  const control = controlOf(context, sending, monitoring);
  const relay = createRelayPart(context, sending.submitter);
  const api = createApiPart(context, sending, controlFromAfar(control), monitoring);
  Object.assign(listening, { relay, api });

  for (const part of [watching, createAuditPart(context), sending]) {
    const begun = await begin(part);
    if (!begun.ok) return begun;
  }
  const socket = await openControlSocket(context.dataFolder, control);
  if (!socket.ok) return socket;
  held.defer(async () => await socket.value.close());
  for (const part of [relay, api, createSendmailPart(context, sending.submitter)]) {
    const begun = await begin(part);
    if (!begun.ok) return begun;
  }
  return success({ relay, api, control });
}
