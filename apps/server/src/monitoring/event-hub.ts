/**
 * Where every event goes: to the ring, the log, the counters, and to whoever traces.
 *
 * Counters see each event. Everyone else sees a standing set-up fault once (`announceOnce`). Lines of a dialogue go to those
 * who asked for them alone, and while there are none, nobody needs to make any: `wantsDialogue`.
 */
import type { Clock, EventSink, PostbearerEvent } from '@postbearer/core';
import { announceOnce } from '../delivery/announce.ts';
import { EventRing, type EventFeed, type FeedSubscription } from './event-ring.ts';

/** What a hub tells, beside its ring. */
export interface EventHubOptions {
  readonly clock: Clock;
  /** Hear each event, also one that tells what is known. */
  readonly counters: readonly EventSink[];
  /** Hear what is worth telling. */
  readonly listeners: readonly EventSink[];
  /** Hears of a listener that threw; the others are told all the same. */
  readonly onError: (error: unknown) => void;
  readonly ring?: EventRing;
}

/** The hub. */
export class EventHub {
  /** The last events. */
  readonly feed: EventFeed;
  /** Whether the listeners want the lines of dialogues. */
  dialogue = false;
  readonly #options: EventHubOptions;
  readonly #ring: EventRing;
  readonly #tracers = new Set<EventSink>();
  readonly #announce: EventSink;

  constructor(options: EventHubOptions) {
    this.#options = options;
    this.#ring = options.ring ?? new EventRing();
    this.feed = this.#ring;
    this.#announce = announceOnce((event) => this.#publish(event));
  }

  /** Takes an event. */
  readonly onEvent: EventSink = (event) => {
    if (event.name === 'smtp.dialogue') {
      if (this.dialogue) this.#tellAll(this.#options.listeners, event);
      this.#tellAll(this.#tracers, event);
      return;
    }
    this.#tellAll(this.#options.counters, event);
    this.#announce(event);
  };

  /** Whether anybody wants the lines of dialogues now. */
  readonly wantsDialogue = (): boolean => this.dialogue || this.#tracers.size > 0;

  /** Calls `listener` for each event and each line of a dialogue from now on. */
  trace(listener: EventSink): FeedSubscription {
    const own: EventSink = (event) => listener(event);
    this.#tracers.add(own);
    return { close: () => void this.#tracers.delete(own) };
  }

  #publish(event: PostbearerEvent): void {
    try {
      this.#ring.add(event, this.#options.clock.now());
    } catch (error) {
      this.#options.onError(error);
    }
    this.#tellAll(this.#options.listeners, event);
    this.#tellAll(this.#tracers, event);
  }

  #tellAll(listeners: Iterable<EventSink>, event: PostbearerEvent): void {
    for (const listener of listeners) {
      try {
        listener(event);
      } catch (error) {
        this.#options.onError(error);
      }
    }
  }
}
