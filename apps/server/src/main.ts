/**
 * The service: what can only speak SMTP or HTTP hands its mail to it, and it sends with OAuth.
 *
 * Rooms never import one another. What one needs of another it gets in `running-service.ts` and the parts beside it, as a
 * function whose type stands in `delivery` or `access`.
 *
 * @packageDocumentation
 */
import { success, systemClock, type Clock, type EventSink, type Fault, type Result } from '@postbearer/core';
import type { Settings, SettingsReading } from '@postbearer/settings';
import { createControl, type Control } from './api/control.ts';
import { connectControlSocket } from './api/control-socket.ts';
import { makeBackup } from './backup.ts';
import type { ApiAddress } from './api/http/api-listener.ts';
import { resolvePlace, type NamedPlace } from './database-place.ts';
import type { DayCount } from './delivery/service-facts.ts';
import type { RelayAddress } from './relay/relay-listener.ts';
import { createMigrationReports } from './migration/reports.ts';
import { readToday } from './monitoring/day-counts.ts';
import { Monitoring } from './monitoring/monitoring.ts';
import type { ServiceLog } from './monitoring/service-log.ts';
import { startService, type Reloaded, type RunningService } from './running-service.ts';
import { SettingsFollower } from './settings-follower.ts';
import { snapshotOf, type ServiceSettings, type Snapshot } from './snapshot.ts';
import { openStore, type Store } from './store.ts';

export { FROM_RULES, type AppInput, type AppRecord, type FromRule } from './access/app.ts';
export { KEY_SCOPES, type KeyInput, type KeyRecord, type KeyScope } from './access/key.ts';
export type { CertificateFiles } from './access/certificate.ts';
export { openServiceLog, type LogSettings, type ServiceLog } from './monitoring/service-log.ts';
export type { AppUse, SignInKind } from './access/app-usage.ts';
export type { AuditRecord } from './access/audit-log.ts';
export { restoreBackup, type Restored, type RestoreRequest } from './restore.ts';
export type { AddedApp, Control, LaneStatus, ServiceStatus } from './api/control.ts';
export { connectRemoteControl, type RemotePlace } from './api/control-remote.ts';
export type { ApiAddress, ApiListenerSettings } from './api/http/api-listener.ts';
export type { ProbeTimes } from './delivery/lane-worker.ts';
export type { LanePace } from './delivery/lanes.ts';
export type { DayCount, ServiceFacts, TokenFact, TraceItem, WebhookFact } from './delivery/service-facts.ts';
export type { ListenerSettings, RelayAddress } from './relay/relay-listener.ts';
export type { Reloaded } from './running-service.ts';
export type { MigrationReport, WayHour, WayOfMessage, WayTotals } from './delivery/migration-report.ts';
export type { ServiceSettings } from './snapshot.ts';
export type { NamedPlace } from './database-place.ts';

/** What a service is started with. */
export interface ServerOptions {
  /** Where mail goes, and how the service is set up. */
  readonly settings: Settings;
  /** The folder of its database, certificate and control socket; made with mode 0700 where it is missing. */
  readonly dataFolder: string;
  /** Wins over what the settings say, also after a reload. */
  readonly service?: ServiceSettings;
  /** For proxies, certificate authorities and systemd credentials; that of the process where it is left out. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly clock?: Clock;
  /** Hears everything that happens. */
  readonly onEvent?: EventSink;
  /** The log, where there is one: it hears the same, and what becomes of it is told. Whoever opened it closes it afterwards. */
  readonly log?: ServiceLog;
  /** Hears what was not expected; a warning of the process where it is left out. The service goes on. */
  readonly onError?: (error: unknown) => void;
  /** Whether the SMTP dialogue with upstreams is among the events, credentials blanked; asked of all settings anew. */
  readonly dialogue?: boolean | ((settings: Settings) => boolean);
  /** Reads the settings anew; their files are then followed while the service runs. */
  readonly read?: () => Promise<SettingsReading>;
  /**
   * Waits for a database server that cannot be reached, until this is aborted; whoever wants to hand in mail is asked to come
   * again meanwhile. Where it is left out, the start fails then.
   */
  readonly waitUntil?: AbortSignal;
  /** Hears of settings that were taken into use after the start. */
  readonly onReloaded?: (settings: Settings) => void;
}

/** A running service. */
export interface Server {
  /** Where it takes mail by SMTP now, in the order of its settings. */
  readonly addresses: readonly RelayAddress[];
  /** Where its HTTP API is now, in the order of its settings. */
  readonly apiAddresses: readonly ApiAddress[];
  /** What an operator may ask of it. */
  readonly control: Control;
  /**
   * Takes other settings into use while it runs, all of them or none. Listeners that stay keep their connections, those that
   * go let their sessions end, and what is being sent is finished as it was begun.
   *
   * Fails with the first thing that does not work, such as an address that cannot be listened at; the old settings stay then.
   */
  reload(settings: Settings): Promise<Result<Reloaded>>;
  /**
   * Reads the settings with `read` of the options now and takes them into use. Mistakes are told of by `settings.refused`.
   *
   * Fails with `CONFIG_INVALID`, or as `reload` does.
   *
   * @throws Error where the service was started without `read`.
   */
  reread(): Promise<Result<Reloaded>>;
  /**
   * Resolves with the reason where the service cannot go on, as when another process took its place; then close it, without
   * time to end: what it has in hand is the other's already.
   */
  readonly ended: Promise<Fault>;
  /**
   * Takes no more mail, lets what is being sent end for `graceMs` (10 seconds where left out), and closes everything. What is
   * not sent by then stays in the queue. Safe to repeat.
   */
  close(options?: { readonly graceMs?: number }): Promise<void>;
}

