/**
 * The service: its rooms, joined.
 *
 * Rooms never import one another. What one needs of another it gets here, as a function whose type stands in `delivery` or
 * `access`. Starting goes from the inside out (database, queue, sending, listening) and stopping from the outside in, so that
 * nothing is taken in that nobody would keep, and nothing that was begun is dropped.
 *
 * @packageDocumentation
 */
import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { success, systemClock, type Clock, type EventSink, type MailboxAddress, type Result } from '@postbearer/core';
import { openDatabase, type Database } from '@postbearer/database';
import { createMailer } from '@postbearer/mailer';
import { EXCHANGE_ONLINE_LIMITS } from '@postbearer/microsoft365';
import { createQueue, queueMigrations, type Queue, type QueueOptions } from '@postbearer/queue';
import type { Settings } from '@postbearer/settings';
import { openAppRegistry, type AppRegistry } from './access/app-registry.ts';
import { accessMigrations } from './access/schema.ts';
import { createControl, type Control } from './api/control.ts';
import { connectControlSocket, openControlSocket } from './api/control-socket.ts';
import { announceOnce } from './delivery/announce.ts';
import { Dispatcher } from './delivery/dispatcher.ts';
import { DEFAULT_PROBE_TIMES, type ProbeTimes } from './delivery/lane-worker.ts';
import { LaneBook, type LanePace } from './delivery/lanes.ts';
import { createNoticeMaker } from './delivery/notices.ts';
import { createSubmitter, type SubmitterOptions } from './delivery/submit.ts';
import { deliveryMigrations } from './delivery/usage.ts';
import { startRelay, type ListenerSettings, type RelayAddress } from './relay/relay.ts';
import type { CertificateFiles } from './access/certificate.ts';

export { FROM_RULES, type AppInput, type AppRecord, type FromRule } from './access/app.ts';
export type { AddedApp, Control, LaneStatus, ServiceStatus } from './api/control.ts';
export type { ProbeTimes } from './delivery/lane-worker.ts';
export type { LanePace } from './delivery/lanes.ts';
export type { CertificateFiles } from './access/certificate.ts';
export type { ListenerSettings, RelayAddress } from './relay/relay.ts';

/** How the service is set up, beside where its mail goes; everything has a default. */
export interface ServiceSettings {
  /** Where mail is taken by SMTP; nowhere where it is left out. */
  readonly listeners?: readonly ListenerSettings[];
  /** The name in greetings, Received fields and the certificate that is made; this machine's where left out. */
  readonly hostname?: string;
  /** The certificate of the listeners; one is made in the data folder where it is left out. */
  readonly certificate?: CertificateFiles;
  /** How fast a mailbox sends whose settings do not say; as Exchange Online allows where left out. */
  readonly pace?: Partial<LanePace>;
  /** Gets the notices of failure and delay; each sender gets its own where it is left out. */
  readonly noticesTo?: MailboxAddress;
  /** Milliseconds without work after which a connection to an upstream is closed; 30,000 where left out. */
  readonly idleMs?: number;
  /** When a held lane is tried. */
  readonly probeTimes?: ProbeTimes;
  /** The most bytes of a message; 36,700,160 where left out. */
  readonly maxMessageBytes?: number;
  /** The most recipients of a message; 500 where left out. */
  readonly maxRecipients?: number;
  /** Times of the queue, and what becomes of a message whose outcome is uncertain. */
  readonly queue?: Pick<QueueOptions, 'node' | 'retryTimes' | 'nodeTimes' | 'retention' | 'uncertain'>;
}

/** What a service is started with. */
export interface ServerOptions {
  /** Where mail goes. */
  readonly settings: Settings;
  /** The folder of its database, certificate and control socket; made with mode 0700 where it is missing. */
  readonly dataFolder: string;
  readonly service?: ServiceSettings;
  /** For proxies, certificate authorities and systemd credentials; that of the process where it is left out. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly clock?: Clock;
  /** Hears everything that happens. */
  readonly onEvent?: EventSink;
  /** Hears what was not expected; a warning of the process where it is left out. The service goes on. */
  readonly onError?: (error: unknown) => void;
  /** Whether the SMTP dialogue with upstreams is among the events, credentials blanked. */
  readonly dialogue?: boolean;
}

/** A running service. */
export interface Server {
  /** Where it takes mail, in the order of its settings. */
  readonly addresses: readonly RelayAddress[];
  /** What an operator may ask of it. */
  readonly control: Control;
  /**
   * Takes no more mail, lets what is being sent end for `graceMs` (10 seconds where left out), and closes everything. What is
   * not sent by then stays in the queue. Safe to repeat.
   */
  close(options?: { readonly graceMs?: number }): Promise<void>;
}

const DATABASE_FILE = 'postbearer.db';
const STANDARD_GRACE_MS = 10_000;
const MIGRATIONS = [queueMigrations, accessMigrations, deliveryMigrations] as const;

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error));
}

interface Store {
  readonly database: Database;
  readonly queue: Queue;
  readonly apps: AppRegistry;
}

/** Opens the database of a data folder with its queue and apps; what was opened goes onto the stack. */
async function openStore(
  dataFolder: string,
  clock: Clock,
  queueOptions: ServiceSettings['queue'],
  stack: AsyncDisposableStack,
): Promise<Result<Store>> {
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  const database = await openDatabase({ file: join(dataFolder, DATABASE_FILE) }, { migrations: MIGRATIONS, clock });
  if (!database.ok) return database;
  stack.defer(async () => await database.value.close());
  const queue = await createQueue(database.value, { ...queueOptions, clock });
  if (!queue.ok) return queue;
  stack.defer(async () => await queue.value.stop());
  const apps = await openAppRegistry(database.value, clock);
  if (!apps.ok) return apps;
  stack.defer(() => apps.value.close());
  return success({ database: database.value, queue: queue.value, apps: apps.value });
}

