/**
 * The certificate that the relay presents.
 *
 * Where the settings name none, one is made at the first start and kept in the data folder, so that clients which were told
 * to trust it can go on doing so. It vouches for itself; devices that check certificates have to be given it.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { failure, success, type Clock, type Result } from '@postbearer/core';
import { createSelfSignedCertificate } from '@postbearer/network/certificates';
import type { ServerCertificate } from '@postbearer/smtp/server';
import { relayFaults } from './faults.ts';

/** Files of a certificate with its chain, and of its key, PEM. */
export interface CertificateFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
}

const TEN_YEARS_MS = 10 * 365 * 24 * 3_600_000;

async function read(file: string): Promise<Result<string>> {
  try {
    return success(await readFile(file, 'utf8'));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return failure(relayFaults.make('RELAY_CERTIFICATE_UNREADABLE', { file, reason }));
  }
}

/** Reads a certificate and its key. Fails with `RELAY_CERTIFICATE_UNREADABLE`. */
export async function readCertificate(files: CertificateFiles): Promise<Result<ServerCertificate>> {
  const [certificate, key] = await Promise.all([read(files.certificateFile), read(files.keyFile)]);
  if (!certificate.ok) return certificate;
  return key.ok ? success({ certificatePem: certificate.value, privateKeyPem: key.value }) : key;
}

async function isThere(file: string): Promise<boolean> {
  return (await read(file)).ok;
}

/** The files of the certificate that was made for `hostname`; makes it where it is not there. */
export async function ownCertificate(dataFolder: string, hostname: string, clock: Clock): Promise<CertificateFiles> {
  const folder = join(dataFolder, 'certificate');
  const files = { certificateFile: join(folder, 'relay.pem'), keyFile: join(folder, 'relay.key') };
  if ((await isThere(files.certificateFile)) && (await isThere(files.keyFile))) return files;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { certificatePem, privateKeyPem } = await createSelfSignedCertificate({
    dnsNames: [...new Set([hostname, 'localhost'])],
    ipAddresses: ['127.0.0.1', '::1'],
    notAfter: clock.now() + TEN_YEARS_MS,
    keyType: 'P-256',
    clock,
  });
  // The key first: a certificate that is there has its key.
  await writeFile(files.keyFile, privateKeyPem, { mode: 0o600 });
  await writeFile(files.certificateFile, certificatePem, { mode: 0o644 });
  return files;
}
