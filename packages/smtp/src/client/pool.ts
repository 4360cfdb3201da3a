/**
 * A few kept connections to one server, shared by many messages.
 *
 * - Never more connections than `maxConnections` are open, counting those that are being opened or closed.
 * - A message takes a connection that is free; where none is, one is opened if the limit allows; else it waits its turn.
 * - A kept connection that proves dead before the server took up the message is replaced, and the message goes out on another
 *   one, without a verdict in between. One that saw 421, or any fault of the line, is not used again.
 * - Where no connection can be opened and none is left, every waiting message gets that fault. While others work, a failed
 *   attempt to open one more only delays the next such attempt: the server may not want more of them.
 * - A connection without work is closed with QUIT after `idleMs`.
 */
import {
  systemClock,
  type Clock,
  type ClockTimer,
  type EventSink,
  type Failure,
  type Message,
  type Result,
  type Verdict,
} from '@postbearer/core';
import type { ConnectOptions } from './connect.ts';
import type { CallOptions, Connection } from './connection.ts';
import { CredentialRenewal, type CredentialSource } from './credential-renewal.ts';
import { clientFaults } from './faults.ts';
import { openSignedIn } from './open-signed-in.ts';
import type { TlsMemory } from './secure-socket.ts';
import type { TransactionEnd } from './transaction.ts';
import { verdictsOf } from './verdicts.ts';
import { WaitingLine } from './waiting-line.ts';

/** How a pool connects, signs in and keeps connections. */
export interface SmtpPoolOptions {
  readonly connect: Omit<ConnectOptions, 'signal' | 'clock' | 'onEvent'>;
  /** Left out: for servers that take mail without signing in. */
  readonly credentials?: CredentialSource;
  /** Default: 3, which is what Exchange Online allows for a mailbox. */
  readonly maxConnections?: number;
  /** Milliseconds without work after which a connection is closed. Default: 30,000. */
  readonly idleMs?: number;
  /** A connection is replaced after as many messages. Default: no limit. */
  readonly maxMessagesPerConnection?: number;
  readonly onEvent?: EventSink;
  readonly clock?: Clock;
}

/** How busy a pool is. */
export interface PoolCounts {
  /** Connections that are not closed, whatever their state. */
  readonly open: number;
  readonly busy: number;
  readonly idle: number;
  /** Messages without a connection yet. */
  readonly waiting: number;
}

/** Kept connections to one server. */
export interface SmtpPool {
  /**
   * Sends a message on the next free connection: exactly one verdict for each recipient, in their order. A fault of
   * connecting or signing in is the verdict of every recipient.
   *
   * @throws as `SmtpConnection.send`: `signal.reason` when the caller cancels before the end of the message was sent, and
   * what the message's source throws.
   */
  send(message: Message, options?: CallOptions): Promise<readonly Verdict[]>;
  /** Takes no more messages, finishes those it has, and closes every connection. */
  close(): Promise<void>;
  readonly counts: PoolCounts;
}

interface Job {
  readonly message: Message;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (verdicts: readonly Verdict[]) => void;
  readonly reject: (reason: unknown) => void;
  /** Takes the message out of the line. Under way it is the connection that hears of a cancellation. */
  onAbort: (() => void) | undefined;
  /** How often it found its connection dead. */
  moves: number;
}

/** One of the connections that the pool may have open. */
interface Slot {
  connection: Connection | undefined;
  state: 'opening' | 'idle' | 'busy' | 'closing';
  served: number;
  idleSince: number;
  /** It was without work for a while, or did some: it may have died unseen. */
  isKept: boolean;
}

const DEFAULT_MAX_CONNECTIONS = 3;
const DEFAULT_IDLE_MS = 30_000;
/** How long no further connection is tried after one could not be opened while others work. */
const GROWTH_PAUSE_MS = 5000;
/** A message that found as many dead connections gets the fault of the last. */
const MOST_MOVES = 5;

class Pool implements SmtpPool {
  readonly #connectOptions: ConnectOptions;
  readonly #clock: Clock;
  readonly #maxConnections: number;
  readonly #idleMs: number;
  readonly #maxMessages: number;
  readonly #renewal: CredentialRenewal | undefined;
  readonly #tlsMemory: TlsMemory = {};
  readonly #slots = new Set<Slot>();
  /** Free connections, the last used at the end, so that what is not needed stays unused and closes. */
  readonly #idle: Slot[] = [];
  readonly #waiting = new WaitingLine<Job>();
  readonly #leaving = new AbortController();
  #openingCount = 0;
  #busyCount = 0;
  #growthAllowedAt = Number.NEGATIVE_INFINITY;
  #reaper: ClockTimer | undefined;
  #growth: ClockTimer | undefined;
  #closing: PromiseWithResolvers<void> | undefined;

