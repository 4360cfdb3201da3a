/**
 * The metrics of the service, for Prometheus.
 *
 * What happens often is counted in plain numbers and handed to the registry when somebody asks; what is a state is read then. A
 * database that does not answer makes a scrape shorter, never late.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Clock, PostbearerEvent } from '@postbearer/core';
import type { QueueCounts } from '@postbearer/queue';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { TokenFact, WebhookFact } from '../delivery/service-facts.ts';
import { labelText, laneLabel } from './lane-label.ts';
import { METRICS, type MetricDefinition, type MetricName } from './metric-table.ts';

/** What is read when somebody asks. What cannot be said now is `undefined`. */
export interface MetricSources {
  readonly version: string;
  readonly clock: Clock;
  readonly counts: () => Promise<QueueCounts | undefined>;
  readonly tokens: () => readonly TokenFact[];
  readonly connections: () => ReadonlyMap<string, number>;
  readonly relaySessions: () => number;
  readonly isDatabaseUp: () => boolean;
  readonly logDropped: () => number;
  readonly diskFree: () => number | undefined;
  readonly webhooks: () => readonly WebhookFact[];
}

/** The metrics as they are answered. */
export interface MetricsPage {
  readonly contentType: string;
  readonly text: string;
}

const DELIVERY_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14_400, 86_400];
const SHORT_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const BUCKETS: Readonly<Partial<Record<MetricName, readonly number[]>>> = {
  postbearer_delivery_seconds: DELIVERY_BUCKETS,
};
const LAG_RESOLUTION_MS = 20;
const NANOSECONDS = 1e9;

type Labels = Readonly<Record<string, string>>;

/** Counts by labels, without asking the registry each time. */
class Tally {
  readonly #counts = new Map<string, { readonly labels: Labels; count: number }>();

  add(key: string, labels: () => Labels): void {
    const known = this.#counts.get(key);
    if (known === undefined) this.#counts.set(key, { labels: labels(), count: 1 });
    else known.count += 1;
  }

  fill(counter: Counter): void {
    counter.reset();
    for (const { labels, count } of this.#counts.values()) counter.inc({ ...labels }, count);
  }
}

/** Counts what happens, and gives the page. Made once for each service; close it after use. */
export class Metrics {
  readonly #sources: MetricSources;
  readonly #registry = new Registry();
  readonly #counters = new Map<MetricName, Counter>();
  readonly #gauges = new Map<MetricName, Gauge>();
  readonly #histograms = new Map<MetricName, Histogram>();
  readonly #tallies = new Map<MetricName, Tally>();
  readonly #lag = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  readonly #startedAt: number;
  readonly #delivery: Histogram;
  readonly #batches: Histogram;
  #page: Promise<MetricsPage> | undefined;

  constructor(sources: MetricSources) {
    this.#sources = sources;
    this.#startedAt = sources.clock.now();
    for (const [name, definition] of Object.entries<MetricDefinition>(METRICS))
      this.#define(name as MetricName, definition);
    this.#delivery = this.#histogram('postbearer_delivery_seconds');
    this.#batches = this.#histogram('postbearer_database_batch_seconds');
    this.#lag.enable();
  }

  /** Counts an event. */
  readonly onEvent = (event: PostbearerEvent): void => {
    if (event.name === 'message.settled') {
      const { state, faultCode = '', ageMs } = event;
      this.#count('postbearer_attempts_total', `${state} ${faultCode}`, () => ({ state, fault: faultCode }));
      if (state === 'delivered') this.#delivery.observe(Math.max(0, ageMs) / 1000);
    } else if (event.name === 'message.queued') {
      const via = event.origin.split(' ', 1)[0] ?? '';
      this.#count('postbearer_messages_queued_total', via, () => ({ via: labelText(via) }));
    } else if (event.name === 'submission.refused') {
      const fault = event.fault.code;
      this.#count('postbearer_submissions_refused_total', fault, () => ({ fault }));
    } else if (event.name === 'token.acquired' || event.name === 'token.failed') {
      const [outcome, fault] = event.name === 'token.acquired' ? ['acquired', ''] : ['failed', event.fault.code];
      this.#count('postbearer_token_requests_total', `${outcome} ${fault}`, () => ({ outcome, fault }));
    } else if (event.name === 'smtp.connected') {
      const host = labelText(event.host);
      this.#count('postbearer_upstream_connections_opened_total', host, () => ({ host }));
    } else if (event.name === 'smtp.authenticated' || event.name === 'smtp.authentication-failed') {
      const host = labelText(event.host);
      const [outcome, fault] = 'fault' in event ? ['refused', event.fault.code] : ['accepted', ''];
      this.#count('postbearer_sign_ins_total', `${host} ${outcome} ${fault}`, () => ({ host, outcome, fault }));
    }
  };

