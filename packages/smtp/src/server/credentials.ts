/**
 * Credentials out of the responses of SASL mechanisms (RFC 4616, RFC 7628, Google's XOAUTH2, and LOGIN).
 *
 * Base64 may lack its padding, as old devices send it; everything else is exact. A response that cannot be read gives
 * `undefined`, which says nothing about whether the credentials in it were right.
 */
import { Secret } from '@postbearer/core';
import type { AuthAttempt } from './handler.ts';

/** What an OAuth mechanism carries. */
interface Bearer {
  readonly username: string;
  readonly token: string;
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
/** The `b64token` of RFC 6750 section 2.1, wider by all visible ASCII, for providers whose tokens are not base64. */
const BEARER = /^bearer ([!-~]+)$/i;
const FIELD_END = '\u0001';

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Decodes base64 of UTF-8 text; padding may be missing, `=` alone is an empty response (RFC 4954 section 4). */
export function decodeBase64(text: string): string | undefined {
  if (text === '=') return '';
  if (!BASE64.test(text) || text.replace(/=+$/, '').length % 4 === 1) return undefined;
  try {
    return strictUtf8.decode(Buffer.from(text, 'base64'));
  } catch {
    return undefined;
  }
}

/** Whether a text can be the name of an account: something, and nothing that could break a line of a log. */
export function isUsername(text: string): boolean {
  // oxlint-disable-next-line no-control-regex -- control characters are what is refused
  return text !== '' && !/[\u0000-\u001f\u007f]/.test(text);
}

/** `[authzid] NUL authcid NUL password`; acting for somebody else is not offered, so `authzid` has to be empty or the same. */
function readPlain(response: string): AuthAttempt | undefined {
  const [authorizationId, username, password, ...more] = response.split('\u0000');
  if (username === undefined || password === undefined || more.length > 0) return undefined;
  if (authorizationId !== '' && authorizationId !== username) return undefined;
  return { mechanism: 'PLAIN', username, password: Secret.of(password) };
}

/** The fields of `name=value`, each ended by ^A, the whole by one more ^A. */
function readFields(text: string): ReadonlyMap<string, string> | undefined {
  if (!text.endsWith(FIELD_END + FIELD_END)) return undefined;
  const fields = new Map<string, string>();
  for (const field of text.slice(0, -2).split(FIELD_END)) {
    const equals = field.indexOf('=');
    if (equals < 1) return undefined;
    const name = field.slice(0, equals);
    if (fields.has(name)) return undefined;
    fields.set(name, field.slice(equals + 1));
  }
  return fields;
}

/** `user=` name ^A `auth=Bearer ` token ^A ^A. */
function readXoauth2(response: string): Bearer | undefined {
  const fields = readFields(response);
  const username = fields?.get('user');
  const token = BEARER.exec(fields?.get('auth') ?? '')?.[1];
  return username === undefined || token === undefined ? undefined : { username, token };
}

/** `n,a=` name `,` ^A fields ^A (RFC 7628 section 3.1; the header is that of RFC 5801 section 4 without channel binding). */
function readOauthBearer(response: string): Bearer | undefined {
  const headerEnd = response.indexOf(FIELD_END);
  const header = /^[ny],(?:a=((?:[^,=]|=2C|=3D)+))?,$/.exec(response.slice(0, Math.max(0, headerEnd)));
  if (header === null) return undefined;
  const token = BEARER.exec(readFields(response.slice(headerEnd + 1))?.get('auth') ?? '')?.[1];
  const username = (header[1] ?? '').replaceAll('=2C', ',').replaceAll('=3D', '=');
  return token === undefined ? undefined : { username, token };
}

/**
 * Reads the response of a mechanism that has only one.
 *
 * @param response - decoded from base64.
 */
export function readCredentials(
  mechanism: 'PLAIN' | 'XOAUTH2' | 'OAUTHBEARER',
  response: string,
): AuthAttempt | undefined {
  if (mechanism === 'PLAIN') {
    const attempt = readPlain(response);
    return attempt !== undefined && isUsername(attempt.username) ? attempt : undefined;
  }
  const bearer = mechanism === 'XOAUTH2' ? readXoauth2(response) : readOauthBearer(response);
  const isNameless = mechanism === 'OAUTHBEARER' && bearer?.username === '';
  if (bearer === undefined || !(isNameless || isUsername(bearer.username))) return undefined;
  return { mechanism, username: bearer.username, token: Secret.of(bearer.token) };
}