function queuedEvent(onEvent: EventSink): SubmitterOptions['onQueued'] {
  return ({ id }, { lane }, { app }, { messageId, origin, recipients }, sizeBytes) =>
    onEvent({
      name: 'message.queued',
      id,
      messageId,
      app: app.name,
      lane: lane.name,
      origin,
      recipients: recipients.length,
      sizeBytes,
    });
}

/** How a service is being closed. */
interface Closing {
  isBegun: boolean;
  /** By the monotonic clock: what is not done by then is cut. */
  untilMs: number;
}

async function assemble(
  options: ServerOptions,
  stack: AsyncDisposableStack,
  closing: Closing,
): Promise<Result<Omit<Server, 'close'>>> {
  const { settings, dataFolder, service = {}, clock = systemClock, onError = warn } = options;
  const leftMs = (): number => Math.max(0, closing.untilMs - clock.monotonicMs());
  const onEvent = announceOnce(options.onEvent ?? ((): void => undefined));
  const store = await openStore(dataFolder, clock, service.queue, stack);
  if (!store.ok) return store;
  const { database, queue, apps } = store.value;

  const lanes = new LaneBook(settings, service.pace);
  for (const { mailboxes } of apps.list()) for (const mailbox of mailboxes) lanes.ofMailbox(mailbox);
  const mailer = createMailer(settings, {
    clock,
    onEvent,
    dialogue: options.dialogue === true,
    ...(options.environment === undefined ? {} : { environment: options.environment }),
    ...(service.idleMs === undefined ? {} : { idleMs: service.idleMs }),
    ...(service.pace?.connections === undefined ? {} : { maxConnections: service.pace.connections }),
  });
  stack.defer(async () => await mailer.close());
  const probeTimes = service.probeTimes ?? DEFAULT_PROBE_TIMES;
  const ownName = service.hostname ?? hostname();
  const noticesFor = createNoticeMaker({
    queue,
    clock,
    hostname: ownName,
    ...(service.noticesTo === undefined ? {} : { to: service.noticesTo }),
  });
  const dispatcher = new Dispatcher({
    noticesFor,
    database,
    queue,
    lanes,
    mailer,
    clock,
    probeTimes,
    onEvent,
    onError,
  });
  stack.defer(async () => await dispatcher.stop(leftMs()));
  const sending = await dispatcher.start();
  if (!sending.ok) return sending;
  queue.start();

  const submitter = createSubmitter({
    queue,
    lanes,
    maxMessageBytes: service.maxMessageBytes ?? EXCHANGE_ONLINE_LIMITS.defaultMessageSizeBytes.value,
    maxRecipients: service.maxRecipients ?? EXCHANGE_ONLINE_LIMITS.recipientsPerMessageDefault.value,
    isClosing: () => closing.isBegun,
    onQueued: queuedEvent(onEvent),
  });
  const control = createControl({ queue, apps, clock, drainMs: (lane, count) => dispatcher.drainMs(lane, count) });
  const socket = await openControlSocket(dataFolder, control);
  if (!socket.ok) return socket;
  stack.defer(async () => await socket.value.close());
  const relay = await startRelay({
    settings: {
      listeners: service.listeners ?? [],
      hostname: ownName,
      ...(service.certificate === undefined ? {} : { certificate: service.certificate }),
    },
    dataFolder,
    apps,
    submitter,
    clock,
    onEvent,
    onError,
  });
  if (!relay.ok) return relay;
  stack.defer(async () => await relay.value.close(leftMs()));
  return success({ addresses: relay.value.addresses, control });
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
  const stack = new AsyncDisposableStack();
  const { clock = systemClock } = options;
  const closing: Closing = { isBegun: false, untilMs: 0 };
  try {
    const assembled = await assemble(options, stack, closing);
    if (!assembled.ok) return assembled;
    return success(serverOf(assembled.value, stack.move(), closing, clock));
  } finally {
    await stack.disposeAsync();
  }
}

function serverOf(parts: Omit<Server, 'close'>, held: AsyncDisposableStack, closing: Closing, clock: Clock): Server {
  let closed: Promise<void> | undefined;
  return {
    ...parts,
    close({ graceMs = STANDARD_GRACE_MS } = {}) {
      if (!closing.isBegun) closing.untilMs = clock.monotonicMs() + graceMs;
      closing.isBegun = true;
      closed ??= held.disposeAsync();
      return closed;
    },
  };
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
export async function openControl(dataFolder: string, clock: Clock = systemClock): Promise<Result<OpenedControl>> {
  const running = await connectControlSocket(dataFolder);
  if (!running.ok) return running;
  if (running.value !== undefined) {
    return success({ control: running.value, [Symbol.asyncDispose]: () => Promise.resolve() });
  }
  const stack = new AsyncDisposableStack();
  try {
    const store = await openStore(dataFolder, clock, undefined, stack);
    if (!store.ok) return store;
    const control = createControl({ ...store.value, clock });
    const held = stack.move();
    return success({ control, [Symbol.asyncDispose]: () => held.disposeAsync() });
  } finally {
    await stack.disposeAsync();
  }
}