  /** Counts a change that the database stored. */
  readonly onBatch = (seconds: number): void => this.#batches.observe(seconds);

  /** Counts a question or a change that failed. */
  readonly onDatabaseFailure = (fault: string): void =>
    this.#count('postbearer_database_failures_total', fault, () => ({ fault }));

  /** Counts an attempt to hand an event to a webhook. */
  readonly onWebhook = (webhook: string, outcome: 'taken' | 'failed'): void =>
    this.#count('postbearer_webhook_attempts_total', `${webhook} ${outcome}`, () => ({
      webhook: labelText(webhook),
      outcome,
    }));

  /** Counts an event that was not kept for a webhook. */
  readonly onWebhookLost = (webhook: string): void =>
    this.#count('postbearer_webhook_lost_total', webhook, () => ({ webhook: labelText(webhook) }));

  /** Counts a request to the HTTP API; `route` is its pattern, such as `/v1/messages/{id}`. */
  readonly onHttpRequest = (route: string, method: string, status: number, seconds: number): void => {
    this.#count('postbearer_http_requests_total', `${route} ${method} ${status}`, () => ({
      route: route.replaceAll(/[^A-Za-z0-9._/{}:*-]/g, '_').slice(0, 100),
      method: labelText(method),
      status: String(status),
    }));
    this.#histogram('postbearer_http_request_seconds').observe(seconds);
  };

  /** The page for Prometheus; those who ask at the same time get the same. */
  async page(): Promise<MetricsPage> {
    this.#page ??= this.#makePage().finally(() => {
      this.#page = undefined;
    });
    return await this.#page;
  }

  /** Ends measuring. */
  close(): void {
    this.#lag.disable();
    this.#registry.clear();
  }

  async #makePage(): Promise<MetricsPage> {
    const counts = await this.#sources.counts();
    for (const [name, tally] of this.#tallies) tally.fill(this.#counter(name));
    this.#fillProcess();
    this.#fillQueue(counts);
    this.#fillStates();
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  #fillProcess(): void {
    const { version, logDropped } = this.#sources;
    this.#set('postbearer_build_info', [[{ version, node_version: process.versions.node }, 1]]);
    this.#set('postbearer_start_time_seconds', [[{}, this.#startedAt / 1000]]);
    this.#set('process_resident_memory_bytes', [[{}, process.memoryUsage.rss()]]);
    const { user, system } = process.cpuUsage();
    this.#total('process_cpu_seconds_total', (user + system) / 1e6);
    this.#total('postbearer_log_dropped_total', logDropped());
    this.#set('postbearer_event_loop_lag_seconds', [
      lateness('0.5', this.#lag.percentile(50)),
      lateness('0.99', this.#lag.percentile(99)),
      lateness('1', this.#lag.max),
    ]);
    this.#lag.reset();
  }

  #fillQueue(counts: QueueCounts | undefined): void {
    const { clock } = this.#sources;
    const lanes = counts?.lanes ?? [];
    const messages = lanes.flatMap(({ lane, queued, leased }): [Labels, number][] => [
      [{ lane: laneLabel(lane), state: 'queued' }, queued],
      [{ lane: laneLabel(lane), state: 'leased' }, leased],
    ]);
    const waiting = new Map<string, [Labels, number]>();
    for (const { state, lane, count } of counts?.stuck ?? []) {
      const key = `${lane} ${state}`;
      waiting.set(key, [{ lane: laneLabel(lane), state }, (waiting.get(key)?.[1] ?? 0) + count]);
    }
    this.#set('postbearer_queue_messages', [...messages, ...waiting.values()]);
    this.#set(
      'postbearer_queue_oldest_seconds',
      lanes.map(({ lane, oldestReadyAt }) => [
        { lane: laneLabel(lane) },
        oldestReadyAt === undefined ? 0 : Math.max(0, (clock.now() - oldestReadyAt) / 1000),
      ]),
    );
    this.#set(
      'postbearer_lane_held',
      lanes.flatMap(({ lane, holds }) =>
        holds.map(({ sender, kind, fault }): [Labels, number] => [
          {
            lane: laneLabel(lane),
            scope: sender === '' ? 'lane' : 'sender',
            fault: kind === 'person' ? 'person' : (fault?.code ?? ''),
          },
          1,
        ]),
      ),
    );
  }

  #fillStates(): void {
    const { tokens, connections, relaySessions, isDatabaseUp, diskFree, webhooks } = this.#sources;
    const known = tokens();
    const seconds = (name: MetricName, of: (token: TokenFact) => number | undefined): void =>
      this.#set(
        name,
        known.flatMap((token): [Labels, number][] => {
          const at = of(token);
          return at === undefined ? [] : [[{ upstream: labelText(token.upstream) }, at / 1000]];
        }),
      );
    seconds('postbearer_token_acquired_timestamp_seconds', ({ acquiredAt }) => acquiredAt);
    seconds('postbearer_token_expiry_timestamp_seconds', ({ expiresAt }) => expiresAt);
    this.#set(
      'postbearer_token_failing',
      known.flatMap(({ upstream, fault }): [Labels, number][] =>
        fault === undefined ? [] : [[{ upstream: labelText(upstream), fault: fault.code }, 1]],
      ),
    );
    this.#set(
      'postbearer_upstream_connections',
      [...connections()].map(([host, count]) => [{ host: labelText(host) }, count]),
    );
    this.#set('postbearer_relay_sessions', [[{}, relaySessions()]]);
    this.#set('postbearer_database_up', [[{}, isDatabaseUp() ? 1 : 0]]);
    const free = diskFree();
    this.#set('postbearer_disk_free_bytes', free === undefined ? [] : [[{}, free]]);
    this.#set(
      'postbearer_webhook_events',
      webhooks().flatMap(({ name, waiting, parked }): [Labels, number][] => [
        [{ webhook: labelText(name), state: 'waiting' }, waiting],
        [{ webhook: labelText(name), state: 'parked' }, parked],
      ]),
    );
  }

  #define(name: MetricName, { type, labels, help }: MetricDefinition): void {
    const shared = { name, help, labelNames: [...labels], registers: [this.#registry] };
    if (type === 'counter') this.#counters.set(name, new Counter(shared));
    else if (type === 'gauge') this.#gauges.set(name, new Gauge(shared));
    else this.#histograms.set(name, new Histogram({ ...shared, buckets: [...(BUCKETS[name] ?? SHORT_BUCKETS)] }));
  }

  #counter(name: MetricName): Counter {
    return must(this.#counters.get(name), name);
  }

  #histogram(name: MetricName): Histogram {
    return must(this.#histograms.get(name), name);
  }

  #set(name: MetricName, samples: readonly (readonly [Labels, number])[]): void {
    const gauge = must(this.#gauges.get(name), name);
    gauge.reset();
    // A gauge without labels shows a 0 that nobody said where nothing is set.
    if (samples.length === 0 && METRICS[name].labels.length === 0) gauge.remove();
    for (const [labels, value] of samples) gauge.set({ ...labels }, value);
  }

  #total(name: MetricName, value: number): void {
    const counter = this.#counter(name);
    counter.reset();
    counter.inc(value);
  }

  #count(name: MetricName, key: string, labels: () => Labels): void {
    const known = this.#tallies.get(name);
    const tally = known ?? new Tally();
    if (known === undefined) this.#tallies.set(name, tally);
    tally.add(key, labels);
  }
}

/** The lateness of the event loop: the measure counts its own interval as well. */
function lateness(quantile: string, nanoseconds: number): readonly [Labels, number] {
  return [{ quantile }, Math.max(0, nanoseconds / NANOSECONDS - LAG_RESOLUTION_MS / 1000)];
}

function must<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Error(`There is no metric ${name} of that kind.`);
  return value;
}
