/**
 * The certificate that the listeners present, of the relay and of the HTTP API.
 *
 * Where the settings name none, one is made at the first start and kept in the data folder, so that clients which were told
 * to trust it can go on doing so. It vouches for itself; devices that check certificates have to be given it. The files are
 * looked at once a minute: a renewed certificate is used for the next handshakes, and one that cannot be used is told of
 * once while the one before it stays.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { failure, success, type Clock, type ClockTimer, type Fault, type Result } from '@postbearer/core';
import { createSelfSignedCertificate } from '@postbearer/network/certificates';
import type { ServerCertificate } from '@postbearer/smtp/server';
import { accessFaults } from './faults.ts';

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
    return failure(accessFaults.make('ACCESS_CERTIFICATE_UNREADABLE', { file, reason }));
  }
}

/** Reads a certificate and its key. Fails with `ACCESS_CERTIFICATE_UNREADABLE`. */
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

const LOOK_EVERY_MS = 60_000;

/** What follows the files of a certificate. */
export interface CertificateFollower {
  /** Looks at the files now. */
  look(): Promise<void>;
  /** Looks no more; safe to repeat. */
  close(): void;
}

/** What {@link followCertificate} works with. */
export interface FollowOptions {
  readonly files: CertificateFiles;
  /** The certificate in use. */
  readonly current: ServerCertificate;
  readonly clock: Clock;
  /** Takes a new certificate into use, or says why not. */
  readonly replace: (certificate: ServerCertificate) => Result<void>;
  /** Hears why a certificate cannot be used. */
  readonly onFault: (fault: Fault) => void;
}

/** Uses the certificate in the files whenever it is another. */
export function followCertificate(options: FollowOptions): CertificateFollower {
  const { files, clock, replace, onFault } = options;
  let seen = JSON.stringify(options.current);
  let timer: ClockTimer | undefined;
  let isClosed = false;

  const look = async (): Promise<void> => {
    const found = await readCertificate(files);
    const now = JSON.stringify(found.ok ? found.value : found.fault.message);
    if (now === seen || isClosed) return;
    seen = now;
    const replaced = found.ok ? replace(found.value) : found;
    if (!replaced.ok) onFault(replaced.fault);
  };

  const again = (): void => {
    timer = clock.setTimer(() => void look().finally(again), LOOK_EVERY_MS, { background: true });
    if (isClosed) timer.cancel();
  };
  again();
  return {
    look,
    close() {
      isClosed = true;
      timer?.cancel();
    },
  };
}
