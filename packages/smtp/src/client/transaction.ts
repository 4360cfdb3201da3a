/**
 * One message on the wire: RSET where needed, MAIL FROM, RCPT TO for each recipient, the content, its end, and a verdict
 * for each recipient.
 *
 * How commands are grouped:
 * - With PIPELINING (RFC 2920) the envelope leaves in one piece, with DATA at its end. Without it, one command at a time.
 * - With CHUNKING (RFC 3030) content in memory goes by BDAT, in one piece as the last chunk, after the envelope was answered.
 *   Content that is read while it is sent goes by DATA, since the length of a chunk has to be known before it.
 * - No byte of a message leaves before a recipient was accepted. A server that refuses BDAT has to take the bytes of the chunk
 *   (RFC 3030 section 2); one that does not would read them as commands.
 * - A reply that was there before the content was written does not answer it: the connection is dropped.
 *
 * What the replies mean:
 * - A recipient is accepted if its RCPT and the end of the message were. With no recipient left no content is sent; where
 *   DATA was already answered with 354, a lone dot ends it (RFC 2920 section 3.1) and its reply changes nothing.
 * - Where the connection is lost before the end of the message was written, nothing was sent: deferred. From then on until
 *   the reply is read: uncertain (RFC 1047).
 * - 421 at any stage ends the session; a 421 after the end of the message is a refusal for now, like any 4yz.
 */
import type { Fault, MailboxAddress, SmtpStage, Verdict } from '@postbearer/core';
import { replyText, type SmtpReply } from '../reply/index.ts';
import type { CheckedBytes, ReadyContent } from './content.ts';
import { ContentWriter } from './content-writer.ts';
import type { EnvelopeCommands } from './envelope-commands.ts';
import { refusalCode, verdictOf } from './verdicts.ts';
import type { Exchange, Wire } from './wire.ts';

/** The stages of one message. */
type TransactionStage = Extract<SmtpStage, 'rset' | 'mail' | 'rcpt' | 'data' | 'content' | 'final'>;

/** How a message is to be sent. */
export interface TransactionPlan {
  readonly recipients: readonly MailboxAddress[];
  readonly sender: string;
  readonly commands: EnvelopeCommands;
  readonly content: ReadyContent;
  readonly isPipelined: boolean;
  /** Content goes by BDAT. */
  readonly isChunked: boolean;
  /** The server offers 8BITMIME, so that content may turn out to need it. */
  readonly takesEightBit: boolean;
  readonly needsReset: boolean;
}

/** How a transaction ended. */
export type TransactionEnd =
  | {
      readonly kind: 'settled';
      readonly verdicts: readonly Verdict[];
      /** A transaction may be open at the server: RSET comes before the next one. */
      readonly needsReset: boolean;
    }
  /** The connection was dead or dying before the server took up the message: it can be sent on another one. */
  | { readonly kind: 'not-begun'; readonly fault: Fault }
  /** The content could not be read; nothing was sent. */
  | { readonly kind: 'source-failed'; readonly error: unknown };

/** See the head of this file. One for each message; `begin` once. */
export class Transaction implements Exchange {
  stage: TransactionStage = 'mail';
  readonly #wire: Wire;
  readonly #plan: TransactionPlan;
  readonly #onEnd: (end: TransactionEnd) => void;
  /** What is decided: a fault for recipients that were refused. */
  readonly #faults: (Fault | undefined)[];
  #answeredRcpts = 0;
  #openRecipients = 0;
  #mailFault: Fault | undefined;
  #isContentBegun = false;
  #isEndWritten = false;
  #isEnded = false;
  #writer: ContentWriter | undefined;

  constructor(wire: Wire, plan: TransactionPlan, onEnd: (end: TransactionEnd) => void) {
    this.#wire = wire;
    this.#plan = plan;
    this.#onEnd = onEnd;
    this.#faults = Array.from({ length: plan.recipients.length });
  }

  /** Whether an end of the connection from now on leaves the outcome unknown. */
  get isEndWritten(): boolean {
    return this.#isEndWritten;
  }

  /** Takes the wire and writes the first commands. */
  begin(): void {
    const { needsReset, isPipelined, commands, isChunked } = this.#plan;
    this.#wire.begin(this);
    this.#enter(needsReset ? 'rset' : 'mail');
    if (!isPipelined) {
      this.#wire.writeLines(needsReset ? 'RSET\r\n' : `${commands.mail}\r\n`);
      return;
    }
    let lines = needsReset ? 'RSET\r\n' : '';
    lines += `${commands.mail}\r\n`;
    for (const rcpt of commands.rcpts) lines += `${rcpt}\r\n`;
    if (!isChunked) lines += 'DATA\r\n';
    this.#wire.writeLines(lines);
  }

