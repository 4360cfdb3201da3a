/**
 * The service while it runs: its parts in their order, the settings in force, its end.
 *
 * Starting goes from the inside out (store, sending, listening) and stopping from the outside in, so that nothing is taken in
 * that nobody would keep, and nothing that was begun is dropped. Each part is given what it needs of the others here.
 */
import {
  failure,
  success,
  type Clock,
  type ClockTimer,
  type EventSink,
  type Fault,
  type Result,
} from '@postbearer/core';
import type { QueueOptions } from '@postbearer/queue';
import { createApiPart } from './api-part.ts';
import { createControl, type Control, type MadeBackup } from './api/control.ts';
import { openControlSocket } from './api/control-socket.ts';
import { makeBackup } from './backup.ts';
import type { ApiAddress } from './api/http/api-listener.ts';
import { openDataFolder } from './data-folder.ts';
import { resolvePlace } from './database-place.ts';
import { deliveryFaults } from './delivery/faults.ts';
import { serviceFaults } from './faults.ts';
import { nodeNameOf } from './node-name.ts';
import { createMonitoringPart } from './monitoring-part.ts';
import { laneLabel } from './monitoring/lane-label.ts';
import type { Monitoring } from './monitoring/monitoring.ts';
import { changeAll, type Part, type PartContext } from './part.ts';
import { createRelayPart, type RelayPart } from './relay-part.ts';
import type { RelayAddress } from './relay/relay-listener.ts';
import { createSendingPart } from './sending-part.ts';
import { createSendmailPart } from './sendmail-part.ts';
import { changedKeys, RESTART_KEYS, type ServiceSettings, type Snapshot } from './snapshot.ts';
import { openStore, type Store, type StorePlace } from './store.ts';
import { openStoreWaiting } from './waiting.ts';

/** What a service is started from, everything filled in. */
export interface ServiceStart {
  readonly dataFolder: string;
  readonly first: Snapshot;
  readonly said: ServiceSettings;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Hears of everything. */
  readonly monitoring: Monitoring;
  readonly onError: (error: unknown) => void;
  /** A database server that cannot be reached is waited for until this is aborted; it is not where it is left out. */
  readonly waitUntil?: AbortSignal;
}

/** What came of new settings. */
export interface Reloaded {
  /** The keys whose values changed. */
  readonly changed: readonly string[];
  /** Those of them that count only after a restart. */
  readonly afterRestart: readonly string[];
}

const LOOK_FOR_REPLACEMENT_MS = 1000;

/** A running service. Made by {@link startService}. */
export class RunningService {
  readonly #clock: Clock;
  readonly #onEvent: EventSink;
  readonly #monitoring: Monitoring;
  readonly #parts: Part[] = [];
  readonly #held = new AsyncDisposableStack();
  readonly #ended = Promise.withResolvers<Fault>();
  #current: Snapshot;
  #relay: Pick<RelayPart, 'addresses' | 'sessions'> = { addresses: [], sessions: 0 };
  #api: { readonly addresses: readonly ApiAddress[] } = { addresses: [] };
  #control: Control | undefined;
  /** One reload at a time. */
  #changing: Promise<unknown> = Promise.resolve();
  #watch: ClockTimer | undefined;
  /** Whether all of it has started. */
  #isRunning = false;
  /** By the monotonic clock: what is not done by then is cut. */
  #untilMs: number | undefined;
  #closed: Promise<void> | undefined;

  constructor({ first, clock, monitoring }: ServiceStart) {
    this.#current = first;
    this.#clock = clock;
    this.#onEvent = monitoring.onEvent;
    this.#monitoring = monitoring;
    this.#held.defer(() => monitoring.close());
  }

  /** Where mail is taken by SMTP. */
  get addresses(): readonly RelayAddress[] {
    return this.#relay.addresses;
  }

  /** Where the HTTP API is. */
  get apiAddresses(): readonly ApiAddress[] {
    return this.#api.addresses;
  }

  /** What an operator may ask. */
  get control(): Control {
    if (this.#control === undefined) throw new Error('The service has not started.');
    return this.#control;
  }

  /** Resolves with the reason where the service cannot go on; then close it. */
  get ended(): Promise<Fault> {
    return this.#ended.promise;
  }

  /** Opens everything, from the inside out. Fails with the first thing that cannot be opened. */
  async start(options: ServiceStart): Promise<Result<void>> {
    const { url } = options.first.service.database;
    const named = { dataFolder: options.dataFolder, ...(url === undefined ? {} : { databaseUrl: url }) };
    const place = await resolvePlace(named, options.environment);
    if (!place.ok) return place;
    const folder = await openDataFolder(options.dataFolder);
    if (!folder.ok) return folder;
    const node = await this.#nodeName(options, place.value);
    const store = await openStoreWaiting(
      async (stack) =>
        await openStore(place.value, this.#queueOptions(options, node), stack, (database) =>
          this.#monitoring.watch(database),
        ),
      this.#held,
      options,
    );
    if (!store.ok) return store;
    const context: PartContext = {
      ...options,
      onEvent: this.#onEvent,
      wantsDialogue: this.#monitoring.wantsDialogue,
      store: store.value,
      current: () => this.#current,
      isClosing: () => this.#untilMs !== undefined,
    };
    this.#watchForReplacement(store.value, node);
    const started = await this.#startParts(context, node ?? 'node');
    this.#isRunning = started.ok;
    return started;
  }

  /** The parts in their order. What one needs of another it is given here. */
  async #startParts(context: PartContext, node: string): Promise<Result<void>> {
    const { dataFolder, store, clock } = context;
    const monitoring = this.#monitoring;
    const watched = await this.#begin(
      createMonitoringPart(context, monitoring, {
        node,
        listeners: () =>
          [...this.addresses, ...this.apiAddresses].map(({ host, port, security }) => `${host}:${port} (${security})`),
        relaySessions: () => this.#relay.sessions,
      }),
    );
    if (!watched.ok) return watched;
    const sending = createSendingPart(context);
    const sends = await this.#begin(sending);
    if (!sends.ok) return sends;

