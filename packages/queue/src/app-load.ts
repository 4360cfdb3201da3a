/**
 * How much of an app waits in the queue: what its quota is held against, asked with each message that it hands in.
 *
 * The database is asked at most once a second for each app, and less often where counting takes long. In between, what this
 * node took in is added and nothing is taken away, so the answer may be too high for a moment, and is too low only by what
 * other nodes took in meanwhile.
 */
import { success, type Clock, type Result } from '@postbearer/core';
import { prepare, type Database, type ValueNamed } from '@postbearer/database';
import { sql } from 'kysely';

/** What has not ended. */
export interface AppLoad {
  readonly messages: number;
  readonly bytes: number;
}

const countLoad = prepare(
  (value: ValueNamed<{ app: string }>) =>
    sql<AppLoad>`select count(*) as messages, coalesce(sum(size_bytes), 0) as bytes from message where app = ${value('app')} and ended_at is null`,
);

/** An answer holds for so long, milliseconds, and for so many times as long as it took. */
const HOLDS_MS = 1000;
const HOLDS_TIMES = 50;
/** The apps that are remembered at once. */
const MOST_APPS = 1000;

interface Remembered {
  readonly load: { messages: number; bytes: number };
  untilMs: number;
  asking: Promise<Result<void>> | undefined;
}

/** Remembers what waits of each app. */
export class AppLoads {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #apps = new Map<string, Remembered>();

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  /** Says that a message was taken in. */
  add(app: string, bytes: number): void {
    const load = this.#apps.get(app)?.load;
    if (load === undefined) return;
    load.messages += 1;
    load.bytes += bytes;
  }

  /** What waits of an app. Fails with what the database reports. */
  async of(app: string): Promise<Result<AppLoad>> {
    const known = this.#remembered(app);
    if (this.#clock.monotonicMs() >= known.untilMs) {
      known.asking ??= this.#ask(app, known).finally(() => {
        known.asking = undefined;
      });
      const asked = await known.asking;
      if (!asked.ok) return asked;
    }
    return success({ ...known.load });
  }

  #remembered(app: string): Remembered {
    const known = this.#apps.get(app);
    if (known !== undefined) return known;
    const [oldest] = this.#apps.keys();
    if (this.#apps.size >= MOST_APPS && oldest !== undefined) this.#apps.delete(oldest);
    const fresh: Remembered = { load: { messages: 0, bytes: 0 }, untilMs: -Infinity, asking: undefined };
    this.#apps.set(app, fresh);
    return fresh;
  }

  async #ask(app: string, known: Remembered): Promise<Result<void>> {
    const startedMs = this.#clock.monotonicMs();
    const before = { ...known.load };
    const found = await this.#database.query(countLoad({ app }));
    if (!found.ok) return found;
    const [counted = { messages: 0, bytes: 0 }] = found.value;
    // Taken in while this was counted: perhaps in the count, perhaps not.
    const [messages, bytes] = [known.load.messages - before.messages, known.load.bytes - before.bytes];
    Object.assign(known.load, { messages: counted.messages + messages, bytes: counted.bytes + bytes });
    const endedMs = this.#clock.monotonicMs();
    known.untilMs = endedMs + Math.max(HOLDS_MS, HOLDS_TIMES * (endedMs - startedMs));
    return success(undefined);
  }
}
