/**
 * Opens an SMTP session: TCP, greeting, EHLO, STARTTLS, EHLO.
 *
 * - `starttls`: the session is encrypted before anything but EHLO and STARTTLS is said. A server that does not offer or do
 *   it, or that sends plain text behind its 220, is left. What it offered before is forgotten (RFC 3207 section 4.2).
 * - `tls`: encrypted from the first byte (RFC 8314 section 3.3).
 * - `none`: in the clear, for servers that take no credentials. Signing in on it is refused.
 *
 * HELO is used only where a server refuses EHLO and encryption is not to be negotiated.
 */
import type { LookupFunction, Socket } from 'node:net';
import { isIPv6 } from 'node:net';
import { hostname } from 'node:os';
import { failure, success, systemClock, type Clock, type EventSink, type Fault, type Result } from '@postbearer/core';
import { NO_CAPABILITIES, parseCapabilities, type SmtpCapabilities } from './capabilities.ts';
import { Connection, type SmtpConnection } from './connection.ts';
import { command, exchange } from './exchange-command.ts';
import { clientFaults } from './faults.ts';
import { destroyed, openSocket } from './open-socket.ts';
import { secureSocket, summarise, type TlsMemory, type TlsOptions, type TlsSummary } from './secure-socket.ts';
import { DEFAULT_TIMEOUTS, type StageTimeouts } from './timeouts.ts';
import { Wire, type WireOptions } from './wire.ts';

/** How a connection is encrypted; see the head of this file. */
export type SmtpSecurity = 'starttls' | 'tls' | 'none';

/** Where and how to connect. */
export interface ConnectOptions {
  readonly host: string;
  readonly port: number;
  readonly security: SmtpSecurity;
  readonly tls?: TlsOptions;
  /** What we call ourselves in EHLO: a domain or an address literal. Default: the name of this machine if it is a domain, else its address. */
  readonly clientName?: string;
  /** Default: {@link DEFAULT_TIMEOUTS}. */
  readonly timeouts?: Partial<StageTimeouts>;
  readonly clock?: Clock;
  readonly onEvent?: EventSink;
  /**
   * Also tell every line of the dialogue, credentials blanked; a function is asked for each line. Default: false, and then it
   * costs nothing.
   */
  readonly dialogue?: boolean | (() => boolean);
  /** Resolves host names. Default: the system's. */
  readonly lookup?: LookupFunction;
  /** @throws `signal.reason` from the call when it fires. */
  readonly signal?: AbortSignal;
}

let connectionCount = 0;

function greetingFault(code: number): 'SMTP_GREETING_DEFERRED' | 'SMTP_GREETING_REFUSED' | 'SMTP_PROTOCOL_ERROR' {
  if (code >= 500) return 'SMTP_GREETING_REFUSED';
  return code >= 400 ? 'SMTP_GREETING_DEFERRED' : 'SMTP_PROTOCOL_ERROR';
}

function defaultClientName(localAddress: string | undefined): string {
  const name = hostname();
  if (/^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/i.test(name)) return name;
  const address = localAddress ?? '127.0.0.1';
  return isIPv6(address) ? `[IPv6:${address}]` : `[${address}]`;
}

function dialogueOf({ dialogue = false, onEvent }: ConnectOptions): Pick<WireOptions, 'onDialogue' | 'wantsDialogue'> {
  if (dialogue === false) return {};
  return { onDialogue: onEvent, ...(dialogue === true ? {} : { wantsDialogue: dialogue }) };
}

/** One attempt to open a session. */
class Opening {
  readonly #options: ConnectOptions;
  readonly #memory: TlsMemory;
  readonly #clock: Clock;
  readonly #timeouts: StageTimeouts;
  readonly #wire: Wire;
  #tls: TlsSummary | undefined;

