/** What every measured client does: send numbered messages from a few senders at once, and tell what it took. */

/** What a client process is told, as JSON in its first argument. */
export interface ClientTask {
  readonly port: number;
  readonly connections: number;
  readonly messages: number;
  readonly sizeBytes: number;
  /** The number of the first message. */
  readonly firstId: number;
  readonly caPem: string;
  readonly tokenEndpoint: string;
}

/** What a client process tells, as JSON on its last line. */
export interface Measurement {
  readonly sent: number;
  readonly failed: number;
  readonly seconds: number;
  readonly ratePerSecond: number;
  /** User and system time of the whole process while it sent, microseconds for each message. */
  readonly cpuMicrosPerMessage: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Memory at the beginning and at each tenth. */
  readonly memory: readonly MemorySample[];
  readonly peakRssMb: number;
}

/** Memory at one moment, in MB. */
export interface MemorySample {
  readonly rssMb: number;
  /** What JavaScript objects take; without garbage where Node was started with `--expose-gc`. */
  readonly heapMb: number;
}

const MB = 1024 * 1024;

/** The task of this process. */
export function readTask(): ClientTask {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- both ends are in this folder
  return JSON.parse(process.argv[2] ?? '{}') as ClientTask;
}

/** Resident memory now, in MB. */
export function rssMb(): number {
  return Math.round(process.memoryUsage.rss() / MB);
}

function sampleMemory(): MemorySample {
  globalThis.gc?.();
  return { rssMb: rssMb(), heapMb: Number((process.memoryUsage().heapUsed / MB).toFixed(1)) };
}

/** The highest resident memory so far, in MB. */
export function peakRssMb(): number {
  return Math.round(process.resourceUsage().maxRSS / 1024);
}

/**
 * Sends `task.messages` messages with twice as many senders as connections, so that one always waits.
 *
 * @param sendOne - sends the message of that number; `false` where it was not accepted.
 */
export async function measure(task: ClientTask, sendOne: (id: number) => Promise<boolean>): Promise<Measurement> {
  const latenciesMs: number[] = [];
  const memory = [sampleMemory()];
  const tenth = Math.max(1, Math.floor(task.messages / 10));
  let next = 0;
  let failed = 0;
  const sender = async (): Promise<void> => {
    while (next < task.messages) {
      const number = next;
      next += 1;
      const start = performance.now();
      if (!(await sendOne(task.firstId + number))) failed += 1;
      latenciesMs.push(performance.now() - start);
      if (latenciesMs.length % tenth === 0) memory.push(sampleMemory());
    }
  };
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  await Promise.all(Array.from({ length: task.connections * 2 }, sender));
  const seconds = (performance.now() - start) / 1000;
  const cpu = process.cpuUsage(cpuBefore);
  const sent = task.messages - failed;
  latenciesMs.sort((a, b) => a - b);
  const quantile = (share: number): number => latenciesMs[Math.floor(share * (latenciesMs.length - 1))] ?? 0;
  return {
    sent,
    failed,
    seconds,
    ratePerSecond: sent / seconds,
    cpuMicrosPerMessage: (cpu.user + cpu.system) / sent,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    memory,
    peakRssMb: peakRssMb(),
  };
}
