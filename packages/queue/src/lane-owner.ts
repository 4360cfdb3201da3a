/**
 * Which node sends for which lane.
 *
 * Exactly one node owns a lane at a time: its row names the owner and a fencing number that each change raises. A node shows
 * that it lives by raising a counter; the others time with their own monotonic clocks how long it has stood still, so no
 * wall clock decides. A node that cannot raise its counter stops sending before anybody else takes its lanes. Among the
 * living that have a lane's settings, `lane-plan.ts` says whose it is; an owner that should not have it hands it over
 * once nothing of it is in flight. A SQLite file has one user, who owns every lane at once.
 */
import { mustChange, prepare, type Statement, type ValueNamed } from '@postbearer/database';
import type { QueueContext } from './context.ts';
import { planLanes, type PlannedLane } from './lane-plan.ts';
import type { LaneRows } from './lane-rows.ts';
import { db } from './schema.ts';

const raiseCounter = prepare((value: ValueNamed<{ node: string; incarnation: number; lanes: string }>) =>
  db
    .updateTable('node')
    .set((node) => ({ counter: node('counter', '+', 1), lanes: value('lanes') }))
    .where('id', '=', value('node'))
    .where('incarnation', '=', value('incarnation')),
);

const allNodes = prepare(() => db.selectFrom('node').select(['id', 'incarnation', 'counter', 'lanes']));

const allLanes = prepare(() => db.selectFrom('lane').select(['name', 'owner', 'fence']));

const changeOwner = prepare((value: ValueNamed<{ lane: string; fence: number; owner: string | null }>) =>
  db
    .updateTable('lane')
    .set((lane) => ({ owner: value('owner'), fence: lane('fence', '+', 1) }))
    .where('name', '=', value('lane'))
    .where('fence', '=', value('fence')),
);

const removeNode = prepare((value: ValueNamed<{ node: string; incarnation: number }>) =>
  db.deleteFrom('node').where('id', '=', value('node')).where('incarnation', '=', value('incarnation')),
);

/** A node that is dead this many times the take-over time is forgotten. */
const FORGOTTEN_AFTER = 20;

interface NodeSeen {
  readonly id: string;
  readonly incarnation: number;
  readonly counter: number;
  readonly lanes: ReadonlySet<string>;
  /** When its counter was seen to change, by our monotonic clock. */
  readonly changedMs: number;
}

/** What a node knows of lanes and nodes. */
export class LaneOwner {
  readonly #context: QueueContext;
  readonly #incarnation: number;
  readonly #rows: LaneRows;
  readonly #inFlight: (lane: string) => number;
  /** Fencing numbers of our lanes. */
  readonly #owned = new Map<string, number>();
  readonly #leaving = new Set<string>();
  #lanes: ReadonlySet<string> = new Set();
  #others = new Map<string, NodeSeen>();
  #raisedMs: number;
  #isReplaced = false;
  #beating: Promise<void> = Promise.resolve();
  #isStopped = false;

  /**
   * @param inFlight - how many messages of a lane this node has leased.
   */
  constructor(context: QueueContext, incarnation: number, rows: LaneRows, inFlight: (lane: string) => number) {
    this.#context = context;
    this.#incarnation = incarnation;
    this.#rows = rows;
    this.#inFlight = inFlight;
    this.#raisedMs = context.clock.monotonicMs();
  }

  /** Whether another process took this node's name. */
  get isReplaced(): boolean {
    return this.#isReplaced;
  }

