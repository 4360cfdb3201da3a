/**
 * Sends through the mailer of the settings in force, and changes over to the mailer of new ones.
 *
 * What the old mailer was given it finishes. Until then, and for at most ten seconds, nothing goes through the new one, so that
 * a mailbox does not have more connections than its provider allows.
 */
import type { Clock } from '@postbearer/core';
import type { SendingMailer } from './way-mailer.ts';

const LONGEST_WAIT_MS = 10_000;

/** The mailer in force. */
export class MailerSwitch implements SendingMailer {
  readonly #clock: Clock;
  #mailer: SendingMailer;
  #leaving: Promise<unknown> | undefined;
  /** Mailers that still finish something. */
  readonly #old = new Set<Promise<void>>();

  constructor(mailer: SendingMailer, clock: Clock) {
    this.#mailer = mailer;
    this.#clock = clock;
  }

  readonly sendMessage: SendingMailer['sendMessage'] = async (message, options) => {
    while (this.#leaving !== undefined) await this.#leaving;
    return await this.#mailer.sendMessage(message, options);
  };

  /** Sends through another mailer from now on; the old one is closed when it has finished. */
  replace(mailer: SendingMailer): void {
    const closed = this.#close(this.#mailer);
    this.#mailer = mailer;
    const waited = Promise.withResolvers<void>();
    const timer = this.#clock.setTimer(() => waited.resolve(), LONGEST_WAIT_MS);
    const leaving = Promise.race([closed, waited.promise]).finally(() => {
      timer.cancel();
      if (this.#leaving === leaving) this.#leaving = undefined;
    });
    this.#leaving = leaving;
  }

  /** Finishes what is being sent and closes every connection; safe to repeat. */
  async close(): Promise<void> {
    await Promise.all([this.#close(this.#mailer), ...this.#old]);
  }

  #close(mailer: SendingMailer): Promise<void> {
    const closed = mailer.close().finally(() => this.#old.delete(closed));
    this.#old.add(closed);
    return closed;
  }
}
