/** Servers that listen for the length of a test, with a certificate where they need one. */
import { onTestFinished } from 'vitest';
import { makeCertificates, type CertificateSet } from '../../../../../tests/setup/certificates.ts';
import type { SmtpServer, SmtpServerOptions } from '../index.ts';

let certificates: Promise<CertificateSet> | undefined;

/** One set of certificates for a test file. */
export function testCertificates(): Promise<CertificateSet> {
  certificates ??= makeCertificates();
  return certificates;
}

/** The options of a server with STARTTLS or implicit TLS. */
export async function encrypted(
  security: 'starttls' | 'tls' = 'starttls',
): Promise<Pick<SmtpServerOptions, 'security' | 'certificate'>> {
  const { good } = await testCertificates();
  return { security, certificate: { certificatePem: good.cert, privateKeyPem: good.key } };
}

/** Listens on a free port until the test ends. */
export async function listening(server: SmtpServer): Promise<number> {
  const started = await server.listen();
  if (!started.ok) throw new Error(started.fault.message);
  onTestFinished(() => server.close({ graceMs: 0 }));
  return started.value.port;
}
