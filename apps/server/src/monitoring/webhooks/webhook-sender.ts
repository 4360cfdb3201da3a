/**
 * Hands the events of one webhook to it.
 *
 * The rules of this file:
 * - at least once: an event is removed after the webhook took it (2xx), and keeps its `webhook-id` until then;
 * - no more than four at a time, and one at a time while it fails; a webhook waits for no other;
 * - the order of events is not kept;
 * - what is claimed and not answered by a process that died comes again after two minutes.
 */
import type { Clock, ClockTimer, EventSink, Fault, Result, Secret } from '@postbearer/core';
import type { Database } from '@postbearer/database';
import type { AddressRule, HttpClient, HttpReply } from '@postbearer/network';
import { monitoringFaults } from '../faults.ts';
import { claimEvents, eventNotTried, putEventBack, removeEvent, type ClaimedEvent } from './event-store.ts';
import { LONGEST_WAIT_MS, waitAfter } from './retry.ts';
import { signatureHeaders } from './signature.ts';

/** A webhook, ready to be called. */
export interface Webhook {
  readonly name: string;
  readonly url: string;
  /** Resolves the secret, anew for each event. */
  readonly secret: () => Promise<Result<Secret>>;
  readonly allowsAddress: AddressRule;
}

/** What a sender works with. */
export interface WebhookSenderOptions {
  readonly webhook: Webhook;
  readonly database: Database;
  readonly http: HttpClient;
  readonly clock: Clock;
  readonly random: () => number;
  readonly userAgent: string;
  readonly onEvent: EventSink;
  readonly onAttempt: (webhook: string, outcome: 'taken' | 'failed') => void;
  readonly onError: (error: unknown) => void;
}

const MOST_AT_A_TIME = 4;
const LOOK_ANYWAY_MS = 5000;
const LEASE_MS = 120_000;
const TIMEOUT_MS = 15_000;
const LARGEST_REPLY_BYTES = 64 * 1024;
const GONE = 410;

/** What came of an attempt. */
interface Refusal {
  readonly fault: Fault;
  /** How long the webhook asks to wait. */
  readonly askedMs: number;
  readonly isFinal: boolean;
}

type Attempted = { readonly ok: true } | { readonly ok: false; readonly refusal: Refusal };

function retryAfterMs(reply: HttpReply | undefined): number {
  const seconds = Number(reply?.headers['retry-after']);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : 0;
}

/** One webhook's sender. */
export class WebhookSender {
  readonly #options: WebhookSenderOptions;
  readonly #inFlight = new Set<Promise<void>>();
  readonly #leaving = new AbortController();
  #claiming: Promise<void> | undefined;
  #isWokenMeanwhile = false;
  #timer: ClockTimer | undefined;
  /** Why the last attempt failed. */
  #trouble: string | undefined;

  constructor(options: WebhookSenderOptions) {
    this.#options = options;
  }

  /** Why the last attempt failed; `undefined` while it takes events. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** Looks for events that are due; safe to call at any time. */
  wake(): void {
    if (this.#leaving.signal.aborted) return;
    this.#isWokenMeanwhile = true;
    this.#claiming ??= this.#claimAll().finally(() => {
      this.#claiming = undefined;
      if (this.#isWokenMeanwhile) this.wake();
    });
  }

