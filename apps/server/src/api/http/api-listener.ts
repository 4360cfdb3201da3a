/**
 * One listener of the HTTP API.
 *
 * The rules of this file:
 * - keys go over TLS, or stay on this machine, as behind a proxy;
 * - what is slow is bounded: 15 seconds for a header, ten minutes for a whole request, a minute without a byte;
 * - what is large is bounded: 16 KiB for a header, and so many connections;
 * - no answer is kept by anybody on the way, none is shown inside another page, and no page of others may read one;
 * - what is no HTTP is told so and closed; a request with two lengths is none (RFC 9112 section 6.3).
 */
import {
  createServer as createPlainServer,
  type IncomingMessage,
  type Server as PlainServer,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { getRequestListener } from '@hono/node-server';
import { failure, success, type Clock, type EventSink, type Fault, type Result } from '@postbearer/core';
import { isLoopbackHost } from '@postbearer/network';
import { smtpServerFaults, type ServerCertificate } from '@postbearer/smtp/server';
import {
  followCertificate,
  ownCertificate,
  readCertificate,
  type CertificateFiles,
  type CertificateFollower,
} from '../../access/certificate.ts';
import { apiFaults, httpFaults } from '../faults.ts';
import type { Api } from './api.ts';
import { problemHeaders, problemOf } from './problem.ts';

const HEADER_MS = 15_000;
const REQUEST_MS = 10 * 60_000;
const SILENCE_MS = 60_000;
const KEPT_MS = 15_000;
const LARGEST_HEADER_BYTES = 16 * 1024;
const MOST_CONNECTIONS = 2000;
const LOOK_EVERY_MS = 5000;
const HSTS = 'max-age=31536000';

/** What every answer says, unless it says otherwise. */
const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cache-control': 'no-store',
};

/** One place where the API is. */
export interface ApiListenerSettings {
  /** Loopback where it is left out. */
  readonly host?: string;
  readonly port: number;
  /** Plain is for this machine alone, as behind a proxy. */
  readonly security: 'tls' | 'plain';
}

/** What may change while a listener is open. */
export interface ApiSettings {
  /** The name in the certificate that is made. */
  readonly hostname: string;
  /** The certificate to present; one is made where it is left out. */
  readonly certificate?: CertificateFiles;
}

/** What a listener works with. */
export interface ApiListenerOptions {
  readonly api: Api;
  readonly dataFolder: string;
  readonly clock: Clock;
  readonly onEvent: EventSink;
}

/** Where a listener listens. */
export interface ApiAddress {
  readonly host: string;
  readonly port: number;
  readonly security: 'tls' | 'plain';
}

/** Other settings for a listener, ready to be taken into use or not. */
interface PreparedSettings {
  commit(): void;
  abandon(): void;
}

function unreadable(reason: string): Fault {
  return httpFaults.make('SERVICE_REQUEST_UNREADABLE', { reason });
}

/** What Node found wrong with what should be a request, as a fault and its status. */
function unreadableFault(code: string | undefined): readonly [Fault, number] {
  if (code === 'HPE_HEADER_OVERFLOW')
    return [unreadable(`its header is longer than ${LARGEST_HEADER_BYTES} bytes`), 431];
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return [unreadable('it did not come in time'), 408];
  return [unreadable('it is no HTTP, or says something twice'), 400];
}