  onReply(reply: SmtpReply): void {
    switch (this.stage) {
      case 'rset':
        return this.#onReset(reply);
      case 'mail':
        return this.#onMail(reply);
      case 'rcpt':
        return this.#onRcpt(reply);
      case 'data':
        return this.#onData(reply);
      case 'content':
        return this.#onEarlyReply(reply);
      case 'final':
        return this.#onFinal(reply);
    }
  }

  onLost(fault: Fault): void {
    this.#writer?.stop();
    if (this.#isEnded) return;
    if (this.#answeredRcpts === 0) return this.#end({ kind: 'not-begun', fault });
    this.#settle(this.#isEndWritten ? this.#uncertain(fault) : fault);
  }

  #enter(stage: TransactionStage): void {
    this.stage = stage;
    this.#wire.expect(stage);
  }

  /** The fault of a lost connection, told as what it means after the end of the message. */
  #uncertain(fault: Fault): Fault {
    if (fault.next === 'uncertain') return fault;
    return {
      ...this.#wire.makeFault('SMTP_OUTCOME_UNCERTAIN', 'final', undefined, { detail: fault.message }),
      reported: fault.code,
    };
  }

  #onReset(reply: SmtpReply): void {
    if (!isPositive(reply)) return this.#giveUp('rset', reply);
    this.#enter('mail');
    if (!this.#plan.isPipelined) this.#wire.writeLines(`${this.#plan.commands.mail}\r\n`);
  }

