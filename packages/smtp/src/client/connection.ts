/** An open SMTP session: sign in, send messages one after another, leave. */
import {
  failure,
  success,
  type Envelope,
  type EventSink,
  type Fault,
  type Message,
  type MessageContent,
  type Result,
  type SmtpStage,
  type Verdict,
} from '@postbearer/core';
import { authenticate } from './authenticate.ts';
import type { SmtpCapabilities } from './capabilities.ts';
import { checkBytes, isInMemory, leaveContent, openSource, type ReadyContent } from './content.ts';
import { envelopeCommands, sizeFault } from './envelope-commands.ts';
import { command } from './exchange-command.ts';
import { chooseMechanism, type SmtpCredentials } from './mechanisms.ts';
import type { TlsSummary } from './secure-socket.ts';
import { Transaction, type TransactionEnd, type TransactionPlan } from './transaction.ts';
import { refusalCode, verdictsOf } from './verdicts.ts';
import type { Wire } from './wire.ts';

/** Cancels a call. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

/** An open session with an SMTP server: greeted, encrypted where asked for, its extensions known. */
export interface SmtpConnection {
  /** Names this connection in events. */
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly capabilities: SmtpCapabilities;
  /** Absent on an unencrypted connection. */
  readonly tls?: TlsSummary;
  /** Whether another message can be sent on it. */
  readonly isUsable: boolean;
  readonly messagesSent: number;
  /**
   * Signs in with the best mechanism that the server offers for these credentials. On an unencrypted connection this is
   * refused with `SMTP_AUTH_NEEDS_TLS`, and nothing of a message is sent on it afterwards either.
   */
  authenticate(credentials: SmtpCredentials, options?: CallOptions): Promise<Result<{ readonly mechanism: string }>>;
  /**
   * Sends a message: exactly one verdict for each recipient, in their order.
   *
   * @throws `signal.reason` when the caller cancels before the end of the message was sent; after it the verdicts are
   * `uncertain`. What a {@link MessageSource} throws while it is read is thrown on; nothing was sent then.
   */
  send(message: Message, options?: CallOptions): Promise<readonly Verdict[]>;
  /** Asks whether the server would take this envelope: MAIL FROM, RCPT TO and RSET, without a message. The first refusal is the fault. */
  checkEnvelope(envelope: Envelope, options?: CallOptions): Promise<Result<void>>;
  /** RSET. Not needed between messages: `send` does it where it is. */
  reset(options?: CallOptions): Promise<Result<void>>;
  /** Says QUIT, waits for the answer a few seconds, and closes. Never fails. */
  quit(): Promise<void>;
  /** Closes at once; what is being sent ends as if the connection had been lost. */
  close(): void;
}

/** What a new connection knows about itself. */
export interface ConnectionFacts {
  readonly capabilities: SmtpCapabilities;
  readonly tls?: TlsSummary | undefined;
  readonly onEvent?: EventSink | undefined;
}

/** The one implementation; the pool uses more of it than its face shows. */
export class Connection implements SmtpConnection {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly capabilities: SmtpCapabilities;
  readonly tls?: TlsSummary;
  /** Resolves when the socket is closed. */
  readonly closed: Promise<void>;
  readonly #wire: Wire;
  readonly #onEvent: EventSink | undefined;
  #messagesSent = 0;
  #isBusy = false;
  #needsReset = false;
  /** Credentials were meant for this connection and could not go over it; then nothing else may. */
  #mustNotSend: Fault | undefined;
  /** The last that was tried. */
  #mechanism = 'none';

  constructor(wire: Wire, facts: ConnectionFacts) {
    this.id = wire.id;
    this.host = wire.host;
    this.port = wire.port;
    this.capabilities = facts.capabilities;
    if (facts.tls !== undefined) this.tls = facts.tls;
    this.closed = wire.closed;
    this.#wire = wire;
    this.#onEvent = facts.onEvent;
    void wire.closed.then(() =>
      this.#onEvent?.({ name: 'smtp.closed', connection: this.id, host: this.host, messages: this.#messagesSent }),
    );
  }

