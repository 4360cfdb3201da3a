/**
 * The service while it runs: the settings in force, its beginning and its end.
 *
 * Starting goes from the inside out (store, sending, listening) and stopping from the outside in, so that nothing is taken in
 * that nobody would keep, and nothing that was begun is dropped. The parts stand in `assemble-parts.ts`.
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
import { assembleParts, type Assembled } from './assemble-parts.ts';
import { openDataFolder } from './data-folder.ts';
import { resolvePlace } from './database-place.ts';
import { deliveryFaults } from './delivery/faults.ts';
import { serviceFaults } from './faults.ts';
import { nodeNameOf } from './node-name.ts';
import type { Monitoring } from './monitoring/monitoring.ts';
import { changeAll, type Part, type PartContext } from './part.ts';
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
  /** Ends each part once; in the order in which they began. */
  readonly #endings: (() => Promise<void>)[] = [];
  readonly #held = new AsyncDisposableStack();
  readonly #ended = Promise.withResolvers<Fault>();
  #current: Snapshot;
  /** Absent until all of it has started. */
  #assembled: Assembled | undefined;
  /** One reload at a time. */
  #changing: Promise<unknown> = Promise.resolve();
  #watch: ClockTimer | undefined;
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

  /** What others see of it. */
  get assembled(): Assembled {
    if (this.#assembled === undefined) throw new Error('The service has not started.');
    return this.#assembled;
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
    const assembled = await assembleParts(context, this.#monitoring, {
      node: node ?? 'node',
      begin: async (part) => await this.#begin(part),
      held: this.#held,
    });
    if (!assembled.ok) return assembled;
    this.#assembled = assembled.value;
    return success(undefined);
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
      if (this.#assembled !== undefined) this.#onEvent({ name: 'service.stopping', graceMs });
    }
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await Promise.allSettled([this.#changing]);
    // Whoever hands in and whoever sends have the same time to end. The first part, monitoring, still hears of it.
    await Promise.all(this.#endings.slice(1).map(async (end) => await end()));
    await this.#held.disposeAsync();
  }

  async #begin(part: Part): Promise<Result<void>> {
    let ended: Promise<void> | undefined;
    const end = (): Promise<void> => (ended ??= part.close(this.#leftMs()));
    this.#endings.push(end);
    this.#held.defer(end);
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
