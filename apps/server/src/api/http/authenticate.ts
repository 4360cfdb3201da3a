/**
 * Whose request is it, and may they do this?
 *
 * The rules of this file:
 * - a key comes in the field Authorization and nowhere else: an address of a page ends in logs and histories;
 * - a key that is wrong is refused wherever it comes, also where none is needed: a program with a mistake should learn of it;
 * - a field that decides something stands once in a request; programs differ in which of two they believe.
 */
import type { IncomingMessage } from 'node:http';
import { failure, Secret, success, type Result } from '@postbearer/core';
import { accessFaults } from '../../access/faults.ts';
import { mayDo, type ApiKey } from '../../access/key.ts';
import type { KeyRegistry } from '../../access/key-registry.ts';
import { httpFaults } from '../faults.ts';
import { NOBODY, type RouteDescription } from './route.ts';

const ONCE: ReadonlySet<string> = new Set([
  'authorization',
  'content-length',
  'content-type',
  'host',
  'idempotency-key',
  'postbearer-sender',
  'last-event-id',
]);

/** Refuses a request that says twice what counts once. Fails with `SERVICE_REQUEST_UNREADABLE`. */
export function checkFields({ rawHeaders }: IncomingMessage): Result<void> {
  const seen = new Set<string>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]?.toLowerCase() ?? '';
    if (!ONCE.has(name)) continue;
    if (seen.has(name)) {
      return failure(httpFaults.make('SERVICE_REQUEST_UNREADABLE', { reason: `it has the field ${name} twice` }));
    }
    seen.add(name);
  }
  return success(undefined);
}

/** The key of a request; {@link NOBODY} where it names none. Fails with `ACCESS_KEY_WRONG`. */
export function keyOf({ headers }: IncomingMessage, keys: Pick<KeyRegistry, 'use'>): Result<ApiKey> {
  const { authorization } = headers;
  if (authorization === undefined) return success(NOBODY);
  const presented = /^Bearer +([!-~]{1,200})$/i.exec(authorization)?.[1];
  const key = presented === undefined ? undefined : keys.use(Secret.of(presented));
  return key === undefined ? failure(accessFaults.make('ACCESS_KEY_WRONG')) : success(key);
}

/** Whether a key may use a route. Fails with `ACCESS_KEY_WRONG` or `ACCESS_KEY_SCOPE`. */
export function checkAccess(key: ApiKey, { access }: Pick<RouteDescription, 'access'>): Result<void> {
  if (access === 'anybody') return success(undefined);
  if (key === NOBODY) return failure(accessFaults.make('ACCESS_KEY_WRONG'));
  if (access.some((scope) => mayDo(key, scope))) return success(undefined);
  return failure(accessFaults.make('ACCESS_KEY_SCOPE', { key: key.name, scope: access.join(' or ') }));
}