  #onMail(reply: SmtpReply): void {
    if (reply.code === 421) return this.#giveUp('mail', reply);
    if (!isFinal(reply)) return this.#breakOff('mail', reply);
    if (!isPositive(reply)) this.#mailFault = this.#refusal('mail', reply);
    if (this.#mailFault !== undefined && !this.#plan.isPipelined) return this.#settle(this.#mailFault);
    this.#enter('rcpt');
    if (!this.#plan.isPipelined) this.#writeNextRcpt();
  }

  #onRcpt(reply: SmtpReply): void {
    const index = this.#answeredRcpts;
    this.#answeredRcpts += 1;
    if (!isFinal(reply)) return this.#breakOff('rcpt', reply);
    if (this.#mailFault !== undefined) this.#faults[index] = this.#mailFault;
    else if (isPositive(reply)) this.#openRecipients += 1;
    else this.#faults[index] = this.#refusal('rcpt', reply, { recipient: this.#plan.recipients[index] });
    if (reply.code === 421) return this.#dropWith(this.#refusal('rcpt', reply));
    if (this.#answeredRcpts < this.#plan.recipients.length) {
      this.#wire.expect('rcpt');
      if (!this.#plan.isPipelined) this.#writeNextRcpt();
      return;
    }
    this.#onEnvelopeAnswered();
  }

  #writeNextRcpt(): void {
    this.#wire.writeLines(`${this.#plan.commands.rcpts[this.#answeredRcpts]}\r\n`);
  }

  #onEnvelopeAnswered(): void {
    const { isChunked, isPipelined } = this.#plan;
    if (isPipelined && !isChunked) return this.#enter('data');
    if (this.#openRecipients === 0) return this.#settle(undefined);
    if (isChunked) return this.#writeChunk();
    this.#enter('data');
    this.#wire.writeLines('DATA\r\n');
  }

  #onData(reply: SmtpReply): void {
    if (reply.code === 354) {
      if (this.#openRecipients > 0) return this.#writeContent();
      this.#wire.writeLines('.\r\n');
      return this.#enter('final');
    }
    if (reply.code < 400) return this.#breakOff('data', reply);
    const fault = this.#refusal('data', reply);
    if (reply.code === 421) return this.#dropWith(fault);
    this.#settle(fault);
  }

  /** BDAT with everything, as the last chunk. */
  #writeChunk(): void {
    const content = this.#plan.content as CheckedBytes;
    const size = content.facts.sizeBytes ?? 0;
    this.#startWriter((writer) => {
      this.#wire.cork();
      this.#wire.writeLines(`BDAT ${size} LAST\r\n`);
      writer.writeChunk(content);
      this.#wire.uncork();
    });
  }

  #writeContent(): void {
    this.#startWriter((writer) => writer.writeData(this.#plan.content));
  }

  #startWriter(write: (writer: ContentWriter) => void): void {
    this.stage = 'content';
    // What is there already will be told next, and ends this.
    if (this.#wire.hasInput) return;
    this.#isContentBegun = true;
    this.#writer = new ContentWriter(this.#wire, this.#plan.takesEightBit, {
      onLastWrite: () => (this.#isEndWritten = true),
      onWritten: () => this.#enter('final'),
      onBadContent: (fault) => this.#dropWith(fault),
      onSourceError: (error) => this.#dropSource(error),
    });
    write(this.#writer);
  }

  /** The server did not wait for the end of the message, or not even for its beginning: then the reply answers nothing. */
  #onEarlyReply(reply: SmtpReply): void {
    if (reply.code < 400 || (!this.#isContentBegun && reply.code !== 421)) return this.#breakOff('content', reply);
    this.#dropWith(this.#refusal('content', reply));
  }

  #onFinal(reply: SmtpReply): void {
    if (reply.code >= 300 && reply.code < 400) return this.#breakOff('final', reply);
    // After the end of DATA no transaction is left, whatever the answer; after a refused chunk one is (RFC 3030 section 2).
    const needsReset = this.#plan.isChunked && !isPositive(reply);
    if (this.#openRecipients === 0) return this.#settle(undefined, needsReset);
    if (!isPositive(reply)) {
      const fault = this.#refusal('final', reply);
      return reply.code === 421 ? this.#dropWith(fault) : this.#settle(fault, needsReset);
    }
    const evidence = this.#wire.evidence('final', reply);
    const dropped = this.#plan.commands.isDsnDropped ? ({ isDsnDropped: true } as const) : {};
    this.#end({
      kind: 'settled',
      needsReset: false,
      verdicts: this.#plan.recipients.map((recipient, index) => {
        const fault = this.#faults[index];
        return fault === undefined
          ? { outcome: 'accepted', recipient, reply: evidence, ...dropped }
          : verdictOf(recipient, fault);
      }),
    });
  }

  #refusal(
    stage: TransactionStage,
    reply: SmtpReply,
    values: Readonly<Record<string, string | undefined>> = {},
  ): Fault {
    return this.#wire.makeFault(refusalCode(stage, reply), stage, reply, {
      sender: this.#plan.sender === '' ? '<>' : this.#plan.sender,
      ...values,
    });
  }

  /** The session ends before the message was taken up. */
  #giveUp(stage: TransactionStage, reply: SmtpReply): void {
    const code = reply.code === 421 ? 'SMTP_SERVICE_CLOSING' : 'SMTP_PROTOCOL_ERROR';
    const fault = this.#wire.makeFault(code, stage, reply, { reason: `it said "${replyText(reply)}"` });
    this.#end({ kind: 'not-begun', fault });
    this.#wire.fail(fault);
  }

  #breakOff(stage: TransactionStage, reply: SmtpReply): void {
    const reason = `it said "${replyText(reply)}"`;
    const fault = this.#wire.makeFault('SMTP_PROTOCOL_ERROR', stage, reply, { reason });
    this.#dropWith(this.#isEndWritten ? this.#uncertain(fault) : fault);
  }

  #dropWith(fault: Fault): void {
    this.#writer?.stop();
    this.#settle(fault);
    this.#wire.fail(fault);
  }

  #dropSource(error: unknown): void {
    this.#end({ kind: 'source-failed', error });
    this.#wire.fail(
      this.#wire.makeFault('SMTP_CONNECTION_LOST', 'content', undefined, { detail: 'the message could not be read' }),
    );
  }

  /** Everybody who was not refused gets `fault`. A refused MAIL leaves no transaction behind; anything later does. */
  #settle(fault: Fault | undefined, needsReset = this.#mailFault === undefined): void {
    const open = this.#mailFault ?? fault;
    this.#end({
      kind: 'settled',
      needsReset,
      verdicts: this.#plan.recipients.flatMap((recipient, index) => {
        const own = this.#faults[index] ?? open;
        return own === undefined ? [] : [verdictOf(recipient, own)];
      }),
    });
  }

  #end(end: TransactionEnd): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#wire.finish();
    this.#onEnd(end);
  }
}

/** 2yz. */
function isPositive(reply: SmtpReply): boolean {
  return reply.code < 300;
}

/** Not 3yz, which asks for more where there is nothing more to say. */
function isFinal(reply: SmtpReply): boolean {
  return reply.code < 300 || reply.code >= 400;
}