const STANDARD_GRACE_MS = 10_000;

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error));
}

/**
 * Starts the service: opens (and makes, and migrates) its database, sends what is queued, and takes mail.
 *
 * Fails with the first thing that cannot be opened; nothing stays open then.
 *
 * @example
 * ```ts no-run
 * import { loadSettings } from '@postbearer/mailer';
 * import { startServer } from '@postbearer/server';
 *
 * const settings = await loadSettings();
 * if (!settings.ok) throw new Error(settings.fault.message);
 * const server = await startServer({
 *   settings: settings.value,
 *   dataFolder: '/var/lib/postbearer',
 *   service: { listeners: [{ port: 2525, security: 'starttls' }] },
 * });
 * if (!server.ok) throw new Error(server.fault.message);
 * const added = await server.value.control.addApp({
 *   app: { name: 'scanner', mailboxes: ['notifications@example.com'] },
 *   actor: 'setup',
 * });
 * console.log(added.ok ? added.value.password : added.fault.message);
 * ```
 */
export async function startServer(options: ServerOptions): Promise<Result<Server>> {
  const { settings, dataFolder, service: said = {}, clock = systemClock, onError = warn } = options;
  const snapshot = (other: Settings, namedFiles = ''): Snapshot => {
    const { dialogue = false } = options;
    const wantsDialogue = typeof dialogue === 'function' ? dialogue(other) : dialogue;
    return snapshotOf(other, said, { dialogue: wantsDialogue, namedFiles });
  };
  const monitoring = new Monitoring({
    clock,
    dataFolder,
    onError,
    ...(options.log === undefined ? {} : { log: options.log }),
    ...(options.onEvent === undefined ? {} : { onEvent: options.onEvent }),
  });
  const { onEvent } = monitoring;
  const environment = options.environment ?? process.env;
  const { read } = options;
  const follower =
    read === undefined
      ? undefined
      : new SettingsFollower({
          read,
          apply: async (other, namedFiles) => {
            const reloaded = await running.reload(snapshot(other, namedFiles));
            if (reloaded.ok) options.onReloaded?.(other);
            return reloaded;
          },
          clock,
          onEvent,
          onError,
        });
  const first = snapshot(settings, await follower?.find());
  const wait = options.waitUntil === undefined ? {} : { waitUntil: options.waitUntil };
  const started = await startService({ dataFolder, first, said, environment, clock, monitoring, onError, ...wait });
  if (!started.ok) return started;
  const running = started.value;
  follower?.start();
  return success(serverOf(running, snapshot, follower));
}

function serverOf(
  running: RunningService,
  snapshot: (settings: Settings) => Snapshot,
  follower: SettingsFollower | undefined,
): Server {
  return {
    get addresses() {
      return running.assembled.relay.addresses;
    },
    get apiAddresses() {
      return running.assembled.api.addresses;
    },
    control: running.assembled.control,
    ended: running.ended,
    reload: async (settings) => await running.reload(snapshot(settings)),
    async reread() {
      if (follower === undefined) throw new Error('The service was started without a way to read its settings anew.');
      return await follower.reread();
    },
    async close({ graceMs = STANDARD_GRACE_MS } = {}) {
      await Promise.all([follower?.close(), running.close(graceMs)]);
    },
  };
}

async function todayOf({ database }: Store, clock: Clock): Promise<DayCount | undefined> {
  const today = await readToday(database, clock.now());
  return today.ok ? today.value : undefined;
}

/** The operations on a data folder, wherever they are done; close it after use. */
export interface OpenedControl extends AsyncDisposable {
  readonly control: Control;
}

/**
 * The operations of the service that runs on a data folder, or, where none runs, of its database, which is made where it is missing.
 *
 * Fails with `SERVICE_SOCKET_UNUSABLE` or with what the database reports.
 */
export async function openControl(
  place: string | NamedPlace,
  clock: Clock = systemClock,
): Promise<Result<OpenedControl>> {
  const named = typeof place === 'string' ? { dataFolder: place } : place;
  const running = await connectControlSocket(named.dataFolder);
  if (!running.ok) return running;
  if (running.value !== undefined) {
    return success({ control: running.value, [Symbol.asyncDispose]: () => Promise.resolve() });
  }
  const where = await resolvePlace(named, process.env);
  if (!where.ok) return where;
  const stack = new AsyncDisposableStack();
  try {
    const store = await openStore(where.value, { clock }, stack);
    if (!store.ok) return store;
    const control = createControl({
      ...store.value,
      clock,
      today: async () => await todayOf(store.value, clock),
      migration: createMigrationReports({ ...store.value, clock }),
      makeBackup: async (file) => await makeBackup(store.value.database, where.value.dataFolder, file, clock),
    });
    const held = stack.move();
    return success({ control, [Symbol.asyncDispose]: () => held.disposeAsync() });
  } finally {
    await stack.disposeAsync();
  }
}
