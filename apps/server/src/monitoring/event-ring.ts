/**
 * The last events, in memory, for whoever wants to follow them.
 *
 * Each event gets a number, one more than the one before. A follower that was away asks for what came after the last number
 * it has; where some of that is no longer kept, it is told of the gap. The ring is bounded by count and by size, so it costs
 * the same whatever happens; nothing of it outlives the process. Lines of a dialogue are not kept: there are too many of them, and
 * they concern only who is tracing now.
 */
import { randomInt } from 'node:crypto';
import type { PostbearerEvent } from '@postbearer/core';

/** An event with its number and its time. */
export interface EventEntry {
  readonly id: number;
  /** Wall clock, milliseconds since 1970. */
  readonly at: number;
  readonly event: PostbearerEvent;
}

/** What came after a number. */
export interface EventSpan {
  /** Whether something after that number is no longer kept, or the number was never given by this process. */
  readonly isGap: boolean;
  /** The oldest first. */
  readonly events: readonly EventEntry[];
}

/** Ends with {@link close}. */
export interface FeedSubscription {
  /** Ends it; safe to repeat. */
  close(): void;
}

/** The face for whoever follows. */
export interface EventFeed {
  /** The number of the newest event. */
  readonly lastId: number;
  /** What came after `id`. */
  after(id: number): EventSpan;
  /** Calls `listener` for each event from now on, in order, while it happens; it must not throw and must not wait. */
  subscribe(listener: (entry: EventEntry) => void): FeedSubscription;
}

/** How much a ring keeps. */
export interface RingBounds {
  readonly count: number;
  /** An estimate: two bytes for each character, and something for each field. */
  readonly bytes: number;
}

/** What is kept where nothing else is said. */
const DEFAULT_RING_BOUNDS: RingBounds = { count: 4096, bytes: 4 * 1024 * 1024 };

const BYTES_OF_A_FIELD = 24;

function sizeOf(value: unknown): number {
  if (typeof value === 'string') return BYTES_OF_A_FIELD + 2 * value.length;
  if (typeof value !== 'object' || value === null) return BYTES_OF_A_FIELD;
  let bytes = BYTES_OF_A_FIELD;
  for (const item of Object.values(value)) bytes += sizeOf(item);
  return bytes;
}

interface Kept extends EventEntry {
  readonly bytes: number;
}

/** The ring. */
export class EventRing implements EventFeed {
  readonly #bounds: RingBounds;
  readonly #kept: (Kept | undefined)[];
  readonly #listeners = new Set<(entry: EventEntry) => void>();
  /** The number before the first that this process gave. */
  readonly #start: number;
  #lastId: number;
  /** The number of the oldest that is kept; one more than the newest where none is. */
  #oldest: number;
  #bytes = 0;

  /** @param start - the number before the first; drawn where left out, so that a follower of an earlier process notices. */
  constructor(bounds: RingBounds = DEFAULT_RING_BOUNDS, start: number = randomInt(1, 2 ** 40) * 1000) {
    this.#bounds = bounds;
    this.#kept = Array.from({ length: bounds.count });
    this.#start = start;
    this.#lastId = start;
    this.#oldest = start + 1;
  }

  /** The number of the newest event; before the first, a number without event. */
  get lastId(): number {
    return this.#lastId;
  }

  /** Keeps an event and tells it to everyone who follows. */
  add(event: PostbearerEvent, at: number): void {
    const { count, bytes: mostBytes } = this.#bounds;
    const entry: Kept = { id: this.#lastId + 1, at, event, bytes: sizeOf(event) };
    if (entry.id - this.#oldest >= count) this.#dropOldest();
    this.#kept[entry.id % count] = entry;
    this.#lastId = entry.id;
    this.#bytes += entry.bytes;
    while (this.#bytes > mostBytes) this.#dropOldest();
    for (const listener of this.#listeners) listener(entry);
  }

  /** What came after `id`. */
  after(id: number): EventSpan {
    const oldest = this.#oldest;
    const isKnown = Number.isInteger(id) && id >= this.#start && id <= this.#lastId;
    const from = isKnown ? Math.max(id + 1, oldest) : oldest;
    const events: EventEntry[] = [];
    for (let at = from; at <= this.#lastId; at += 1) {
      const entry = this.#kept[at % this.#bounds.count];
      if (entry !== undefined) events.push({ id: entry.id, at: entry.at, event: entry.event });
    }
    return { isGap: !isKnown || id + 1 < oldest, events };
  }

  /** Calls `listener` for each event from now on. */
  subscribe(listener: (entry: EventEntry) => void): FeedSubscription {
    const own = (entry: EventEntry): void => listener(entry);
    this.#listeners.add(own);
    return { close: () => void this.#listeners.delete(own) };
  }

  #dropOldest(): void {
    const at = this.#oldest % this.#bounds.count;
    this.#bytes -= this.#kept[at]?.bytes ?? 0;
    this.#kept[at] = undefined;
    this.#oldest += 1;
  }
}
