import { readFileSync } from 'node:fs';
import { systemClock, type Fault, type PostbearerEvent } from '@postbearer/core';
import type { QueueCounts } from '@postbearer/queue';
import { afterEach, describe, expect, it } from 'vitest';
import { laneLabel } from './lane-label.ts';
import { METRICS, metricsReference, type MetricDefinition } from './metric-table.ts';
import { Metrics, type MetricSources } from './metrics.ts';

const lane = 'default/notifications@example.com';
const fault: Fault = {
  code: 'OAUTH_SECRET_EXPIRED',
  title: 'x',
  message: 'for notifications@example.com',
  cause: 'x',
  remedy: { steps: [] },
  next: 'needs-person',
};
const hold = { lane, sender: 'a@example.com', kind: 'fault', fault, since: 0, isProbeAsked: false } as const;
const counts: QueueCounts = {
  states: { queued: 3 },
  lanes: [
    { lane, queued: 3, leased: 1, oldestReadyAt: systemClock.now() - 60_000, holds: [hold, { ...hold, sender: '' }] },
  ],
  stuck: [
    { state: 'deferred', faultCode: 'SMTP_A', lane, count: 2 },
    { state: 'deferred', faultCode: 'SMTP_B', lane, count: 5 },
  ],
};
const sources: MetricSources = {
  version: '1.2.3',
  clock: systemClock,
  counts: () => Promise.resolve(counts),
  tokens: () => [
    { upstream: 'default', state: 'valid', acquiredAt: 1_000_000, expiresAt: 2_000_000 },
    { upstream: 'a@example.com', state: 'failing', failingSince: 1, fault },
  ],
  connections: () => new Map([['smtp.office365.com', 2]]),
  relaySessions: () => 4,
  isDatabaseUp: () => true,
  logDropped: () => 7,
  diskFree: () => 1024,
  webhooks: () => [{ name: 'ops@example.com', waiting: 1, parked: 2 }],
};
/** One event of each kind that is counted, with addresses wherever something may be foreign. */
const events: readonly PostbearerEvent[] = [
  {
    name: 'message.queued',
    id: '1',
    messageId: '<1@example.com>',
    app: 'scanner',
    lane,
    origin: 'smtp 192.0.2.7',
    recipients: 1,
    sizeBytes: 1,
  },
  { name: 'message.settled', id: '1', messageId: '<1@example.com>', app: 'x', lane, state: 'delivered', ageMs: 120 },
  {
    name: 'message.settled',
    id: '2',
    messageId: '<2@example.com>',
    app: 'x',
    lane,
    state: 'refused',
    faultCode: 'SMTP_A',
    ageMs: 10,
  },
  { name: 'submission.refused', origin: 'smtp 192.0.2.7', fault },
  { name: 'token.acquired', endpoint: 'https://x', clientId: 'x', scope: 'x', expiresAt: 1 },
  { name: 'token.failed', endpoint: 'https://x', clientId: 'x', fault },
  { name: 'smtp.connected', connection: 'smtp-1', host: 'a@smtp.example.com', port: 587 },
  {
    name: 'smtp.authenticated',
    connection: 'smtp-1',
    host: 'smtp.example.com',
    mailbox: 'a@example.com',
    mechanism: 'XOAUTH2',
  },
  {
    name: 'smtp.authentication-failed',
    host: 'smtp.example.com',
    mailbox: 'a@example.com',
    mechanism: 'XOAUTH2',
    fault,
  },
];

let metrics: Metrics | undefined;
afterEach(() => metrics?.close());

async function page(changed: Partial<MetricSources> = {}): Promise<string> {
  metrics = new Metrics({ ...sources, ...changed });
  for (const event of events) metrics.onEvent(event);
  metrics.onBatch(0.002);
  metrics.onDatabaseFailure('DATABASE_UNAVAILABLE');
  metrics.onWebhook('ops@example.com', 'failed');
  metrics.onWebhookLost('ops@example.com');
  metrics.onHttpRequest('/v1/messages/{id}', 'GET', 200, 0.01);
  return (await metrics.page()).text;
}

/** Labels that hold something like a mail address. */
function addressesIn(text: string): string[] {
  return [...text.matchAll(/"((?:[^"\\]|\\.)*)"/g)].flatMap(([, value = '']) => (value.includes('@') ? [value] : []));
}

