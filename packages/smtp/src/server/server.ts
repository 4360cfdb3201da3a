/** Accepts connections, counts them, and ends them in good order. */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createSecureContext, type SecureContext } from 'node:tls';
import {
  failure,
  parseMailboxAddress,
  success,
  systemClock,
  type Clock,
  type EventSink,
  type Result,
} from '@postbearer/core';
import { connectionKey, ConnectionCounter } from './connection-counter.ts';
import { Conversation, type ServerSetup } from './conversation.ts';
import { converse } from './dialogue.ts';
import { smtpServerFaults } from './faults.ts';
import type { SmtpServerHandler } from './handler.ts';
import { standardLimits, standardTimeouts, type SmtpServerLimits, type SmtpServerTimeouts } from './limits.ts';
import { replyLines, type SpokenReply } from './reply.ts';
import type { Peer } from './session.ts';
import { standardReplies, type ReplacedReplies } from './standard-replies.ts';

/** A certificate with its chain, and its key. */
export interface ServerCertificate {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

/** How a server is made. */
export interface SmtpServerOptions<State = undefined> {
  /** The name in the greeting; also the domain of `<Postmaster>`. */
  readonly hostname: string;
  /** STARTTLS offered (587), TLS from the first byte (465), or none at all. AUTH is offered within TLS only. */
  readonly security: 'starttls' | 'tls' | 'plain';
  /** Needed for `starttls` and `tls`. */
  readonly certificate?: ServerCertificate;
  readonly handler: SmtpServerHandler<State>;
  /** Makes the `state` of a new session; `undefined` where left out. */
  readonly newState?: () => State;
  readonly limits?: Partial<SmtpServerLimits>;
  readonly timeouts?: Partial<SmtpServerTimeouts>;
  /** Standard replies to be replaced, by name; a function is asked for each reply anew. */
  readonly replies?: ReplacedReplies;
  readonly clock?: Clock;
  /** Gets every line of every dialogue as `smtp.dialogue`, credentials and content left out; its `app` is who signed in. */
  readonly onEvent?: EventSink;
  /** Whether such lines are wanted now; asked for each, always where left out. */
  readonly wantsDialogue?: () => boolean;
  /** Gets what a handler threw; a warning of the process where left out. */
  readonly onError?: (error: unknown) => void;
}

/** Where a server listens. */
export interface ListeningAddress {
  readonly host: string;
  readonly port: number;
}

/** An SMTP server. */
export interface SmtpServer {
  /**
   * Begins to accept connections; may be called again for further addresses.
   *
   * @param address - the loopback address and a free port where left out.
   * @returns where it listens, or `SMTP_LISTEN_ADDRESS_IN_USE`, `SMTP_LISTEN_NOT_PERMITTED`, `SMTP_LISTEN_FAILED`.
   */
  listen(address?: { readonly host?: string; readonly port?: number }): Promise<Result<ListeningAddress>>;
  /**
   * Speaks with a client whose connection was accepted elsewhere; resolves when that is over. The limits of connections count it too.
   * The server may change the bytes that it reads from the stream.
   */
  serve(stream: Duplex, peer: Peer): Promise<void>;
  /**
   * Stops listening, says 421 to every connection without an open transaction, lets the others finish theirs, and after
   * `graceMs` (10 seconds where left out) cuts what is left. Safe to call twice.
   */
  close(options?: { readonly graceMs?: number }): Promise<void>;
  /** Connections that are open now. */
  readonly connectionCount: number;
  /** Uses another certificate for handshakes from now on. An unusable one is `SMTP_SERVER_CERTIFICATE_UNUSABLE`, and the old one stays. */
  replaceCertificate(certificate: ServerCertificate): Result<void>;
  /**
   * Speaks by other options with whoever connects from now on; sessions that are open go on as they began.
   *
   * @throws TypeError where `hostname` is not the name of a host.
   */
  reconfigure(changes: SmtpServerChanges): void;
}

/** What a server that listens may change. What is left out is as the server was made. */
export type SmtpServerChanges = Partial<Pick<SmtpServerOptions<unknown>, 'hostname' | 'limits'>>;

const STANDARD_GRACE_MS = 10_000;

function makeSecureContext(certificate: ServerCertificate): Result<SecureContext> {
  try {
    const { certificatePem: cert, privateKeyPem: key } = certificate;
    return success(createSecureContext({ cert, key, minVersion: 'TLSv1.2' }));
  } catch (error) {
    const detail = error instanceof Error ? error.message : 'unknown reason';
    return failure(smtpServerFaults.make('SMTP_SERVER_CERTIFICATE_UNUSABLE', { detail }));
  }
}

function always(): boolean {
  return true;
}

/** Ends a connection before a dialogue begins, without a word where there would have to be TLS first. */
function turnAway(stream: Duplex, reply: SpokenReply | undefined): void {
  stream.on('error', () => stream.destroy());
  stream.resume();
  stream.end(reply === undefined ? '' : `${replyLines(reply).join('\r\n')}\r\n`, () => stream.destroy());
}

function makeSetup(options: SmtpServerOptions<unknown>, secureContext: ServerSetup['secureContext']): ServerSetup {
  const postmaster = parseMailboxAddress(`postmaster@${options.hostname}`);
  if (!postmaster.ok) throw new TypeError(`"${options.hostname}" is not the name of a host`);
  if (options.security !== 'plain' && options.certificate === undefined)
    throw new TypeError(`A server with security "${options.security}" needs a certificate`);
  const { onError = (error: unknown) => process.emitWarning(error instanceof Error ? error : String(error)) } = options;
  return {
    postmaster: postmaster.value,
    security: options.security,
    secureContext,
    handler: options.handler,
    newState: options.newState ?? (() => undefined),
    limits: { ...standardLimits, ...options.limits },
    timeouts: { ...standardTimeouts, ...options.timeouts },
    replies: standardReplies(options.hostname, options.replies, guarded(onError)),
    clock: options.clock ?? systemClock,
    onEvent: options.onEvent,
    wantsDialogue: options.wantsDialogue ?? always,
    onError: guarded(onError),
  };
}

/** Whoever is told of errors must not make more of them. */
function guarded(onError: (error: unknown) => void): (error: unknown) => void {
  return (error) => {
    try {
      onError(error);
    } catch {
      // There is no one left to tell.
    }
  };
}

function listenFault(error: NodeJS.ErrnoException, host: string, port: number): Result<never> {
  const values = { host, port, detail: error.message };
  if (error.code === 'EADDRINUSE') return failure(smtpServerFaults.make('SMTP_LISTEN_ADDRESS_IN_USE', values));
  if (error.code === 'EACCES') return failure(smtpServerFaults.make('SMTP_LISTEN_NOT_PERMITTED', values));
  return failure(smtpServerFaults.make('SMTP_LISTEN_FAILED', values));
}

/** Resolves when a listener listens, with its fault where it cannot. */
function startListening(listener: Server, host: string, port: number): Promise<Result<ListeningAddress>> {
  const { promise, resolve } = Promise.withResolvers<Result<ListeningAddress>>();
  const onError = (error: Error): void => resolve(listenFault(error, host, port));
  listener.once('error', onError);
  listener.listen({ host, port }, () => {
    listener.removeListener('error', onError);
    const bound = listener.address();
    // A listener on a host and port has such an address; a string is the path of a pipe.
    const { address, port: boundPort }: Pick<AddressInfo, 'address' | 'port'> =
      bound === null || typeof bound === 'string' ? { address: host, port } : bound;
    resolve(success({ host: address, port: boundPort }));
  });
  return promise;
}

class ListeningServer implements SmtpServer {
  #setup: ServerSetup;
  readonly #options: SmtpServerOptions<unknown>;
  readonly #listeners = new Set<Server>();
  readonly #conversations = new Map<Conversation, Promise<void>>();
  readonly #counter = new ConnectionCounter();
  #secureContext: Result<SecureContext> | undefined;
  #lastId = 0;
  #closing: Promise<void> | undefined;

