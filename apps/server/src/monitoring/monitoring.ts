/**
 * Monitoring as one thing: what the service tells of itself, and to whom.
 *
 * It exists before everything else, because everything tells it what happens; `open` gives it the store once that is open.
 */
import { readFileSync } from 'node:fs';
import type { Clock, EventSink, Result, Secret, SecretRef } from '@postbearer/core';
import { success } from '@postbearer/core';
import type { Database, Statement } from '@postbearer/database';
import type { Decision, LeasedMessage, MessageVerb, Queue, QueueCounts, Submission } from '@postbearer/queue';
import type { Settings } from '@postbearer/settings';
import type { DayCount, ServiceFacts, TraceItem } from '../delivery/service-facts.ts';
import { DatabaseWatch } from './database-watch.ts';
import { openDayCounts, type DayCounts } from './day-counts.ts';
import { DiskWatch } from './disk-watch.ts';
import { EventHub } from './event-hub.ts';
import type { EventFeed } from './event-ring.ts';
import { createHealth, type Health } from './health.ts';
import { LastKnown } from './last-known.ts';
import { Metrics, type MetricsPage } from './metrics.ts';
import type { ServiceLog } from './service-log.ts';
import { NodeWatch } from './node-watch.ts';
import { traceEvents } from './trace.ts';
import { Webhooks, type WebhookTable } from './webhooks/webhooks.ts';

/** What monitoring works with from the start. */
export interface MonitoringOptions {
  readonly clock: Clock;
  readonly dataFolder: string;
  /** The log, where there is one. */
  readonly log?: ServiceLog;
  /** Hears what is worth telling, beside the log. */
  readonly onEvent?: EventSink;
  readonly onError: (error: unknown) => void;
}

/** What it asks of the others once they are there. */
export interface MonitoringSources {
  /** The name of this node. */
  readonly node: string;
  readonly queue: Pick<Queue, 'counts' | 'otherNodes'>;
  /** The settings in force. */
  readonly settings: () => Settings;
  /** What has to be free on the disk, bytes. */
  readonly neededBytes: () => number;
  readonly listeners: () => readonly string[];
  readonly relaySessions: () => number;
  readonly isClosing: () => boolean;
  /** For proxies and certificate authorities. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly resolveSecret: (reference: SecretRef) => Promise<Result<Secret>>;
}

const COUNTS_HOLD_MS = 1000;
const COUNTS_MS = 3000;

function ownVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    readonly version: string;
  };
  return manifest.version;
}

/** Everything of this room. */
export class Monitoring {
  /** The last events. */
  readonly events: EventFeed;
  /** Takes everything that happens. */
  readonly onEvent: EventSink;
  /** Whether anybody wants the lines of dialogues now. */
  readonly wantsDialogue: () => boolean;
  readonly #options: MonitoringOptions;
  readonly #version = ownVersion();
  readonly #startedAt: number;
  readonly #known: LastKnown;
  readonly #hub: EventHub;
  readonly #metrics: Metrics;
  #watch: DatabaseWatch | undefined;
  #sources: MonitoringSources | undefined;
  #days: DayCounts | undefined;
  #disk: DiskWatch | undefined;
  #webhooks: Webhooks | undefined;
  #nodes: NodeWatch | undefined;
  #health: Health | undefined;
  #counts: { readonly value: Promise<QueueCounts | undefined>; readonly untilMs: number } | undefined;