  constructor(options: SmtpPoolOptions) {
    this.#clock = options.clock ?? systemClock;
    this.#connectOptions = {
      ...options.connect,
      clock: this.#clock,
      ...(options.onEvent === undefined ? {} : { onEvent: options.onEvent }),
    };
    this.#maxConnections = options.maxConnections ?? DEFAULT_MAX_CONNECTIONS;
    if (!(this.#maxConnections >= 1)) throw new RangeError('maxConnections is at least 1');
    this.#idleMs = options.idleMs ?? DEFAULT_IDLE_MS;
    this.#maxMessages = options.maxMessagesPerConnection ?? Number.POSITIVE_INFINITY;
    this.#renewal =
      options.credentials === undefined ? undefined : new CredentialRenewal(options.credentials, this.#clock);
  }

  get counts(): PoolCounts {
    return { open: this.#slots.size, busy: this.#busyCount, idle: this.#idle.length, waiting: this.#waiting.length };
  }

  send(message: Message, options: CallOptions = {}): Promise<readonly Verdict[]> {
    const { signal } = options;
    if (this.#closing !== undefined) return Promise.reject(new Error('This SMTP pool is closed'));
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    const { recipients } = message.envelope;
    if (recipients.length === 0) return Promise.resolve([]);
    const { host, port, security } = this.#connectOptions;
    if (this.#renewal !== undefined && security === 'none')
      return Promise.resolve(verdictsOf(recipients, clientFaults.make('SMTP_AUTH_NEEDS_TLS', { host, port })));
    const { promise, resolve, reject } = Promise.withResolvers<readonly Verdict[]>();
    this.#wait({ message, signal, resolve, reject, onAbort: undefined, moves: 0 });
    this.#pump();
    return promise;
  }

  async close(): Promise<void> {
    this.#closing ??= Promise.withResolvers<void>();
    this.#leaveWhenDone();
    await this.#closing.promise;
  }

  #wait(job: Job): void {
    const { signal } = job;
    if (signal !== undefined) {
      job.onAbort = (): void => {
        if (this.#waiting.remove(job)) job.reject(signal.reason);
        this.#leaveWhenDone();
      };
      signal.addEventListener('abort', job.onAbort, { once: true });
    }
    if (job.moves === 0) this.#waiting.push(job);
    else this.#waiting.unshift(job);
  }

  #stopListening(job: Job): void {
    if (job.onAbort !== undefined) job.signal?.removeEventListener('abort', job.onAbort);
  }

  /** Gives waiting messages to free connections, and opens more where that is not enough. */
  #pump(): void {
    while (this.#waiting.length > 0) {
      const slot = this.#idle.pop();
      if (slot === undefined) break;
      this.#serve(slot);
    }
    while (this.#openingCount < this.#waiting.length && this.#slots.size < this.#maxConnections && this.#mayGrow())
      void this.#open();
  }

  #mayGrow(): boolean {
    const waitMs = this.#growthAllowedAt - this.#clock.monotonicMs();
    if (waitMs <= 0 || this.#slots.size === 0) return true;
    this.#growth ??= this.#clock.setTimer(
      () => {
        this.#growth = undefined;
        this.#pump();
      },
      waitMs,
      { background: true },
    );
    return false;
  }

  /** Gives the next message to a free connection, or puts the connection aside. */
  #serve(slot: Slot): void {
    const { connection } = slot;
    if (connection === undefined || slot.state === 'closing') return;
    if (!connection.isUsable || slot.served >= this.#maxMessages) {
      this.#retire(slot, connection);
      return this.#pump();
    }
    const job = this.#waiting.shift();
    if (job === undefined) return this.#rest(slot);
    this.#stopListening(job);
    slot.state = 'busy';
    this.#busyCount += 1;
    void this.#carry(slot, connection, job);
  }

  async #carry(slot: Slot, connection: Connection, job: Job): Promise<void> {
    let end: TransactionEnd | undefined;
    try {
      end = await connection.attempt(job.message, { signal: job.signal });
    } catch (error) {
      job.reject(error);
    }
    if (end !== undefined) this.#conclude(slot, job, end);
    slot.served += 1;
    slot.isKept = true;
    slot.state = 'idle';
    this.#busyCount -= 1;
    this.#serve(slot);
    this.#leaveWhenDone();
  }

  #conclude(slot: Slot, job: Job, end: TransactionEnd): void {
    switch (end.kind) {
      case 'settled':
        return job.resolve(end.verdicts);
      case 'source-failed':
        return job.reject(end.error);
      case 'not-begun':
        if (!slot.isKept || job.moves >= MOST_MOVES)
          return job.resolve(verdictsOf(job.message.envelope.recipients, end.fault));
        job.moves += 1;
        return this.#wait(job);
    }
  }

