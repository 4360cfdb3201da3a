/**
 * The certificate of a client, made ready to sign assertions.
 *
 * An assertion (RFC 7523) is addressed to the token endpoint itself, as Entra wants it, and carries both thumbprints of
 * the certificate. It is valid from 5 minutes ago for 10 minutes, so that a clock may be 5 minutes off either way. RSA keys
 * sign PS256, P-256 keys ES256.
 *
 * Source: learn.microsoft.com/entra/identity-platform/certificate-credentials, read 2026-11-24. It names `x5t#S256` alone; `x5t`
 * is what its earlier form and other servers look for.
 */
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { failure, success, type Failure, type FaultValues, type Result, type Secret } from '@postbearer/core';
import { certificateThumbprint } from '@postbearer/network/certificates';
import { modifyAssertion, PrivateKeyJwt, type ClientAuth } from 'oauth4webapi';
import { oauthFaults, type OAuthFaultCode } from './faults.ts';

/** A certificate and its key, in PEM. */
export interface CertificateCredential {
  /** The certificate; what follows it, such as its chain, is not used. */
  readonly certificatePem: string;
  readonly privateKeyPem: Secret;
}

const CLOCK_ALLOWANCE_S = 300;
const ASSERTION_LIFETIME_S = 600;
const LEAST_RSA_BITS = 2048;

function keyProblem(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ERR_MISSING_PASSPHRASE' || code === 'ERR_OSSL_CRYPTO_INTERRUPTED_OR_CANCELLED'
    ? 'it is encrypted'
    : 'it is not a private key in PEM form';
}

function readCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

function readKey(pem: string): KeyObject | string {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    return keyProblem(error);
  }
}

/** What a kind of key is in words, if it cannot sign here. */
function unsupportedKind(key: KeyObject): string | undefined {
  const { modulusLength = 0, namedCurve } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'rsa')
    return modulusLength >= LEAST_RSA_BITS ? undefined : `RSA of ${modulusLength} bits`;
  if (key.asymmetricKeyType === 'ec') return namedCurve === 'prime256v1' ? undefined : `ECDSA ${namedCurve ?? ''}`;
  return key.asymmetricKeyType ?? 'of an unknown kind';
}

function signingKey(key: KeyObject): Promise<CryptoKey> {
  const algorithm =
    key.asymmetricKeyType === 'rsa' ? { name: 'RSA-PSS', hash: 'SHA-256' } : { name: 'ECDSA', namedCurve: 'P-256' };
  return crypto.subtle.importKey('pkcs8', key.export({ type: 'pkcs8', format: 'der' }), algorithm, false, ['sign']);
}

/**
 * Client authentication with a certificate.
 *
 * @param now - milliseconds since 1970, for the times in the assertion.
 */
export async function certificateAuthentication(
  credential: CertificateCredential,
  request: { readonly clientId: string; readonly endpoint: string },
  now: () => number,
): Promise<Result<ClientAuth>> {
  const { clientId, endpoint } = request;
  const refuse = (code: OAuthFaultCode, values: FaultValues = {}): Failure =>
    failure(oauthFaults.make(code, { clientId, ...values }));
  const certificate = readCertificate(credential.certificatePem);
  if (certificate === undefined) return refuse('OAUTH_CERTIFICATE_UNREADABLE');
  const key = readKey(credential.privateKeyPem.reveal());
  if (typeof key === 'string') return refuse('OAUTH_PRIVATE_KEY_UNREADABLE', { reason: key });
  const kind = unsupportedKind(key);
  if (kind !== undefined) return refuse('OAUTH_PRIVATE_KEY_UNSUPPORTED', { kind });
  if (!certificate.checkPrivateKey(key)) return refuse('OAUTH_CERTIFICATE_KEY_MISMATCH');
  const { sha1, sha256 } = certificateThumbprint(credential.certificatePem);
  return success(
    PrivateKeyJwt(await signingKey(key), {
      [modifyAssertion]: (header, payload) => {
        const start = Math.floor(now() / 1000) - CLOCK_ALLOWANCE_S;
        header['typ'] = 'JWT';
        header['x5t'] = sha1;
        header['x5t#S256'] = sha256;
        payload['aud'] = endpoint;
        payload['iat'] = start;
        payload['nbf'] = start;
        payload['exp'] = start + ASSERTION_LIFETIME_S;
      },
    }),
  );
}
