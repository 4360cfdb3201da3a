/**
 * A token request taken apart: form fields, and client credentials from the body or from HTTP Basic (RFC 6749 section 2.3.1).
 */

/** One HTTP request to the token endpoint. */
export interface TokenHttpRequest {
  readonly method: string;
  /** The first part of the path, decoded: the tenant. */
  readonly tenantName: string;
  readonly contentType: string;
  readonly authorization: string;
  readonly body: string;
}

/** The fields of a token request; absent ones are empty. */
export interface TokenForm {
  readonly grantType: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope: string;
  readonly assertionType: string;
  readonly assertion: string;
}

interface BasicCredentials {
  readonly id: string;
  readonly secret: string;
}

function formDecode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

function readBasic(authorization: string): BasicCredentials | undefined {
  const encoded = /^basic +([A-Za-z0-9+/=]+)$/i.exec(authorization)?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { id: formDecode(text.slice(0, colon)), secret: formDecode(text.slice(colon + 1)) };
}

/** Reads the form. A body of another content type counts as empty, as it does at Entra. */
export function readTokenForm(request: TokenHttpRequest): TokenForm {
  const isForm = /^application\/x-www-form-urlencoded\b/i.test(request.contentType);
  const fields = new URLSearchParams(isForm ? request.body : '');
  const basic = readBasic(request.authorization);
  const field = (name: string): string => fields.get(name) ?? '';
  return {
    grantType: field('grant_type'),
    clientId: field('client_id') || (basic?.id ?? ''),
    clientSecret: field('client_secret') || (basic?.secret ?? ''),
    scope: field('scope').trim(),
    assertionType: field('client_assertion_type'),
    assertion: field('client_assertion'),
  };
}
