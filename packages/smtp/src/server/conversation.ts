/**
 * What the parts of a dialogue share: the session, the wire, the counters, and how a reply is given.
 *
 * Rules:
 * - A handler that throws costs its client a 451, never the process or the connection.
 * - Credentials and content are never in an event: what follows AUTH is blanked by position, and of a line that is not a known
 *   command only its length is told, because it may be a token that was sent behind a refused AUTH.
 * - Errors and commands that send nothing are counted until a message is accepted; beyond the limit the connection ends.
 */
import type { Duplex } from 'node:stream';
import type { SecureContext } from 'node:tls';
import type { Clock, EventSink, MailboxAddress } from '@postbearer/core';
import type { Awaitable, SmtpServerHandler } from './handler.ts';
import { longestLine, type SmtpServerLimits, type SmtpServerTimeouts } from './limits.ts';
import { readOffers, standardExtensions, type OfferConditions, type Offers } from './offers.ts';
import { checkReply, replyLines, type ServerReply, type SpokenReply } from './reply.ts';
import type { Peer, SmtpSession, TlsInfo } from './session.ts';
import type { StandardReplies } from './standard-replies.ts';
import { abandonTransaction, type Transaction } from './transaction.ts';
import { Wire, type NoInput } from './wire.ts';

/** Everything a server decides once for all its connections. */
export interface ServerSetup {
  readonly postmaster: MailboxAddress;
  readonly security: 'starttls' | 'tls' | 'plain';
  /** The certificate in use now; `undefined` where TLS is not offered. */
  readonly secureContext: () => SecureContext | undefined;
  readonly handler: SmtpServerHandler<unknown>;
  readonly newState: () => unknown;
  readonly limits: SmtpServerLimits;
  readonly timeouts: SmtpServerTimeouts;
  readonly replies: StandardReplies;
  readonly clock: Clock;
  readonly onEvent: EventSink | undefined;
  /** Whether lines of the dialogue are wanted now. */
  readonly wantsDialogue: () => boolean;
  readonly onError: (error: unknown) => void;
}

/** The session with the fields that the protocol sets. */
class LiveSession implements SmtpSession<unknown> {
  readonly id: string;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly signal: AbortSignal;
  tls: TlsInfo | undefined;
  heloName: string | undefined;
  identity: string | undefined;
  state: unknown;

  constructor(id: string, peer: Peer, signal: AbortSignal, state: unknown) {
    this.id = id;
    this.remoteAddress = peer.remoteAddress;
    this.remotePort = peer.remotePort;
    this.signal = signal;
    this.state = state;
  }
}

/** See the head of this file. */
export class Conversation {
  readonly setup: ServerSetup;
  readonly session: LiveSession;
  readonly wire: Wire;
  /** What is offered since the last EHLO or HELO; `undefined` before it, and again after STARTTLS. */
  offers: Offers | undefined;
  /** The mail transaction that is open (RFC 5321 section 3.3). */
  transaction: Transaction | undefined;
  #isOver = false;
  #isShuttingDown = false;
  #errors = 0;
  #junkCommands = 0;

  constructor(setup: ServerSetup, id: string, stream: Duplex, peer: Peer) {
    const abort = new AbortController();
    this.setup = setup;
    this.session = new LiveSession(id, peer, abort.signal, setup.newState());
    this.wire = new Wire(stream, setup.clock, setup.timeouts, () => abort.abort());
  }

  /** Whether the dialogue has ended; whoever waited for the client returns at once. */
  get isOver(): boolean {
    return this.#isOver || this.wire.isGone;
  }

  /** Says goodbye at the next moment without an open transaction. */
  shutDown(): void {
    this.#isShuttingDown = true;
    this.wire.wake();
  }

  /**
   * The next line of the client, or `undefined` when the dialogue is over; the client was then told why.
   *
   * @param isCredential - the line is blanked in events.
   */
  async readLine(isCredential: boolean): Promise<Buffer | 'too-long' | undefined> {
    const { limits, timeouts, replies } = this.setup;
    const isInterruptible = this.transaction === undefined;
    if (isInterruptible && this.#isShuttingDown) {
      await this.endFor('woken');
      return undefined;
    }
    const deadline = this.wire.deadlineIn(timeouts.commandMs);
    const line = await this.wire.readLine(longestLine(limits), deadline, isInterruptible);
    if (Buffer.isBuffer(line)) {
      if (isCredential) this.tell('client', '[secret]');
      return line;
    }
    switch (line) {
      case 'too-long':
        this.tell('client', '[line too long]');
        return line;
      case 'bare-lf':
        this.tell('client', '[line with a bare LF]');
        await this.end(replies.bareLineFeed);
        return undefined;
      case 'timed-out':
      case 'woken':
      case 'ended':
        await this.endFor(line);
        return undefined;
    }
  }