  #rest(slot: Slot): void {
    slot.state = 'idle';
    slot.isKept = true;
    slot.idleSince = this.#clock.monotonicMs();
    this.#idle.push(slot);
    this.#reaper ??= this.#clock.setTimer(this.#reap, this.#idleMs, { background: true });
  }

  /** Closes what was idle for long enough. One timer for all: setting one for each message would cost more than it saves. */
  readonly #reap = (): void => {
    this.#reaper = undefined;
    const now = this.#clock.monotonicMs();
    let [oldest] = this.#idle;
    while (oldest?.connection !== undefined && now - oldest.idleSince >= this.#idleMs) {
      this.#idle.shift();
      this.#retire(oldest, oldest.connection);
      [oldest] = this.#idle;
    }
    if (oldest !== undefined)
      this.#reaper = this.#clock.setTimer(this.#reap, oldest.idleSince + this.#idleMs - now, { background: true });
  };

  /** Closes a connection; its slot is free when it is closed. */
  #retire(slot: Slot, connection: Connection): void {
    slot.state = 'closing';
    void connection.quit();
  }

  async #open(): Promise<void> {
    const slot: Slot = { connection: undefined, state: 'opening', served: 0, idleSince: 0, isKept: false };
    this.#slots.add(slot);
    this.#openingCount += 1;
    const opened = await this.#connect();
    this.#openingCount -= 1;
    if ('thrown' in opened || !opened.ok) {
      this.#slots.delete(slot);
      return this.#onOpenFailed(opened);
    }
    slot.connection = opened.value;
    slot.state = 'idle';
    void opened.value.closed.then(() => this.#onClosed(slot));
    this.#serve(slot);
    this.#leaveWhenDone();
  }

  /** What is thrown is a bug in the source of credentials, or that the pool is leaving. */
  async #connect(): Promise<Result<Connection> | { readonly thrown: unknown }> {
    try {
      return await openSignedIn({
        connect: this.#connectOptions,
        renewal: this.#renewal,
        memory: this.#tlsMemory,
        signal: this.#leaving.signal,
      });
    } catch (error) {
      return { thrown: error };
    }
  }

  #onOpenFailed(outcome: Failure | { readonly thrown: unknown }): void {
    const isLast = [...this.#slots].every((slot) => slot.state === 'closing');
    if (!isLast) {
      this.#growthAllowedAt = this.#clock.monotonicMs() + GROWTH_PAUSE_MS;
      return this.#pump();
    }
    for (const job of this.#waiting.drain()) {
      this.#stopListening(job);
      if ('thrown' in outcome) job.reject(outcome.thrown);
      else job.resolve(verdictsOf(job.message.envelope.recipients, outcome.fault));
    }
    this.#leaveWhenDone();
  }

  #onClosed(slot: Slot): void {
    this.#slots.delete(slot);
    const index = this.#idle.indexOf(slot);
    if (index >= 0) this.#idle.splice(index, 1);
    this.#pump();
    this.#leaveWhenDone();
  }

  /** After `close`, once nothing is waiting or under way. */
  #leaveWhenDone(): void {
    if (this.#closing === undefined || this.#waiting.length > 0 || this.#busyCount > 0) return;
    this.#leaving.abort();
    for (const slot of this.#idle.splice(0)) if (slot.connection !== undefined) this.#retire(slot, slot.connection);
    if (this.#slots.size > 0) return;
    this.#reaper?.cancel();
    this.#growth?.cancel();
    this.#closing.resolve();
  }
}

/**
 * Makes a pool. It opens its first connection with the first message.
 *
 * @example
 * ```ts no-run
 * import { Secret, parseMailboxAddress, success } from '@postbearer/core';
 * import { createSmtpPool } from '@postbearer/smtp/client';
 *
 * const pool = createSmtpPool({
 *   connect: { host: 'smtp.office365.com', port: 587, security: 'starttls' },
 *   credentials: async () =>
 *     success({ kind: 'bearer', username: 'app@example.com', token: Secret.of('eyJ0…'), fromCache: true }),
 * });
 * const to = parseMailboxAddress('user@example.com');
 * if (to.ok) {
 *   const content = new TextEncoder().encode('Subject: Hello\r\n\r\nHello.\r\n');
 *   console.log(await pool.send({ envelope: { sender: to.value, recipients: [to.value] }, content }));
 * }
 * await pool.close();
 * ```
 */
export function createSmtpPool(options: SmtpPoolOptions): SmtpPool {
  return new Pool(options);
}
