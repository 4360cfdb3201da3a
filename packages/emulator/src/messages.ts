/**
 * The messages that arrived, kept in memory with everything that was said about them, and those who wait for them.
 */
import { randomUUID } from 'node:crypto';
import type { Clock } from '@postbearer/core';
import type { MailParameters, RecipientParameters } from '@postbearer/smtp/server';
import { EmulatorError, emulatorFaults } from './faults.ts';

/** One message that the emulator took. */
export interface ReceivedMessage {
  readonly id: string;
  readonly tenantId: string;
  /** The mailbox that signed in, by its own address. */
  readonly mailbox: string;
  /** The app that signed in; absent for a sign-in with a password. */
  readonly clientId?: string;
  readonly envelope: { readonly sender: string; readonly recipients: readonly string[] };
  /** What was said with MAIL and with each RCPT. */
  readonly parameters: { readonly mail: MailParameters; readonly recipients: readonly RecipientParameters[] };
  /** The message as it came, dot stuffing undone. */
  readonly bytes: Uint8Array;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
  /** The connection it came over; messages with the same name came over the same one. */
  readonly connection: string;
  /** The final reply as it was sent. */
  readonly reply: string;
}

/** What is known of a message before it is kept. */
export type NewMessage = Omit<ReceivedMessage, 'id' | 'receivedAt'>;

interface Waiter {
  readonly count: number;
  settle(messages: readonly ReceivedMessage[]): void;
}

const DEFAULT_WAIT_MS = 10_000;

/** Messages in order of arrival. */
export class MessageStore {
  readonly #clock: Clock;
  readonly #keep: number;
  readonly #waiters = new Set<Waiter>();
  #messages: ReceivedMessage[] = [];

  /** @param keep - how many are kept; the oldest goes first. */
  constructor(clock: Clock, keep: number) {
    this.#clock = clock;
    this.#keep = keep;
  }

  /** All kept messages as they are now, oldest first. */
  list(): readonly ReceivedMessage[] {
    return [...this.#messages];
  }

  /** Keeps a message and wakes those who wait for it. */
  add(message: NewMessage): ReceivedMessage {
    const kept = { ...message, id: randomUUID(), receivedAt: this.#clock.now() };
    this.#messages.push(kept);
    if (this.#messages.length > this.#keep) this.#messages.shift();
    for (const waiter of this.#waiters) if (this.#messages.length >= waiter.count) waiter.settle(this.list());
    return kept;
  }

  /** The message with this id. */
  find(id: string): ReceivedMessage | undefined {
    return this.#messages.find((message) => message.id === id);
  }

  /** Forgets one message, or all. @returns how many. */
  remove(id?: string): number {
    const before = this.#messages.length;
    this.#messages = id === undefined ? [] : this.#messages.filter((message) => message.id !== id);
    return before - this.#messages.length;
  }

  /**
   * Waits until `count` messages are there.
   *
   * @throws EmulatorError with `EMULATOR_NO_MESSAGE` after `timeoutMs` (10 seconds), or the signal's reason.
   */
  async wait(
    count: number,
    timeoutMs: number = DEFAULT_WAIT_MS,
    signal?: AbortSignal,
  ): Promise<readonly ReceivedMessage[]> {
    signal?.throwIfAborted();
    if (this.#messages.length >= count) return this.list();
    const { promise, resolve, reject } = Promise.withResolvers<readonly ReceivedMessage[]>();
    const waiter: Waiter = { count, settle: resolve };
    const onAbort = (): void => reject(signal?.reason);
    const onTimeout = (): void =>
      reject(
        new EmulatorError(
          emulatorFaults.make('EMULATOR_NO_MESSAGE', { count, seen: this.#messages.length, timeoutMs }),
        ),
      );
    const timer = this.#clock.setTimer(onTimeout, timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#waiters.add(waiter);
    try {
      return await promise;
    } finally {
      timer.cancel();
      signal?.removeEventListener('abort', onAbort);
      this.#waiters.delete(waiter);
    }
  }
}
