/** The rows of lanes: one is written with the first message of a lane, and never removed. */
import { prepare, type Database, type Statement, type ValueNamed } from '@postbearer/database';
import { db } from './schema.ts';

const insertLane = prepare((value: ValueNamed<{ name: string }>) =>
  db
    .insertInto('lane')
    .values({ name: value('name'), owner: null, fence: 0, turn: 0 })
    .onConflict((conflict) => conflict.doNothing()),
);

/** Remembers which lanes have their row. */
export class LaneRows {
  readonly #stored = new Set<string>();

  /** The statement that writes the row of a lane; nothing where it is known to be there. */
  statements(lane: string): readonly Statement[] {
    return this.#stored.has(lane) ? [] : [insertLane({ name: lane })];
  }

  /** Says that the row is there. */
  isStored(lane: string): void {
    this.#stored.add(lane);
  }

  /** Writes the rows that are missing; where that fails, the next call does it. */
  async store(database: Database, lanes: Iterable<string>): Promise<void> {
    const missing = [...lanes].filter((lane) => !this.#stored.has(lane));
    if (missing.length === 0) return;
    const stored = await database.batch(missing.flatMap((lane) => this.statements(lane)));
    if (stored.ok) for (const lane of missing) this.isStored(lane);
  }
}
