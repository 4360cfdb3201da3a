/** Says that there may be something to do in a lane: to listeners here at once, to other nodes a moment later. */
import type { Clock } from '@postbearer/core';
import type { Database, Subscription } from '@postbearer/database';

const CHANNEL = 'queue_wake';
/** Other nodes are told once for all that came in this time, milliseconds: on PostgreSQL each notice costs a global lock. */
const TOGETHER_MS = 20;

/** Listeners and the way to other nodes. */
export class WakeBoard {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #listeners = new Set<(lane: string) => void>();
  readonly #told = new Set<string>();
  readonly #far = new Set<string>();
  #subscription: Subscription | undefined;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  /** Begins to listen to other nodes. */
  start(): void {
    if (this.#database.kind === 'sqlite') return;
    this.#subscription ??= this.#database.subscribe(CHANNEL, (lane) => this.#tellHere(lane));
  }

  /** Ends it. */
  stop(): void {
    this.#subscription?.close();
    this.#subscription = undefined;
  }

  /** Adds a listener; the lane is empty where any may have something. */
  listen(listener: (lane: string) => void): Subscription {
    this.#listeners.add(listener);
    return { close: () => void this.#listeners.delete(listener) };
  }

  /** Wakes whoever waits for a lane. */
  wake(lane: string, isOurs: boolean): void {
    this.#tellHere(lane);
    if (isOurs || this.#database.kind === 'sqlite') return;
    if (this.#far.size === 0) this.#clock.setTimer(() => this.#tellOthers(), TOGETHER_MS, { background: true });
    this.#far.add(lane);
  }

  #tellHere(lane: string): void {
    if (this.#told.has(lane)) return;
    this.#told.add(lane);
    queueMicrotask(() => {
      this.#told.delete(lane);
      for (const listener of this.#listeners) listener(lane);
    });
  }

  #tellOthers(): void {
    for (const lane of this.#far) this.#database.notify(CHANNEL, lane);
    this.#far.clear();
  }
}
