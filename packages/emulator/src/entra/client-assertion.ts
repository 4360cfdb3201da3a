/**
 * Clients that prove themselves with a signed token instead of a secret (RFC 7523).
 *
 * An assertion whose issuer is the client itself is checked with the certificate that its header names by thumbprint;
 * any other is a federated token, checked with the keys of the issuer that the app trusts.
 */
import {
  constants,
  createHash,
  createPublicKey,
  verify,
  type KeyObject,
  type webcrypto,
  type X509Certificate,
} from 'node:crypto';
import type { App } from '../state/directory.ts';
import type { FederatedCredentialState } from '../state/state.ts';
import { claimNumber, claimText, decodeJwt, type DecodedJwt } from './access-token.ts';
import type { AadstsRefusal, AadstsValues } from './errors.ts';

/** What a federated credential expects as audience where it names none. */
export const DEFAULT_FEDERATED_AUDIENCE = 'api://AzureADTokenExchange';

function signatureHolds(jwt: DecodedJwt, key: KeyObject): boolean {
  const data = Buffer.from(jwt.signed);
  if (key.asymmetricKeyType !== 'rsa') return false;
  if (jwt.header['alg'] === 'RS256') return verify('RSA-SHA256', data, key, jwt.signature);
  if (jwt.header['alg'] !== 'PS256') return false;
  const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  return verify('RSA-SHA256', data, { key, ...padding }, jwt.signature);
}

function dotNetTime(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, -1)}0000Z`;
}

interface Validity {
  readonly start: number;
  readonly expiry: number;
}

function validityOf(jwt: DecodedJwt): Validity {
  const { nbf, exp } = jwt.claims;
  return { start: nbf === undefined ? 0 : claimNumber(nbf), expiry: claimNumber(exp) };
}

/** The moments that AADSTS700024 names, `now` in milliseconds since 1970; without an assertion those of one that has just expired. */
export function assertionTimes(jwt: DecodedJwt | undefined, now: number): AadstsValues {
  const seconds = now / 1000;
  const { start, expiry } = jwt === undefined ? { start: seconds - 900, expiry: seconds - 300 } : validityOf(jwt);
  const shown = (value: number): string => dotNetTime(Number.isFinite(value) && Math.abs(value) < 1e11 ? value : 0);
  return { now: dotNetTime(seconds), validFrom: shown(start), validTo: shown(expiry) };
}

function timeRefusal(jwt: DecodedJwt, now: number): AadstsRefusal | undefined {
  const { start, expiry } = validityOf(jwt);
  const seconds = now / 1000;
  return start <= seconds && seconds < expiry ? undefined : { code: 700024, values: assertionTimes(jwt, now) };
}

/** The audiences that an assertion names. */
export function audiencesOf(jwt: DecodedJwt): readonly string[] {
  const { aud } = jwt.claims;
  return Array.isArray(aud) ? aud.map((item) => claimText(item)) : [claimText(aud)];
}

function thumbprints(certificate: X509Certificate): { readonly sha1: string; readonly sha256: string } {
  const digest = (algorithm: string): string => createHash(algorithm).update(certificate.raw).digest('base64url');
  return { sha1: digest('sha1'), sha256: digest('sha256') };
}

/** The thumbprint of the key that an assertion names, as Entra writes it; empty where it names none. */
export function namedThumbprint(jwt: DecodedJwt | undefined): string {
  const named = claimText(jwt?.header['x5t']) || claimText(jwt?.header['x5t#S256']);
  return Buffer.from(named, 'base64url').toString('hex').toUpperCase();
}

function keyRefusal(jwt: DecodedJwt, app: App, reason: string): AadstsRefusal {
  return { code: 700027, values: { reason, thumbprint: namedThumbprint(jwt), clientId: app.clientId } };
}

function checkCertificate(jwt: DecodedJwt, app: App, now: number): AadstsRefusal | undefined {
  const certificate = app.certificates.find((candidate) => {
    const known = thumbprints(candidate.certificate);
    return jwt.header['x5t'] === known.sha1 || jwt.header['x5t#S256'] === known.sha256;
  })?.certificate;
  if (certificate === undefined) return keyRefusal(jwt, app, 'The key was not found.');
  if (Date.parse(certificate.validTo) <= now) return keyRefusal(jwt, app, 'The key used is expired.');
  if (!signatureHolds(jwt, certificate.publicKey)) return keyRefusal(jwt, app, 'The signature does not match the key.');
  return undefined;
}

function checkOwnAssertion(
  jwt: DecodedJwt,
  app: App,
  audiences: readonly string[],
  now: number,
): AadstsRefusal | undefined {
  if (claimText(jwt.claims['sub']).toLowerCase() !== app.clientId) return { code: 700021, values: {} };
  if (!audiencesOf(jwt).some((audience) => audiences.includes(audience))) return { code: 700023, values: {} };
  return checkCertificate(jwt, app, now) ?? timeRefusal(jwt, now);
}

function matchFederated(jwt: DecodedJwt, app: App): FederatedCredentialState | AadstsRefusal {
  const issuer = claimText(jwt.claims['iss']);
  const ofIssuer = app.federatedCredentials.filter((credential) => credential.issuer === issuer);
  if (ofIssuer.length === 0) return { code: 700211, values: { value: issuer } };
  const subject = claimText(jwt.claims['sub']);
  const ofSubject = ofIssuer.filter((credential) => credential.subject === subject);
  if (ofSubject.length === 0) return { code: 700213, values: { value: subject } };
  const audiences = audiencesOf(jwt);
  const matching = ofSubject.find((item) => audiences.includes(item.audience ?? DEFAULT_FEDERATED_AUDIENCE));
  return matching ?? { code: 700212, values: { value: audiences.join(', ') } };
}

function readKey(jwk: webcrypto.JsonWebKey): KeyObject | undefined {
  try {
    return createPublicKey({ key: jwk, format: 'jwk' });
  } catch {
    return undefined;
  }
}

function checkFederated(jwt: DecodedJwt, app: App, now: number): AadstsRefusal | undefined {
  const found = matchFederated(jwt, app);
  if ('code' in found) return found;
  const keys = found.keys.map((jwk) => readKey(jwk)).filter((key) => key !== undefined);
  if (!keys.some((key) => signatureHolds(jwt, key))) return keyRefusal(jwt, app, 'The key was not found.');
  return timeRefusal(jwt, now);
}

/**
 * Judges a client assertion.
 *
 * @param audiences - what the assertion may name as its audience: the token endpoint or the issuer of the tenant.
 * @returns the refusal, or `undefined` where the client is who it says.
 */
export function checkAssertion(
  text: string,
  app: App,
  audiences: readonly string[],
  now: number,
): AadstsRefusal | undefined {
  const jwt = decodeJwt(text);
  if (jwt === undefined) return { code: 50027, values: {} };
  const isOwn = claimText(jwt.claims['iss']).toLowerCase() === app.clientId;
  return isOwn ? checkOwnAssertion(jwt, app, audiences, now) : checkFederated(jwt, app, now);
}
