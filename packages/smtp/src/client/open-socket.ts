/** Opens the TCP connection, and says why where it cannot. */
import { connect, type LookupFunction, type Socket } from 'node:net';
import { failure, success, type Clock, type Fault, type NetworkEvidence, type Result } from '@postbearer/core';
import { clientFaults, type ClientFaultCode } from './faults.ts';

/** Where to connect and how. */
export interface OpenOptions {
  readonly host: string;
  readonly port: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly lookup?: LookupFunction | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What is wrong with a connection below SMTP, as a fault with its evidence. */
export function networkFault(
  code: ClientFaultCode,
  target: { readonly host: string; readonly port: number },
  detail: string,
  errorCode?: string,
  values: Readonly<Record<string, string | number>> = {},
): Fault {
  const evidence: NetworkEvidence = {
    kind: 'network',
    host: target.host,
    port: target.port,
    detail,
    ...(errorCode === undefined ? {} : { errorCode }),
  };
  return clientFaults.make(code, { host: target.host, port: target.port, detail, ...values }, { evidence });
}

const CODES: Readonly<Record<string, ClientFaultCode>> = {
  ENOTFOUND: 'SMTP_HOST_NOT_FOUND',
  EAI_AGAIN: 'SMTP_NAME_LOOKUP_FAILED',
  EAI_FAIL: 'SMTP_NAME_LOOKUP_FAILED',
  ETIMEOUT: 'SMTP_NAME_LOOKUP_FAILED',
  ESERVFAIL: 'SMTP_NAME_LOOKUP_FAILED',
  ECONNREFUSED: 'SMTP_CONNECTION_REFUSED',
};

/** With several addresses Node reports one error that holds the others; the first of them speaks. */
function firstError(error: Error): NodeJS.ErrnoException {
  const inner: unknown = error instanceof AggregateError ? error.errors[0] : undefined;
  return inner instanceof Error ? inner : error;
}

/**
 * Connects.
 *
 * @throws `signal.reason` when the caller cancels.
 */
export async function openSocket(options: OpenOptions): Promise<Result<Socket>> {
  const { host, port, signal, timeoutMs } = options;
  signal?.throwIfAborted();
  const socket = connect({
    host,
    port,
    noDelay: true,
    ...(options.lookup === undefined ? {} : { lookup: options.lookup }),
  });
  const { promise, resolve } = Promise.withResolvers<Fault | undefined>();
  const onConnect = (): void => resolve(undefined);
  const onError = (reported: Error): void => {
    const error = firstError(reported);
    resolve(networkFault(CODES[error.code ?? ''] ?? 'SMTP_UNREACHABLE', options, error.message, error.code));
  };
  const onAbort = (): void => resolve(networkFault('SMTP_UNREACHABLE', options, 'cancelled'));
  const timer = options.clock.setTimer(() => {
    const detail = `no connection within ${timeoutMs / 1000} s`;
    resolve(networkFault('SMTP_CONNECT_TIMEOUT', options, detail, undefined, { seconds: timeoutMs / 1000 }));
  }, timeoutMs);
  socket.once('connect', onConnect);
  // Stays: an error at a moment when nobody else listens must not end the process.
  socket.on('error', onError);
  signal?.addEventListener('abort', onAbort, { once: true });
  const fault = await promise;
  timer.cancel();
  signal?.removeEventListener('abort', onAbort);
  socket.off('connect', onConnect);
  if (fault === undefined) return success(socket);
  await destroyed(socket);
  signal?.throwIfAborted();
  return failure(fault);
}

/** Destroys a socket and resolves when it is closed. */
export async function destroyed(socket: Socket): Promise<void> {
  if (socket.closed) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.on('error', () => {});
  socket.once('close', () => resolve());
  socket.destroy();
  await promise;
}
