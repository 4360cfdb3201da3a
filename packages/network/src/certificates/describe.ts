/** What a certificate says about itself, read with Node's own parser. */
import { createHash, X509Certificate } from 'node:crypto';
import { oneLine } from '@postbearer/core';

/** The fingerprints by which a token endpoint finds the certificate of an assertion (RFC 7515 sections 4.1.7 and 4.1.8). */
export interface CertificateThumbprint {
  /** SHA-1 of the DER form, base64url: the header `x5t`. Entra shows the same bytes in hexadecimal in its portal. */
  readonly sha1: string;
  /** SHA-256 of the DER form, base64url: the header `x5t#S256`. */
  readonly sha256: string;
}

/** A certificate in words. All foreign text is flattened to one line. */
export interface CertificateDescription {
  readonly subject: string;
  readonly issuer: string;
  /** The subject alternative names, each with its kind: `DNS:smtp.office365.com`, `IP Address:127.0.0.1`. */
  readonly names: readonly string[];
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  /** Milliseconds since 1970. */
  readonly notAfter: number;
  readonly isAuthority: boolean;
  /** Its own key signed it. */
  readonly isSelfSigned: boolean;
}

/** The thumbprints of the first certificate in a PEM text. Throws where there is none. */
export function certificateThumbprint(pem: string): CertificateThumbprint {
  const der = new X509Certificate(pem).raw;
  const digest = (algorithm: string): string => createHash(algorithm).update(der).digest('base64url');
  return { sha1: digest('sha1'), sha256: digest('sha256') };
}

/** Describes the first certificate in a PEM text. Throws where there is none. */
export function describeCertificate(pem: string): CertificateDescription {
  const certificate = new X509Certificate(pem);
  return {
    subject: oneLine(certificate.subject.replaceAll('\n', ', ')),
    issuer: oneLine(certificate.issuer.replaceAll('\n', ', ')),
    names: (certificate.subjectAltName ?? '')
      .split(', ')
      .filter(Boolean)
      .map((name) => oneLine(name)),
    notBefore: certificate.validFromDate.getTime(),
    notAfter: certificate.validToDate.getTime(),
    isAuthority: certificate.ca,
    isSelfSigned: certificate.subject === certificate.issuer && certificate.verify(certificate.publicKey),
  };
}
