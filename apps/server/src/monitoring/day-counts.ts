/**
 * How much happened today, over restarts and all nodes.
 *
 * Each node counts in memory and writes its counts down every few seconds, so that counting costs a message nothing. A crash
 * forgets what was counted since the last time; the queue itself knows every message. A day is one of UTC.
 */
import { success, type Clock, type ClockTimer, type PostbearerEvent, type Result } from '@postbearer/core';
import { prepare, type Database, type Statement, type ValueNamed } from '@postbearer/database';
import type { DayCount } from '../delivery/service-facts.ts';
import { db } from './schema.ts';

const DAY_MS = 86_400_000;
const FLUSH_MS = 5000;
const KEPT_DAYS = 35;
/** Mail that the service itself writes is not counted. */
const OWN_APP = 'postbearer';

const COUNTED = ['accepted', 'delivered', 'refused', 'deferred'] as const;

const NOTHING: DayCount = { accepted: 0, delivered: 0, refused: 0, deferred: 0 };
const GIVEN_UP: ReadonlySet<string> = new Set(['refused', 'expired', 'unconfirmed']);

const writeCount = prepare((value: ValueNamed<{ day: number; node: string; name: string; count: number }>) =>
  db
    .insertInto('day_count')
    .values({ day: value('day'), node: value('node'), name: value('name'), count: value('count') })
    .onConflict((conflict) =>
      conflict.columns(['day', 'node', 'name']).doUpdateSet((excluded) => ({ count: excluded.ref('excluded.count') })),
    ),
);

const countsOf = prepare((value: ValueNamed<{ day: number }>) =>
  db.selectFrom('day_count').select(['node', 'name', 'count']).where('day', '=', value('day')),
);

const forgetBefore = prepare((value: ValueNamed<{ day: number }>) =>
  db.deleteFrom('day_count').where('day', '<', value('day')),
);

function dayOf(now: number): number {
  return Math.floor(now / DAY_MS);
}

async function countsByNode(database: Database, day: number): Promise<Result<ReadonlyMap<string, DayCount>>> {
  const found = await database.query(countsOf({ day }));
  if (!found.ok) return found;
  const nodes = new Map<string, DayCount>();
  for (const { node, name, count } of found.value) nodes.set(node, { ...(nodes.get(node) ?? NOTHING), [name]: count });
  return success(nodes);
}

function sum(counts: Iterable<DayCount>): DayCount {
  const total = { ...NOTHING };
  for (const each of counts) for (const name of COUNTED) total[name] += each[name];
  return total;
}

/** What all nodes wrote down today. */
export async function readToday(database: Database, now: number): Promise<Result<DayCount>> {
  const nodes = await countsByNode(database, dayOf(now));
  return nodes.ok ? success(sum(nodes.value.values())) : nodes;
}

/** Counts what happens on this node. Made by {@link openDayCounts}. */
export class DayCounts {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #node: string;
  #day: number;
  #counts: Record<(typeof COUNTED)[number], number>;
  #isChanged = false;
  #timer: ClockTimer | undefined;

  constructor(database: Database, clock: Clock, node: string, known: DayCount) {
    this.#database = database;
    this.#clock = clock;
    this.#node = node;
    this.#day = dayOf(clock.now());
    this.#counts = { ...known };
    this.#timer = clock.setTimer(() => void this.#again(), FLUSH_MS, { background: true });
  }

  /** Counts an event. */
  readonly onEvent = (event: PostbearerEvent): void => {
    if (event.name === 'message.queued') this.#add('accepted');
    else if (event.name === 'message.settled' && event.app !== OWN_APP) {
      if (event.state === 'delivered') this.#add('delivered');
      else if (event.state === 'deferred') this.#add('deferred');
      else if (GIVEN_UP.has(event.state)) this.#add('refused');
    }
  };

  /** What happened today on all nodes; on others as far as they wrote it down. */
  async today(): Promise<Result<DayCount>> {
    const nodes = await countsByNode(this.#database, dayOf(this.#clock.now()));
    if (!nodes.ok) return nodes;
    this.#turn();
    return success(sum(new Map([...nodes.value, [this.#node, this.#counts] as const]).values()));
  }

  /** Writes down what was counted, and ends. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    await this.#flush();
  }

  #add(name: (typeof COUNTED)[number]): void {
    this.#turn();
    this.#counts[name] += 1;
    this.#isChanged = true;
  }

  /** A new day begins at 0. A clock that went back by a day goes on with that day's row, whose count is then this run's. */
  #turn(): void {
    const day = dayOf(this.#clock.now());
    if (day === this.#day) return;
    const before = this.#statements();
    // What was counted of the day before must not wait for the next time.
    if (this.#isChanged) void this.#database.batch(before);
    this.#day = day;
    this.#counts = { ...NOTHING };
    this.#isChanged = false;
  }

  async #again(): Promise<void> {
    await this.#flush();
    if (this.#timer === undefined) return;
    this.#timer = this.#clock.setTimer(() => void this.#again(), FLUSH_MS, { background: true });
  }

  async #flush(): Promise<void> {
    if (!this.#isChanged) return;
    this.#isChanged = false;
    const stored = await this.#database.batch(this.#statements());
    if (!stored.ok) this.#isChanged = true;
  }

  #statements(): Statement[] {
    return COUNTED.map((name) => writeCount({ day: this.#day, node: this.#node, name, count: this.#counts[name] }));
  }
}

/** Goes on with what this node counted today; what is older than a month is forgotten. Fails with what the database reports. */
export async function openDayCounts(database: Database, clock: Clock, node: string): Promise<Result<DayCounts>> {
  const day = dayOf(clock.now());
  const forgotten = await database.batch([forgetBefore({ day: day - KEPT_DAYS })]);
  if (!forgotten.ok) return forgotten;
  const nodes = await countsByNode(database, day);
  return nodes.ok ? success(new DayCounts(database, clock, node, nodes.value.get(node) ?? NOTHING)) : nodes;
}
