/** Tells of nodes of the same database that come and go, as far as this one sees them. */
import type { Clock, ClockTimer, EventSink } from '@postbearer/core';

const LOOK_MS = 2000;

/** Watches the other nodes. */
export class NodeWatch {
  readonly #others: () => readonly string[];
  readonly #clock: Clock;
  readonly #onEvent: EventSink;
  #known: ReadonlySet<string> = new Set();
  #timer: ClockTimer | undefined;

  /** @param others - the nodes that show signs of life. */
  constructor(others: () => readonly string[], clock: Clock, onEvent: EventSink) {
    this.#others = others;
    this.#clock = clock;
    this.#onEvent = onEvent;
  }

  /** Looks now, and again and again from then on. */
  start(): void {
    this.look();
    this.#timer = this.#clock.setTimer(() => this.start(), LOOK_MS, { background: true });
  }

  /** Looks once. */
  look(): void {
    const now = new Set(this.#others());
    for (const node of now) if (!this.#known.has(node)) this.#onEvent({ name: 'node.joined', node });
    for (const node of this.#known) if (!now.has(node)) this.#onEvent({ name: 'node.lost', node });
    this.#known = now;
  }

  /** Ends it; safe to repeat. */
  close(): void {
    this.#timer?.cancel();
  }
}
