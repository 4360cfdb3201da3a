/** Turns measurements into a table for people and a file for programs. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import type { AttachmentMeasurement } from './clients/attachment.ts';
import type { Measurement } from './clients/measure.ts';
import type { SinkCounts } from './sink/process.ts';

/** The clients that are compared. */
export type ClientName = 'nodemailer' | 'postbearer';

/** What is compared: the program in `clients/` of each side. */
export const LAYERS = {
  'pool, whole messages': { nodemailer: 'nodemailer', postbearer: 'postbearer' },
  'mailer, raw': { nodemailer: 'nodemailer', postbearer: 'mailer-raw' },
  'mailer, text': { nodemailer: 'nodemailer-text', postbearer: 'mailer-text' },
} as const satisfies Readonly<Record<string, Readonly<Record<ClientName, string>>>>;

/** A face of Postbearer that is measured. */
export type Layer = keyof typeof LAYERS;

/** One client, one round: what it told and what the other side counted. */
export interface Round extends Measurement {
  readonly server: SinkCounts;
  readonly tokenRequests: number;
}

/** All rounds with one number of connections. */
export interface Comparison {
  readonly layer: Layer;
  readonly connections: number;
  readonly chunking: boolean;
  readonly rounds: Readonly<Record<ClientName, readonly Round[]>>;
  /** Messages a second of the C source, where there was one. */
  readonly limits: readonly number[];
}

/** Everything of a run. */
export interface Results {
  readonly plan: {
    readonly rounds: number;
    readonly messages: number;
    readonly longMessages: number;
    readonly sizeBytes: number;
  };
  readonly sinkKind: string;
  readonly comparisons: readonly Comparison[];
  readonly long: Round;
  readonly attachment: AttachmentMeasurement;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

function medianOf(rounds: readonly Round[], value: (round: Round) => number): number {
  return median(rounds.map((round) => value(round)));
}

const whole = (value: number): string =>
  Number.isNaN(value) ? 'not measured' : Math.round(value).toLocaleString('en-US');

function comparisonRow({ layer, connections, chunking, rounds, limits }: Comparison): string {
  const { nodemailer, postbearer } = rounds;
  const rates = [nodemailer, postbearer].map((all) => medianOf(all, ({ ratePerSecond }) => ratePerSecond));
  const cpu = [nodemailer, postbearer].map((all) => medianOf(all, ({ cpuMicrosPerMessage }) => cpuMicrosPerMessage));
  const [theirRate = Number.NaN, ourRate = Number.NaN] = rates;
  const [theirCpu = Number.NaN, ourCpu = Number.NaN] = cpu;
  const lost = postbearer.reduce((sum, { sent, server }) => sum + sent - server.unique, 0);
  const doubled = postbearer.reduce((sum, { server }) => sum + server.duplicates, 0);
  const cells = [
    layer,
    `${connections}${chunking ? ', CHUNKING offered' : ''}`,
    whole(theirRate),
    whole(ourRate),
    `**${(ourRate / theirRate).toFixed(2)}**`,
    whole(theirCpu),
    whole(ourCpu),
    `**${(ourCpu / theirCpu).toFixed(2)}**`,
    whole(median(limits)),
    String(Math.max(...postbearer.map(({ tokenRequests }) => tokenRequests))),
    String(Math.max(...postbearer.map(({ server }) => server.mostOpen))),
    `${lost} / ${doubled}`,
  ];
  return `| ${cells.join(' | ')} |`;
}

function markdown(results: Results, now: Date): string {
  const { plan, long, attachment, sinkKind } = results;
  const [processor] = cpus();
  // The first tenth fills what is then kept: compiled code, connections, pools of memory.
  const tenths = long.memory.slice(1);
  return [
    '# The SMTP client, measured',
    '',
    `${now.toISOString().slice(0, 10)}, Node ${process.versions.node}, ${cpus().length} × ${processor?.model.trim() ?? 'unknown processor'}, loopback, sink in ${sinkKind}.`,
    '',
    `${plan.sizeBytes / 1024} KB messages, XOAUTH2 over STARTTLS on kept connections, ${plan.messages} messages a round, medians of ${plan.rounds} rounds in turn.`,
    'Rates are messages a second, CPU is microseconds of the client process for each message. ' +
      (sinkKind === 'C'
        ? 'The limit is a client in C that does nothing else.'
        : 'The limit of the machine is missing: the client in C that tells it is not part of this repository (POSTBEARER_BENCH_TOOLS).'),
    'Layers: "pool" is `@postbearer/smtp/client` with whole messages, "mailer, raw" is `createMailer().send({ raw })`, "mailer, text" is `createMailer().send({ text })`, which composes. ' +
      'The pooled transport of nodemailer gets `raw` in the first two and `text` in the last.',
    '',
    '| layer | connections | nodemailer rate | Postbearer rate | ratio | nodemailer CPU | Postbearer CPU | ratio | limit | token requests | most connections | lost / doubled |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...results.comparisons.map((comparison) => comparisonRow(comparison)),
    '',
    `Memory over ${plan.longMessages.toLocaleString('en-US')} messages on 3 connections, at each tenth: ` +
      `JavaScript objects (with 8 bytes a message for its latency) ${tenths.map(({ heapMb }) => heapMb.toFixed(1)).join(', ')} MB, resident ${tenths.map((sample) => sample.rssMb).join(', ')} MB, ` +
      `peak ${long.peakRssMb} MB. ${long.server.unique.toLocaleString('en-US')} arrived, ${long.tokenRequests} token request.`,
    '',
    `\`attachments: [{ path }]\` of ${attachment.attachmentMb} MB through the mailer: ${attachment.outcome} in ${attachment.seconds.toFixed(1)} s, ` +
      `resident memory from ${attachment.baseRssMb} MB to at most ${attachment.peakRssMb} MB, **${attachment.peakRssMb - attachment.baseRssMb} MB** of growth.`,
    '',
  ].join('\n');
}

/** Writes `results/smtp-client.md` and `.json` where they are to be kept, and gives the text. */
export function writeReport(results: Results, options: { readonly keep: boolean }): string {
  const now = new Date();
  const text = markdown(results, now);
  if (options.keep) {
    const folder = join(import.meta.dirname, 'results');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'smtp-client.md'), text);
    writeFileSync(
      join(folder, 'smtp-client.json'),
      `${JSON.stringify({ measuredAt: now.toISOString(), ...results }, undefined, 2)}\n`,
    );
  }
  return text;
}
