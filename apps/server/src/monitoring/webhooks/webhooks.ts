/**
 * Webhooks: others are told what becomes of messages and lanes.
 *
 * The events of an attempt are stored in the same batch as its outcome, so that there is no outcome without its event and no
 * event of what did not happen; they are sent afterwards. A webhook that takes nothing for long does not fill the disk: beyond
 * a number of waiting events further ones are not kept for it, which is counted and told.
 */
import {
  success,
  type Clock,
  type ClockTimer,
  type EventSink,
  type PostbearerEvent,
  type Result,
  type Secret,
  type SecretRef,
} from '@postbearer/core';
import type { Database, Statement } from '@postbearer/database';
import { createHttpClient, createTrust, isPublicAddress, type AddressRule, type HttpClient } from '@postbearer/network';
import type { Decision, LeasedMessage, MessageVerb, Submission } from '@postbearer/queue';
import type { WebhookSettings } from '@postbearer/settings';
import { isInRange, parseNetworkRange } from '../../access/network-range.ts';
import type { WebhookFact } from '../../delivery/service-facts.ts';
import { changedBody, laneBody, messageBody, queuedBody, textOf, wants, type WebhookBody } from './event-body.ts';
import { countEvents, forgetEvents, keepEvent, takeUpEvents } from './event-store.ts';
import { WebhookSender } from './webhook-sender.ts';

/** What webhooks work with. */
export interface WebhooksOptions {
  readonly database: Database;
  readonly clock: Clock;
  /** For proxies and certificate authorities. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly resolveSecret: (reference: SecretRef) => Promise<Result<Secret>>;
  readonly version: string;
  readonly onEvent: EventSink;
  readonly onAttempt: (webhook: string, outcome: 'taken' | 'failed') => void;
  readonly onLost: (webhook: string) => void;
  readonly onError: (error: unknown) => void;
  readonly random?: () => number;
  /** The most events that wait for a webhook; 100,000 where left out. */
  readonly mostWaiting?: number;
}

/** The webhooks of the settings, by name. */
export type WebhookTable = Readonly<Record<string, WebhookSettings>>;

const MOST_WAITING = 100_000;
const COUNT_MS = 60_000;
const DAY_MS = 86_400_000;
/** What is set aside is kept so long, for a person to see it. */
const KEPT_DAYS = 7;

interface Running {
  readonly settings: WebhookSettings;
  readonly sender: WebhookSender;
  waiting: number;
  /** Kept since the last count began. */
  keptSince: number;
  parked: number;
  isOverflowing: boolean;
}

/** Where a webhook may be: the public internet, and the network that its settings name. */
function ruleOf({ network }: WebhookSettings): Result<AddressRule> {
  if (network === undefined) return success(isPublicAddress);
  const range = parseNetworkRange(network);
  return range.ok ? success((address) => isPublicAddress(address) || isInRange(address, range.value)) : range;
}

