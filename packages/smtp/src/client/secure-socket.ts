/**
 * Encrypts a connection and makes sure who is at the other end.
 *
 * The chain must end at a trusted authority, the certificate must be valid now and must list the server's name as a
 * subject alternative name; TLS is at least 1.2. There is no switch for any of it: the environment's
 * `NODE_TLS_REJECT_UNAUTHORIZED` is overruled. A session is kept for resumption only after all of that held, and is used
 * again only with the same server, name and authorities.
 */
import { isIP, type Socket } from 'node:net';
import {
  checkServerIdentity,
  connect,
  createSecureContext,
  type PeerCertificate,
  type SecureContext,
  type TLSSocket,
} from 'node:tls';
import { failure, hasSubjectAltName, success, type Clock, type Fault, type Result } from '@postbearer/core';
import type { ClientFaultCode } from './faults.ts';
import { destroyed, networkFault } from './open-socket.ts';

/** What is asked of the encryption. */
export interface TlsOptions {
  /** Authorities to trust, PEM. Default: those that Node trusts. */
  readonly ca?: readonly string[];
  /** The name that the certificate must list. Default: the host. */
  readonly servername?: string;
  /** Default: `TLSv1.2`. */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
}

/** Keeps what later connections to one server can share. One for each server and set of TLS options. */
export interface TlsMemory {
  context?: SecureContext;
  session?: Buffer;
}

/** A verified encrypted connection, in words. */
export interface TlsSummary {
  /** Such as `TLSv1.3`. */
  readonly protocol: string;
  /** The cipher suite by its standard name. */
  readonly cipher: string;
  /** Whether an earlier session was resumed. */
  readonly isResumed: boolean;
  readonly certificate: CertificateSummary;
}

/** The certificate of a server, as far as people ask for it. */
export interface CertificateSummary {
  readonly subject: string;
  readonly issuer: string;
  /** Such as `DNS:smtp.office365.com, DNS:*.office365.com`. */
  readonly names: string;
  /** As in the certificate: `Nov 24 00:00:00 2027 GMT`. */
  readonly validFrom: string;
  readonly validTo: string;
  /** SHA-256 of the certificate, hexadecimal pairs with colons. */
  readonly fingerprint: string;
}

/** What a handshake needs to know. */
export interface SecureOptions extends TlsOptions {
  readonly host: string;
  readonly port: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly memory: TlsMemory;
  readonly signal?: AbortSignal | undefined;
}

const COMMON_NAME_ONLY = 'ERR_TLS_CERT_COMMON_NAME_ONLY';

/** Node's and OpenSSL's codes of a refused certificate or handshake. */
const CODES: Readonly<Record<string, ClientFaultCode>> = {
  CERT_HAS_EXPIRED: 'SMTP_CERTIFICATE_EXPIRED',
  CERT_NOT_YET_VALID: 'SMTP_CERTIFICATE_NOT_YET_VALID',
  ERR_TLS_CERT_ALTNAME_INVALID: 'SMTP_CERTIFICATE_WRONG_HOST',
  [COMMON_NAME_ONLY]: 'SMTP_CERTIFICATE_COMMON_NAME_ONLY',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'SMTP_CERTIFICATE_SELF_SIGNED',
  SELF_SIGNED_CERT_IN_CHAIN: 'SMTP_CERTIFICATE_UNKNOWN_AUTHORITY',
  UNABLE_TO_GET_ISSUER_CERT: 'SMTP_CERTIFICATE_UNKNOWN_AUTHORITY',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'SMTP_CERTIFICATE_UNKNOWN_AUTHORITY',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'SMTP_CERTIFICATE_UNKNOWN_AUTHORITY',
  CERT_UNTRUSTED: 'SMTP_CERTIFICATE_UNKNOWN_AUTHORITY',
  CERT_SIGNATURE_FAILURE: 'SMTP_CERTIFICATE_REJECTED',
  CERT_REVOKED: 'SMTP_CERTIFICATE_REJECTED',
  CERT_CHAIN_TOO_LONG: 'SMTP_CERTIFICATE_REJECTED',
  CERT_REJECTED: 'SMTP_CERTIFICATE_REJECTED',
  INVALID_CA: 'SMTP_CERTIFICATE_REJECTED',
  INVALID_PURPOSE: 'SMTP_CERTIFICATE_REJECTED',
  PATH_LENGTH_EXCEEDED: 'SMTP_CERTIFICATE_REJECTED',
  HOSTNAME_MISMATCH: 'SMTP_CERTIFICATE_WRONG_HOST',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'SMTP_TLS_VERSION_UNSUPPORTED',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'SMTP_TLS_VERSION_UNSUPPORTED',
  ERR_SSL_VERSION_TOO_LOW: 'SMTP_TLS_VERSION_UNSUPPORTED',
  ECONNRESET: 'SMTP_TLS_INTERRUPTED',
  EPIPE: 'SMTP_TLS_INTERRUPTED',
};

