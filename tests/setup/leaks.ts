/**
 * Every test file must close what it opens: sockets, servers, timers, child processes, listeners on the process.
 *
 * This file runs before each test file (`setupFiles`), notes what is open then, and after the last test waits a moment
 * for things to settle. What is still open fails the file, by name and by the place that made it, also when it was told
 * not to keep the process alive (`unref`): such a timer still fires into the next test.
 */
import { afterAll, vi } from 'vitest';
import { openResources } from './open-resources.ts';

/** How long closing may take after the last test. */
const SETTLE_MS = 2000;
const STEP_MS = 10;

// A test may replace these; the check needs the real ones.
const { setTimeout: startTimer } = globalThis;
const monotonicMs = performance.now.bind(performance);

/** What is open, as a count for each name. */
export type Census = ReadonlyMap<string, number>;

/** Kinds of work that end by themselves and are no leak. */
const PASSING: readonly string[] = ['FSReqCallback', 'FSReqPromise', 'CloseReq', 'WriteWrap'];
/** Kinds that `openResources` names, with their place. */
const NAMED_BETTER: readonly string[] = ['Timeout', 'Immediate'];
const UNCOUNTED: ReadonlySet<string> = new Set([...PASSING, ...NAMED_BETTER]);

/** Counts what is open in this process and the listeners on it. */
export function census(): Census {
  const counts = new Map<string, number>();
  const add = (name: string, count: number): void => void counts.set(name, (counts.get(name) ?? 0) + count);
  for (const resource of process.getActiveResourcesInfo()) if (!UNCOUNTED.has(resource)) add(resource, 1);
  for (const resource of openResources()) add(resource, 1);
  for (const event of process.eventNames())
    add(`listener on process for "${String(event)}"`, process.listenerCount(event));
  if (vi.isFakeTimers()) add('fake timers in use', 1);
  return counts;
}

/** What is in `after` beyond `before`, each as a short phrase. */
export function leftOpen(before: Census, after: Census): string[] {
  const left: string[] = [];
  for (const [name, count] of after) {
    const more = count - (before.get(name) ?? 0);
    if (more > 0) left.push(more === 1 ? name : `${more} x ${name}`);
  }
  return left;
}

function addressOf(handle: object): string | undefined {
  if ('spawnargs' in handle && Array.isArray(handle.spawnargs)) return `child process ${handle.spawnargs.join(' ')}`;
  if ('listening' in handle && 'address' in handle && typeof handle.address === 'function') {
    return `server on ${JSON.stringify(handle.address())}`;
  }
  if ('remotePort' in handle && handle.remotePort !== undefined) {
    const local = 'localPort' in handle ? JSON.stringify(handle.localPort) : '?';
    return `socket from port ${local} to port ${JSON.stringify(handle.remotePort)}`;
  }
  return undefined;
}

/** More about the open sockets, servers and children than their kind, where Node tells it. */
function details(): string[] {
  // Not documented, so taken only where it is there, and only to say more.
  const list: unknown = Reflect.get(process, '_getActiveHandles');
  if (typeof list !== 'function') return [];
  const handles: unknown = list.call(process);
  if (!Array.isArray(handles)) return [];
  return handles.flatMap((handle: unknown) =>
    typeof handle === 'object' && handle !== null ? (addressOf(handle) ?? []) : [],
  );
}

async function settled(before: Census): Promise<string[]> {
  const deadline = monotonicMs() + SETTLE_MS;
  for (;;) {
    const left = leftOpen(before, census());
    if (left.length === 0 || monotonicMs() > deadline) return left;
    // oxlint-disable-next-line promise/avoid-new -- the promise form of the timer may be replaced by fake timers
    await new Promise((resolve) => startTimer(resolve, STEP_MS));
  }
}

const before = census();

afterAll(async () => {
  const left = await settled(before);
  if (left.length > 0) {
    const known = details();
    throw new Error(
      `This file left open: ${left.join(', ')}${known.length === 0 ? '' : ` (open now: ${known.join('; ')})`}`,
    );
  }
}, SETTLE_MS * 5);