  constructor(options: ConnectOptions, memory: TlsMemory) {
    this.#options = options;
    this.#memory = memory;
    this.#clock = options.clock ?? systemClock;
    this.#timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
    connectionCount += 1;
    this.#wire = new Wire({
      id: `smtp-${connectionCount}`,
      host: options.host,
      port: options.port,
      timeouts: this.#timeouts,
      clock: this.#clock,
      ...dialogueOf(options),
    });
  }

  async run(): Promise<Result<Connection>> {
    const { signal } = this.#options;
    const onAbort = (): void =>
      this.#leave(this.#wire.makeFault('SMTP_CONNECTION_LOST', 'connect', undefined, { detail: 'cancelled' }));
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      const outcome = await this.#open();
      if (outcome.ok) return outcome;
      this.#leave(outcome.fault);
      await this.#wire.closed;
      signal?.throwIfAborted();
      return outcome;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  #leave(fault: Fault): void {
    this.#wire.fail(fault);
  }

  async #open(): Promise<Result<Connection>> {
    const { host, port, security, lookup, signal } = this.#options;
    const opened = await openSocket({
      host,
      port,
      lookup,
      signal,
      clock: this.#clock,
      timeoutMs: this.#timeouts.connect,
    });
    if (!opened.ok) return opened;
    const socket = security === 'tls' ? await this.#secure(opened.value) : opened;
    if (!socket.ok) return socket;
    const greeted = await this.#greet(socket.value);
    if (!greeted.ok) return greeted;
    let offered = await this.#hello();
    if (!offered.ok) return offered;
    if (security === 'starttls') {
      const encrypted = await this.#startTls(offered.value);
      if (!encrypted.ok) return encrypted;
      offered = await this.#hello();
      if (!offered.ok) return offered;
    }
    const { onEvent } = this.#options;
    onEvent?.({
      name: 'smtp.connected',
      connection: this.#wire.id,
      host,
      port,
      ...(this.#tls === undefined ? {} : { tls: this.#tls.protocol }),
    });
    return success(new Connection(this.#wire, { capabilities: offered.value, tls: this.#tls, onEvent }));
  }

  async #secure(socket: Socket): Promise<Result<Socket>> {
    const { host, port, tls, signal } = this.#options;
    const secured = await secureSocket(socket, {
      ...tls,
      host,
      port,
      signal,
      clock: this.#clock,
      memory: this.#memory,
      timeoutMs: this.#timeouts.tls,
    });
    if (secured.ok) this.#tls = summarise(secured.value);
    return secured;
  }

  async #greet(socket: Socket): Promise<Result<void>> {
    if (this.#wire.fault !== undefined) {
      await destroyed(socket);
      return failure(this.#wire.fault);
    }
    const greeting = await exchange(this.#wire, 'greeting', () => this.#wire.attach(socket));
    if (!greeting.ok) return greeting;
    if (greeting.value.code === 220) return success(undefined);
    const reason = `it greeted with ${greeting.value.code}`;
    return failure(this.#wire.makeFault(greetingFault(greeting.value.code), 'greeting', greeting.value, { reason }));
  }

  async #hello(): Promise<Result<SmtpCapabilities>> {
    const name = this.#options.clientName ?? defaultClientName(this.#wire.localAddress);
    const answer = await command(this.#wire, 'ehlo', `EHLO ${name}`);
    if (!answer.ok) return answer;
    if (answer.value.code === 250) return success(parseCapabilities(answer.value));
    if (answer.value.code >= 500 && this.#options.security !== 'starttls') {
      const plain = await command(this.#wire, 'ehlo', `HELO ${name}`);
      if (!plain.ok) return plain;
      if (plain.value.code === 250) return success(NO_CAPABILITIES);
    }
    const code = answer.value.code >= 500 ? 'SMTP_EHLO_REFUSED' : greetingFault(answer.value.code);
    return failure(this.#wire.makeFault(code, 'ehlo', answer.value, { reason: `it answered ${answer.value.code}` }));
  }

  async #startTls(offered: SmtpCapabilities): Promise<Result<void>> {
    const wire = this.#wire;
    if (!offered.startTls) return failure(wire.makeFault('SMTP_STARTTLS_NOT_OFFERED', 'starttls'));
    const answer = await command(wire, 'starttls', 'STARTTLS', {
      onReply: (reply) => {
        if (reply.code === 220) wire.holdInput();
      },
    });
    if (!answer.ok) return answer;
    const { code } = answer.value;
    if (code !== 220) {
      const fault =
        code >= 500 ? 'SMTP_STARTTLS_REFUSED' : code >= 400 ? 'SMTP_STARTTLS_UNAVAILABLE' : 'SMTP_PROTOCOL_ERROR';
      return failure(wire.makeFault(fault, 'starttls', answer.value, { reason: `it answered ${code}` }));
    }
    if (wire.hasHeldInput) return failure(wire.makeFault('SMTP_STARTTLS_INJECTION', 'starttls', answer.value));
    const socket = wire.detach();
    if (socket === undefined)
      return failure(wire.makeFault('SMTP_CONNECTION_LOST', 'starttls', undefined, { detail: 'it was closed' }));
    const secured = await this.#secure(socket);
    if (!secured.ok) return secured;
    if (wire.fault !== undefined) {
      await destroyed(secured.value);
      return failure(wire.fault);
    }
    wire.attach(secured.value);
    return success(undefined);
  }
}

/** What makes options unusable. */
function problemOf(options: ConnectOptions): Fault | undefined {
  const { clientName, host, port } = options;
  // Whatever goes into a command must not end its line or begin another word.
  if (clientName !== undefined && !/^[!-~]{1,255}$/.test(clientName))
    return clientFaults.make('SMTP_OPTIONS_INVALID', {
      setting: 'client name',
      reason: 'it is not 1 to 255 visible ASCII characters',
    });
  if (!/^[^\s\p{Cc}]{1,255}$/u.test(host))
    return clientFaults.make('SMTP_OPTIONS_INVALID', {
      setting: 'host',
      reason: 'it is not the name or address of a server',
    });
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    return clientFaults.make('SMTP_OPTIONS_INVALID', { setting: 'port', reason: 'it is not a number from 1 to 65535' });
  return undefined;
}

/** As {@link connectSmtp}, sharing TLS state with other connections to the same server. */
export async function openConnection(options: ConnectOptions, memory: TlsMemory): Promise<Result<Connection>> {
  options.signal?.throwIfAborted();
  const problem = problemOf(options);
  return problem === undefined ? new Opening(options, memory).run() : failure(problem);
}

/**
 * Opens a session that is ready to sign in or to send.
 *
 * @throws `options.signal.reason` when the caller cancels.
 *
 * @example
 * ```ts no-run
 * import { connectSmtp } from '@postbearer/smtp/client';
 *
 * const connected = await connectSmtp({ host: 'smtp.office365.com', port: 587, security: 'starttls' });
 * if (connected.ok) {
 *   console.log(connected.value.tls?.protocol, connected.value.capabilities.authMechanisms);
 *   await connected.value.quit();
 * } else {
 *   console.log(connected.fault.message);
 * }
 * ```
 */
export function connectSmtp(options: ConnectOptions): Promise<Result<SmtpConnection>> {
  return openConnection(options, {});
}
