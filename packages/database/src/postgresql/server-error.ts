/** What an error of the server or of the connection means (SQLSTATE: PostgreSQL documentation, appendix A). */
import type { Fault } from '@postbearer/core';
import { databaseFaults } from '../faults.ts';

/** An error that already has its fault. */
export class FaultError extends Error {
  readonly fault: Fault;

  constructor(fault: Fault) {
    super(fault.message);
    this.fault = fault;
  }
}

/** The SQLSTATE that the server gave; `undefined` where the connection broke. */
export function sqlState(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error) || !('severity' in error)) return undefined;
  return typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code) ? error.code : undefined;
}

/** Whether the server ended the connection with this error. */
export function endsConnection(error: unknown): boolean {
  if (sqlState(error) === undefined) return true;
  const severity: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'severity') : undefined;
  return severity === 'FATAL' || severity === 'PANIC';
}

/** Whether two batches were in each other's way, so that doing it again is right: serialization failure or deadlock. */
export function isConflict(error: unknown): boolean {
  const state = sqlState(error);
  return state === '40001' || state === '40P01';
}

/** Whether the table of a prepared statement was changed since, as a newer node's migration does; a new connection prepares it anew. */
export function isStale(error: unknown): boolean {
  const routine: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'routine') : undefined;
  return sqlState(error) === '0A000' && routine === 'RevalidateCachedQuery';
}

/** Not a mistake in what was asked, but the state of the server, by class or whole SQLSTATE. */
const UNAVAILABLE = /^(?:08|53|57P|58|25006|55P03|57014)/;
/** Invalid authorization, database missing, insufficient privilege to connect. */
const REFUSED = /^(?:28|3D000|42501)/;

/**
 * The fault that an error is; `undefined` where the statement itself is wrong.
 *
 * @param place - host, port and name of the database.
 */
export function faultOf(error: unknown, place: string): Fault | undefined {
  if (error instanceof FaultError) return error.fault;
  const state = sqlState(error);
  const reason = error instanceof Error ? error.message : String(error);
  if (state === undefined) return databaseFaults.make('DATABASE_UNAVAILABLE', { place, reason });
  if (state === '53100') return databaseFaults.make('DATABASE_DISK_FULL', { place });
  if (REFUSED.test(state)) return databaseFaults.make('DATABASE_REFUSED', { place, reason });
  if (UNAVAILABLE.test(state) || isConflict(error)) {
    return databaseFaults.make('DATABASE_UNAVAILABLE', { place, reason });
  }
  return undefined;
}
