/** The fixed script: twenty messages one after the other, small, larger than a piece, and larger than a batch. */
import { testMessage, type TestMessage } from './messages.ts';
import type { Service } from './service.ts';
import { submitOnce, type World } from './world.ts';

const SIZES = [2000, 2000, 90_000, 2000, 300_000] as const;

/** A client with its messages, which hands in again what was not confirmed. */
export class ScriptedClient {
  readonly #world: World;
  readonly #name: string;
  #unheard: TestMessage | undefined;
  #made = 0;
  /** Replies other than 250, by code. */
  readonly refusals = new Map<number, number>();

  constructor(world: World, name: string) {
    this.#world = world;
    this.#name = name;
  }

  /** Hands in up to `count` messages, and stops where the line breaks. Gives how many were confirmed. */
  async run(service: Service, count = 20): Promise<number> {
    for (let heard = 0; heard < count; heard += 1) {
      const message = this.#unheard ?? this.#next();
      this.#unheard = message;
      const reply = await submitOnce(service.smtpPort, message, this.#world.ledger);
      if (reply === undefined) return heard;
      if (reply.code === 250) this.#unheard = undefined;
      else this.refusals.set(reply.code, (this.refusals.get(reply.code) ?? 0) + 1);
    }
    return count;
  }

  #next(): TestMessage {
    const message = testMessage(`${this.#name}${this.#made}`, SIZES[this.#made % SIZES.length]);
    this.#made += 1;
    return message;
  }
}
