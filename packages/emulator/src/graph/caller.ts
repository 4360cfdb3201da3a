/**
 * Who asks Microsoft Graph, and what that one may.
 *
 * A person's token says it in `scp`, an app's in `roles`. `Application.ReadWrite.OwnedBy` is modelled as the right of an app over
 * its own registration.
 */
import { verifyToken, type SigningKey, type VerifiedToken } from '../entra/access-token.ts';
import type { App, Directory, Tenant } from '../state/directory.ts';
import { refuse, type GraphRefusal } from './graph-error.ts';

/** Whoever asks. */
export interface Caller {
  readonly tenant: Tenant;
  /** Whether one of these permissions was granted. */
  has(...permissions: readonly string[]): boolean;
  /** Whether it is this app that asks, and may change what is its own. */
  owns(app: App | undefined): boolean;
}

const AUDIENCES: ReadonlySet<string> = new Set(['https://graph.microsoft.com', '00000003-0000-0000-c000-000000000000']);

function unauthorized(message: string): GraphRefusal {
  return refuse(401, 'InvalidAuthenticationToken', message);
}

function judge(token: VerifiedToken | undefined, directory: Directory, now: number): Tenant | GraphRefusal {
  if (token === undefined) return unauthorized('IDX14100: JWT is not well formed, there are no dots (.).');
  const seconds = now / 1000;
  if (seconds >= token.expiresAt || seconds < token.notBefore)
    return unauthorized('Lifetime validation failed, the token is expired.');
  if (!AUDIENCES.has(token.audience)) return unauthorized('Access token validation failure. Invalid audience.');
  return directory.findTenant(token.tenantId) ?? unauthorized('Access token validation failure.');
}

/** Reads the Authorization field. */
export function callerOf(
  authorization: string,
  directory: Directory,
  key: SigningKey,
  now: number,
): Caller | GraphRefusal {
  const text = /^Bearer (\S+)$/i.exec(authorization)?.[1];
  if (text === undefined) return unauthorized('Access token is empty.');
  const token = verifyToken(key, text);
  const tenant = judge(token, directory, now);
  if ('status' in tenant || token === undefined) return tenant as GraphRefusal;
  const granted = new Set([...token.scopes, ...token.roles]);
  return {
    tenant,
    has: (...permissions) => permissions.some((permission) => granted.has(permission)),
    owns: (app) => granted.has('Application.ReadWrite.OwnedBy') && app?.clientId === token.clientId.toLowerCase(),
  };
}
