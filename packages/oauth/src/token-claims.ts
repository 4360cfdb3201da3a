/**
 * Looks into a token for diagnosis.
 *
 * A token is opaque to a client (RFC 6749 section 1.4): what is read here explains a failure to a person. It decides nothing, but for one
 * thing: where the endpoint says nothing about the life of a token, its `exp` does. Nothing is verified.
 */
import { oneLine } from '@postbearer/core';

/** What a JWT access token says about itself; each member only where it is there and of its proper type. */
export interface TokenClaims {
  /** Whom the token is for. */
  readonly aud?: string | readonly string[];
  readonly iss?: string;
  /** The client, in tokens of version 1.0 of Entra. */
  readonly appid?: string;
  /** The client, in tokens of version 2.0 of Entra and of other providers. */
  readonly azp?: string;
  /** The tenant. */
  readonly tid?: string;
  /** The object that signed in: for an app its enterprise application. */
  readonly oid?: string;
  /** Application permissions. Absent is not empty: under RBAC for Applications a token needs none. */
  readonly roles?: readonly string[];
  /** Delegated permissions: such a token is a user's. */
  readonly scp?: string;
  /** Seconds since 1970. */
  readonly exp?: number;
  readonly ver?: string;
}

const LONGEST_TOKEN = 65_536;
const LONGEST_CLAIM = 500;
const MOST_ROLES = 200;
const TEXT_CLAIMS = ['iss', 'appid', 'azp', 'tid', 'oid', 'scp', 'ver'] as const;

function payloadOf(token: string): Record<string, unknown> | undefined {
  const parts = token.split('.', 4);
  const payload = parts[1];
  if (parts.length !== 3 || payload === undefined || !/^[\w-]+$/.test(payload)) return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.assign(Object.create(null), value)
      : undefined;
  } catch {
    return undefined;
  }
}

function textsOf(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) return undefined;
  return value.slice(0, MOST_ROLES).map((item) => oneLine(item, LONGEST_CLAIM));
}

/**
 * Decodes the claims that explain a token; `undefined` if it is no JWT. All text is flattened to one line.
 *
 * @example
 * ```ts
 * import { decodeTokenClaims } from '@postbearer/oauth';
 *
 * const payload = Buffer.from(JSON.stringify({ aud: 'https://outlook.office365.com', roles: ['SMTP.SendAsApp'] }));
 * decodeTokenClaims(`e30.${payload.toString('base64url')}.c2ln`);
 * // => { aud: 'https://outlook.office365.com', roles: ['SMTP.SendAsApp'] }
 * decodeTokenClaims('opaque'); // => undefined
 * ```
 */
export function decodeTokenClaims(token: string): TokenClaims | undefined {
  const payload = token.length > LONGEST_TOKEN ? undefined : payloadOf(token);
  if (payload === undefined) return undefined;
  const aud = typeof payload['aud'] === 'string' ? oneLine(payload['aud'], LONGEST_CLAIM) : textsOf(payload['aud']);
  const roles = textsOf(payload['roles']);
  const texts: Partial<Record<(typeof TEXT_CLAIMS)[number], string>> = {};
  for (const name of TEXT_CLAIMS) {
    const value = payload[name];
    if (typeof value === 'string') texts[name] = oneLine(value, LONGEST_CLAIM);
  }
  return {
    ...texts,
    ...(aud === undefined ? {} : { aud }),
    ...(roles === undefined ? {} : { roles }),
    ...(typeof payload['exp'] === 'number' ? { exp: payload['exp'] } : {}),
  };
}