  /** The other nodes that show signs of life; none on SQLite. */
  get others(): readonly string[] {
    return [...this.#others.values()].filter((other) => this.#isLiving(other)).map(({ id }) => id);
  }

  /** The lanes that this node may send for now. */
  get lanes(): readonly string[] {
    return this.#isAlive() ? [...this.#owned.keys()].filter((lane) => !this.#leaving.has(lane)) : [];
  }

  /** The fencing number of a lane from which may be leased; `undefined` where this node does not own it, or hands it over. */
  fenceOf(lane: string): number | undefined {
    return this.#isAlive() && !this.#leaving.has(lane) ? this.#owned.get(lane) : undefined;
  }

  /** Whether what is in flight in a lane may still be sent. */
  maySend(lane: string): boolean {
    return this.#isAlive() && this.#owned.has(lane);
  }

  /** Says for which lanes this node has settings. */
  async setLanes(lanes: readonly string[]): Promise<void> {
    this.#lanes = new Set(lanes);
    await this.beat();
  }

  /** Gives a sign of life, looks for those of the others, takes and hands over lanes. Where the database fails, the next beat does it. */
  async beat(): Promise<void> {
    // One after the other: two that read the same lane would each take the other's for a stranger's.
    const beaten = this.#beating.then(async () => await this.#beatOnce());
    this.#beating = beaten.catch(() => undefined);
    await beaten;
  }

  async #beatOnce(): Promise<void> {
    if (this.#isStopped || !(await this.#raise()) || !(await this.#look())) return;
    await this.#rows.store(this.#context.database, this.#lanes);
    const lanes = await this.#context.database.query(allLanes({}));
    if (!lanes.ok) return;
    const wanted = this.#plan(lanes.value);
    for (const { name, owner, fence } of lanes.value) await this.#consider(name, owner, fence, wanted(name));
  }

  /** Hands over every lane of which nothing is in flight, and says good-bye when that is all. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const [lane, fence] of this.#owned) if (this.#inFlight(lane) === 0) await this.#handOver(lane, fence);
    if (this.#owned.size > 0 || this.#isReplaced) return;
    await this.#context.database.batch([removeNode({ node: this.#context.node, incarnation: this.#incarnation })]);
  }

  #isAlone(): boolean {
    return this.#context.database.kind === 'sqlite';
  }

  #isAlive(): boolean {
    if (this.#isReplaced) return false;
    if (this.#isAlone()) return true;
    return this.#context.clock.monotonicMs() - this.#raisedMs < this.#context.nodeTimes.stopMs;
  }

  async #raise(): Promise<boolean> {
    const { database, clock, node } = this.#context;
    // Taken before the statement is sent: nobody saw the new counter earlier.
    const startedMs = clock.monotonicMs();
    const lanes = JSON.stringify([...this.#lanes]);
    const raised = await database.batch([mustChange(raiseCounter({ node, incarnation: this.#incarnation, lanes }), 1)]);
    if (!raised.ok) return false;
    if (raised.value.done) this.#raisedMs = startedMs;
    else this.#isReplaced = true;
    return raised.value.done;
  }

  async #look(): Promise<boolean> {
    const { database, clock, node } = this.#context;
    const nodes = await database.query(allNodes({}));
    if (!nodes.ok) return false;
    const nowMs = clock.monotonicMs();
    const seen = new Map<string, NodeSeen>();
    for (const row of nodes.value) {
      if (row.id === node) continue;
      const before = this.#others.get(row.id);
      const isSame = before?.incarnation === row.incarnation && before.counter === row.counter;
      const { id, incarnation, counter } = row;
      const lanes = new Set(JSON.parse(row.lanes) as string[]);
      seen.set(id, { id, incarnation, counter, lanes, changedMs: isSame ? before.changedMs : nowMs });
    }
    this.#others = seen;
    await this.#forgetDead(nowMs);
    return true;
  }

  async #forgetDead(nowMs: number): Promise<void> {
    const longMs = this.#context.nodeTimes.takeOverMs * FORGOTTEN_AFTER;
    const dead = [...this.#others.values()].filter(({ changedMs }) => this.#isAlone() || nowMs - changedMs > longMs);
    const statements: Statement[] = dead.map(({ id, incarnation }) => removeNode({ node: id, incarnation }));
    if (statements.length > 0) await this.#context.database.batch(statements);
  }

  #isLiving({ changedMs }: NodeSeen): boolean {
    return !this.#isAlone() && this.#context.clock.monotonicMs() - changedMs <= this.#context.nodeTimes.takeOverMs;
  }

  /** Says of a lane whether it should be ours. */
  #plan(lanes: readonly PlannedLane[]): (lane: string) => boolean {
    if (this.#isAlone()) return () => true;
    const { node } = this.#context;
    const living = [...this.#others.values()].filter((other) => this.#isLiving(other));
    const plan = planLanes(lanes, [{ id: node, lanes: this.#lanes }, ...living]);
    return (lane) => plan.get(lane) === node;
  }

  async #consider(lane: string, owner: string | null, fence: number, isWanted: boolean): Promise<void> {
    const { node } = this.#context;
    const known = this.#owned.get(lane);
    if (known !== undefined && (owner !== node || known !== fence)) this.#lose(lane);
    if (this.#owned.has(lane)) {
      if (isWanted) this.#leaving.delete(lane);
      else await this.#leave(lane, fence);
      return;
    }
    const other = owner === null ? undefined : this.#others.get(owner);
    if (isWanted && (other === undefined || !this.#isLiving(other))) await this.#take(lane, fence);
  }

  async #take(lane: string, fence: number): Promise<void> {
    const { database, node, wake } = this.#context;
    const taken = await database.batch([mustChange(changeOwner({ lane, fence, owner: node }), 1)]);
    if (!taken.ok || !taken.value.done) return;
    this.#owned.set(lane, fence + 1);
    wake(lane);
  }

  async #leave(lane: string, fence: number): Promise<void> {
    this.#leaving.add(lane);
    if (this.#inFlight(lane) === 0) await this.#handOver(lane, fence);
  }

  async #handOver(lane: string, fence: number): Promise<void> {
    const given = await this.#context.database.batch([changeOwner({ lane, fence, owner: null })]);
    if (given.ok) this.#lose(lane);
  }

  #lose(lane: string): void {
    this.#owned.delete(lane);
    this.#leaving.delete(lane);
    this.#context.wake(lane);
  }
}