/** Tells webhooks what happens. */
export class Webhooks {
  readonly #options: WebhooksOptions;
  readonly #running = new Map<string, Running>();
  /** Senders of webhooks that are no longer among the settings. */
  readonly #leaving = new Set<Promise<void>>();
  /** Lanes and senders of which it was told that they are held, with the code. */
  readonly #held = new Map<string, string>();
  #http: HttpClient | undefined;
  #timer: ClockTimer | undefined;
  #counting: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: WebhooksOptions) {
    this.#options = options;
  }

  /** Begins to count and to forget what is old. Fails as `createTrust` does. */
  async start(): Promise<Result<void>> {
    const { environment, clock } = this.#options;
    const trust = createTrust({ environment });
    if (!trust.ok) return trust;
    this.#http = createHttpClient({ trust: trust.value, environment, clock });
    await this.#count();
    this.#countAgain();
    return success(undefined);
  }

  /** Checks other settings. Fails with `ACCESS_NETWORK_INVALID`. */
  check(table: WebhookTable): Result<void> {
    for (const settings of Object.values(table)) {
      const rule = ruleOf(settings);
      if (!rule.ok) return rule;
    }
    return success(undefined);
  }

  /** Takes settings into use that were checked. */
  follow(table: WebhookTable): void {
    for (const [name, { settings, sender }] of this.#running) {
      if (table[name] === settings) continue;
      this.#running.delete(name);
      const closed = sender.close().finally(() => this.#leaving.delete(closed));
      this.#leaving.add(closed);
    }
    for (const [name, settings] of Object.entries(table)) if (!this.#running.has(name)) this.#begin(name, settings);
  }

  /** The statements that keep the events of an attempt, for the batch that settles it. */
  settled(leased: LeasedMessage, decision: Decision): readonly Statement[] {
    if (this.#running.size === 0) return [];
    const lane = laneBody(leased, decision);
    const bodies = [messageBody(leased, decision), lane === undefined || !this.#isNews(lane) ? undefined : lane];
    return bodies.flatMap((body) => (body === undefined ? [] : this.#keep(body)));
  }

  /** The statements that keep the event of a message that is taken in, for the batch that stores it. */
  queued(id: string, submission: Submission): readonly Statement[] {
    return this.#running.size === 0 ? [] : this.#keep(queuedBody(id, submission));
  }

  /** The statements that keep the event of a change that a person or an app asked for. */
  changed(verb: MessageVerb, id: string): readonly Statement[] {
    const body = changedBody(verb, id);
    return this.#running.size === 0 || body === undefined ? [] : this.#keep(body);
  }

  /** Takes an event: after one that says that something was settled, what was kept is sent. */
  readonly onEvent = (event: PostbearerEvent): void => {
    if (event.name === 'message.settled' || event.name === 'message.queued')
      for (const { sender } of this.#running.values()) sender.wake();
  };

  /** How each webhook is. */
  facts(): readonly WebhookFact[] {
    return [...this.#running].map(([name, { waiting, parked, sender }]) => ({
      name,
      waiting,
      parked,
      ...(sender.trouble === undefined ? {} : { reason: sender.trouble }),
    }));
  }

  /** Gives back what is being sent, and ends. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.follow({});
    await Promise.all([...this.#leaving, this.#counting]);
  }

  #begin(name: string, settings: WebhookSettings): void {
    const {
      database,
      clock,
      version,
      onEvent,
      onAttempt,
      onError,
      resolveSecret,
      random = Math.random,
    } = this.#options;
    const rule = ruleOf(settings);
    if (this.#http === undefined || !rule.ok) throw new Error(`The webhook "${name}" was not checked.`);
    const { url, secret } = settings;
    const sender = new WebhookSender({
      webhook: { name, url, secret: async () => await resolveSecret(secret), allowsAddress: rule.value },
      database,
      http: this.#http,
      clock,
      random,
      userAgent: `Postbearer/${version}`,
      onEvent,
      onAttempt: (webhook, outcome) => {
        if (outcome === 'taken') this.#taken(webhook);
        onAttempt(webhook, outcome);
      },
      onError,
    });
    this.#running.set(name, { settings, sender, waiting: 0, keptSince: 0, parked: 0, isOverflowing: false });
    void this.#takeUp(name, sender).catch(onError);
  }

  /** Somebody may have mended what was wrong: a start and other settings give what was set aside another day. */
  async #takeUp(name: string, sender: WebhookSender): Promise<void> {
    const { database, clock } = this.#options;
    await database.batch([takeUpEvents(name, clock.now())]);
    this.#counting ??= this.#count();
    sender.wake();
  }

  #taken(name: string): void {
    const running = this.#running.get(name);
    if (running === undefined) return;
    running.waiting = Math.max(0, running.waiting - 1);
    running.isOverflowing = false;
  }

  /** A hold is told once, and again after it ended. */
  #isNews({ type, data }: WebhookBody): boolean {
    const { lane, sender = '', fault } = data as { lane: string; sender?: string; fault?: { code: string } };
    const key = `${lane} ${sender}`;
    if (type === 'lane.released') return this.#held.delete(key) || true;
    if (this.#held.get(key) === fault?.code) return false;
    this.#held.set(key, fault?.code ?? '');
    return true;
  }

  #keep(body: WebhookBody): Statement[] {
    const { clock, mostWaiting = MOST_WAITING, onEvent, onLost } = this.#options;
    const now = clock.now();
    let text: string | undefined;
    return [...this.#running].flatMap(([name, running]) => {
      if (!wants(running.settings.events, body.type)) return [];
      if (running.waiting >= mostWaiting) {
        onLost(name);
        if (!running.isOverflowing) onEvent({ name: 'webhook.overflowed', webhook: name, waiting: running.waiting });
        running.isOverflowing = true;
        return [];
      }
      running.waiting += 1;
      running.keptSince += 1;
      text ??= textOf(body, now);
      return [keepEvent(name, body.id, body.type, text, now)];
    });
  }

  #countAgain(): void {
    if (this.#isClosed) return;
    this.#timer = this.#options.clock.setTimer(() => void this.#recount(), COUNT_MS, { background: true });
  }

  async #recount(): Promise<void> {
    this.#counting ??= this.#count();
    await this.#counting;
    this.#countAgain();
  }

  /** Other nodes send as well, and batches may have failed: the table knows how many wait. */
  async #count(): Promise<void> {
    const { database, clock, onError } = this.#options;
    try {
      await database.batch([forgetEvents(clock.now() - KEPT_DAYS * DAY_MS)]);
      for (const running of this.#running.values()) running.keptSince = 0;
      const found = await database.query(countEvents());
      if (!found.ok) return;
      for (const [name, running] of this.#running) {
        const of = (state: string): number =>
          found.value.find((row) => row.webhook === name && row.state === state)?.count ?? 0;
        // Some of what was kept meanwhile may be counted twice, which the next count mends.
        running.waiting = of('waiting') + running.keptSince;
        running.parked = of('parked');
      }
    } catch (error) {
      onError(error);
    } finally {
      this.#counting = undefined;
    }
  }
}
