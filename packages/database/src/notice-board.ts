/** Who listens to which channel in this process. */
import type { Subscription } from './database.ts';

/** Tells notices to those who asked for them. */
export class NoticeBoard {
  readonly #listeners = new Map<string, Set<(payload: string) => void>>();

  /** The channels that somebody listens to. */
  get channels(): readonly string[] {
    return [...this.#listeners.keys()];
  }

  /** Calls the listeners of a channel, after the caller has returned. */
  tell(channel: string, payload: string): void {
    for (const listener of this.#listeners.get(channel) ?? []) queueMicrotask(() => listener(payload));
  }

  /** Tells everybody that something may have been missed. */
  tellAll(): void {
    for (const channel of this.channels) this.tell(channel, '');
  }

  /** Adds a listener. */
  subscribe(channel: string, listener: (payload: string) => void): Subscription {
    if (!/^[a-z0-9_]+$/.test(channel)) throw new Error(`"${channel}" is not the name of a channel.`);
    const listeners = this.#listeners.get(channel) ?? new Set();
    this.#listeners.set(channel, listeners.add(listener));
    return {
      close: () => {
        listeners.delete(listener);
        if (listeners.size === 0 && this.#listeners.get(channel) === listeners) this.#listeners.delete(channel);
      },
    };
  }

  /** Forgets everybody. */
  clear(): void {
    this.#listeners.clear();
  }
}
