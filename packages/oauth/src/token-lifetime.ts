/**
 * How long a token may be used.
 *
 * 1. `expires_in`: seconds, as a number or as the text of one. It counts alone where it is there and not null.
 * 2. Else the moment of the end, in seconds since 1970, by the clock of this machine: `expires_on`, which Azure's identity services
 *    give in its place, or the `exp` claim of the token, where it is a JWT.
 * 3. Else there is a fault. RFC 6749 section 5.1 only recommends `expires_in`, but a guess would send mail with a token that has ended,
 *    or ask for a new one all the time.
 *
 * What is given has to be plausible: from 60 seconds to 10 years. Zero, less, no number at all and less than 60 seconds are faults, since
 * a token may have ended before it reaches a mail server. More than 24 hours counts as 24 hours: a revoked token is then not
 * kept for weeks.
 */
import type { OAuthFaultCode } from './faults.ts';
import { decodeTokenClaims } from './token-claims.ts';

/** A lifetime, or what is wrong with it; the reason may quote the reply. */
export type Lifetime = { readonly ms: number } | { readonly code: OAuthFaultCode; readonly reason: string };

/** The members of a reply that say when its token ends. */
export interface LifetimeMembers {
  readonly expires_in?: unknown;
  readonly expires_on?: unknown;
}

const SHORTEST_S = 60;
const LONGEST_S = 10 * 365.25 * 86_400;
const LONGEST_USED_S = 86_400;

function invalid(reason: string): Lifetime {
  return { code: 'OAUTH_EXPIRY_INVALID', reason };
}

/** A number, or the text of one; `NaN` for anything else. */
function numberOf(value: unknown): number {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && /^-?\d{1,16}(?:\.\d{1,9})?$/.test(value) ? Number(value) : Number.NaN;
}

function usable(seconds: number): Lifetime {
  return { ms: Math.min(seconds, LONGEST_USED_S) * 1000 };
}

function fromSeconds(given: unknown): Lifetime {
  const seconds = numberOf(given);
  if (Number.isNaN(seconds)) return invalid(`expires_in is ${JSON.stringify(given)}, which is no number of seconds`);
  if (seconds > LONGEST_S) return invalid('expires_in is more than 10 years');
  if (seconds < SHORTEST_S) return invalid(`expires_in is less than ${SHORTEST_S} seconds`);
  return usable(seconds);
}

function fromMoment(end: number, name: string, now: number): Lifetime {
  const seconds = Math.round(end - now / 1000);
  if (seconds > LONGEST_S) return invalid(`its end (${name}) is more than 10 years away`);
  if (seconds >= SHORTEST_S) return usable(seconds);
  const when = seconds > 0 ? `ends in ${seconds} s` : `ended ${-seconds} s ago`;
  return { code: 'OAUTH_TOKEN_EXPIRED', reason: `${when} (${name})` };
}

/**
 * The lifetime of a token that was given now.
 *
 * @param now - wall clock, milliseconds since 1970.
 */
export function readLifetime({ expires_in, expires_on }: LifetimeMembers, token: string, now: number): Lifetime {
  if (expires_in !== undefined && expires_in !== null) return fromSeconds(expires_in);
  const end = numberOf(expires_on);
  if (!Number.isNaN(end)) return fromMoment(end, 'expires_on', now);
  const claimed = decodeTokenClaims(token)?.exp;
  if (claimed !== undefined) return fromMoment(claimed, 'exp', now);
  return invalid('expires_in is missing, and the token itself does not say when it ends');
}