  /** Ends the dialogue because no input came; the client is told why if it is still there. */
  async endFor(reason: NoInput): Promise<void> {
    const { replies } = this.setup;
    if (reason !== 'ended') await this.end(reason === 'timed-out' ? replies.idleTooLong : replies.shuttingDown);
    this.#isOver = true;
  }

  /** Gives a reply and does what it says about the connection. */
  async reply(reply: ServerReply, options: { readonly isCounted?: boolean } = {}): Promise<void> {
    if (this.#isOver) return;
    if ('drop' in reply) {
      this.#isOver = true;
      this.wire.drop();
      return;
    }
    await this.#say(reply);
    if (reply.code < 400 || this.#isOver || options.isCounted === false) return;
    this.#errors += 1;
    if (this.#errors >= this.setup.limits.errors) await this.end(this.setup.replies.tooManyErrors);
  }

  /** Gives a last reply. */
  async end(reply: SpokenReply): Promise<void> {
    // oxlint-disable-next-line unicorn/no-thenable -- what happens then, as a word; it is no function, so nothing can call it
    if (!this.#isOver) await this.#say({ ...reply, then: 'close' });
  }

  /** The reply of a handler, or the standard one where it has none. */
  async replyOr(standard: SpokenReply, answer: ServerReply | undefined): Promise<void> {
    await this.reply(answer ?? standard);
  }

  /** Asks a handler; an exception becomes the internal error, told to `onError`. */
  async consult(ask: () => Awaitable<ServerReply | undefined>): Promise<ServerReply | undefined> {
    const asked = await this.guard(async () => {
      const answer = await ask();
      return answer && checkReply(answer);
    });
    return asked === undefined ? this.setup.replies.internalError : asked.value;
  }

  /** Runs what belongs to the handler; `undefined` where it threw, which `onError` was then told. */
  async guard<T>(ask: () => Awaitable<T>): Promise<{ readonly value: T } | undefined> {
    try {
      return { value: await ask() };
    } catch (error) {
      this.setup.onError(error);
      return undefined;
    }
  }

  /** Counts a command that sends nothing. */
  async countJunk(): Promise<void> {
    this.#junkCommands += 1;
    if (this.#junkCommands > this.setup.limits.junkCommands) await this.end(this.setup.replies.tooManyCommands);
  }

  /** A message was accepted: what was counted is forgiven. */
  forgive(): void {
    this.#errors = 0;
    this.#junkCommands = 0;
  }

  /** Works out what can be offered now; throws where the handler does. */
  makeOffer(): Offers {
    const { setup, session } = this;
    const conditions: OfferConditions = {
      isEncrypted: session.tls !== undefined,
      canStartTls: setup.security === 'starttls' && setup.secureContext() !== undefined,
      canAuthenticate: setup.handler.authenticate !== undefined,
      messageBytes: setup.limits.messageBytes,
    };
    const standard = standardExtensions(conditions);
    return readOffers(setup.handler.extensions?.(session, standard) ?? standard, conditions);
  }

  /** Forgets what the client said and who it is (RFC 3207 section 4.2). */
  async forgetSession(): Promise<void> {
    await abandonTransaction(this);
    this.session.heloName = undefined;
    this.session.identity = undefined;
    this.offers = undefined;
  }

  /** Begins TLS; the dialogue is over where the handshake fails. */
  async beginTls(secureContext: SecureContext): Promise<void> {
    this.session.tls = await this.wire.startTls(secureContext);
    if (this.session.tls === undefined) this.#isOver = true;
  }

  /** Tells a line of the dialogue, if anybody listens. */
  tell(from: 'client' | 'server', text: string): void {
    const { onEvent, wantsDialogue, onError } = this.setup;
    if (onEvent === undefined || !wantsDialogue()) return;
    const { id, remoteAddress, identity } = this.session;
    const who = { client: remoteAddress, ...(identity === undefined ? {} : { app: identity }) };
    try {
      onEvent({ name: 'smtp.dialogue', connection: id, from, text, ...who });
    } catch (error) {
      onError(error);
    }
  }

  async #say(reply: SpokenReply): Promise<void> {
    if (reply.then === 'close') this.#isOver = true;
    const lines = replyLines(reply);
    if (this.setup.onEvent !== undefined) for (const line of lines) this.tell('server', line);
    await this.wire.send(`${lines.join('\r\n')}\r\n`);
  }
}
