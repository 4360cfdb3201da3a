/** Opens a connection and signs in on it, with other credentials where the first are refused and others can be had. */
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
  let connection: Connection | undefined;
  while (taken.ok) {
    if (connection?.isUsable !== true) {
      const opened = await openConnection(connect, options.memory);
      if (!opened.ok) return opened;
      connection = opened.value;
    }
    const { credentials } = taken.value;
    const signedIn = await connection.signIn(credentials, { signal });
    if (signedIn.ok) return success(connection);
    const replacement = renewal.replace(taken.value, signedIn.fault, signal);
    if (replacement === undefined) {
      connection.tellSignInFailed(credentials, signedIn.fault);
      await connection.quit();
      return signedIn;
    }
    taken = await replacement;
  }
  await connection?.quit();
  return taken;
}
