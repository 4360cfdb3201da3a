/**
 * The outcome of something that is expected to fail at times.
 *
 * Rule of the house: an expected failure is a value that carries a {@link Fault}. An exception means a bug, a broken
 * environment or a cancellation by the caller, and nothing else.
 */
import type { Fault } from './fault.ts';

/** It worked; `value` is what was asked for. */
export interface Success<T> {
  readonly ok: true;
  readonly value: T;
}

/** It did not work; `fault` says why and what to do. */
export interface Failure {
  readonly ok: false;
  readonly fault: Fault;
}

/** Either {@link Success} or {@link Failure}; test `ok` to tell them apart. */
export type Result<T> = Success<T> | Failure;

/** Wraps a value as a {@link Success}. */
export function success<T>(value: T): Success<T> {
  return { ok: true, value };
}

/** Wraps a fault as a {@link Failure}. */
export function failure(fault: Fault): Failure {
  return { ok: false, fault };
}
