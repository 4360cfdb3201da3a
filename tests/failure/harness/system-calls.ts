/** The service under strace: which system calls it makes, and what is injected at one of them. */
import { readFileSync } from 'node:fs';

/** Calls by which something leaves the program: to files, and to the other side of a connection. */
export const LEAVING_CALLS = [
  'pwrite64',
  'fdatasync',
  'fsync',
  'ftruncate',
  'unlink',
  'rename',
  'write',
  'writev',
  'sendto',
  'sendmsg',
] as const;

const COMMON = ['-f', '-qq'];
/** Stops only at the calls that are asked for, which is quicker. */
const FILTERED = '--seccomp-bpf';

/** The arguments by which strace records calls into a file. */
export function recording(strace: string, file: string, calls: readonly string[] = LEAVING_CALLS): readonly string[] {
  return [strace, ...COMMON, FILTERED, '-o', file, '-e', `trace=${calls.join(',')}`];
}

/** The arguments by which strace lets the `at`-th such call of a thread fail, such as with EIO; `at` may be `20+9` for each ninth from there. */
export function failing(strace: string, call: string, error: string, at: number | string): readonly string[] {
  const inject = `inject=${call}:error=${error}:when=${at}`;
  return [strace, ...COMMON, FILTERED, '-o', '/dev/null', '-e', `trace=${call}`, '-e', inject];
}

/** The arguments by which strace kills the program at the `at`-th such call of a thread. */
export function killing(strace: string, call: string, at: number): readonly string[] {
  // With a filter strace 6.1 injects errors and no signals.
  const inject = `inject=${call}:signal=SIGKILL:when=${at}`;
  return [strace, ...COMMON, '-o', '/dev/null', '-e', `trace=${call}`, '-e', inject];
}

/** How often the busiest thread of a record made each call: strace counts for each thread. */
export function callCounts(file: string): ReadonlyMap<string, number> {
  const byThread = new Map<string, number>();
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const [, thread, call] = /^(\d+)\s+(\w+)\(/.exec(line) ?? [];
    if (thread === undefined || call === undefined) continue;
    byThread.set(`${call} ${thread}`, (byThread.get(`${call} ${thread}`) ?? 0) + 1);
  }
  const counts = new Map<string, number>();
  for (const [key, count] of byThread) {
    const call = key.split(' ', 1)[0] ?? '';
    counts.set(call, Math.max(counts.get(call) ?? 0, count));
  }
  return counts;
}