  /** Gives back what is being sent, and ends. */
  async close(): Promise<void> {
    this.#leaving.abort(new Error('the service is stopping'));
    this.#timer?.cancel();
    await this.#claiming;
    await Promise.all(this.#inFlight);
  }

  async #claimAll(): Promise<void> {
    try {
      while (this.#isWokenMeanwhile && !this.#leaving.signal.aborted) {
        this.#isWokenMeanwhile = false;
        await this.#claim();
      }
    } catch (error) {
      this.#options.onError(error);
    }
    this.#timer?.cancel();
    if (!this.#leaving.signal.aborted)
      this.#timer = this.#options.clock.setTimer(() => this.wake(), LOOK_ANYWAY_MS, { background: true });
  }

  async #claim(): Promise<void> {
    const { webhook, database, clock } = this.#options;
    const room = (this.#trouble === undefined ? MOST_AT_A_TIME : 1) - this.#inFlight.size;
    if (room <= 0) return;
    const now = clock.now();
    const values = { webhook: webhook.name, now, latest: now + LONGEST_WAIT_MS, lease: now + LEASE_MS, limit: room };
    const claimed = await database.batch([claimEvents(values)]);
    if (!claimed.ok || !claimed.value.done) return;
    for (const event of claimed.value.results[0].rows) this.#begin(event);
  }

  #begin(event: ClaimedEvent): void {
    const sent = this.#send(event)
      .catch(this.#options.onError)
      .finally(() => {
        this.#inFlight.delete(sent);
        this.wake();
      });
    this.#inFlight.add(sent);
  }

  async #send(event: ClaimedEvent): Promise<void> {
    const { webhook, database, clock, onAttempt } = this.#options;
    const { name } = webhook;
    const attempt = await this.#attempt(event);
    if (attempt === 'cancelled') {
      await database.batch([eventNotTried(name, event.id, clock.now())]);
      return;
    }
    onAttempt(name, attempt.ok ? 'taken' : 'failed');
    if (attempt.ok) {
      await database.batch([removeEvent(name, event.id)]);
      if (this.#trouble !== undefined) this.#options.onEvent({ name: 'webhook.recovered', webhook: name });
      this.#trouble = undefined;
    } else await this.#putBack(event, attempt.refusal);
  }

  async #putBack({ id, attempts }: ClaimedEvent, { fault, askedMs, isFinal }: Refusal): Promise<void> {
    const { webhook, database, clock, random, onEvent } = this.#options;
    const waitMs = isFinal ? undefined : waitAfter(attempts, random, askedMs);
    const readyAt = waitMs === undefined ? undefined : Math.round(clock.now() + waitMs);
    const state = readyAt === undefined ? 'parked' : 'waiting';
    const wasWell = this.#trouble === undefined;
    this.#trouble = fault.message;
    const values = { webhook: webhook.name, id, state, due: readyAt ?? clock.now(), reason: fault.message } as const;
    await database.batch([putEventBack(values)]);
    // While it fails, each event would tell the same.
    if (wasWell || readyAt === undefined)
      onEvent({
        name: 'webhook.failed',
        webhook: webhook.name,
        id,
        attempts,
        ...(readyAt === undefined ? {} : { readyAt }),
        fault,
      });
  }

  async #attempt({
    id,
    body,
  }: ClaimedEvent): Promise<{ readonly ok: true } | { readonly ok: false; readonly refusal: Refusal } | 'cancelled'> {
    const { webhook, http, clock, userAgent } = this.#options;
    const { signal } = this.#leaving;
    const secret = await webhook.secret();
    if (!secret.ok) return { ok: false, refusal: { fault: secret.fault, askedMs: 0, isFinal: false } };
    if (signal.aborted) return 'cancelled';
    const timestamp = Math.floor(clock.now() / 1000);
    try {
      const result = await http.request({
        url: webhook.url,
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'user-agent': userAgent,
          ...signatureHeaders({ id, body, timestamp }, secret.value),
        },
        body,
        timeoutMs: TIMEOUT_MS,
        maxBytes: LARGEST_REPLY_BYTES,
        allowsAddress: webhook.allowsAddress,
        signal,
      });
      // An answer that is too long or compressed is an answer: its status says what became of the event.
      return result.ok ? this.#judge(result.value) : this.#judge(result.incomplete, result.fault);
    } catch (error) {
      if (signal.aborted) return 'cancelled';
      throw error;
    }
  }

  #judge(reply: HttpReply | undefined, fault?: Fault): Attempted {
    const { name } = this.#options.webhook;
    const status = reply?.status ?? 0;
    if (status >= 200 && status < 300) return { ok: true };
    if (status === 0 && fault !== undefined) return { ok: false, refusal: { fault, askedMs: 0, isFinal: false } };
    const code = status === GONE ? 'SERVICE_WEBHOOK_GONE' : 'SERVICE_WEBHOOK_REFUSED';
    const refused = monitoringFaults.make(code, { webhook: name, status });
    return { ok: false, refusal: { fault: refused, askedMs: retryAfterMs(reply), isFinal: status === GONE } };
  }
}