function answerUnreadable(error: Error & { readonly code?: string }, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const [fault, status] = unreadableFault(error.code);
  const body = JSON.stringify({ ...problemOf(fault), status });
  const fields = {
    ...problemHeaders(fault, status),
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} Refused\r\n${lines.join('')}\r\n${body}`);
}

function listenFault(error: unknown, { host = '127.0.0.1', port }: ApiListenerSettings): Fault {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  if (code === 'EADDRINUSE') return smtpServerFaults.make('SMTP_LISTEN_ADDRESS_IN_USE', { host, port });
  if (code === 'EACCES') return smtpServerFaults.make('SMTP_LISTEN_NOT_PERMITTED', { host, port });
  return smtpServerFaults.make('SMTP_LISTEN_FAILED', { host, port, reason: code });
}

type AnyServer = PlainServer | TlsServer;

const LIMITS = {
  headersTimeout: HEADER_MS,
  requestTimeout: REQUEST_MS,
  keepAliveTimeout: KEPT_MS,
  connectionsCheckingInterval: LOOK_EVERY_MS,
  maxHeaderSize: LARGEST_HEADER_BYTES,
  // A peer that is gone without a word is noticed in the end, also by an answer that is silent.
  keepAlive: true,
  keepAliveInitialDelay: SILENCE_MS,
} as const;

function tlsOptions({ certificatePem, privateKeyPem }: ServerCertificate): {
  readonly cert: string;
  readonly key: string;
  readonly minVersion: 'TLSv1.2';
} {
  return { cert: certificatePem, key: privateKeyPem, minVersion: 'TLSv1.2' };
}

function unusable(error: unknown): Result<never> {
  const reason = error instanceof Error ? error.message : String(error);
  return failure(smtpServerFaults.make('SMTP_SERVER_CERTIFICATE_UNUSABLE', { reason }));
}

/** Makes a server, which does not listen yet. Fails with `SMTP_SERVER_CERTIFICATE_UNUSABLE`. */
function serverFor(certificate: ServerCertificate | undefined): Result<AnyServer> {
  if (certificate === undefined) return success(createPlainServer(LIMITS));
  try {
    return success(createTlsServer({ ...LIMITS, ...tlsOptions(certificate), handshakeTimeout: HEADER_MS }));
  } catch (error) {
    return unusable(error);
  }
}

async function listen(server: AnyServer, { host = '127.0.0.1', port }: ApiListenerSettings): Promise<void> {
  await new Promise<void>((done, fail) => {
    server.once('error', fail);
    server.listen({ host, port }, () => {
      server.removeListener('error', fail);
      done();
    });
  });
}

/** Opens a listener. Fails with `SERVICE_PLAIN_ELSEWHERE`, `SMTP_LISTEN_…`, `ACCESS_CERTIFICATE_UNREADABLE` or `SMTP_SERVER_CERTIFICATE_UNUSABLE`. */
export async function openApiListener(
  options: ApiListenerOptions,
  place: ApiListenerSettings,
  settings: ApiSettings,
): Promise<Result<ApiListener>> {
  const { security, host = '127.0.0.1', port } = place;
  if (security === 'plain' && !isLoopbackHost(host)) {
    return failure(apiFaults.make('SERVICE_PLAIN_ELSEWHERE', { host, port }));
  }
  const files = security === 'plain' ? undefined : await filesOf(options, settings);
  const certificate = files === undefined ? undefined : await readCertificate(files);
  if (certificate?.ok === false) return certificate;
  const made = serverFor(certificate?.value);
  if (!made.ok) return made;
  const server = made.value;
  try {
    await listen(server, place);
  } catch (error) {
    return failure(listenFault(error, place));
  }
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('A server that listens has an address.');
  const address: ApiAddress = { host: bound.address, port: bound.port, security };
  const listener = new ApiListener(options, address, server);
  if (files !== undefined && certificate !== undefined) listener.follow(files, certificate.value);
  const certificateFile = files === undefined ? {} : { certificateFile: files.certificateFile };
  options.onEvent({ name: 'service.listening', ...address, ...certificateFile });
  return success(listener);
}

async function filesOf({ dataFolder, clock }: ApiListenerOptions, settings: ApiSettings): Promise<CertificateFiles> {
  return settings.certificate ?? (await ownCertificate(dataFolder, settings.hostname, clock));
}

/** An open listener. Made by {@link openApiListener}. */
export class ApiListener {
  readonly address: ApiAddress;
  readonly #options: ApiListenerOptions;
  readonly #server: AnyServer;
  readonly #endless = new Set<ServerResponse>();
  #certificate: { readonly files: CertificateFiles; readonly follower: CertificateFollower } | undefined;
  #isClosing = false;

  constructor(options: ApiListenerOptions, address: ApiAddress, server: AnyServer) {
    this.address = address;
    this.#options = options;
    this.#server = server;
    server.maxConnections = MOST_CONNECTIONS;
    server.setTimeout(SILENCE_MS);
    server.on('clientError', answerUnreadable);
    server.on('request', this.#requestListener());
  }

  /** Uses another certificate as soon as the files hold one. */
  follow(files: CertificateFiles, current: ServerCertificate): void {
    const { clock, onEvent } = this.#options;
    this.#certificate?.follower.close();
    const follower = followCertificate({
      files,
      current,
      clock,
      replace: (renewed) => this.#replace(renewed),
      onFault: (fault) => onEvent({ name: 'settings.warning', fault }),
    });
    this.#certificate = { files, follower };
  }

  /** Prepares another certificate. Fails with `ACCESS_CERTIFICATE_UNREADABLE` or `SMTP_SERVER_CERTIFICATE_UNUSABLE`; the old one stays then. */
  async prepare(next: ApiSettings): Promise<Result<PreparedSettings>> {
    const before = this.#certificate;
    if (before === undefined) return success({ commit: () => undefined, abandon: () => undefined });
    const files = await filesOf(this.#options, next);
    const certificate = await readCertificate(files);
    if (!certificate.ok) return certificate;
    const old = await readCertificate(before.files);
    const replaced = this.#replace(certificate.value);
    if (!replaced.ok) return replaced;
    return success({
      commit: () => this.follow(files, certificate.value),
      abandon: () => {
        if (old.ok) this.#replace(old.value);
      },
    });
  }

  /** Takes no new request, ends streams, and lets what is being answered end for `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.#isClosing = true;
    this.#certificate?.follower.close();
    const server = this.#server;
    const closed = new Promise<void>((done) => server.close(() => done()));
    for (const outgoing of this.#endless) outgoing.end();
    server.closeIdleConnections();
    const timer = this.#options.clock.setTimer(() => server.closeAllConnections(), graceMs);
    await closed;
    timer.cancel();
  }

  #replace(certificate: ServerCertificate): Result<void> {
    const server = this.#server;
    if (!('setSecureContext' in server)) return success(undefined);
    try {
      server.setSecureContext(tlsOptions(certificate));
      return success(undefined);
    } catch (error) {
      return unusable(error);
    }
  }

  #requestListener(): (incoming: IncomingMessage, outgoing: ServerResponse) => void {
    const { api } = this.#options;
    return (incoming, outgoing) => {
      for (const [name, value] of Object.entries(SECURITY_HEADERS)) outgoing.setHeader(name, value);
      if (this.address.security === 'tls') outgoing.setHeader('strict-transport-security', HSTS);
      // A mistake in one answer must not end the service.
      outgoing.on('error', (error) => api.onMistake(error));
      // A connection that is kept would hold up the end.
      if (this.#isClosing) outgoing.setHeader('connection', 'close');
      const bindings = { incoming, outgoing, endless: this.#endless };
      const answer = getRequestListener(async (request) => await api.answer(request, bindings), {
        hostname: 'localhost',
        overrideGlobalObjects: false,
        errorHandler: (error) => api.onUnreadable(error),
      });
      void answer(incoming, outgoing);
    };
  }
}
