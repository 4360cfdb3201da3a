/**
 * Puts an X.509 version 3 certificate together and signs it (RFC 5280 section 4.1).
 *
 * Made here and not with a library: it is a page of code, needs nothing at run time, and can leave out what a valid
 * certificate has (a subject alternative name, for instance), which tests of refusals need.
 */
import { createHash, randomBytes, sign, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';
import {
  bitString,
  contextTag,
  integer,
  NULL,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
  time,
  TRUE,
  utf8String,
} from './der.ts';

/** What goes into a certificate, apart from its signature. */
export interface CertificateContent {
  readonly subject: string;
  readonly issuer: string;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  /** Milliseconds since 1970. */
  readonly notAfter: number;
  readonly isAuthority: boolean;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly publicKey: KeyObject;
  readonly issuerPublicKey: KeyObject;
}

const OID = {
  commonName: '2.5.4.3',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  sha256WithRsa: '1.2.840.113549.1.1.11',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
} as const;

function nameOf(commonName: string): Buffer {
  return sequence(setOf(sequence(objectIdentifier(OID.commonName), utf8String(commonName))));
}

function signatureAlgorithm(key: KeyObject): Buffer {
  return key.asymmetricKeyType === 'rsa'
    ? sequence(objectIdentifier(OID.sha256WithRsa), NULL)
    : sequence(objectIdentifier(OID.ecdsaWithSha256));
}

function publicKeyInfo(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' });
}

function keyIdentifier(key: KeyObject): Buffer {
  return createHash('sha256').update(publicKeyInfo(key)).digest().subarray(0, 20);
}

/** The 4 or 16 bytes of an IP address; throws if it is none. */
export function ipAddressBytes(address: string): Buffer {
  if (isIP(address) === 0) throw new TypeError(`"${address}" is not an IP address`);
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  // The address parser of URLs turns every way to write an IPv6 address, also with an IPv4 tail, into hexadecimal groups.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const before = head.split(':').filter(Boolean);
  const after = (tail ?? '').split(':').filter(Boolean);
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  return Buffer.from([...before, ...zeros, ...after].map((group) => group.padStart(4, '0')).join(''), 'hex');
}

function extension(id: string, value: Uint8Array, isCritical = false): Buffer {
  return sequence(objectIdentifier(id), ...(isCritical ? [TRUE] : []), octetString(value));
}

function keyUsage(isAuthority: boolean): Buffer {
  // Bits from the left: 0 digitalSignature, 5 keyCertSign, 6 cRLSign.
  const value = isAuthority ? bitString(Buffer.of(0b0000_0110), 1) : bitString(Buffer.of(0b1000_0000), 7);
  return extension(OID.keyUsage, value, true);
}

function extensionsOf(content: CertificateContent): Buffer[] {
  const names = [
    ...content.dnsNames.map((name) => contextTag(2, Buffer.from(name, 'ascii'))),
    ...content.ipAddresses.map((address) => contextTag(7, ipAddressBytes(address))),
  ];
  const authorityKey = contextTag(0, keyIdentifier(content.issuerPublicKey));
  return [
    extension(OID.basicConstraints, content.isAuthority ? sequence(TRUE) : sequence(), true),
    keyUsage(content.isAuthority),
    extension(OID.subjectKeyIdentifier, octetString(keyIdentifier(content.publicKey))),
    extension(OID.authorityKeyIdentifier, sequence(authorityKey)),
    ...(content.isAuthority
      ? []
      : [
          extension(OID.extendedKeyUsage, sequence(objectIdentifier(OID.serverAuth), objectIdentifier(OID.clientAuth))),
        ]),
    ...(names.length === 0 ? [] : [extension(OID.subjectAltName, sequence(...names))]),
  ];
}

/** The certificate in DER, signed with the issuer's private key (RSA or P-256, SHA-256). Its serial number is 128 random bits. */
export function encodeCertificate(content: CertificateContent, issuerPrivateKey: KeyObject): Buffer {
  const algorithm = signatureAlgorithm(issuerPrivateKey);
  const toBeSigned = sequence(
    contextTag(0, integer(Buffer.of(2)), { constructed: true }),
    integer(randomBytes(16)),
    algorithm,
    nameOf(content.issuer),
    sequence(time(content.notBefore), time(content.notAfter)),
    nameOf(content.subject),
    publicKeyInfo(content.publicKey),
    contextTag(3, sequence(...extensionsOf(content)), { constructed: true }),
  );
  return sequence(toBeSigned, algorithm, bitString(sign('sha256', toBeSigned, issuerPrivateKey)));
}
