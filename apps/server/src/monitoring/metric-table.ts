/**
 * Every metric: its name, its kind, its labels and what it says. The reference page is made from this table, and the alert rules
 * are held against it.
 *
 * Rule: no label holds a secret or a mail address. A lane has the label of `lane-label.ts`.
 */

import { markdownTable } from './markdown-table.ts';

/** One metric. */
export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
}

/** The name of a metric. */
export type MetricName =
  | 'postbearer_build_info'
  | 'postbearer_start_time_seconds'
  | 'postbearer_messages_queued_total'
  | 'postbearer_submissions_refused_total'
  | 'postbearer_attempts_total'
  | 'postbearer_delivery_seconds'
  | 'postbearer_queue_messages'
  | 'postbearer_queue_oldest_seconds'
  | 'postbearer_lane_held'
  | 'postbearer_token_acquired_timestamp_seconds'
  | 'postbearer_token_expiry_timestamp_seconds'
  | 'postbearer_token_failing'
  | 'postbearer_token_requests_total'
  | 'postbearer_sign_ins_total'
  | 'postbearer_upstream_connections'
  | 'postbearer_upstream_connections_opened_total'
  | 'postbearer_relay_sessions'
  | 'postbearer_http_requests_total'
  | 'postbearer_http_request_seconds'
  | 'postbearer_event_loop_lag_seconds'
  | 'postbearer_database_up'
  | 'postbearer_database_batch_seconds'
  | 'postbearer_database_failures_total'
  | 'postbearer_webhook_attempts_total'
  | 'postbearer_webhook_events'
  | 'postbearer_webhook_lost_total'
  | 'postbearer_log_dropped_total'
  | 'postbearer_disk_free_bytes'
  | 'process_resident_memory_bytes'
  | 'process_cpu_seconds_total';

/** Every metric, in the order of the page. */
export const METRICS: Readonly<Record<MetricName, MetricDefinition>> = {
  postbearer_build_info: { type: 'gauge', labels: ['version', 'node_version'], help: 'Always 1; which version runs.' },
  postbearer_start_time_seconds: { type: 'gauge', labels: [], help: 'When the service started, seconds since 1970.' },
  postbearer_messages_queued_total: {
    type: 'counter',
    labels: ['via'],
    help: 'Messages taken in, by the way they came: smtp, http, sendmail.',
  },
  postbearer_submissions_refused_total: {
    type: 'counter',
    labels: ['fault'],
    help: 'Messages and clients that were not let in, by the code of the fault.',
  },
  postbearer_attempts_total: {
    type: 'counter',
    labels: ['state', 'fault'],
    help: 'Attempts to send a message, by the state it has since and the code of its fault; `fault` is empty where there is none.',
  },
  postbearer_delivery_seconds: {
    type: 'histogram',
    labels: [],
    help: 'From taking a message in until an upstream took it for every recipient.',
  },
  postbearer_queue_messages: {
    type: 'gauge',
    labels: ['lane', 'state'],
    help: 'Messages that have not ended, by lane and state.',
  },
  postbearer_queue_oldest_seconds: {
    type: 'gauge',
    labels: ['lane'],
    help: 'For how long the oldest message of a lane could have been sent.',
  },
  postbearer_lane_held: {
    type: 'gauge',
    labels: ['lane', 'scope', 'fault'],
    help: '1 for each hold; `scope` is lane or sender, `fault` is the code, or `person` where an operator holds it.',
  },
  postbearer_token_acquired_timestamp_seconds: {
    type: 'gauge',
    labels: ['upstream'],
    help: 'When the last token of an upstream was obtained, seconds since 1970.',
  },
  postbearer_token_expiry_timestamp_seconds: {
    type: 'gauge',
    labels: ['upstream'],
    help: 'When the token of an upstream ends, seconds since 1970.',
  },
  postbearer_token_failing: {
    type: 'gauge',
    labels: ['upstream', 'fault'],
    help: '1 while no token can be obtained, with the code of the fault.',
  },
  postbearer_token_requests_total: {
    type: 'counter',
    labels: ['outcome', 'fault'],
    help: 'Requests for tokens: acquired or failed.',
  },
  postbearer_sign_ins_total: {
    type: 'counter',
    labels: ['host', 'outcome', 'fault'],
    help: 'Sign-ins at upstreams: accepted or refused.',
  },
  postbearer_upstream_connections: { type: 'gauge', labels: ['host'], help: 'Open connections to an upstream.' },
  postbearer_upstream_connections_opened_total: {
    type: 'counter',
    labels: ['host'],
    help: 'Connections to an upstream that were opened.',
  },
  postbearer_relay_sessions: { type: 'gauge', labels: [], help: 'Open connections of clients to the relay.' },
  postbearer_http_requests_total: {
    type: 'counter',
    labels: ['route', 'method', 'status'],
    help: 'Requests to the HTTP API.',
  },
  postbearer_http_request_seconds: { type: 'histogram', labels: [], help: 'How long a request to the HTTP API took.' },
  postbearer_event_loop_lag_seconds: {
    type: 'gauge',
    labels: ['quantile'],
    help: 'How late the event loop was since the last scrape: 0.5, 0.99 and 1.',
  },
  postbearer_database_up: { type: 'gauge', labels: [], help: '1 where the database did what it was asked last.' },
  postbearer_database_batch_seconds: {
    type: 'histogram',
    labels: [],
    help: 'From asking the database to store until it is on disk.',
  },
  postbearer_database_failures_total: {
    type: 'counter',
    labels: ['fault'],
    help: 'Questions that the database did not answer, and changes that it did not store.',
  },
  postbearer_webhook_attempts_total: {
    type: 'counter',
    labels: ['webhook', 'outcome'],
    help: 'Attempts to hand an event to a webhook: taken or failed.',
  },
  postbearer_webhook_events: {
    type: 'gauge',
    labels: ['webhook', 'state'],
    help: 'Events that wait for a webhook, and those that were set aside after a day.',
  },
  postbearer_webhook_lost_total: {
    type: 'counter',
    labels: ['webhook'],
    help: 'Events that were not kept for a webhook because too many were waiting.',
  },
  postbearer_log_dropped_total: { type: 'counter', labels: [], help: 'Records that the log could not write.' },
  postbearer_disk_free_bytes: { type: 'gauge', labels: [], help: 'Free bytes on the disk of the data folder.' },
  process_resident_memory_bytes: { type: 'gauge', labels: [], help: 'Memory of the process.' },
  process_cpu_seconds_total: { type: 'counter', labels: [], help: 'Processor time of the process.' },
};

const READING = `# Metrics

What \`GET /metrics\` answers, in the text form of Prometheus. This page is generated from the table of metrics
(\`node scripts/metrics-reference.ts\`). Alert rules that use them are in \`deploy/prometheus/postbearer-alerts.yml\`.

No label holds a secret or a mail address. A lane is one upstream and one mailbox; its label is the name of the upstream and eight digits of
a digest, such as \`default-3f2a9c1b\`, the same after a restart and on every node. \`postbearer status --json\` and \`GET /v1/lanes\`
show it beside the mailbox. \`fault\` is a code of \`docs/reference/faults\`. Counters begin at 0 with each start.
`;

/** The reference page of the metrics, in Markdown. */
export function metricsReference(): string {
  const rows = Object.entries(METRICS).map(([name, { type, labels, help }]) => [
    `\`${name}\``,
    type,
    labels.map((label) => `\`${label}\``).join(', '),
    help,
  ]);
  return `${READING}\n${markdownTable([['metric', 'kind', 'labels', 'what it says'], ...rows])}`;
}
