/** The figures of a run as tables for people and as a file for programs. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Measurement } from '../clients/measure.ts';
import type { Limits } from './limits.ts';
import type { DeepQueue, EightMailboxes, Fairness, RelayName, Round } from './scenarios.ts';

/** How long a run is. */
export interface Plan {
  readonly rounds: number;
  readonly burst: number;
  readonly peerBurst: number;
  readonly onePerConnection: number;
  readonly steady: number;
  readonly deep: number;
  readonly mailboxes: number;
  readonly fairQueued: number;
  readonly fair: number;
}

/** The rounds of one kind with one number of upstream connections. */
export interface Series {
  readonly connections: number;
  readonly direct: readonly Measurement[];
  readonly relays: Readonly<Partial<Record<RelayName, readonly Round[]>>>;
}

/** Everything of a run. */
export interface Results {
  readonly plan: Plan;
  readonly machine: string;
  readonly tools: string;
  readonly limits: Limits;
  readonly burst: readonly Series[];
  readonly onePerConnection: Series;
  readonly steady: Series;
  readonly deep: DeepQueue;
  readonly databases: EightMailboxes;
  readonly fairness: readonly Fairness[];
}

/** The middle value. */
function median(values: readonly number[]): number {
  const sorted = values.filter((value) => Number.isFinite(value)).toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

function of(series: Series | undefined, name: RelayName, value: (round: Round) => number): number {
  return median((series?.relays[name] ?? []).map((round) => value(round)));
}

function ofDirect(series: Series | undefined, value: (round: Measurement) => number): number {
  return median((series?.direct ?? []).map((round) => value(round)));
}

const shown = (value: number, digits = 0): string =>
  Number.isNaN(value)
    ? '–'
    : value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
const times = (value: number): string => (Number.isNaN(value) ? '–' : `${value.toFixed(2)} ×`);
const row = (...cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

const NAMES: readonly RelayName[] = ['postbearer', 'postfix tuned', 'postfix default', 'haraka'];

function seriesTable(series: Series): string[] {
  const direct =
    series.direct.length === 0
      ? []
      : [
          row(
            'nodemailer direct',
            '–',
            shown(ofDirect(series, ({ ratePerSecond }) => ratePerSecond)),
            '–',
            '–',
            shown(
              ofDirect(series, ({ cpuMicrosPerMessage }) => cpuMicrosPerMessage / 1000),
              3,
            ),
            shown(ofDirect(series, ({ peakRssMb }) => peakRssMb)),
            '–',
            '–',
          ),
        ];
  const relays = NAMES.filter((name) => (series.relays[name] ?? []).length > 0).map((name) => {
    const value = (pick: (round: Round) => number, digits = 0): string => shown(of(series, name, pick), digits);
    const rounds = series.relays[name] ?? [];
    const lost = rounds.reduce((sum, { accepted, delivered }) => sum + accepted - delivered, 0);
    const doubled = rounds.reduce((sum, round) => sum + round.doubled, 0);
    return row(
      name,
      value(({ acceptedPerSecond }) => acceptedPerSecond),
      value(({ deliveredPerSecond }) => deliveredPerSecond),
      `${value(({ acceptP50Ms }) => acceptP50Ms, 1)} / ${value(({ acceptP99Ms }) => acceptP99Ms, 1)}`,
      `${value(({ latencyP50Ms }) => latencyP50Ms, 1)} / ${value(({ latencyP99Ms }) => latencyP99Ms, 1)}`,
      value(({ cpuPer1000 }) => cpuPer1000, 3),
      `${value(({ peakRssMb }) => peakRssMb)} (${value(({ peakPssMb }) => peakPssMb)})`,
      `${value(({ upstreamConnections }) => upstreamConnections)}, ${value(({ tokenRequests }) => tokenRequests)}`,
      `${lost} / ${doubled}`,
    );
  });
  return [
    row(
      'who',
      'accepted/s',
      'delivered/s',
      'accept p50 / p99, ms',
      'accepted to delivered p50 / p99, ms',
      'CPU s per 1,000',
      'peak RSS (PSS), MB',
      'upstream connections, token requests',
      'lost / doubled',
    ),
    row(...Array.from({ length: 9 }, () => '---')),
    ...direct,
    ...relays,
  ];
}

const ours = (series: Series | undefined, pick: (round: Round) => number): number => of(series, 'postbearer', pick);
const tuned = (series: Series | undefined, pick: (round: Round) => number): number => of(series, 'postfix tuned', pick);
const rate = ({ deliveredPerSecond }: Round): number => deliveredPerSecond;
const accept = ({ acceptedPerSecond }: Round): number => acceptedPerSecond;
const cpu = ({ cpuPer1000 }: Round): number => cpuPer1000;
const p50 = ({ latencyP50Ms }: Round): number => latencyP50Ms;
const p99 = ({ latencyP99Ms }: Round): number => latencyP99Ms;

/** The least of those who keep mail on disk. */
function bestPeer(series: Series, pick: (round: Round) => number): number {
  const peers = NAMES.filter((name) => name !== 'postbearer').map((name) => of(series, name, pick));
  return Math.min(...peers.filter((value) => Number.isFinite(value)));
}

function goals({ burst, onePerConnection, steady, deep, databases, fairness }: Results): string[] {
  const [three, twenty] = [3, 20].map((connections) => burst.find((series) => series.connections === connections));
  const delivered = (series: Series | undefined): string =>
    `${shown(ours(series, rate))}: ${times(ours(series, rate) / ofDirect(series, ({ ratePerSecond }) => ratePerSecond))} direct, ${times(ours(series, rate) / tuned(series, rate))} Postfix tuned`;
  const { sqlite, oneNode = Number.NaN, twoNodes = Number.NaN } = databases;
  return [
    row('measure', 'here', 'reach', 'aim'),
    row('---', '---', '---', '---'),
    row('delivered/s, 3 connections', delivered(three), '≥ 1.0 × direct, ≥ 3 × Postfix tuned', '≥ 1.6 ×, ≥ 5 ×'),
    row('delivered/s, 20 connections', delivered(twenty), '≥ 0.9 × direct, ≥ 3 × Postfix tuned', '≥ 1.4 ×, ≥ 5 ×'),
    row(
      'accept/s, 20 clients held',
      `${shown(ours(three, accept))}: ${times(ours(three, accept) / tuned(three, accept))} Postfix tuned`,
      '≥ 3 ×',
      '≥ 5 ×',
    ),
    row(
      'accept/s, a connection per message',
      `${shown(ours(onePerConnection, accept))}: ${times(ours(onePerConnection, accept) / tuned(onePerConnection, accept))} Postfix tuned`,
      '≥ 1.2 ×',
      '≥ 1.8 ×',
    ),
    row(
      'accept p99 in the burst',
      times(ours(three, ({ acceptP99Ms }) => acceptP99Ms) / tuned(three, ({ acceptP99Ms }) => acceptP99Ms)),
      '≤ 0.5 × Postfix tuned',
      '≤ 0.25 ×',
    ),
    row(
      'accepted to delivered at 50/s, p50',
      times(ours(steady, p50) / bestPeer(steady, p50)),
      '≤ 0.33 × the best peer',
      '≤ 0.15 ×',
    ),
    row(
      'accepted to delivered at 50/s, p99',
      times(ours(steady, p99) / bestPeer(steady, p99)),
      '≤ 0.5 × the best peer',
      '≤ 0.25 ×',
    ),
    row(
      'CPU in the burst',
      `${times(ours(three, cpu) / tuned(three, cpu))} Postfix tuned, ${times(ours(three, cpu) / ofDirect(three, ({ cpuMicrosPerMessage }) => cpuMicrosPerMessage / 1000))} direct`,
      '≤ 0.15 ×, ≤ 0.6 ×',
      '≤ 0.08 ×, ≤ 0.4 ×',
    ),
    row(
      'upstream connections; token requests, at 50/s',
      `${shown(ours(steady, ({ upstreamConnections }) => upstreamConnections))}; ${shown(ours(steady, ({ tokenRequests }) => tokenRequests))}`,
      '≤ 3; 1',
      '',
    ),
    row('peak RSS in the burst', `${shown(ours(three, ({ peakRssMb }) => peakRssMb))} MB`, '≤ 160 MB', '≤ 120 MB'),
    row(
      `${shown(deep.messages)} queued`,
      `start ${shown(deep.startMs)} ms, claim p99 ${shown(deep.claimP99Ms, 1)} ms, RSS ${times(deep.rssMb / deep.emptyRssMb)} empty`,
      'start ≤ 5 s, claim p99 ≤ 20 ms, RSS ≤ 1.5 ×',
      '',
    ),
    row('PostgreSQL, one node', times(oneNode / sqlite), '≥ 0.6 × SQLite', ''),
    row('PostgreSQL, two nodes', times(twoNodes / oneNode), '≥ 1.0 × one', ''),
    ...fairness.map((each) =>
      row(
        `fairness beside ${shown(each.queued)} queued at ${shown(each.fullPace)} a minute, p99`,
        times(each.besideP99Ms / each.aloneP99Ms),
        '≤ 2 ×',
        '',
      ),
    ),
  ];
}

function otherTables({ deep, databases, fairness, limits }: Results): string[] {
  const { sqlite, oneNode = Number.NaN, twoNodes = Number.NaN } = databases;
  return [
    '## A deep queue',
    '',
    `${shown(deep.messages)} messages of 10 kB wait in a held lane. Start until mail is taken: ${shown(deep.startMs)} ms, with an empty queue ${shown(deep.startEmptyMs)} ms. ` +
      `Resident memory 5 s later: ${shown(deep.rssMb)} MB, with an empty queue ${shown(deep.emptyRssMb)} MB. A lease of 64 messages with their bytes, p50 and p99 of 500: ${shown(deep.claimP50Ms, 1)} and ${shown(deep.claimP99Ms, 1)} ms. ` +
      `The queue takes in ${shown(deep.intakeEmpty)}/s while it is empty and ${shown(deep.intakeFull)}/s while it is full; the first page of a list takes ${shown(deep.pageMs, 1)} ms.`,
    '',
    '## Databases',
    '',
    `Delivered/s through eight mailboxes, eight senders at once: SQLite ${shown(sqlite)}; PostgreSQL with one node ${shown(oneNode)}, with two ${shown(twoNodes)}. The data of PostgreSQL lie in memory, so its flushes are cheap; two nodes, the server and the clients share the processors.`,
    '',
    '## Fairness',
    '',
    'Accepted to delivered of one mailbox at 20/s: alone, and while another has its queue full and a third cannot sign in (its token endpoint refuses).',
    '',
    row('queued beside', 'its pace, messages a minute', 'alone p50 / p99, ms', 'beside p50 / p99, ms'),
    row('---', '---', '---', '---'),
    ...fairness.map((each) =>
      row(
        shown(each.queued),
        shown(each.fullPace),
        `${shown(each.aloneP50Ms, 1)} / ${shown(each.aloneP99Ms, 1)}`,
        `${shown(each.besideP50Ms, 1)} / ${shown(each.besideP99Ms, 1)}`,
      ),
    ),
    '',
    '## The limits of the machine',
    '',
    ...limits.disk.map(
      ({ sizeBytes, perSecond }) => `- append ${shown(sizeBytes)} bytes and flush: ${shown(perSecond)}/s`,
    ),
    ...limits.sinkAlone.map(
      ({ connections, perSecond = Number.NaN }) =>
        `- a client in C straight to the sink, ${connections} connections: ${shown(perSecond)}/s`,
    ),
  ];
}

function markdown(results: Results, now: Date): string {
  const { plan, machine, tools, burst, onePerConnection, steady } = results;
  return [
    '# The service, measured',
    '',
    `${now.toISOString().slice(0, 10)}, Node ${process.versions.node}, ${machine}, loopback; sink and clients in ${tools}.`,
    '',
    '10 KB messages from 20 clients without a sign-in, each on disk before it is confirmed. Postbearer as it is published, with policy, header rules, log to a file, metrics, events and the HTTP API on, ' +
      'XOAUTH2 over STARTTLS on kept connections, `pace` raised to 1,000,000 messages a minute. Postfix and Haraka have no OAuth of their own and sign in with AUTH PLAIN. nodemailer keeps nothing: its pool sends straight to the sink.',
    ...(tools === 'C'
      ? []
      : [
          'The clients are written in TypeScript and take a good part of the machine for themselves: with the tools in C (POSTBEARER_BENCH_TOOLS) all rates are higher.',
        ]),
    `Medians of ${plan.rounds} rounds in turn; a burst has ${shown(plan.burst)} messages (Postfix and Haraka ${shown(plan.peerBurst)}).`,
    '',
    ...goals(results),
    '',
    ...burst.flatMap((series) => [
      `## Burst, ${series.connections} upstream connections`,
      '',
      ...seriesTable(series),
      '',
    ]),
    '## A connection for each message',
    '',
    ...seriesTable(onePerConnection),
    '',
    '## 50 a second',
    '',
    ...seriesTable(steady),
    '',
    ...otherTables(results),
    '',
  ].join('\n');
}

/** Writes `results/service.md` and `.json` where they are to be kept, and gives the text. */
export function writeReport(results: Results, keep: boolean): string {
  const now = new Date();
  const text = markdown(results, now);
  if (keep) {
    const folder = join(import.meta.dirname, '..', 'results');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'service.md'), text);
    writeFileSync(
      join(folder, 'service.json'),
      `${JSON.stringify({ measuredAt: now.toISOString(), ...results }, undefined, 2)}\n`,
    );
  }
  return text;
}
