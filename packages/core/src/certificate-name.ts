/**
 * A certificate must name its host in a subject alternative name.
 *
 * Node accepts a certificate that names its host only by the common name of its subject. RFC 9525 section 6 (and RFC 6125
 * before it) ended that use: the common name is free text. Every TLS connection of this product applies this rule beside
 * Node's own check of the name.
 */

/** The part of a peer certificate that the rule reads, as Node gives it. */
export interface NamedCertificate {
  /** For example `DNS:smtp.office365.com, DNS:*.office365.com, IP Address:127.0.0.1`. */
  readonly subjectaltname?: string | undefined;
}

/** Whether the certificate names hosts in the only place that counts: a DNS name or an IP address among its subject alternative names. */
export function hasSubjectAltName(certificate: NamedCertificate): boolean {
  return /(?:^|, )(?:DNS|IP Address):/.test(certificate.subjectaltname ?? '');
}
