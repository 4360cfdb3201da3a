/**
 * Opens the store, and waits for a database server that cannot be reached.
 *
 * The rules of this file: the reason is told of once; whoever wants to hand in mail meanwhile is asked to come again; what
 * does not pass by itself (a wrong password, a newer schema) is not waited for.
 */
import { success, type Clock, type Fault, type Result } from '@postbearer/core';
import type { SmtpServer } from '@postbearer/smtp/server';
import { relaySettingsOf } from './relay-part.ts';
import { openClosedCounter } from './relay/closed-counter.ts';
import type { ServiceStart } from './running-service.ts';
import type { Store } from './store.ts';

const TRY_AGAIN_MS = 1000;

/** Opens a store onto a stack that it is given. */
export type OpenStore = (stack: AsyncDisposableStack) => Promise<Result<Store>>;

/** One attempt; what was opened in vain is closed again. */
async function attempt(open: OpenStore, held: AsyncDisposableStack): Promise<Result<Store>> {
  await using stack = new AsyncDisposableStack();
  const store = await open(stack);
  if (store.ok) held.use(stack.move());
  return store;
}

async function pause(clock: Clock, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = clock.setTimer(resolve, TRY_AGAIN_MS);
  signal.addEventListener('abort', () => resolve(), { once: true });
  await promise;
  timer.cancel();
}

/** Listens where mail will be taken, as far as that is possible: only answers are at stake. */
async function openCounters({ first, dataFolder, clock, onError }: ServiceStart): Promise<SmtpServer[]> {
  const settings = relaySettingsOf(first);
  const opened = await Promise.all(
    first.service.relay.listeners.map(
      async (place) => await openClosedCounter({ dataFolder, clock, onError }, place, settings),
    ),
  );
  return opened.flatMap((counter) => (counter.ok ? [counter.value] : []));
}

/** Opens a store. Fails as `open` does, at once where no wait was asked for or the fault does not pass by itself. */
export async function openStoreWaiting(
  open: OpenStore,
  held: AsyncDisposableStack,
  options: ServiceStart,
): Promise<Result<Store>> {
  const { clock, monitoring, waitUntil } = options;
  let store = await attempt(open, held);
  if (store.ok || !isWorthWaiting(store.fault) || waitUntil === undefined) return store;
  monitoring.onEvent({ name: 'database.unavailable', fault: store.fault });
  const sinceMs = clock.monotonicMs();
  const counters = await openCounters(options);
  try {
    while (!store.ok && isWorthWaiting(store.fault) && !waitUntil.aborted) {
      await pause(clock, waitUntil);
      store = await attempt(open, held);
    }
  } finally {
    await Promise.all(counters.map(async (counter) => await counter.close({ graceMs: 0 })));
  }
  if (store.ok) monitoring.onEvent({ name: 'database.available', downMs: clock.monotonicMs() - sinceMs });
  return store.ok ? success(store.value) : store;
}

function isWorthWaiting({ code }: Fault): boolean {
  return code === 'DATABASE_UNAVAILABLE' || code === 'DATABASE_OUTCOME_UNKNOWN';
}
