/**
 * Opens a connection and signs in on it, with other credentials where the first are refused and others can be had.
 *
 * Each attempt has a connection of its own: many servers close after a refusal, some only when the next command comes.
 */
import { success, type Result } from '@postbearer/core';
import { openConnection, type ConnectOptions } from './connect.ts';
import type { Connection } from './connection.ts';
import type { CredentialRenewal } from './credential-renewal.ts';
import type { TlsMemory } from './secure-socket.ts';

/** What opening takes. */
export interface SignedInOptions {
  readonly connect: ConnectOptions;
  /** Absent where the server takes mail without signing in. */
  readonly renewal: CredentialRenewal | undefined;
  readonly memory: TlsMemory;
  readonly signal: AbortSignal;
}

/** Credentials come first: without them there is no reason to connect. */
export async function openSignedIn(options: SignedInOptions): Promise<Result<Connection>> {
  const { renewal, signal } = options;
  const connect = { ...options.connect, signal };
  if (renewal === undefined) return openConnection(connect, options.memory);
  let taken = await renewal.take(signal);
  while (taken.ok) {
    const opened = await openConnection(connect, options.memory);
    if (!opened.ok) return opened;
    const connection = opened.value;
    const { credentials } = taken.value;
    const signedIn = await connection.signIn(credentials, { signal });
    if (signedIn.ok) return success(connection);
    await connection.quit();
    const replacement = renewal.replace(taken.value, signedIn.fault, signal);
    if (replacement === undefined) {
      connection.tellSignInFailed(credentials, signedIn.fault);
      return signedIn;
    }
    taken = await replacement;
  }
  return taken;
}
