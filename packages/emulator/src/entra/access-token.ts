/**
 * Access tokens: made by the token endpoint, read by the SMTP side.
 *
 * App-only tokens for Exchange Online are v1.0 tokens: issuer `https://sts.windows.net/{tenant}/`, `appid` for the client,
 * `roles` for the granted application permissions and no `roles` at all without consent. They are signed with RS256;
 * the SMTP side checks the signature and believes nothing else.
 */
import { createHash, generateKeyPair, randomBytes, randomUUID, sign, verify, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import type { App, ServicePrincipal, Tenant } from '../state/directory.ts';

/** The key that tokens of one emulator are signed with. */
export interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** What the SMTP side needs from a token that is genuine. */
export interface VerifiedToken {
  readonly audience: string;
  readonly issuer: string;
  readonly tenantId: string;
  readonly clientId: string;
  readonly objectId: string;
  readonly roles: readonly string[];
  /** What a person's token may do, word by word; empty in an app's. */
  readonly scopes: readonly string[];
  /** Seconds since 1970. */
  readonly notBefore: number;
  /** Seconds since 1970. */
  readonly expiresAt: number;
}

/** What goes into a token. */
export interface TokenSubject {
  readonly tenant: Tenant;
  readonly app: App;
  readonly servicePrincipal: ServicePrincipal;
  readonly resource: string;
  /** 1 for a client secret, 2 for a certificate or a federated token. */
  readonly strength: '1' | '2';
}

// Entra sets the start five minutes back, for clients whose clock is slow.
const BACKDATED_SECONDS = 300;

/** Makes a key of 2048 bits. */
export async function createSigningKey(): Promise<SigningKey> {
  const { privateKey, publicKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  const kid = createHash('sha1')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64url');
  return { kid, privateKey, publicKey };
}

function segment(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** An application permission counts only for the resource that declares it. */
function rolesFor(subject: TokenSubject): { readonly roles?: readonly string[] } {
  const isGraph = subject.resource.includes('graph.microsoft');
  const granted = isGraph
    ? [...subject.app.graphConsent]
    : subject.resource.includes('outlook.office')
      ? [...subject.app.consent]
      : [];
  return granted.length === 0 ? {} : { roles: granted };
}

function claimsOf(subject: TokenSubject, nowSeconds: number, lifetimeSeconds: number): Record<string, unknown> {
  const { tenant, app, servicePrincipal } = subject;
  const issuer = `https://sts.windows.net/${tenant.id}/`;
  return {
    aud: subject.resource,
    iss: issuer,
    iat: nowSeconds - BACKDATED_SECONDS,
    nbf: nowSeconds - BACKDATED_SECONDS,
    exp: nowSeconds + lifetimeSeconds,
    aio: randomBytes(30).toString('base64'),
    app_displayname: app.displayName,
    appid: app.clientId,
    appidacr: subject.strength,
    idp: issuer,
    idtyp: 'app',
    oid: servicePrincipal.objectId,
    rh: `1.${randomBytes(33).toString('base64url')}.`,
    ...rolesFor(subject),
    sid: randomUUID(),
    sub: servicePrincipal.objectId,
    tid: tenant.id,
    uti: randomBytes(16).toString('base64url'),
    ver: '1.0',
    wids: ['0997a1d0-0d1d-4acb-b408-d5ca73121e90'],
    xms_ftd: randomBytes(51).toString('base64url'),
    xms_idrel: '7 30',
    xms_rd: randomBytes(48).toString('base64url'),
    xms_sub_fct: '9 3',
  };
}

function signToken(key: SigningKey, claims: Readonly<Record<string, unknown>>): string {
  const header = { typ: 'JWT', alg: 'RS256', x5t: key.kid, kid: key.kid };
  const signed = `${segment(header)}.${segment(claims)}`;
  return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), key.privateKey).toString('base64url')}`;
}

/** Issues a token that ends `lifetimeSeconds` from now; `furtherClaims` stand beside those of Entra and replace none. */
export function issueToken(
  key: SigningKey,
  subject: TokenSubject,
  now: number,
  lifetimeSeconds: number,
  furtherClaims: Readonly<Record<string, string>> = {},
): string {
  return signToken(key, { ...furtherClaims, ...claimsOf(subject, Math.floor(now / 1000), lifetimeSeconds) });
}

/** Issues the token of a person who may do what `scopes` say in Microsoft Graph. */
export function issueAdministratorToken(
  key: SigningKey,
  tenant: Tenant,
  scopes: readonly string[],
  now: number,
  furtherClaims: Readonly<Record<string, string>> = {},
): string {
  const seconds = Math.floor(now / 1000);
  const issuer = `https://sts.windows.net/${tenant.id}/`;
  const claims = {
    aud: 'https://graph.microsoft.com',
    iss: issuer,
    iat: seconds - BACKDATED_SECONDS,
    nbf: seconds - BACKDATED_SECONDS,
    exp: seconds + 3600,
    appid: randomUUID(),
    idtyp: 'user',
    oid: randomUUID(),
    scp: scopes.join(' '),
    tid: tenant.id,
    upn: `admin@${tenant.domains[0] ?? 'example.com'}`,
    ver: '1.0',
  };
  return signToken(key, { ...furtherClaims, ...claims });
}

/** A JSON Web Token taken apart, nothing checked. */
export interface DecodedJwt {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly signed: string;
  readonly signature: Buffer;
}

function parseSegment(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

/** Takes a compact JSON Web Token apart; `undefined` where it is none. */
export function decodeJwt(text: string): DecodedJwt | undefined {
  const parts = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/.exec(text);
  if (parts === null) return undefined;
  const [, head = '', body = '', tail = ''] = parts;
  const header = parseSegment(head);
  const claims = parseSegment(body);
  if (header === undefined || claims === undefined) return undefined;
  return { header, claims, signed: `${head}.${body}`, signature: Buffer.from(tail, 'base64url') };
}

/** The value as a text, or the empty text where it is none. */
export function claimText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The value as a number, or NaN where it is none. */
export function claimNumber(value: unknown): number {
  return typeof value === 'number' ? value : Number.NaN;
}

/** Reads a token of this emulator; `undefined` unless its signature is that of `key`. Times are given, not judged. */
export function verifyToken(key: SigningKey, text: string): VerifiedToken | undefined {
  const jwt = decodeJwt(text);
  if (jwt === undefined || jwt.header['alg'] !== 'RS256') return undefined;
  if (!verify('RSA-SHA256', Buffer.from(jwt.signed), key.publicKey, jwt.signature)) return undefined;
  const { claims } = jwt;
  return {
    audience: claimText(claims['aud']),
    issuer: claimText(claims['iss']),
    tenantId: claimText(claims['tid']),
    clientId: claimText(claims['appid']),
    objectId: claimText(claims['oid']),
    roles: Array.isArray(claims['roles']) ? claims['roles'].map((role) => claimText(role)) : [],
    scopes: claimText(claims['scp'])
      .split(' ')
      .filter((scope) => scope !== ''),
    notBefore: claimNumber(claims['nbf']),
    expiresAt: claimNumber(claims['exp']),
  };
}

/** The public key in the form of Entra's key document. */
export function keyDocument(key: SigningKey, issuer: string): Readonly<Record<string, unknown>> {
  return {
    keys: [
      { ...key.publicKey.export({ format: 'jwk' }), use: 'sig', kid: key.kid, x5t: key.kid, alg: 'RS256', issuer },
    ],
  };
}