/** OpenSSL's words for a small key or an old digest in a chain; Node has no code for them but `UNSPECIFIED`. */
const TOO_WEAK = /^(?:EE certificate key|CA certificate key|CA signature digest algorithm) too weak$/;

function contextOf(options: SecureOptions): SecureContext {
  // Parsing the authorities takes longer than a handshake, so it is done once.
  options.memory.context ??= createSecureContext({
    ...(options.ca === undefined ? {} : { ca: [...options.ca] }),
    minVersion: options.minVersion ?? 'TLSv1.2',
  });
  return options.memory.context;
}

/** Node's check of the name, and the rule that a common name does not count. */
function checkIdentity(name: string, certificate: PeerCertificate): Error | undefined {
  if (!hasSubjectAltName(certificate))
    return Object.assign(new Error('the certificate lists no host names'), { code: COMMON_NAME_ONLY });
  return checkServerIdentity(name, certificate);
}

function handshakeFault(options: SecureOptions, name: string, error: NodeJS.ErrnoException): Fault {
  const code = TOO_WEAK.test(error.message)
    ? 'SMTP_CERTIFICATE_WEAK'
    : (CODES[error.code ?? ''] ?? 'SMTP_TLS_HANDSHAKE_FAILED');
  const values = { servername: name, minVersion: options.minVersion ?? 'TLSv1.2' };
  // OpenSSL's own words hold addresses of its source code; its short reason is enough.
  const detail = 'reason' in error && typeof error.reason === 'string' ? error.reason : error.message;
  return networkFault(code, options, detail, error.code, values);
}

/**
 * Encrypts `socket`. On a fault the socket is closed.
 *
 * @throws `signal.reason` when the caller cancels.
 */
export async function secureSocket(socket: Socket, options: SecureOptions): Promise<Result<TLSSocket>> {
  const { memory, signal, timeoutMs } = options;
  const name = options.servername ?? options.host;
  const secured = connect({
    socket,
    secureContext: contextOf(options),
    rejectUnauthorized: true,
    checkServerIdentity: (_, certificate) => checkIdentity(name, certificate),
    // RFC 6066 section 3 allows names only.
    ...(isIP(name) === 0 ? { servername: name } : { host: name }),
    ...(memory.session === undefined ? {} : { session: memory.session }),
  });
  const { promise, resolve } = Promise.withResolvers<Fault | undefined>();
  let session: Buffer | undefined;
  let isVerified = false;
  const onError = (error: Error): void => resolve(handshakeFault(options, name, error));
  const onClose = (): void => resolve(networkFault('SMTP_TLS_INTERRUPTED', options, 'the connection was closed'));
  const onAbort = (): void => resolve(networkFault('SMTP_TLS_INTERRUPTED', options, 'cancelled'));
  const timer = options.clock.setTimer(() => {
    const detail = `no end of the handshake within ${timeoutMs / 1000} s`;
    resolve(networkFault('SMTP_TLS_TIMEOUT', options, detail, undefined, { seconds: timeoutMs / 1000 }));
  }, timeoutMs);
  secured.on('session', (fresh: Buffer) => {
    session = fresh;
    if (isVerified) memory.session = fresh;
  });
  secured.once('secureConnect', () => resolve(undefined));
  // Stays: an error at a moment when nobody else listens must not end the process.
  secured.on('error', onError);
  secured.once('close', onClose);
  signal?.addEventListener('abort', onAbort, { once: true });
  const fault = await promise;
  timer.cancel();
  signal?.removeEventListener('abort', onAbort);
  secured.off('close', onClose);
  if (fault === undefined && secured.authorized) {
    isVerified = true;
    if (session !== undefined) memory.session = session;
    return success(secured);
  }
  // A session that the server does not like any more must not spoil the next attempt.
  delete memory.session;
  await Promise.all([destroyed(secured), destroyed(socket)]);
  signal?.throwIfAborted();
  return failure(fault ?? networkFault('SMTP_CERTIFICATE_REJECTED', options, String(secured.authorizationError)));
}

function nameOf(parts: PeerCertificate['subject'] | undefined): string {
  return parts === undefined ? '' : [parts.CN ?? parts.O].flat().join(', ');
}

/** Describes a verified connection. */
export function summarise(socket: TLSSocket): TlsSummary {
  const certificate = socket.getPeerCertificate();
  return {
    protocol: socket.getProtocol() ?? 'TLS',
    cipher: socket.getCipher().standardName,
    isResumed: socket.isSessionReused(),
    certificate: {
      subject: nameOf(certificate.subject),
      issuer: nameOf(certificate.issuer),
      names: certificate.subjectaltname ?? '',
      validFrom: certificate.valid_from,
      validTo: certificate.valid_to,
      fingerprint: certificate.fingerprint256,
    },
  };
}