    const { dispatcher, lanes, submitter } = sending;
    const control = createControl({
      ...store,
      clock,
      today: async () => await monitoring.today(),
      makeBackup: async (file) => await this.#backUp(context, file),
      running: {
        drainMs: (lane, count) => dispatcher.drainMs(lane, count),
        paceOf: (lane) => lanes.byName(lane).pace,
        labelOf: laneLabel,
        facts: () => monitoring.facts(),
        trace: (wanted) => monitoring.trace(wanted),
      },
    });
    const socket = await openControlSocket(dataFolder, control);
    if (!socket.ok) return socket;
    this.#held.defer(async () => await socket.value.close());
    this.#control = control;

    const relay = createRelayPart(context, submitter);
    this.#relay = relay;
    const relays = await this.#begin(relay);
    if (!relays.ok) return relays;
    const api = createApiPart(context, sending, control, monitoring);
    this.#api = api;
    const answers = await this.#begin(api);
    if (!answers.ok) return answers;
    return await this.#begin(createSendmailPart(context, submitter));
  }

  async #backUp({ store, dataFolder, clock, onEvent }: PartContext, file: string): Promise<Result<MadeBackup>> {
    const made = await makeBackup(store.database, dataFolder, file, clock);
    if (made.ok) onEvent({ name: 'backup.made', ...made.value });
    return made;
  }

  /** Takes other settings into use, all of them or none. Fails with the first thing that does not work. */
  async reload(next: Snapshot): Promise<Result<Reloaded>> {
    const reloading = this.#changing.then(async (): Promise<Result<Reloaded>> => {
      if (this.#untilMs !== undefined) return failure(deliveryFaults.make('SERVICE_CLOSING'));
      const changed = changedKeys(this.#current.settings, next.settings);
      const done = await changeAll(this.#parts, next, () => {
        this.#current = next;
      });
      if (!done.ok) return done;
      const reloaded = { changed, afterRestart: changed.filter((key) => RESTART_KEYS.includes(key)) };
      this.#onEvent({ name: 'settings.reloaded', ...reloaded });
      return success(reloaded);
    });
    this.#changing = reloading;
    return await reloading;
  }

  /** Ends everything, from the outside in. */
  close(graceMs: number): Promise<void> {
    if (this.#untilMs === undefined) {
      this.#untilMs = this.#clock.monotonicMs() + graceMs;
      this.#watch?.cancel();
      if (this.#isRunning) this.#onEvent({ name: 'service.stopping', graceMs });
    }
    this.#closed ??= this.#changing.then(
      async () => await this.#held.disposeAsync(),
      async () => await this.#held.disposeAsync(),
    );
    return this.#closed;
  }

  async #begin(part: Part): Promise<Result<void>> {
    this.#held.defer(async () => await part.close(this.#leftMs()));
    const begun = await changeAll([part], this.#current, () => undefined);
    if (begun.ok) this.#parts.push(part);
    return begun;
  }

  #leftMs(): number {
    return Math.max(0, (this.#untilMs ?? 0) - this.#clock.monotonicMs());
  }

  async #nodeName({ said, dataFolder }: ServiceStart, { databaseUrl }: StorePlace): Promise<string | undefined> {
    const named = said.queue?.node ?? this.#current.service.node;
    return named ?? (databaseUrl === undefined ? undefined : await nodeNameOf(dataFolder));
  }

  #queueOptions({ said, clock, onError }: ServiceStart, node: string | undefined): QueueOptions & { clock: Clock } {
    const inForce = (): Snapshot['service']['queue'] => this.#current.service.queue;
    return {
      ...said.queue,
      clock,
      onError,
      ...(node === undefined ? {} : { node }),
      get uncertain() {
        return inForce().uncertain;
      },
      get retention() {
        return inForce();
      },
    };
  }

  /** Two processes under one name would send the same mail twice: the older one ends. */
  #watchForReplacement({ queue }: Store, node: string | undefined): void {
    if (queue.isReplaced) {
      this.#ended.resolve(serviceFaults.make('SERVICE_REPLACED', { node: node ?? 'node' }));
      return;
    }
    this.#watch = this.#clock.setTimer(
      () => this.#watchForReplacement({ queue } as Store, node),
      LOOK_FOR_REPLACEMENT_MS,
      {
        background: true,
      },
    );
  }
}

/** Starts a service; where it fails, nothing stays open. */
export async function startService(options: ServiceStart): Promise<Result<RunningService>> {
  const service = new RunningService(options);
  let isStarted = false;
  try {
    const started = await service.start(options);
    isStarted = started.ok;
    return started.ok ? success(service) : started;
  } finally {
    if (!isStarted) await service.close(0);
  }
}
