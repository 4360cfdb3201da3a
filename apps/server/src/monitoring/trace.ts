/**
 * What happens now, line by line, for `postbearer trace`: every event and every line of the dialogues upstream and downstream.
 *
 * Nothing is made for it while nobody traces. A filter names a mailbox or an app. A client is no app before it signed in, so
 * the first lines of each unknown connection are kept for a moment, and shown once it turns out to be the one.
 */
import type { Clock, PostbearerEvent, SmtpDialogue } from '@postbearer/core';
import type { TraceItem } from '../delivery/service-facts.ts';
import type { EventHub } from './event-hub.ts';

/** The most items that wait for a reader. */
const MOST_WAITING = 2000;
const MOST_CONNECTIONS = 200;
const MOST_LINES = 40;

/** Whether an event that is no line of a dialogue concerns a mailbox or an app. */
function concerns(event: PostbearerEvent, wanted: string): boolean {
  const is = (text: string | undefined): boolean => text?.toLowerCase() === wanted;
  if ('mailbox' in event && is(event.mailbox)) return true;
  if ('app' in event && is(event.app)) return true;
  if ('sender' in event && is(event.sender)) return true;
  // A lane is named `upstream/mailbox`.
  return 'lane' in event && is(event.lane.slice(event.lane.indexOf('/') + 1));
}

/** Passes on what a filter wants. */
export class TraceFilter {
  readonly #wanted: string;
  readonly #show: (item: TraceItem) => void;
  /** The first lines of connections of which it is not known whose they are. */
  readonly #unknown = new Map<string, TraceItem[]>();
  /** Connections that are shown, and messages that were queued by the app or for the mailbox. */
  readonly #shown = new Set<string>();

  /** @param wanted - a mailbox or an app; everything where it is empty. */
  constructor(wanted: string, show: (item: TraceItem) => void) {
    this.#wanted = wanted.toLowerCase();
    this.#show = show;
  }

  /** Takes what happened. */
  take(item: TraceItem): void {
    const { event } = item;
    if (this.#wanted === '') this.#show(item);
    else if (event.name === 'smtp.dialogue') this.#takeLine(item, event);
    else if (concerns(event, this.#wanted) || ('messageId' in event && this.#shown.has(event.messageId))) {
      if (event.name === 'message.queued') this.#remember(event.messageId);
      this.#show(item);
    }
  }

  #takeLine(item: TraceItem, { connection, mailbox, app, client }: SmtpDialogue): void {
    const owner = mailbox ?? app;
    // The ids of both directions may be alike.
    const key = `${client === undefined ? 'out' : 'in'} ${connection}`;
    if (owner === undefined) this.#keep(key, item);
    else {
      const kept = this.#unknown.get(key) ?? [];
      this.#unknown.delete(key);
      if (owner.toLowerCase() !== this.#wanted) return;
      for (const earlier of kept) this.#show(earlier);
      this.#show(item);
    }
  }

  #keep(key: string, item: TraceItem): void {
    const lines = this.#unknown.get(key) ?? [];
    this.#unknown.set(key, lines);
    lines.push(item);
    if (lines.length > MOST_LINES) lines.shift();
    const [oldest] = this.#unknown.keys();
    if (this.#unknown.size > MOST_CONNECTIONS && oldest !== undefined) this.#unknown.delete(oldest);
  }

  #remember(messageId: string): void {
    this.#shown.add(messageId);
    const [oldest] = this.#shown;
    if (this.#shown.size > MOST_WAITING && oldest !== undefined) this.#shown.delete(oldest);
  }
}

/**
 * What happens from now on, until whoever reads it stops.
 *
 * A reader that is too slow misses items and is told how many; it holds up nothing.
 */
export function traceEvents(hub: EventHub, clock: Clock, wanted: string): AsyncIterableIterator<TraceItem> {
  const waiting: TraceItem[] = [];
  let skipped = 0;
  let reader: ((result: IteratorResult<TraceItem>) => void) | undefined;
  let isEnded = false;
  const hand = (item: TraceItem): void => {
    if (reader === undefined) {
      if (waiting.length >= MOST_WAITING) skipped += 1;
      else {
        waiting.push(skipped === 0 ? item : { ...item, skipped });
        skipped = 0;
      }
      return;
    }
    const give = reader;
    reader = undefined;
    give({ done: false, value: item });
  };
  const filter = new TraceFilter(wanted, hand);
  const subscription = hub.trace((event) => filter.take({ at: clock.now(), event }));
  return {
    next() {
      const item = waiting.shift();
      if (item !== undefined) return Promise.resolve({ done: false, value: item });
      if (isEnded) return Promise.resolve({ done: true, value: undefined });
      const { promise, resolve } = Promise.withResolvers<IteratorResult<TraceItem>>();
      reader = resolve;
      return promise;
    },
    return() {
      isEnded = true;
      subscription.close();
      waiting.length = 0;
      reader?.({ done: true, value: undefined });
      reader = undefined;
      return Promise.resolve({ done: true, value: undefined });
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
