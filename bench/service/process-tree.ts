/**
 * CPU and memory of a program with everything that it started, from `/proc`: Linux alone.
 *
 * The CPU of processes that have ended counts as soon as their parent has seen their end, so programs of many short-lived
 * processes are measured in full.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';

const TICKS_PER_SECOND = 100;

interface ProcessLine {
  readonly pid: number;
  readonly parent: number;
  /** Its own CPU and that of its children that have ended, seconds. */
  readonly cpuSeconds: number;
}

function readProcess(pid: number): ProcessLine | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    return { pid, parent: Number(fields[1]), cpuSeconds: ticks / TICKS_PER_SECOND };
  } catch {
    // It has ended.
    return undefined;
  }
}

/** The process and its descendants that live now. */
function treeOf(root: number): ProcessLine[] {
  const all = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? (readProcess(Number(name)) ?? []) : []));
  const found = all.filter(({ pid }) => pid === root);
  for (const { pid } of found) found.push(...all.filter(({ parent }) => parent === pid));
  return found;
}

/** Seconds of CPU that a process and all its descendants have used. */
export function cpuSecondsOf(root: number): number {
  return treeOf(root).reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
}

/** Memory of a process and its descendants now, MB: resident, and with shared pages counted in shares. */
export function memoryOf(root: number): { readonly rssMb: number; readonly pssMb: number } {
  let [rss, pss] = [0, 0];
  for (const { pid } of treeOf(root)) {
    try {
      const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
      rss += Number(/^Rss:\s+(\d+)/m.exec(text)?.[1] ?? 0);
      pss += Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0);
    } catch {
      // It has ended.
    }
  }
  return { rssMb: rss / 1024, pssMb: pss / 1024 };
}

/** Looks at memory again and again until it is stopped; gives the peaks. */
export function watchMemory(root: number): { stop(): { readonly rssMb: number; readonly pssMb: number } } {
  let peak = memoryOf(root);
  const look = (): void => {
    const { rssMb, pssMb } = memoryOf(root);
    peak = { rssMb: Math.max(peak.rssMb, rssMb), pssMb: Math.max(peak.pssMb, pssMb) };
  };
  const timer = setInterval(look, 200);
  return {
    stop() {
      clearInterval(timer);
      look();
      return peak;
    },
  };
}

/** Seconds of CPU that the whole machine has used, and the number of its processors. */
export function machineCpuSeconds(): number {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq + steal) / TICKS_PER_SECOND;
}

/** How many processors there are. */
export const processors: number = cpus().length;
