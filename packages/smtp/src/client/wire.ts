/**
 * One connection as a sequence of exchanges: bytes out, replies in, one deadline.
 *
 * One exchange has the wire at a time and gets every reply until it lets go. A reply that nobody waits for is refused,
 * since from then on replies and commands no longer match. So is one that was there before its command was written: it came
 * in the same turn in which the wire wrote. When the wire is lost, for whatever reason, the exchange hears
 * of it exactly once. Commands never hold a credential in the dialogue events: `secretLine` writes one and tells `[secret]`.
 */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Clock, ClockTimer, EventSink, Fault, Scrubber, SmtpEvidence, SmtpStage } from '@postbearer/core';
import { ReplyParser, replyText, type SmtpReply } from '../reply/index.ts';
import { clientFaults, timeoutCode, type ClientFaultCode } from './faults.ts';
import type { StageTimeouts } from './timeouts.ts';

/** Somebody who has the wire. */
export interface Exchange {
  /** What the next reply answers. */
  readonly stage: SmtpStage;
  onReply(reply: SmtpReply): void;
  /** The wire is gone and so is the exchange. */
  onLost(fault: Fault): void;
}

/** What a wire needs to know and to use. */
export interface WireOptions {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly timeouts: StageTimeouts;
  readonly clock: Clock;
  /** Where lines of the dialogue go; without it no work is done for them. */
  readonly onDialogue?: EventSink | undefined;
  /** Whether they are wanted now; always where left out. */
  readonly wantsDialogue?: () => boolean;
}

const SECRET = '[secret]';

function always(): boolean {
  return true;
}

/** See the head of this file. */
export class Wire {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly clock: Clock;
  /** Resolves when the socket is closed; what was open counts until then. */
  readonly closed: Promise<void>;
  readonly #timeouts: StageTimeouts;
  readonly #onDialogue: EventSink | undefined;
  readonly #wantsDialogue: () => boolean;
  readonly #resolveClosed: () => void;
  #socket: Socket | undefined;
  #parser = new ReplyParser();
  #exchange: Exchange | undefined;
  #fault: Fault | undefined;
  #isHolding = false;
  #hasHeldInput = false;
  #isServerLeaving = false;
  #hasInput = false;
  /** From the first input of a turn to the end of that turn. */
  #isReadTurn = false;
  #hasWrittenInTurn = false;
  #deadlineAt = Number.POSITIVE_INFINITY;
  #timer: ClockTimer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #scrubber: Scrubber | undefined;
  #onDrain: (() => void) | undefined;

  constructor(options: WireOptions) {
    this.id = options.id;
    this.host = options.host;
    this.port = options.port;
    this.clock = options.clock;
    this.#timeouts = options.timeouts;
    this.#onDialogue = options.onDialogue;
    this.#wantsDialogue = options.wantsDialogue ?? always;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    this.#resolveClosed = resolve;
  }

  /** Why the wire is gone; `undefined` while it stands. */
  get fault(): Fault | undefined {
    return this.#fault;
  }

  /** Whether another exchange may begin. */
  get isUsable(): boolean {
    return (
      this.#fault === undefined && !this.#isServerLeaving && this.#exchange === undefined && this.#socket !== undefined
    );
  }

  /** Whether what is written is encrypted for a server whose certificate was verified. */
  get isEncrypted(): boolean {
    return this.#socket instanceof TLSSocket;
  }

  /** The address of this end, for a client name. */
  get localAddress(): string | undefined {
    return this.#socket?.localAddress;
  }

