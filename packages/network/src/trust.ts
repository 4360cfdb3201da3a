/**
 * Which certificate authorities are trusted, and how TLS is spoken.
 *
 * Trusted are Node's bundled authorities, those of the operating system, those of NODE_EXTRA_CA_CERTS and the CA files
 * of the settings. Own ones add to the others and never replace them. Nothing switches the check off:
 * NODE_TLS_REJECT_UNAUTHORIZED=0 is refused before anything is sent.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { failure, success, type Fault, type Result } from '@postbearer/core';
import { networkFaults } from './faults.ts';

/** The authorities to trust; made by {@link createTrust}. */
export interface Trust {
  /** Every trusted certificate as PEM, each once. The system's store is read at the first use of this or of `secureContext`. */
  readonly ca: readonly string[];
  /** The same authorities with TLS 1.2 as the least version, ready for `tls.connect`. Made once, since it takes some 20 ms. */
  readonly secureContext: SecureContext;
}

/** Where {@link createTrust} takes its input from. */
export interface TrustOptions {
  /** Files with PEM certificates. */
  readonly caFiles?: readonly string[];
  /** PEM certificates as text. */
  readonly caPem?: readonly string[];
  /** Environment variables: `NODE_TLS_REJECT_UNAUTHORIZED`, `NODE_EXTRA_CA_CERTS`. By default those of the process. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Reads a file whole; throws as `fs.readFileSync` does. */
  readonly readFile?: (path: string) => string;
}

const CERTIFICATE = /-----BEGIN (?:X509 )?CERTIFICATE-----[^-]*-----END (?:X509 )?CERTIFICATE-----/g;
const PRIVATE_KEY = /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----/;

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown';
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}

/** A file to read, and where it is named: the words for a fault. */
interface NamedFile {
  readonly file: string;
  readonly where: 'the settings' | 'NODE_EXTRA_CA_CERTS';
}

function certificatesIn(text: string, named: NamedFile): Result<readonly string[]> {
  if (PRIVATE_KEY.test(text)) return failure(networkFaults.make('NETWORK_CA_FILE_PRIVATE_KEY', { ...named }));
  const blocks = text.match(CERTIFICATE) ?? [];
  if (blocks.length === 0 || !blocks.every(isCertificate))
    return failure(networkFaults.make('NETWORK_CA_FILE_NOT_PEM', { ...named }));
  return success(blocks);
}

function fileFault(named: NamedFile, error: unknown): Fault {
  const reason = errorCode(error);
  if (reason === 'ENOENT' || reason === 'ENOTDIR') return networkFaults.make('NETWORK_CA_FILE_MISSING', { ...named });
  return networkFaults.make('NETWORK_CA_FILE_UNREADABLE', { ...named, reason });
}

function readCertificates(named: NamedFile, readFile: (path: string) => string): Result<readonly string[]> {
  try {
    return certificatesIn(readFile(named.file), named);
  } catch (error) {
    return failure(fileFault(named, error));
  }
}

function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

/**
 * Joins the authorities to trust. Own CA files are read and checked now, the stores of Node and of the system when needed.
 *
 * A file of NODE_EXTRA_CA_CERTS counts as an own file: where Node itself only warns that it cannot be read, this is a fault.
 *
 * @returns `NETWORK_VERIFICATION_DISABLED` or one of the `NETWORK_CA_FILE_…` faults where trust cannot be made as asked.
 */
export function createTrust(options: TrustOptions = {}): Result<Trust> {
  const { caFiles = [], caPem = [], environment = process.env } = options;
  const readFile = options.readFile ?? ((path: string) => readFileSync(path, 'utf8'));
  if (environment['NODE_TLS_REJECT_UNAUTHORIZED'] === '0')
    return failure(networkFaults.make('NETWORK_VERIFICATION_DISABLED'));
  const extra = environment['NODE_EXTRA_CA_CERTS'] ?? '';
  const own: string[] = [];
  const files: NamedFile[] = caFiles.map((file) => ({ file, where: 'the settings' }));
  if (extra !== '') files.push({ file: extra, where: 'NODE_EXTRA_CA_CERTS' });
  for (const named of files) {
    const read = readCertificates(named, readFile);
    if (!read.ok) return read;
    own.push(...read.value);
  }
  for (const text of caPem) {
    const read = certificatesIn(text, { file: 'The CA text', where: 'the settings' });
    if (!read.ok) return read;
    own.push(...read.value);
  }
  const ca = lazily(() => [...new Set([...getCACertificates('bundled'), ...getCACertificates('system'), ...own])]);
  const secureContext = lazily(() => createSecureContext({ ca: [...ca()], minVersion: 'TLSv1.2' }));
  return success({
    get ca() {
      return ca();
    },
    get secureContext() {
      return secureContext();
    },
  });
}