  get isUsable(): boolean {
    return !this.#isBusy && this.#wire.isUsable;
  }

  get messagesSent(): number {
    return this.#messagesSent;
  }

  async authenticate(credentials: SmtpCredentials, options: CallOptions = {}): Promise<Result<{ mechanism: string }>> {
    const outcome = await this.signIn(credentials, options);
    if (!outcome.ok) this.tellSignInFailed(credentials, outcome.fault);
    return outcome;
  }

  /** As `authenticate`, without the event of a failure: the caller may have another token to try. */
  signIn(credentials: SmtpCredentials, options: CallOptions = {}): Promise<Result<{ mechanism: string }>> {
    return this.#cancellable(options.signal, async () => {
      if (!this.#wire.isEncrypted) {
        this.#mustNotSend = this.#wire.makeFault('SMTP_AUTH_NEEDS_TLS', 'auth');
        return failure(this.#mustNotSend);
      }
      const chosen = chooseMechanism(credentials, this.capabilities.authMechanisms, this.#wire);
      if (!chosen.ok) return chosen;
      const mechanism = chosen.value.name;
      this.#mechanism = mechanism;
      const outcome = await authenticate(this.#wire, credentials, chosen.value);
      if (!outcome.ok) return outcome;
      const { id: connection, host } = this;
      this.#onEvent?.({ name: 'smtp.authenticated', connection, host, mailbox: credentials.username, mechanism });
      return success({ mechanism });
    });
  }

  /** Tells that nothing more will be tried. */
  tellSignInFailed(credentials: SmtpCredentials, fault: Fault): void {
    const { host } = this;
    const mechanism = this.#mechanism;
    this.#onEvent?.({ name: 'smtp.authentication-failed', host, mailbox: credentials.username, mechanism, fault });
  }

  async send(message: Message, options: CallOptions = {}): Promise<readonly Verdict[]> {
    const end = await this.attempt(message, options);
    switch (end.kind) {
      case 'settled':
        return end.verdicts;
      case 'not-begun':
        return verdictsOf(message.envelope.recipients, end.fault);
      case 'source-failed':
        throw end.error;
    }
  }

  /** As `send`, and tells where the message can be sent on another connection. */
  async attempt(message: Message, options: CallOptions = {}): Promise<TransactionEnd> {
    const { signal } = options;
    signal?.throwIfAborted();
    const { recipients } = message.envelope;
    if (recipients.length === 0) return { kind: 'settled', verdicts: [], needsReset: this.#needsReset };
    if (this.#mustNotSend !== undefined) return this.#refuse(message, this.#mustNotSend);
    if (this.#isBusy) throw new Error('This SMTP connection is already in use');
    if (this.#wire.fault !== undefined) return { kind: 'not-begun', fault: this.#wire.fault };
    this.#isBusy = true;
    try {
      const content = await this.#look(message.content, signal);
      if (!content.ok) return this.#refuse(message, content.fault);
      try {
        const plan = this.#plan(message.envelope, content.value);
        return plan.ok ? await this.#transact(plan.value, signal) : this.#refuse(message, plan.fault);
      } finally {
        leaveContent(content.value);
      }
    } finally {
      this.#isBusy = false;
    }
  }

  checkEnvelope(envelope: Envelope, options: CallOptions = {}): Promise<Result<void>> {
    return this.#cancellable(options.signal, async () => {
      if (this.#mustNotSend !== undefined) return failure(this.#mustNotSend);
      const facts = { sizeBytes: undefined, eightBit: false, isHeaderEightBit: false } as const;
      const commands = envelopeCommands(envelope, facts, this.capabilities, this.host);
      if (!commands.ok) return commands;
      const asked = await this.#ask('mail', commands.value.mail, { sender: envelope.sender });
      let outcome = asked;
      for (const [index, line] of commands.value.rcpts.entries()) {
        if (!outcome.ok) break;
        outcome = await this.#ask('rcpt', line, { sender: envelope.sender, recipient: envelope.recipients[index] });
      }
      if (this.#wire.fault === undefined) {
        const reset = await this.#ask('rset', 'RSET');
        if (outcome.ok) outcome = reset;
      }
      return outcome;
    });
  }

  reset(options: CallOptions = {}): Promise<Result<void>> {
    return this.#cancellable(options.signal, () => this.#ask('rset', 'RSET'));
  }

  async quit(): Promise<void> {
    if (this.#wire.isUsable) {
      const answer = await command(this.#wire, 'quit', 'QUIT');
      // The server closes first; closing at once would answer what it still sends with a reset.
      if (answer.ok) await this.#wire.leave();
    }
    this.close();
    await this.closed;
  }

  close(): void {
    this.#wire.fail(this.#wire.makeFault('SMTP_CONNECTION_LOST', 'quit', undefined, { detail: 'it was closed here' }));
  }

  async #look(content: MessageContent, signal: AbortSignal | undefined): Promise<Result<ReadyContent>> {
    if (isInMemory(content)) return checkBytes(content);
    const tooLarge = sizeFault(content.sizeBytes, this.capabilities, this.host);
    return tooLarge === undefined ? success(await openSource(content, signal)) : failure(tooLarge);
  }

  #refuse(message: Message, fault: Fault): TransactionEnd {
    return { kind: 'settled', verdicts: verdictsOf(message.envelope.recipients, fault), needsReset: this.#needsReset };
  }

  #plan(envelope: Envelope, content: ReadyContent): Result<TransactionPlan> {
    const commands = envelopeCommands(envelope, content.facts, this.capabilities, this.host);
    if (!commands.ok) return commands;
    const { pipelining, chunking, eightBitMime } = this.capabilities;
    return success({
      sender: envelope.sender,
      recipients: envelope.recipients,
      commands: commands.value,
      content,
      isPipelined: pipelining,
      isChunked: chunking && content.kind === 'bytes',
      takesEightBit: eightBitMime,
      needsReset: this.#needsReset,
    });
  }

  async #transact(plan: TransactionPlan, signal: AbortSignal | undefined): Promise<TransactionEnd> {
    if (this.#wire.fault !== undefined) return { kind: 'not-begun', fault: this.#wire.fault };
    const { promise, resolve } = Promise.withResolvers<TransactionEnd>();
    const transaction = new Transaction(this.#wire, plan, resolve);
    const onAbort = (): void => this.#cancel();
    signal?.addEventListener('abort', onAbort, { once: true });
    transaction.begin();
    const end = await promise;
    signal?.removeEventListener('abort', onAbort);
    if (end.kind === 'settled') {
      this.#needsReset = end.needsReset;
      if (end.verdicts.some((verdict) => verdict.outcome === 'accepted')) this.#messagesSent += 1;
    }
    if (signal?.aborted === true && this.#wire.fault !== undefined && !transaction.isEndWritten)
      signal.throwIfAborted();
    return end;
  }

  #cancel(): void {
    this.#wire.fail(this.#wire.makeFault('SMTP_CONNECTION_LOST', 'quit', undefined, { detail: 'cancelled' }));
  }

  async #ask(
    stage: SmtpStage,
    line: string,
    values: Readonly<Record<string, string | undefined>> = {},
  ): Promise<Result<void>> {
    const reply = await command(this.#wire, stage, line);
    if (!reply.ok) return reply;
    if (stage === 'rset') this.#needsReset = reply.value.code >= 300;
    if (reply.value.code < 300) return success(undefined);
    return failure(this.#wire.makeFault(refusalCode(stage, reply.value), stage, reply.value, values));
  }

  /** Runs `work` alone on this connection; a cancellation closes it. */
  async #cancellable<T>(signal: AbortSignal | undefined, work: () => Promise<Result<T>>): Promise<Result<T>> {
    signal?.throwIfAborted();
    if (this.#isBusy) throw new Error('This SMTP connection is already in use');
    if (this.#wire.fault !== undefined) return failure(this.#wire.fault);
    this.#isBusy = true;
    const onAbort = (): void => this.#cancel();
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      const outcome = await work();
      if (!outcome.ok) signal?.throwIfAborted();
      return outcome;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      this.#isBusy = false;
    }
  }
}