describe('the metrics', () => {
  it('have samples of every row of the table, and of nothing else', async () => {
    const text = await page();
    const shown = new Set([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`));
    const rows = Object.entries(METRICS).map(([name, { type }]) => `${name} ${type}`);
    expect([...shown].toSorted()).toEqual(rows.toSorted());
    for (const name of Object.keys(METRICS))
      expect(text).toMatch(new RegExp(`^${name}(?:_count|_bucket)?(?:\\{| )`, 'm'));
  });

  it('count what happened, and say how things are', async () => {
    const text = await page();
    const label = laneLabel(lane);
    for (const line of [
      'postbearer_messages_queued_total{via="smtp"} 1',
      'postbearer_attempts_total{state="delivered",fault=""} 1',
      'postbearer_attempts_total{state="refused",fault="SMTP_A"} 1',
      'postbearer_delivery_seconds_bucket{le="0.1"} 0',
      'postbearer_delivery_seconds_bucket{le="0.25"} 1',
      `postbearer_queue_messages{lane="${label}",state="queued"} 3`,
      `postbearer_queue_messages{lane="${label}",state="deferred"} 7`,
      `postbearer_lane_held{lane="${label}",scope="lane",fault="OAUTH_SECRET_EXPIRED"} 1`,
      'postbearer_token_expiry_timestamp_seconds{upstream="default"} 2000',
      'postbearer_upstream_connections{host="smtp.office365.com"} 2',
      'postbearer_database_up 1',
      'postbearer_log_dropped_total 7',
      'postbearer_http_requests_total{route="/v1/messages/{id}",method="GET",status="200"} 1',
    ])
      expect(text.split('\n')).toContain(line);
  });

  it('count no event twice, however often they are read', async () => {
    await page();
    const again = await metrics?.page();
    expect(again?.text).toContain('postbearer_messages_queued_total{via="smtp"} 1\n');
    expect(again?.text).toContain('postbearer_log_dropped_total 7\n');
  });

  it('hold no mail address in any label', async () => {
    expect(addressesIn(await page())).toEqual([]);
    // The search finds one where there is one.
    expect(addressesIn(`postbearer_queue_messages{lane="${lane}"} 1`)).toEqual([lane]);
  });

  it('leave out what the database does not say, and say that it is down', async () => {
    const text = await page({
      counts: () => Promise.resolve(undefined),
      isDatabaseUp: () => false,
      diskFree: () => undefined,
    });
    expect(text).toContain('postbearer_database_up 0\n');
    expect(text).not.toMatch(/^postbearer_queue_messages[{ ]/m);
    expect(text).not.toMatch(/^postbearer_disk_free_bytes /m);
  });

  it('are described in docs/reference/metrics.md', () => {
    const file = readFileSync(new URL('../../../../docs/reference/metrics.md', import.meta.url), 'utf8');
    expect(file).toBe(metricsReference());
  });
});

describe('the label of a lane', () => {
  it('is the same for the same lane whatever its case, and another for another', () => {
    expect(laneLabel(lane)).toMatch(/^default-[0-9a-f]{8}$/);
    expect(laneLabel(lane.toUpperCase()).slice(-8)).toBe(laneLabel(lane).slice(-8));
    expect(laneLabel('default/other@example.com')).not.toBe(laneLabel(lane));
    expect(laneLabel('ops@example.com/a@example.com')).not.toContain('@');
  });
});

/** Names and labels of an expression of Prometheus that the table does not have. */
function unknownIn(expression: string): string[] {
  const table: Readonly<Record<string, MetricDefinition>> = METRICS;
  return [...expression.matchAll(/\b((?:postbearer|process)_[a-z_]+)(?:\{([^}]*)\})?/g)].flatMap(
    ([, name = '', labels = '']) => {
      const metric = table[name.replace(/_(?:bucket|sum|count)$/, '')] ?? table[name];
      if (metric === undefined) return [name];
      const named = [...labels.matchAll(/([a-z_]+)\s*(?:=~|!=|!~|=)/g)].map(([, label = '']) => label);
      return named.filter((label) => !metric.labels.includes(label)).map((label) => `${name}{${label}}`);
    },
  );
}

describe('the alert rules', () => {
  const file = readFileSync(new URL('../../../../deploy/prometheus/postbearer-alerts.yml', import.meta.url), 'utf8');
  const expressions = [...file.matchAll(/^ +expr: (.+)$/gm)].map(([, expression = '']) => expression);

  it('use metrics and labels that exist', () => {
    expect(expressions.length).toBeGreaterThan(8);
    expect(expressions.flatMap(unknownIn)).toEqual([]);
    expect(unknownIn('postbearer_nothing > 1 and postbearer_queue_messages{mailbox="x"}')).toEqual([
      'postbearer_nothing',
      'postbearer_queue_messages{mailbox}',
    ]);
  });

  it('each have a summary, a severity and a next step', () => {
    const rules = file.split(/^ +- alert: /m).slice(1);
    expect(rules).toHaveLength(expressions.length);
    for (const rule of rules) {
      expect(rule).toMatch(/severity: (?:warning|critical)/);
      expect(rule).toMatch(/summary: \S/);
      expect(rule).toMatch(/description: \S/);
    }
  });
});