  constructor(options: SmtpServerOptions<unknown>) {
    this.#options = options;
    this.#setup = makeSetup(options, () => (this.#secureContext?.ok === true ? this.#secureContext.value : undefined));
    if (options.security !== 'plain' && options.certificate !== undefined)
      this.#secureContext = makeSecureContext(options.certificate);
  }

  get connectionCount(): number {
    return this.#counter.total;
  }

  async listen(address: { readonly host?: string; readonly port?: number } = {}): Promise<Result<ListeningAddress>> {
    if (this.#secureContext?.ok === false) return this.#secureContext;
    const { host = '127.0.0.1', port = 0 } = address;
    const listener = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
    const listening = await startListening(listener, host, port);
    if (!listening.ok) return listening;
    this.#listeners.add(listener);
    // Accepting may fail later, for example for want of file descriptors; that must not end the process.
    listener.on('error', this.#setup.onError);
    return listening;
  }

  async serve(stream: Duplex, peer: Peer): Promise<void> {
    const key = connectionKey(peer.remoteAddress);
    const refusal = this.#reasonAgainst(key);
    if (refusal !== undefined) return turnAway(stream, this.#setup.security === 'tls' ? undefined : refusal);
    this.#counter.add(key);
    try {
      const conversation = this.#begin(stream, peer);
      const done = this.#converse(conversation);
      this.#conversations.set(conversation, done);
      await done;
      this.#conversations.delete(conversation);
    } catch (error) {
      this.#setup.onError(error);
      stream.destroy();
    } finally {
      this.#counter.remove(key);
    }
  }

  close(options: { readonly graceMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(options.graceMs ?? STANDARD_GRACE_MS);
    return this.#closing;
  }

  replaceCertificate(certificate: ServerCertificate): Result<void> {
    const made = makeSecureContext(certificate);
    if (!made.ok) return made;
    this.#secureContext = made;
    return success(undefined);
  }

  reconfigure(changes: SmtpServerChanges): void {
    this.#setup = makeSetup({ ...this.#options, ...changes }, this.#setup.secureContext);
  }

  #reasonAgainst(key: string): SpokenReply | undefined {
    const { limits, replies } = this.#setup;
    if (this.#closing !== undefined) return replies.shuttingDown;
    const isFull = this.#counter.total >= limits.connections || this.#counter.from(key) >= limits.connectionsPerAddress;
    return isFull ? replies.tooManyConnections : undefined;
  }

  #begin(stream: Duplex, peer: Peer): Conversation {
    this.#lastId += 1;
    return new Conversation(this.#setup, `s${this.#lastId}`, stream, peer);
  }

  #accept(socket: Socket): void {
    const { remoteAddress, remotePort } = socket;
    // A client that is gone again already.
    if (remoteAddress === undefined || remotePort === undefined) socket.destroy();
    else void this.serve(socket, { remoteAddress, remotePort });
  }

  async #converse(conversation: Conversation): Promise<void> {
    const { security, secureContext } = this.#setup;
    const implicitTls = security === 'tls' ? secureContext() : undefined;
    // Without its certificate a server that was to encrypt must not speak in the clear.
    if (security !== 'plain' && secureContext() === undefined) conversation.wire.destroy();
    await converse(conversation, implicitTls);
  }

  async #close(graceMs: number): Promise<void> {
    const closed = [...this.#listeners].map((listener) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      listener.close(() => resolve());
      return promise;
    });
    for (const conversation of this.#conversations.keys()) conversation.shutDown();
    const grace = Promise.withResolvers<void>();
    const timer = this.#setup.clock.setTimer(() => grace.resolve(), graceMs);
    await Promise.race([Promise.all(this.#conversations.values()), grace.promise]);
    timer.cancel();
    // A handler that never answers is not waited for; its signal has aborted.
    for (const conversation of this.#conversations.keys()) conversation.wire.destroy();
    await Promise.all(closed);
  }
}

/**
 * Makes an SMTP server; it does nothing until {@link SmtpServer.listen}. A handler that uses `session.state` needs `newState`.
 *
 * @throws TypeError where `hostname` is not the name of a host, or a certificate is missing.
 */
export function createSmtpServer(options: SmtpServerOptions): SmtpServer;
export function createSmtpServer<State>(
  options: SmtpServerOptions<State> & { readonly newState: () => State },
): SmtpServer;
export function createSmtpServer(options: SmtpServerOptions<unknown>): SmtpServer {
  return new ListeningServer(options);
}