  constructor(options: MonitoringOptions) {
    const { clock, log, onEvent, onError } = options;
    this.#options = options;
    this.#startedAt = clock.now();
    this.#known = new LastKnown(clock);
    this.#metrics = this.#makeMetrics();
    this.#hub = new EventHub({
      clock,
      counters: [
        this.#metrics.onEvent,
        this.#known.onEvent,
        (event) => this.#days?.onEvent(event),
        (event) => this.#webhooks?.onEvent(event),
      ],
      listeners: [...(log === undefined ? [] : [log.onEvent]), ...(onEvent === undefined ? [] : [onEvent])],
      onError,
    });
    this.events = this.#hub.feed;
    this.onEvent = this.#hub.onEvent;
    this.wantsDialogue = this.#hub.wantsDialogue;
  }

  /** Says whether the log and whoever else listens want the lines of dialogues. */
  setDialogue(isWanted: boolean): void {
    this.#hub.dialogue = isWanted;
  }

  /** The same database, watched. */
  watch(database: Database): Database {
    this.#watch = new DatabaseWatch(database, {
      clock: this.#options.clock,
      onEvent: this.onEvent,
      onBatch: this.#metrics.onBatch,
      onFailure: this.#metrics.onDatabaseFailure,
    });
    return this.#watch.database;
  }

  /** Goes on with what the store knows. Fails with what the database reports. */
  async open(sources: MonitoringSources): Promise<Result<void>> {
    const { clock, dataFolder } = this.#options;
    const watch = this.#watched();
    this.#sources = sources;
    const days = await openDayCounts(watch.database, clock, sources.node);
    if (!days.ok) return days;
    this.#days = days.value;
    const disk = new DiskWatch({ folder: dataFolder, neededBytes: sources.neededBytes, clock, onEvent: this.onEvent });
    this.#disk = disk;
    await disk.start();
    this.#nodes = new NodeWatch(() => sources.queue.otherNodes, clock, this.onEvent);
    this.#nodes.start();
    const webhooks = new Webhooks({
      ...sources,
      database: watch.database,
      clock,
      version: this.#version,
      onEvent: this.onEvent,
      onAttempt: this.#metrics.onWebhook,
      onLost: this.#metrics.onWebhookLost,
      onError: this.#options.onError,
    });
    this.#webhooks = webhooks;
    const started = await webhooks.start();
    if (!started.ok) return started;
    this.#health = createHealth({
      ...sources,
      clock,
      database: watch.database,
      databaseState: () => watch.state,
      counts: async () => await this.#queueCounts(),
      tokens: () => this.#known.tokens(sources.settings()),
      disk: () => disk.state,
      webhooks: () => webhooks.facts(),
      logTrouble: () => this.#options.log?.trouble,
    });
    return success(undefined);
  }

  /** Checks the webhooks of other settings. Fails with `ACCESS_NETWORK_INVALID`. */
  checkWebhooks(table: WebhookTable): Result<void> {
    return must(this.#webhooks).check(table);
  }

  /** Takes webhooks into use that were checked. */
  followWebhooks(table: WebhookTable): void {
    must(this.#webhooks).follow(table);
  }

  /** What is to be stored in the batch that settles an attempt. */
  settled(leased: LeasedMessage, decision: Decision): readonly Statement[] {
    return this.#webhooks?.settled(leased, decision) ?? [];
  }

  /** What is to be stored in the batch that takes a message in. */
  queued(id: string, submission: Submission): readonly Statement[] {
    return this.#webhooks?.queued(id, submission) ?? [];
  }

  /** What is to be stored with a change that a person or an app asked for. */
  changed(verb: MessageVerb, id: string): readonly Statement[] {
    return this.#webhooks?.changed(verb, id) ?? [];
  }

  /** Whether the process answers at all. */
  live(): ReturnType<Health['live']> {
    return this.#opened().live();
  }

  /** How each part is. */
  async health(): ReturnType<Health['health']> {
    return await this.#opened().health();
  }

  /** Whether mail may be handed in. */
  async ready(): ReturnType<Health['ready']> {
    return await this.#opened().ready();
  }

  /** The page for Prometheus. */
  async metrics(): Promise<MetricsPage> {
    return await this.#metrics.page();
  }

  /** Counts a request to the HTTP API; `route` is its pattern. */
  get onHttpRequest(): Metrics['onHttpRequest'] {
    return this.#metrics.onHttpRequest;
  }

  /** What happens from now on; `wanted` is a mailbox or an app, or empty for everything. */
  trace(wanted: string): AsyncIterableIterator<TraceItem> {
    return traceEvents(this.#hub, this.#options.clock, wanted);
  }

  /** How the service is, for status. */
  facts(): ServiceFacts {
    const { database, state } = this.#watched();
    const { node, listeners, relaySessions, settings } = this.#needed();
    const { isUp, since, fault } = state;
    return {
      version: this.#version,
      node,
      startedAt: this.#startedAt,
      tokens: this.#known.tokens(settings()),
      listeners: listeners(),
      relaySessions: relaySessions(),
      upstreamConnections: Object.fromEntries(this.#known.connections()),
      database: { kind: database.kind, isUp, since, ...(fault === undefined ? {} : { fault }) },
      disk: { folder: this.#options.dataFolder, isNearlyFull: false, ...this.#disk?.state },
      webhooks: this.#webhooks?.facts() ?? [],
      logDropped: this.#options.log?.droppedCount ?? 0,
    };
  }

  /** What happened today on all nodes; `undefined` where the database does not say. */
  async today(): Promise<DayCount | undefined> {
    const today = await this.#days?.today();
    return today?.ok === true ? today.value : undefined;
  }

  /** Free bytes on the disk of the data folder when it was looked last. */
  get freeBytes(): number | undefined {
    return this.#disk?.freeBytes;
  }

  /** Ends what uses the store; events are still taken. */
  async closeStore(): Promise<void> {
    this.#nodes?.close();
    await this.#webhooks?.close();
    await this.#disk?.close();
    await this.#days?.close();
  }

  /** Ends everything; safe to repeat. The log is its owner's. */
  close(): void {
    this.#metrics.close();
  }

  #makeMetrics(): Metrics {
    const { clock, log } = this.#options;
    return new Metrics({
      version: this.#version,
      clock,
      counts: async () => await this.#queueCounts(),
      tokens: () => (this.#sources === undefined ? [] : this.#known.tokens(this.#sources.settings())),
      connections: () => this.#known.connections(),
      relaySessions: () => this.#sources?.relaySessions() ?? 0,
      isDatabaseUp: () => this.#watch?.state.isUp ?? false,
      logDropped: () => log?.droppedCount ?? 0,
      diskFree: () => this.#disk?.freeBytes,
      webhooks: () => this.#webhooks?.facts() ?? [],
    });
  }

  /** How the queue stands, read at most once a second; `undefined` where the database does not say within three. */
  async #queueCounts(): Promise<QueueCounts | undefined> {
    const { clock } = this.#options;
    const nowMs = clock.monotonicMs();
    if (this.#counts === undefined || nowMs >= this.#counts.untilMs)
      this.#counts = { value: this.#readCounts(), untilMs: nowMs + COUNTS_HOLD_MS };
    return await this.#counts.value;
  }

  async #readCounts(): Promise<QueueCounts | undefined> {
    if (this.#sources === undefined) return undefined;
    const late = Promise.withResolvers<undefined>();
    const timer = this.#options.clock.setTimer(() => late.resolve(undefined), COUNTS_MS, { background: true });
    const counts = await Promise.race([this.#sources.queue.counts(), late.promise]);
    timer.cancel();
    return counts?.ok === true ? counts.value : undefined;
  }

  #watched(): DatabaseWatch {
    return must(this.#watch);
  }

  #needed(): MonitoringSources {
    return must(this.#sources);
  }

  #opened(): Health {
    return must(this.#health);
  }
}

function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('Monitoring has no store yet.');
  return value;
}
