/** Waiting for something that cannot be cancelled itself. */

/** Waits for `outcome` no longer than until `signal` aborts; then throws its reason. */
export async function unlessAborted<T>(outcome: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return outcome;
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = (): void => reject(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([outcome, promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
