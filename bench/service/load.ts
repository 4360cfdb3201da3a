/**
 * The load: messages with numbers, handed to a relay by many clients, and when each arrived at the sink.
 *
 * The client is the source in C where there is one; else a program of this folder, which takes more of the machine for
 * itself, so that every relay looks slower.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Sink } from '../sink/sink.ts';
import { USERNAME } from '../workload.ts';
import { cpuSecondsOf, machineCpuSeconds, processors, watchMemory } from './process-tree.ts';

/** What is sent. */
export interface LoadPlan {
  readonly port: number;
  readonly messages: number;
  readonly clients: number;
  readonly sizeBytes: number;
  /** A new connection for each message. */
  readonly isOnePerConnection?: boolean;
  /** So many a second, whatever the relay does; as fast as it goes where left out. */
  readonly ratePerSecond?: number;
  /** The number of the first message. */
  readonly firstId?: number;
  readonly sender?: string;
}

/** What the clients saw. */
export interface Sent {
  readonly accepted: number;
  readonly failed: number;
  readonly acceptedPerSecond: number;
  readonly acceptP50Ms: number;
  readonly acceptP99Ms: number;
  /** When the first began, by the monotonic clock, nanoseconds. */
  readonly startedNs: number;
  /** When each was accepted. */
  readonly acceptedNs: ReadonlyMap<number, number>;
}

/** A load, from the first client to the last arrival. */
export interface LoadResult extends Omit<Sent, 'startedNs' | 'acceptedNs'> {
  readonly delivered: number;
  readonly doubled: number;
  /** From the first client to the last arrival. */
  readonly deliveredPerSecond: number;
  /** From the 250 to the arrival; 0 where it arrived first. */
  readonly latencyP50Ms: number;
  readonly latencyP99Ms: number;
  readonly cpuPer1000: number;
  readonly peakRssMb: number;
  readonly peakPssMb: number;
  readonly upstreamConnections: number;
  /** Share of the machine that others took meanwhile. */
  readonly foreignShare: number;
}

/** The program that sends: in C where given. */
export interface Source {
  readonly program: string | undefined;
  readonly folder: string;
}

let runs = 0;

/** The value below which a share of the sorted values lies. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN;
}

interface SourceReport {
  readonly accepted: number;
  readonly failed: number;
  readonly rate: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly t0_ns: number;
  readonly cpu_s: number;
}

/** Sends; resolves when the last client is done. */
export async function send(
  { program, folder }: Source,
  plan: LoadPlan,
): Promise<Sent & { readonly cpuSeconds: number }> {
  runs += 1;
  const times = join(folder, `sent-${runs}`);
  const { port, messages, clients, sizeBytes, isOnePerConnection = false, ratePerSecond = 0, firstId = 0 } = plan;
  const sender = plan.sender ?? USERNAME;
  const numbers = ['-p', port, '-c', clients, '-n', messages, '-s', sizeBytes, '-i', firstId].map(String);
  const args = [
    ...numbers,
    ...(isOnePerConnection ? ['-k', '1'] : []),
    ...(ratePerSecond > 0 ? ['-r', String(ratePerSecond)] : []),
    '-f',
    sender,
    '-F',
    sender,
    '-o',
    times,
  ];
  const own = join(import.meta.dirname, 'source-process.ts');
  const child = spawn(program ?? process.execPath, program === undefined ? [own, ...args] : args, {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let told = '';
  child.stdout.on('data', (part: Buffer) => (told += part.toString()));
  await once(child, 'close');
  const report = JSON.parse(told) as SourceReport;
  const acceptedNs = new Map<number, number>();
  for (const line of readFileSync(times, 'utf8').split('\n')) {
    const [id = 0, , at = 0] = line.split(' ').map(Number);
    if (at > 0) acceptedNs.set(id, at);
  }
  return {
    accepted: report.accepted,
    failed: report.failed,
    acceptedPerSecond: report.rate,
    acceptP50Ms: report.p50_ms,
    acceptP99Ms: report.p99_ms,
    startedNs: report.t0_ns,
    acceptedNs,
    cpuSeconds: report.cpu_s,
  };
}

/** Waits until so many have arrived, or none has for a while. */
export async function arrived(sink: Sink, count: number, patienceMs = 30_000): Promise<void> {
  let [seen, since] = [-1, performance.now()];
  for (;;) {
    const { unique } = await sink.counts();
    if (unique >= count) return;
    if (unique !== seen) [seen, since] = [unique, performance.now()];
    else if (performance.now() - since > patienceMs) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(resolve, 50);
    await promise;
  }
}

/** Accept to arrival of each message in `acceptedNs`, sorted, milliseconds. */
export function latenciesMs(acceptedNs: ReadonlyMap<number, number>, arrivals: ReadonlyMap<number, number>): number[] {
  const found = [...acceptedNs].flatMap(([id, at]) => {
    const arrival = arrivals.get(id);
    return arrival === undefined ? [] : [Math.max(0, (arrival - at) / 1e6)];
  });
  return found.toSorted((a, b) => a - b);
}

/** Sends a load through a relay, and waits for the last arrival. */
export async function load(source: Source, sink: Sink, relayPid: number, plan: LoadPlan): Promise<LoadResult> {
  await sink.reset();
  const before = {
    cpu: cpuSecondsOf(relayPid),
    machine: machineCpuSeconds(),
    own: process.cpuUsage(),
    sink: sink.cpuSeconds(),
  };
  const memory = watchMemory(relayPid);
  const begun = performance.now();
  const { startedNs, acceptedNs, cpuSeconds, ...sent } = await send(source, plan);
  await arrived(sink, sent.accepted);
  const seconds = (performance.now() - begun) / 1000;
  const { rssMb, pssMb } = memory.stop();
  const cpu = cpuSecondsOf(relayPid) - before.cpu;
  const own = process.cpuUsage(before.own);
  const tools = cpuSeconds + (own.user + own.system) / 1e6 + sink.cpuSeconds() - before.sink;
  const counts = await sink.counts();
  const arrivals = await sink.arrivals();
  const latencies = latenciesMs(acceptedNs, arrivals);
  const lastNs = arrivals.values().reduce((latest, at) => Math.max(latest, at), 0);
  return {
    ...sent,
    delivered: counts.unique,
    doubled: counts.duplicates,
    deliveredPerSecond: counts.unique / ((lastNs - startedNs) / 1e9),
    latencyP50Ms: quantile(latencies, 0.5),
    latencyP99Ms: quantile(latencies, 0.99),
    cpuPer1000: (cpu / counts.unique) * 1000,
    peakRssMb: rssMb,
    peakPssMb: pssMb,
    upstreamConnections: counts.connections,
    foreignShare: Math.max(0, machineCpuSeconds() - before.machine - cpu - tools) / seconds / processors,
  };
}
