/**
 * One SMTP session up to its capabilities, taken apart into the checks that it is made of.
 *
 * The client opens a session in one call, so that nothing can be left out; which of its steps were reached and how long they took
 * is read from its dialogue. The wait for the greeting counts to the TCP connection, and the first EHLO to the greeting.
 */
import type { Clock, EventSink, Fault, PostbearerEvent } from '@postbearer/core';
import { connectSmtp, type ConnectOptions, type SmtpConnection } from '@postbearer/smtp/client';
import type { CheckOutcome } from './checks/check.ts';

/** The checks that a session proves. */
export type SessionCheck = 'tcp' | 'smtp-greeting' | 'starttls' | 'certificate' | 'capabilities';

/** A session that was opened, or not. */
export interface Session {
  /** Absent where it could not be opened. */
  readonly connection?: SmtpConnection;
  /** What the server greeted with, where it did. */
  readonly greeting?: string;
  /** What became of a step; `describe` gives the detail of one that passed, from the open connection. */
  outcomeOf(step: SessionCheck, describe: (connection: SmtpConnection) => string): CheckOutcome;
}

const ORDER: Readonly<Record<ConnectOptions['security'], readonly SessionCheck[]>> = {
  starttls: ['tcp', 'smtp-greeting', 'starttls', 'certificate', 'capabilities'],
  tls: ['tcp', 'starttls', 'certificate', 'smtp-greeting', 'capabilities'],
  none: ['tcp', 'smtp-greeting', 'capabilities'],
};

/** Follows a session by its dialogue. */
class Follower {
  readonly #security: ConnectOptions['security'];
  readonly #clock: Clock;
  readonly #reachedMs = new Map<SessionCheck, number>();
  #lastMs: number;
  #helloCount = 0;
  greeting: string | undefined;

  constructor(security: ConnectOptions['security'], clock: Clock) {
    this.#security = security;
    this.#clock = clock;
    this.#lastMs = clock.monotonicMs();
  }

  hear(event: PostbearerEvent): void {
    if (event.name !== 'smtp.dialogue') return;
    if (event.from === 'server') {
      if (this.greeting === undefined) {
        this.greeting = event.text;
        this.reach('tcp');
      }
      return;
    }
    const isHello = event.text.startsWith('EHLO ');
    if (isHello) this.#helloCount += 1;
    if (this.#security !== 'starttls') {
      if (isHello) this.reach('smtp-greeting');
    } else if (event.text === 'STARTTLS') this.reach('smtp-greeting');
    // The second EHLO is the first thing said after the handshake.
    else if (isHello && this.#helloCount === 2) this.reach('starttls');
  }

  reach(step: SessionCheck): void {
    const now = this.#clock.monotonicMs();
    this.#reachedMs.set(step, now - this.#lastMs);
    this.#lastMs = now;
  }

  /** How long a step took; 0 where it was not timed by itself. */
  durationOf(step: SessionCheck): number {
    return this.#reachedMs.get(step) ?? 0;
  }

  /** The step that a fault broke. */
  brokenBy(fault: Fault): SessionCheck {
    const order = ORDER[this.#security];
    const named = this.#nameOf(fault);
    const firstLeft = order.findIndex((step) => !this.#reachedMs.has(step));
    const index = Math.max(order.indexOf(named), firstLeft < 0 ? order.length - 1 : firstLeft);
    return order[index] ?? 'capabilities';
  }

  #nameOf({ code, evidence }: Fault): SessionCheck {
    if (code.startsWith('SMTP_CERTIFICATE_')) return 'certificate';
    if (code.startsWith('SMTP_TLS_') || code.startsWith('SMTP_STARTTLS_')) return 'starttls';
    const stage = evidence?.kind === 'smtp' ? evidence.stage : 'connect';
    if (stage === 'starttls' || stage === 'tls') return 'starttls';
    if (stage === 'greeting') return 'smtp-greeting';
    if (stage !== 'ehlo') return 'tcp';
    return this.#security === 'starttls' && this.#helloCount < 2 ? 'smtp-greeting' : 'capabilities';
  }
}

/**
 * Opens a session.
 *
 * @param options - as for `connectSmtp`; events are passed on, the dialogue only where `dialogue` asks for it.
 * @throws `options.signal.reason` when the caller cancels.
 */
export async function openSession(options: ConnectOptions, clock: Clock): Promise<Session> {
  const { security, dialogue = false } = options;
  const follower = new Follower(security, clock);
  const onEvent: EventSink = (event) => {
    follower.hear(event);
    if (dialogue || event.name !== 'smtp.dialogue') options.onEvent?.(event);
  };
  const opened = await connectSmtp({ ...options, clock, dialogue: true, onEvent });
  const order = ORDER[security];
  const broken = opened.ok ? undefined : follower.brokenBy(opened.fault);
  follower.reach(broken ?? 'capabilities');
  const brokenAt = broken === undefined ? order.length : order.indexOf(broken);
  return {
    ...(opened.ok ? { connection: opened.value } : {}),
    ...(follower.greeting === undefined ? {} : { greeting: follower.greeting }),
    outcomeOf(step, describe) {
      const at = order.indexOf(step);
      const durationMs = follower.durationOf(step);
      if (at < 0) return { status: 'skipped', detail: 'the connection is not encrypted', durationMs };
      if (at > brokenAt) return { status: 'not-reached', detail: 'not reached', durationMs: 0 };
      if (opened.ok) return { status: 'passed', detail: describe(opened.value), durationMs };
      if (at === brokenAt) return { status: 'failed', detail: opened.fault.title, fault: opened.fault, durationMs };
      return { status: 'passed', detail: 'done', durationMs };
    },
  };
}
