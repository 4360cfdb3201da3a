/**
 * The stream below the dialogue: lines and blocks in, replies out, one deadline at a time.
 *
 * Rules:
 * - The client is read no faster than it is served: input beyond a high-water mark pauses the stream.
 * - Replies are gathered and go out in one write when the input runs out (RFC 2920 section 3.2).
 * - A client that does not read its replies is not served on: at most one batch waits beyond the stream's own buffer.
 * - A client that sends many lines at once is answered some of them, and then it is the turn of the others.
 * - Input that came before a TLS handshake is never read after it (RFC 3207 section 4.2).
 */
import type { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { TLSSocket, type SecureContext } from 'node:tls';
import type { Clock } from '@postbearer/core';
import { Deadline } from './deadline.ts';
import { InputBuffer, type TakenLine } from './input-buffer.ts';
import type { SmtpServerTimeouts } from './limits.ts';
import type { TlsInfo } from './session.ts';

/** Unread input beyond which the stream is paused. */
const INPUT_HIGH_WATER_BYTES = 64 * 1024;
/** Replies that are sent without waiting for the input to run out. */
const REPLY_BATCH_CHARS = 16 * 1024;

/** Lines of one client that are answered before others get their turn. */
const LINES_IN_TURN = 32;

/** Why a wait for input ended without any. */
export type NoInput = 'ended' | 'timed-out' | 'woken';

/** See the head of this file. Only one method that waits may run at a time. */
export class Wire {
  readonly #clock: Clock;
  readonly #timeouts: SmtpServerTimeouts;
  readonly #deadline: Deadline;
  readonly #input = new InputBuffer();
  readonly #onGone: () => void;
  #stream: Duplex;
  #unsent = '';
  #isTimedOut = false;
  #isInputEnded = false;
  #isGone = false;
  #isWoken = false;
  #isDiscarding = false;
  #continue: (() => void) | undefined;
  #linesInTurn = 0;

  /** @param onGone - called once when the stream is closed, by whichever side. */
  constructor(stream: Duplex, clock: Clock, timeouts: SmtpServerTimeouts, onGone: () => void) {
    this.#clock = clock;
    this.#timeouts = timeouts;
    this.#onGone = onGone;
    this.#deadline = new Deadline(clock, () => {
      this.#isTimedOut = true;
      this.#changed();
    });
    this.#stream = stream;
    // Stays for the life of the stream, also below TLS: an error without a listener would end the process.
    stream.on('error', this.#ignoreError);
    stream.on('close', this.#gone);
    this.#listen();
  }

  /** Whether the stream is closed. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** Whether the client sent anything that was not read yet. */
  get hasInput(): boolean {
    return !this.#input.isEmpty || this.#stream.readableLength > 0;
  }

  /** The next line. `maxBytes` counts its CRLF. Once {@link Wire.wake} was called, an interruptible wait ends at once. */
  async readLine(maxBytes: number, deadline: number, isInterruptible: boolean): Promise<TakenLine | NoInput> {
    for (;;) {
      const line = this.#input.takeLine(maxBytes);
      if (line !== undefined) {
        this.#linesInTurn += 1;
        if (this.#linesInTurn >= LINES_IN_TURN) await this.#letOthersTurn();
        return line;
      }
      this.#linesInTurn = 0;
      const none = await this.#awaitInput(deadline, isInterruptible);
      if (none !== undefined) return none;
    }
  }

  /** The next bytes, at most `maxBytes` of them. */
  async readBlock(maxBytes: number, deadline: number): Promise<Buffer | NoInput> {
    for (;;) {
      const block = this.#input.takeBlock(maxBytes);
      if (block !== undefined) return block;
      const none = await this.#awaitInput(deadline, false);
      if (none !== undefined) return none;
    }
  }

  /** Puts back the rest of a block. */
  unread(rest: Buffer): void {
    this.#input.unread(rest);
  }

  /** Ends the interruptible waits, this one and all to come, with `woken`. */
  wake(): void {
    this.#isWoken = true;
    this.#changed();
  }

  /** Lines for the client, each with its CRLF. They go out with the next flush, or when they are many. */
  async send(lines: string): Promise<void> {
    this.#unsent += lines;
    if (this.#unsent.length > REPLY_BATCH_CHARS) await this.flush();
  }

  /** Sends what was gathered, and waits while the client does not read. */
  async flush(): Promise<void> {
    this.#writeUnsent();
    if (!this.#stream.writableNeedDrain) return;
    const deadline = this.deadlineIn(this.#timeouts.replyMs);
    while (this.#stream.writableNeedDrain && !this.#isGone) {
      if ((await this.#change(deadline)) === 'timed-out') this.destroy();
    }
  }

  /** The monotonic time after `delayMs` from now. */
  deadlineIn(delayMs: number): number {
    return this.#clock.monotonicMs() + delayMs;
  }

  /**
   * Begins TLS as the server. The caller has seen that there is no input.
   *
   * @returns `undefined` where the handshake failed; the stream is then gone.
   */
  async startTls(secureContext: SecureContext): Promise<TlsInfo | undefined> {
    await this.flush();
    // The client can have sent something only if it did not wait for our reply.
    if (this.hasInput) this.destroy();
    if (this.#isGone) return undefined;
    this.#unlisten();
    const secure = new TLSSocket(this.#stream, { isServer: true, secureContext });
    this.#stream = secure;
    secure.on('error', this.#ignoreError);
    secure.on('close', this.#gone);
    const handshake = { isDone: false };
    secure.once('secure', () => {
      handshake.isDone = true;
      this.#changed();
    });
    // Without a tls.Server nobody hears of a handshake that the client broke off, by an alert or by leaving: Node tells the
    // first by this event only, and sees the second only while somebody reads.
    const brokeOff = (): void => {
      if (!handshake.isDone) this.destroy();
    };
    secure.once('_tlsError', brokeOff);
    secure.on('readable', brokeOff);
    const deadline = this.deadlineIn(this.#timeouts.tlsHandshakeMs);
    while (!handshake.isDone && !this.#isGone) {
      if ((await this.#change(deadline)) === 'timed-out') this.destroy();
    }
    if (this.#isGone) return undefined;
    secure.removeListener('readable', brokeOff);
    this.#listen();
    const serverName: unknown = Reflect.get(secure, 'servername');
    return {
      protocol: secure.getProtocol() ?? 'unknown',
      cipher: secure.getCipher().name,
      ...(typeof serverName === 'string' ? { serverName } : {}),
    };
  }

  /**
   * Sends what was gathered and closes. Input is thrown away until the client closes too: closing with unread input would
   * make the network stack discard our last reply on its way.
   */
  async close(): Promise<void> {
    this.#isDiscarding = true;
    this.#input.clear();
    if (this.#isGone) return;
    this.#writeUnsent();
    this.#stream.end();
    this.#stream.resume();
    const deadline = this.deadlineIn(this.#timeouts.lingerMs);
    while (!this.#isGone && !(this.#isInputEnded && this.#stream.writableFinished)) {
      if ((await this.#change(deadline)) === 'timed-out') break;
    }
    this.destroy();
  }

  /** Cuts the line once the replies before are on their way. */
  drop(): void {
    this.#writeUnsent();
    if (this.#stream.writableLength === 0) this.destroy();
    else this.#stream.end(() => this.destroy());
  }

  /** Cuts the line now. */
  destroy(): void {
    this.#stream.destroy();
    this.#gone();
  }

  readonly #ignoreError = (): void => {
    // A stream that fails is closed next, and that is what counts.
  };

  readonly #gone = (): void => {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#isInputEnded = true;
    this.#deadline.stop();
    this.#changed();
    this.#onGone();
  };

  readonly #received = (block: Buffer): void => {
    if (this.#isDiscarding) return;
    this.#input.push(block);
    if (this.#input.byteLength > INPUT_HIGH_WATER_BYTES) this.#stream.pause();
    this.#changed();
  };

  readonly #inputEnded = (): void => {
    this.#isInputEnded = true;
    this.#changed();
  };

  readonly #drained = (): void => this.#changed();

  #listen(): void {
    this.#stream.on('data', this.#received);
    this.#stream.on('end', this.#inputEnded);
    this.#stream.on('drain', this.#drained);
  }

  #unlisten(): void {
    this.#stream.removeListener('data', this.#received);
    this.#stream.removeListener('end', this.#inputEnded);
    this.#stream.removeListener('drain', this.#drained);
  }

  #writeUnsent(): void {
    if (this.#unsent === '') return;
    const text = this.#unsent;
    this.#unsent = '';
    if (!this.#isGone && this.#stream.writable) this.#stream.write(text);
  }

  async #letOthersTurn(): Promise<void> {
    this.#linesInTurn = 0;
    await nextTurn();
  }

  /** Waits for more input, replies sent first; says why there is none. */
  async #awaitInput(deadline: number, isInterruptible: boolean): Promise<NoInput | undefined> {
    await this.flush();
    for (;;) {
      if (this.#input.byteLength > 0) return undefined;
      if (this.#isInputEnded) return 'ended';
      if (isInterruptible && this.#isWoken) return 'woken';
      if (this.#stream.isPaused()) this.#stream.resume();
      if ((await this.#change(deadline)) === 'timed-out') return 'timed-out';
    }
  }

  /** Waits until anything changed or the deadline is over. */
  async #change(deadline: number): Promise<'changed' | 'timed-out'> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#continue = resolve;
    this.#isTimedOut = false;
    this.#deadline.set(deadline);
    await promise;
    this.#deadline.clear();
    return this.#isTimedOut ? 'timed-out' : 'changed';
  }

  #changed(): void {
    this.#continue?.();
    this.#continue = undefined;
  }
}
