/**
 * Makes certificates for tests, the emulator and private set-ups: an authority that issues, and self-signed ones.
 *
 * Nothing here decides whom to trust; a client trusts such an authority only when its certificate is given as a CA file.
 */
import { generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { systemClock, type Clock } from '@postbearer/core';
import { encodeCertificate } from './encode-certificate.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** What a certificate should say. */
export interface CertificateOptions {
  /** Common name of the subject; by default the first DNS name or IP address. */
  readonly commonName?: string;
  /** Hosts that it names; a `*.` in front is passed on as it is. */
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  /** Milliseconds since 1970; by default an hour ago, so that clocks may differ a little. */
  readonly notBefore?: number;
  /** Milliseconds since 1970; by default 90 days from now. */
  readonly notAfter?: number;
  /** `false` leaves the subject alternative name out, so that only the common name names the host. Such certificates are refused; tests need them. */
  readonly subjectAltName?: boolean;
}

/** A certificate and its key. */
export interface CertificatePair {
  readonly certificatePem: string;
  /** PKCS #8, not encrypted. */
  readonly privateKeyPem: string;
}

/** A certificate that an authority issued. */
export interface IssuedCertificate extends CertificatePair {
  /** The certificate, then the authority's: what a server presents. */
  readonly chainPem: string;
}

/** An authority made here. */
export interface CertificateAuthority extends CertificatePair {
  /** Issues a certificate for servers and clients, ECDSA P-256. Throws where the options cannot make one (not an IP address). */
  issue(options: CertificateOptions): Promise<IssuedCertificate>;
}

/** How a key is made. */
export type KeyType = 'P-256' | 'RSA-2048';

interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

const makeKeys = promisify(generateKeyPair);

function newKeys(type: KeyType): Promise<KeyPair> {
  return type === 'P-256' ? makeKeys('ec', { namedCurve: 'P-256' }) : makeKeys('rsa', { modulusLength: 2048 });
}

function pemOf(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function keyPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' });
}

function namesOf(options: CertificateOptions): {
  subject: string;
  dnsNames: readonly string[];
  ipAddresses: readonly string[];
} {
  const { dnsNames = [], ipAddresses = [], subjectAltName = true } = options;
  return {
    subject: options.commonName ?? dnsNames[0] ?? ipAddresses[0] ?? 'Postbearer',
    dnsNames: subjectAltName ? dnsNames : [],
    ipAddresses: subjectAltName ? ipAddresses : [],
  };
}

function validity(options: CertificateOptions, clock: Clock): { notBefore: number; notAfter: number } {
  const now = clock.now();
  return { notBefore: options.notBefore ?? now - HOUR_MS, notAfter: options.notAfter ?? now + 90 * DAY_MS };
}

/**
 * Makes a new authority with an ECDSA P-256 key, valid for ten years.
 *
 * @example
 * ```ts
 * import { createCertificateAuthority, describeCertificate } from '@postbearer/network/certificates';
 *
 * const authority = await createCertificateAuthority({ name: 'Example Test CA' });
 * const server = await authority.issue({ dnsNames: ['smtp.example.com'], ipAddresses: ['127.0.0.1'] });
 * describeCertificate(server.certificatePem).names; // => ['DNS:smtp.example.com', 'IP Address:127.0.0.1']
 * ```
 */
export async function createCertificateAuthority(
  options: { readonly name?: string; readonly clock?: Clock } = {},
): Promise<CertificateAuthority> {
  const { name = 'Postbearer Local CA', clock = systemClock } = options;
  const keys = await newKeys('P-256');
  const now = clock.now();
  const own = encodeCertificate(
    {
      subject: name,
      issuer: name,
      notBefore: now - DAY_MS,
      notAfter: now + 3650 * DAY_MS,
      isAuthority: true,
      dnsNames: [],
      ipAddresses: [],
      publicKey: keys.publicKey,
      issuerPublicKey: keys.publicKey,
    },
    keys.privateKey,
  );
  const certificatePem = pemOf(own);
  return {
    certificatePem,
    privateKeyPem: keyPem(keys.privateKey),
    async issue(wanted) {
      const { publicKey, privateKey } = await newKeys('P-256');
      const content = { ...namesOf(wanted), ...validity(wanted, clock), issuer: name, isAuthority: false };
      const issued = pemOf(
        encodeCertificate({ ...content, publicKey, issuerPublicKey: keys.publicKey }, keys.privateKey),
      );
      return { certificatePem: issued, privateKeyPem: keyPem(privateKey), chainPem: issued + certificatePem };
    },
  };
}

/**
 * Makes a certificate that vouches for itself: the credential of an app registration, or a server that tests a refusal.
 *
 * @param options - `keyType` is RSA by default: Entra asks for assertions signed with PS256, which needs an RSA key.
 */
export async function createSelfSignedCertificate(
  options: CertificateOptions & { readonly keyType?: KeyType; readonly clock?: Clock } = {},
): Promise<CertificatePair> {
  const { publicKey, privateKey } = await newKeys(options.keyType ?? 'RSA-2048');
  const names = namesOf(options);
  const content = { ...names, ...validity(options, options.clock ?? systemClock), issuer: names.subject };
  const certificate = encodeCertificate(
    { ...content, isAuthority: false, publicKey, issuerPublicKey: publicKey },
    privateKey,
  );
  return { certificatePem: pemOf(certificate), privateKeyPem: keyPem(privateKey) };
}
