/**
 * One try at something on the network: one deadline over all of its phases, one end to everything it opened.
 *
 * Waiting ends with what was waited for, an error or the end of the stream, the deadline, or the caller's signal, whichever is first.
 */
import type { EventEmitter } from 'node:events';
import { maxHeaderSize } from 'node:http';
import { failure, success, type Clock, type Result } from '@postbearer/core';
import { connectionFault, faultAt, type FailurePlace, type Phase } from './connection-fault.ts';

/** What an attempt owns. */
interface Closable extends EventEmitter {
  destroy(): unknown;
}

/** Whom a phase concerns. */
export interface Place {
  readonly host: string;
  readonly port: number;
  /** The environment variable that names it, where it is a proxy. */
  readonly variable?: string | undefined;
}

/** See the head of this file. */
export interface Attempt {
  /** A new phase begins; `where` is whom it concerns, where that changes. */
  enter(phase: Phase, where?: Place): void;
  /** Where the attempt is now. */
  place(): FailurePlace;
  /** Remembers the issuer of a certificate that may be refused. */
  noteIssuer(issuer: string | undefined): void;
  /** Destroys `stream` at the end of the attempt, and keeps its late errors from becoming exceptions. */
  own<S extends Closable>(stream: S): S;
  /** Waits until `listen` calls `done`, with the fault of an earlier error or of the deadline. Throws the signal's reason when the caller cancels. */
  wait<T>(stream: EventEmitter, listen: (done: (value: T) => void) => void): Promise<Result<T>>;
  /** Ends it: closes everything, stops the timer. */
  end(): void;
}

type Ending = { readonly kind: 'deadline' } | { readonly kind: 'cancelled'; readonly reason: unknown };

/** Starts an attempt. Throws the signal's reason if it is aborted already. */
export function startAttempt(
  where: Place,
  options: { readonly clock: Clock; readonly timeoutMs: number; readonly signal: AbortSignal | undefined },
): Attempt {
  const { clock, timeoutMs, signal } = options;
  signal?.throwIfAborted();
  const limits = { seconds: timeoutMs / 1000, limit: maxHeaderSize };
  let place: FailurePlace = { ...where, phase: 'connecting' };
  let issuer: string | undefined;
  let ending: Ending | undefined;
  let stopWaiting: (() => void) | undefined;
  const owned: Closable[] = [];
  const finish = (why: Ending): void => {
    ending ??= why;
    stopWaiting?.();
  };
  const onAbort = (): void => finish({ kind: 'cancelled', reason: signal?.reason });
  const timer = clock.setTimer(() => finish({ kind: 'deadline' }), timeoutMs);
  signal?.addEventListener('abort', onAbort);

  const endedAs = (why: Ending): Result<never> => {
    // oxlint-disable-next-line typescript/only-throw-error -- the caller's own reason, whatever it is
    if (why.kind === 'cancelled') throw why.reason;
    return failure(faultAt('NETWORK_TIMEOUT', place, `no end within ${timeoutMs} ms while ${place.phase}`, limits));
  };

  return {
    enter(phase, target) {
      const { host, port, variable } = target ?? place;
      place = { host, port, variable, phase };
    },
    place: () => ({ ...place, issuer }),
    noteIssuer(text) {
      issuer = text;
    },
    own(stream) {
      stream.on('error', () => {});
      owned.push(stream);
      return stream;
    },
    async wait<T>(stream: EventEmitter, listen: (done: (value: T) => void) => void) {
      if (ending !== undefined) return endedAs(ending);
      const outcome = await new Promise<Result<T> | undefined>((resolve) => {
        stopWaiting = () => resolve(undefined);
        const fail = (error: unknown): void => resolve(failure(connectionFault(error, { ...place, issuer }, limits)));
        stream.on('error', fail);
        // Some ends come without an error: a reply 101, for one, that nobody asked for.
        stream.on('close', () => fail(new Error('closed before it was done')));
        listen((value) => resolve(success(value)));
      });
      stopWaiting = undefined;
      if (outcome !== undefined) return outcome;
      return endedAs(ending ?? { kind: 'deadline' });
    },
    end() {
      timer.cancel();
      signal?.removeEventListener('abort', onAbort);
      for (const stream of owned.toReversed()) stream.destroy();
    },
  };
}
