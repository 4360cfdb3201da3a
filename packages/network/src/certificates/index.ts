/**
 * Certificates: making them for tests, the emulator and private set-ups, and saying what one holds.
 *
 * @packageDocumentation
 */
export {
  createCertificateAuthority,
  createSelfSignedCertificate,
  type CertificateAuthority,
  type CertificateOptions,
  type CertificatePair,
  type IssuedCertificate,
  type KeyType,
} from './authority.ts';
export {
  certificateThumbprint,
  describeCertificate,
  type CertificateDescription,
  type CertificateThumbprint,
} from './describe.ts';
