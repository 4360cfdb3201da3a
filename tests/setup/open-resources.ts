/**
 * Timers and handles that are open, also those that were told not to keep the process alive (`unref`).
 *
 * Node's own list (`process.getActiveResourcesInfo`) leaves those out, and a timer can be set in many ways: the globals,
 * `node:timers`, `node:timers/promises`, `AbortSignal.timeout`. So this listens where Node itself counts
 * (`async_hooks`), from the moment it is loaded, and remembers the stack each was made on.
 */
import { createHook } from 'node:async_hooks';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What each kind is called in a message; all of them end when they are closed, not when they are collected. */
const KINDS: Readonly<Record<string, string>> = {
  Timeout: 'timer',
  Immediate: 'immediate',
  TCPWRAP: 'socket',
  TCPSERVERWRAP: 'server',
  PIPEWRAP: 'pipe',
  PIPESERVERWRAP: 'pipe server',
  UDPWRAP: 'datagram socket',
  PROCESSWRAP: 'child process',
  FSEVENTWRAP: 'file watch',
  WORKER: 'worker thread',
};
/** Node sets these for itself, also while our code runs, and they end by themselves. */
const TIMERS_OF_NODE = /\butcDate\b/;
/** Vitest, and the wait of the check itself. */
const NOT_OF_THE_TESTS = /\/node_modules\/(?:@vitest|vitest|vite|tinypool|birpc)\/|\/tests\/setup\/leaks\.ts:/;
const STACK_FRAMES = 30;
const PLACES_SHOWN = 3;

interface Made {
  readonly kind: string;
  /** Not read before it is needed: to write a stack out is slow. */
  readonly stack: Error;
}

const made = new Map<number, Made>();

function stackHere(): Error {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = STACK_FRAMES;
  const stack = new Error('made here');
  Error.stackTraceLimit = limit;
  return stack;
}

// Promises are not of interest, and to follow each would slow everything down.
createHook({
  init(id, type) {
    const kind = KINDS[type];
    if (kind !== undefined) made.set(id, { kind, stack: stackHere() });
  },
  destroy(id) {
    made.delete(id);
  },
  trackPromises: false,
}).enable();

/** The places on a stack that are not Node's own, innermost first; none when Node made it on an event from outside. */
function placesOf(stack: string): string[] {
  return stack
    .split('\n')
    .slice(1)
    .map((line) => /(?:^| |\()((?:file:\/\/)?\/[^()]*):(\d+):\d+\)?$/.exec(line))
    .flatMap((match) => (match === null ? [] : [`${match[1]}:${match[2]}`]))
    .filter((place) => !place.includes(import.meta.filename));
}

/** Such as ` made at packages/a/src/b.ts:12, called at packages/a/src/b.test.ts:7`: a clock is named with its caller. */
function madeAt(places: readonly string[]): string {
  const shown = places.filter((place) => !NOT_OF_THE_TESTS.test(place)).slice(0, PLACES_SHOWN);
  const fromRoot = shown.map((place) =>
    relative(process.cwd(), place.startsWith('file:') ? fileURLToPath(place) : place),
  );
  return fromRoot.length === 0 ? '' : ` made at ${fromRoot.join(', called at ')}`;
}

/** Short phrases such as `timer made at packages/a/src/b.ts:12`, one for each thing that is open. */
export function openResources(): string[] {
  return [...made.values()].flatMap(({ kind, stack }) => {
    const text = stack.stack ?? '';
    const places = placesOf(text);
    if (NOT_OF_THE_TESTS.test(places[0] ?? '')) return [];
    // A timer that no code of ours asked for belongs to Node; a socket without a place was accepted by a server.
    const isTimer = kind === 'timer' || kind === 'immediate';
    if (isTimer && (places.length === 0 || TIMERS_OF_NODE.test(text))) return [];
    return [`${kind}${madeAt(places)}`];
  });
}
