/**
 * What the claims of a token say about why Exchange Online would refuse it.
 *
 * The claims are read for diagnosis only: they come from an unverified token and decide nothing. A token that is right
 * has the audience of Exchange Online, the app of the settings, the tenant of the settings, and the role
 * SMTP.SendAsApp. A token without roles is legal under RBAC for Applications, so a missing role is a hint and not yet a failure.
 */
import type { TokenClaims } from '@postbearer/oauth';
import { CLOUD_NAMES, CLOUDS, kindOfTenant } from './clouds.ts';
import type { Microsoft365Context } from './context.ts';
import type { Microsoft365FaultCode } from './faults.ts';

/** The application permission to send over SMTP. */
export const SMTP_ROLE = 'SMTP.SendAsApp';

/** Application ID of Office 365 Exchange Online, the same in every tenant; it may stand in `aud` in place of the URL. */
const EXCHANGE_ONLINE_APP_ID = '00000002-0000-0ff1-ce00-000000000000';

// Exchange Online takes tokens for both spellings of its global host (seen in tokens of public reports).
const AUDIENCES: ReadonlySet<string> = new Set([
  EXCHANGE_ONLINE_APP_ID,
  'https://outlook.office.com',
  ...CLOUD_NAMES.map((name) => CLOUDS[name].scope.value.replace(/\/\.default$/, '')),
]);

/** The application ID of the app that a token was issued to. */
export function appOf(claims: TokenClaims): string | undefined {
  return claims.appid ?? claims.azp;
}

function isForExchange(audience: string): boolean {
  return AUDIENCES.has(audience.toLowerCase().replace(/\/+$/, ''));
}

function differs(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && other !== undefined && one.toLowerCase() !== other.toLowerCase();
}

/**
 * The code of what is wrong with the token in the context, the gravest first; `undefined` where nothing is, or where there are no
 * claims. `M365_TOKEN_WITHOUT_ROLE` is a hint only, until Exchange Online has refused the token.
 */
export function judgeClaims(context: Microsoft365Context): Microsoft365FaultCode | undefined {
  const { claims } = context;
  if (claims === undefined) return undefined;
  if (claims.scp !== undefined) return 'M365_TOKEN_OF_PERSON';
  if (claims.aud !== undefined && ![claims.aud].flat().some(isForExchange)) return 'M365_TOKEN_AUDIENCE_WRONG';
  const tenantId = context.tenant !== undefined && kindOfTenant(context.tenant) === 'id' ? context.tenant : undefined;
  if (differs(claims.tid, tenantId)) return 'M365_TOKEN_OF_OTHER_TENANT';
  if (differs(appOf(claims), context.clientId)) return 'M365_TOKEN_OF_OTHER_APP';
  if (claims.exp !== undefined && context.now !== undefined && claims.exp * 1000 <= context.now)
    return 'M365_TOKEN_EXPIRED';
  return claims.roles?.includes(SMTP_ROLE) === true ? undefined : 'M365_TOKEN_WITHOUT_ROLE';
}
