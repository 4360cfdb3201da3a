/**
 * What a database URL says.
 *
 * `postgresql://user:password@host:5432/name`, or `postgresql:///name?host=/run/postgresql` for a Unix socket. The
 * connection to another machine is encrypted and its certificate checked, unless `sslmode=disable` says in so many words
 * that it is not; the modes in between, which encrypt without knowing to whom, are refused.
 */
import { readFileSync } from 'node:fs';
import { failure, success, type Result, type Secret } from '@postbearer/core';
import type { ClientConfig } from 'pg';
import { databaseFaults } from '../faults.ts';

/** How to reach a server. */
export interface ConnectionSettings {
  readonly config: ClientConfig;
  /** Host, port and name of the database, for faults; no user, no password. */
  readonly label: string;
}

const KNOWN_PARAMETERS: ReadonlySet<string> = new Set(['host', 'sslmode', 'sslrootcert', 'application_name']);
const DEFAULT_PORT = 5432;

function invalid(reason: string): Result<never> {
  return failure(databaseFaults.make('DATABASE_URL_INVALID', { reason }));
}

function isThisMachine(host: string): boolean {
  return host.startsWith('/') || host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/** `undefined` for a mode that is not taken. */
function encryptionOf(host: string, parameters: URLSearchParams): ClientConfig['ssl'] | undefined {
  const mode = parameters.get('sslmode') ?? (isThisMachine(host) ? 'disable' : 'verify-full');
  if (mode === 'disable') return false;
  // Other clients do not check the certificate with "require". Here it means what it says.
  if (mode !== 'verify-full' && mode !== 'require') return undefined;
  const file = parameters.get('sslrootcert');
  return {
    rejectUnauthorized: true,
    ...(file === null ? {} : { ca: readFileSync(file, 'utf8') }),
  };
}

/** Reads a database URL. Fails with `DATABASE_URL_INVALID`, which never shows the URL. */
export function connectionSettings(url: Secret): Result<ConnectionSettings> {
  const parsed = URL.parse(url.reveal());
  if (parsed === null || !/^postgres(?:ql)?:$/.test(parsed.protocol)) {
    return invalid('it does not begin with postgresql:// or is no URL');
  }
  const parameters = parsed.searchParams;
  const unknown = [...parameters.keys()].find((name) => !KNOWN_PARAMETERS.has(name));
  if (unknown !== undefined) return invalid(`"${unknown}" is not one of ${[...KNOWN_PARAMETERS].join(', ')}`);
  const host = parameters.get('host') ?? parsed.hostname.replaceAll(/^\[|\]$/g, '');
  if (host === '') return invalid('it names no host');
  const database = decodeURIComponent(parsed.pathname.slice(1));
  if (database === '') return invalid('it names no database');
  const port = parsed.port === '' ? DEFAULT_PORT : Number(parsed.port);
  try {
    const ssl = encryptionOf(host, parameters);
    if (ssl === undefined) return invalid('sslmode must be verify-full, require or disable');
    return success({
      label: `${host}:${port}/${database}`,
      config: {
        host,
        port,
        database,
        ssl,
        ...(parsed.username === '' ? {} : { user: decodeURIComponent(parsed.username) }),
        ...(parsed.password === '' ? {} : { password: decodeURIComponent(parsed.password) }),
        application_name: parameters.get('application_name') ?? 'postbearer',
      },
    });
  } catch (error) {
    return invalid(`its certificate file cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}