  /** Takes a socket into use: a new one, or the encrypted one on top of the one before. */
  attach(socket: Socket): void {
    this.#socket = socket;
    this.#parser = new ReplyParser();
    this.#isHolding = false;
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
    socket.on('drain', this.#onSocketDrain);
  }

  /** Gives the socket back, to be encrypted. Everything learned from plain text is forgotten. */
  detach(): Socket | undefined {
    const socket = this.#socket;
    socket?.off('data', this.#onData);
    socket?.off('end', this.#onEnd);
    socket?.off('error', this.#onError);
    socket?.off('close', this.#onClose);
    socket?.off('drain', this.#onSocketDrain);
    this.#socket = undefined;
    return socket;
  }

  /** Hands the wire to an exchange. */
  begin(exchange: Exchange): void {
    if (this.#exchange !== undefined) throw new Error('This SMTP connection is already in use');
    this.#exchange = exchange;
  }

  /** The exchange lets go. */
  finish(): void {
    this.#exchange = undefined;
    this.#deadlineAt = Number.POSITIVE_INFINITY;
  }

  /** Starts the time that the next event of `stage` may take. */
  expect(stage: SmtpStage): void {
    this.#deadlineAt = this.clock.monotonicMs() + this.#timeouts[stage];
    if (this.#deadlineAt < this.#timerAt) this.#setTimer();
  }

  /** No time runs until the next {@link Wire.expect}: we wait for ourselves. */
  expectNothing(): void {
    this.#deadlineAt = Number.POSITIVE_INFINITY;
  }

  /** From now on input is only noted, not read: it came before encryption and must not count after it. */
  holdInput(): void {
    this.#isHolding = true;
    this.#socket?.pause();
  }

  /** Whether anything came while input was held. */
  get hasHeldInput(): boolean {
    return this.#hasHeldInput;
  }

  /** Whether something that the server said was not handed to the exchange yet. */
  get hasInput(): boolean {
    return this.#hasInput;
  }

  /** Writes whole lines of commands, each with its CR LF. Returns whether more may follow at once. */
  writeLines(lines: string): boolean {
    if (this.#isToldNow()) for (const line of lines.trimEnd().split('\r\n')) this.#tell('client', line);
    return this.#write(lines, 'utf8');
  }

  /** Writes one line that holds a credential; `shown` stands before `[secret]` in the dialogue. */
  writeSecretLine(line: string, shown: string): void {
    if (!this.isEncrypted) throw new Error('A credential must not be written to an unencrypted connection');
    if (this.#isToldNow()) this.#tell('client', `${shown}${SECRET}`);
    this.#write(`${line}\r\n`, 'latin1');
  }

  /** Writes a piece of a message. Returns whether more may follow at once. */
  writeContent(bytes: Uint8Array): boolean {
    return this.#write(bytes);
  }

  #write(data: string | Uint8Array, encoding?: BufferEncoding): boolean {
    this.#hasWrittenInTurn = this.#isReadTurn;
    return this.#socket?.write(data, encoding) ?? false;
  }

  /** What is written between `cork` and `uncork` leaves together. */
  cork(): void {
    this.#socket?.cork();
  }

  /** See {@link Wire.cork}. */
  uncork(): void {
    this.#socket?.uncork();
  }

  /** Resolves when more may be written, or when the wire is gone. */
  async drained(): Promise<void> {
    if (this.#fault !== undefined || this.#socket?.writableNeedDrain !== true) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onDrain = resolve;
    await promise;
  }

  /** From now on everything the server says is passed through `scrubber` before it is told or kept. */
  scrubWith(scrubber: Scrubber): void {
    this.#scrubber = scrubber;
  }

  /** Ends the wire at once; the exchange, if any, hears `fault`. */
  fail(fault: Fault): void {
    if (this.#fault !== undefined) return;
    this.#fault = fault;
    this.#timer?.cancel();
    if (this.#socket === undefined) this.#resolveClosed();
    else this.#socket.destroy();
    const exchange = this.#exchange;
    this.#exchange = undefined;
    exchange?.onLost(fault);
    this.#wakeWriter();
  }

  /** Says that nothing more comes, and waits for the other side to close, as long as an answer to QUIT may take. */
  async leave(): Promise<void> {
    this.expect('quit');
    this.#socket?.end();
    await this.closed;
  }

  /** A fault of this connection. A reply, where there is one, becomes its evidence. */
  makeFault(
    code: ClientFaultCode,
    stage: SmtpStage,
    reply?: SmtpReply,
    values: Readonly<Record<string, string | number | undefined>> = {},
  ): Fault {
    return clientFaults.make(
      code,
      { host: this.host, port: this.port, stage, code: reply?.code, ...values },
      { evidence: this.evidence(stage, reply) },
    );
  }

  /** What the server said, as evidence; code 0 where it said nothing. */
  evidence(stage: SmtpStage, reply?: SmtpReply): SmtpEvidence {
    return {
      kind: 'smtp',
      stage,
      host: this.host,
      code: reply?.code ?? 0,
      lines: reply?.lines ?? [],
      ...(reply?.enhanced === undefined ? {} : { enhanced: reply.enhanced }),
    };
  }

  readonly #onData = (chunk: Uint8Array): void => {
    if (this.#isHolding) {
      this.#hasHeldInput = true;
      return;
    }
    this.#beginReadTurn();
    const { replies, fault } = this.#parser.feed(chunk);
    for (const [index, reply] of replies.entries()) {
      if (this.#fault !== undefined) return;
      this.#hasInput = index < replies.length - 1 || fault !== undefined || this.#parser.isMidReply;
      if (this.#isHolding) this.#hasHeldInput = true;
      else this.#take(reply);
    }
    if (this.#isHolding) this.#hasHeldInput ||= fault !== undefined || this.#parser.isMidReply;
    else if (fault !== undefined) {
      // It quotes what the server said.
      const message = this.#scrubber?.scrub(fault.message) ?? fault.message;
      this.fail({ ...fault, message, evidence: this.evidence(this.#stage) });
    }
  };

  /** No answer to what is written now can be read before the next turn. */
  #beginReadTurn(): void {
    if (this.#isReadTurn) return;
    this.#isReadTurn = true;
    setImmediate(() => {
      this.#isReadTurn = false;
      this.#hasWrittenInTurn = false;
    });
  }

  #take(raw: SmtpReply): void {
    const scrubber = this.#scrubber;
    const reply = scrubber === undefined ? raw : { ...raw, lines: scrubber.scrubLines(raw.lines) };
    if (this.#isToldNow()) this.#tellReply(reply);
    if (reply.code === 421) this.#isServerLeaving = true;
    if (this.#hasWrittenInTurn && reply.code !== 421)
      this.fail(
        this.makeFault('SMTP_PROTOCOL_ERROR', this.#stage, reply, {
          reason: `before it was asked it said "${replyText(reply)}"`,
        }),
      );
    else if (this.#exchange !== undefined) this.#exchange.onReply(reply);
    else if (reply.code === 421) this.fail(this.makeFault('SMTP_SERVICE_CLOSING', 'quit', reply));
    else
      this.fail(
        this.makeFault('SMTP_PROTOCOL_ERROR', 'quit', reply, {
          reason: `nothing was asked, and it said "${replyText(reply)}"`,
        }),
      );
  }

  get #stage(): SmtpStage {
    return this.#exchange?.stage ?? 'quit';
  }

  #lost(detail: string): void {
    this.fail(this.makeFault('SMTP_CONNECTION_LOST', this.#stage, undefined, { detail }));
  }

  readonly #onEnd = (): void => this.#lost('the server closed it');

  readonly #onError = (error: NodeJS.ErrnoException): void => this.#lost(error.code ?? error.message);

  readonly #onClose = (): void => {
    this.#lost('it was closed');
    this.#resolveClosed();
  };

  readonly #onSocketDrain = (): void => this.#wakeWriter();

  #wakeWriter(): void {
    const wake = this.#onDrain;
    this.#onDrain = undefined;
    wake?.();
  }

  #setTimer(): void {
    this.#timer?.cancel();
    this.#timerAt = this.#deadlineAt;
    // The socket keeps the process alive while somebody waits; a timer left over from an exchange must not.
    this.#timer = this.clock.setTimer(this.#onTimer, this.#deadlineAt - this.clock.monotonicMs(), { background: true });
  }

  readonly #onTimer = (): void => {
    this.#timerAt = Number.POSITIVE_INFINITY;
    if (this.#fault !== undefined || this.#deadlineAt === Number.POSITIVE_INFINITY) return;
    if (this.clock.monotonicMs() < this.#deadlineAt) return this.#setTimer();
    const stage = this.#stage;
    this.fail(this.makeFault(timeoutCode(stage), stage, undefined, { seconds: this.#timeouts[stage] / 1000 }));
  };

  #isToldNow(): boolean {
    return this.#onDialogue !== undefined && this.#wantsDialogue();
  }

  #tell(from: 'client' | 'server', text: string): void {
    this.#onDialogue?.({ name: 'smtp.dialogue', connection: this.id, from, text });
  }

  #tellReply(reply: SmtpReply): void {
    reply.lines.forEach((line, index) => {
      const separator = index === reply.lines.length - 1 ? ' ' : '-';
      const enhanced = reply.enhanced === undefined ? '' : `${reply.enhanced} `;
      this.#tell('server', `${reply.code}${separator}${enhanced}${line}`);
    });
  }
}
