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

const COMMON = ['-f', '-qq', '--seccomp-bpf'];

/** The arguments by which strace records calls into a file. */
export function recording(strace: string, file: string, calls: readonly string[] = LEAVING_CALLS): readonly string[] {
  return [strace, ...COMMON, '-o', file, '-e', `trace=${calls.join(',')}`];
}

/** The arguments by which strace does something at the `at`-th such call of a thread, such as `signal=SIGKILL` or `error=EIO`. */
export function injecting(strace: string, call: string, what: string, at: number): readonly string[] {
  return [strace, ...COMMON, '-o', '/dev/null', '-e', `trace=${call}`, '-e', `inject=${call}:${what}:when=${at}`];
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
