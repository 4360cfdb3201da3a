/**
 * Certificates for tests of TLS clients: one good one, and one for each way to be bad.
 *
 * Everything is made anew for each file that asks; nothing is stored.
 */
import { createCertificateAuthority, createSelfSignedCertificate } from '@postbearer/network/certificates';

const DAY_MS = 86_400_000;

/** What a TLS server is started with. */
export interface ServerIdentity {
  readonly cert: string;
  readonly key: string;
}

/** The names that the good certificate lists. */
const CERTIFIED_NAMES = ['localhost', 'smtp.example.com'] as const;

/** A good certificate and its bad relatives. */
export interface CertificateSet {
  /** The authority that a client is told to trust, PEM. */
  readonly trusted: string;
  readonly good: ServerIdentity;
  readonly expired: ServerIdentity;
  readonly notYetValid: ServerIdentity;
  /** Good, but for `other.example.net`. */
  readonly otherHost: ServerIdentity;
  /** Names `localhost` and the rest only as common name. */
  readonly commonNameOnly: ServerIdentity;
  readonly selfSigned: ServerIdentity;
  /** From an authority that nobody trusts, which is not sent along. */
  readonly unknownAuthority: ServerIdentity;
  /** As before, the authority sent along. */
  readonly unknownRoot: ServerIdentity;
}

/** Makes a set. */
export async function makeCertificates(): Promise<CertificateSet> {
  const now = Date.now();
  const names = { dnsNames: CERTIFIED_NAMES, ipAddresses: ['127.0.0.1'] };
  const authority = await createCertificateAuthority({ name: 'Trusted Test CA' });
  const stranger = await createCertificateAuthority({ name: 'Unknown Test CA' });
  const issue = async (
    options: Parameters<typeof authority.issue>[0],
    from = authority,
    form: 'certificatePem' | 'chainPem' = 'certificatePem',
  ): Promise<ServerIdentity> => {
    const issued = await from.issue(options);
    return { cert: issued[form], key: issued.privateKeyPem };
  };
  const alone = await createSelfSignedCertificate({ ...names, keyType: 'P-256' });
  return {
    trusted: authority.certificatePem,
    good: await issue(names),
    expired: await issue({ ...names, notBefore: now - 30 * DAY_MS, notAfter: now - DAY_MS }),
    notYetValid: await issue({ ...names, notBefore: now + DAY_MS, notAfter: now + 30 * DAY_MS }),
    otherHost: await issue({ dnsNames: ['other.example.net'] }),
    commonNameOnly: await issue({ commonName: 'localhost', subjectAltName: false }),
    selfSigned: { cert: alone.certificatePem, key: alone.privateKeyPem },
    unknownAuthority: await issue(names, stranger),
    unknownRoot: await issue(names, stranger, 'chainPem'),
  };
}
