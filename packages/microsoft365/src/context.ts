/** What is known about the upstream in which a fault arose, and the words of a remedy that come from it. */
import type { FaultValues } from '@postbearer/core';
import type { TokenClaims } from '@postbearer/oauth';
import { CLOUDS, cloudOfLoginHost, parseTokenEndpoint, type CloudName } from './clouds.ts';
import { guidArgument, powerShellArgument } from './powershell.ts';
import { appOf } from './token-claims.ts';

/** The reader's own values. Every one may be absent: a remedy then shows its name in angle brackets. */
export interface Microsoft365Context {
  /** Tenant as the token endpoint names it: an ID or a domain. Present means that the upstream uses Entra. */
  readonly tenant?: string;
  readonly cloud?: CloudName;
  /** Application (client) ID. */
  readonly clientId?: string;
  /** The address that signs in: the user name of the upstream. */
  readonly mailbox?: string;
  readonly fromAddress?: string;
  /** The SMTP host of the upstream. */
  readonly server?: string;
  /** The claims of the token that was presented, where one was and it could be read. */
  readonly claims?: TokenClaims;
  /** Wall clock in milliseconds since 1970; without it the end of a token is not judged. */
  readonly now?: number;
}

function cloudOf(context: Microsoft365Context, endpoint: string | undefined): CloudName {
  const host = endpoint === undefined ? undefined : parseTokenEndpoint(endpoint)?.host;
  return context.cloud ?? (host === undefined ? undefined : cloudOfLoginHost(host)) ?? 'global';
}

function timeOf(seconds: number | undefined): string | undefined {
  return seconds === undefined || !Number.isFinite(seconds) || Math.abs(seconds) > 8.64e12
    ? undefined
    : new Date(seconds * 1000).toISOString();
}

/** Everything that the wording of this package's faults may name. */
export function valuesOf(
  context: Microsoft365Context,
  seen: { readonly endpoint?: string | undefined; readonly host?: string | undefined } = {},
): FaultValues {
  const { claims } = context;
  const cloud = CLOUDS[cloudOf(context, seen.endpoint)];
  const tokenApp = claims === undefined ? undefined : appOf(claims);
  // The oid of an app-only token is the object ID of the enterprise application (access token claims reference).
  const objectId = claims?.scp === undefined ? claims?.oid : undefined;
  return {
    tenant: context.tenant,
    clientId: context.clientId ?? tokenApp,
    mailbox: context.mailbox,
    fromAddress: context.fromAddress,
    server: seen.host ?? context.server ?? cloud.smtpHost.value,
    endpoint: seen.endpoint,
    loginHost: cloud.loginHost.value,
    smtpHost: cloud.smtpHost.value,
    scope: cloud.scope.value,
    graphHost: cloud.graphHost.value,
    audience: claims?.aud === undefined ? undefined : [claims.aud].flat().join(' '),
    tokenTenant: claims?.tid,
    tokenApp,
    tokenEnd: timeOf(claims?.exp),
    psMailbox: powerShellArgument(context.mailbox, 'mailbox'),
    psFrom: powerShellArgument(context.fromAddress, 'fromAddress'),
    psClientId: guidArgument(context.clientId ?? tokenApp, 'clientId'),
    psObjectId: guidArgument(objectId, 'enterpriseApplicationObjectId'),
  };
}
