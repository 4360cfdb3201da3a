/**
 * Which of the living nodes should have which lane.
 *
 * All have the same number of lanes, or one more: those that have most now. A node keeps what it has up to that, and what
 * is beyond it or what nobody has goes to whoever has least. So a node that comes takes only what is too much elsewhere, and
 * of one that goes only its own lanes move. Every node makes the same plan from the same rows; where two saw different rows, the
 * fencing number of the lane lets one of them have it.
 */
import { createHash } from 'node:crypto';

/** A lane as its row says. */
export interface PlannedLane {
  readonly name: string;
  readonly owner: string | null;
}

/** A node that lives, and the lanes that it has settings for. */
export interface PlannedNode {
  readonly id: string;
  readonly lanes: ReadonlySet<string>;
}

/** An order of lanes that is another for each node, so that what goes from one node is not always the same. */
function placeOf(lane: string, node: string): string {
  return createHash('sha256').update(`${lane}\n${node}`).digest('hex');
}

function sortedBy<T>(items: readonly T[], key: (item: T) => string): T[] {
  const keyed = items.map((item) => ({ item, place: key(item) }));
  return keyed.toSorted((a, b) => (a.place < b.place ? -1 : 1)).map(({ item }) => item);
}

/** A number as a text that sorts like it. */
function numeral(count: number): string {
  return String(count).padStart(9, '0');
}

interface InHand {
  readonly id: string;
  /** The lanes that it has and may keep, those that it gives up last first. */
  readonly kept: readonly string[];
}

/** What each node has; who has most comes first. */
function inHand(lanes: readonly PlannedLane[], nodes: readonly PlannedNode[]): readonly InHand[] {
  const found = nodes.map(({ id, lanes: own }) => {
    const kept = lanes.filter(({ name, owner }) => owner === id && own.has(name)).map(({ name }) => name);
    return { id, kept: sortedBy(kept, (name) => placeOf(name, id)) };
  });
  return sortedBy(found, ({ id, kept }) => numeral(1e9 - 1 - kept.length) + id);
}

/** The node that should have each lane; a lane that no living node has settings for is left out. */
export function planLanes(lanes: readonly PlannedLane[], nodes: readonly PlannedNode[]): ReadonlyMap<string, string> {
  const possible = lanes.filter(({ name }) => nodes.some((node) => node.lanes.has(name)));
  const plan = new Map<string, string>();
  const load = new Map<string, number>();
  const give = (lane: string, node: string): void => {
    plan.set(lane, node);
    load.set(node, (load.get(node) ?? 0) + 1);
  };
  for (const [index, { id, kept }] of inHand(possible, nodes).entries()) {
    const share = Math.floor((possible.length + nodes.length - 1 - index) / nodes.length);
    for (const name of kept.slice(0, share)) give(name, id);
  }
  const able = (lane: string): readonly PlannedNode[] => nodes.filter((node) => node.lanes.has(lane));
  // What few nodes can have is given first.
  for (const { name } of sortedBy(possible, (lane) => numeral(able(lane.name).length) + lane.name)) {
    if (plan.has(name)) continue;
    const [next] = sortedBy(able(name), ({ id }) => numeral(load.get(id) ?? 0) + placeOf(name, id));
    if (next !== undefined) give(name, next.id);
  }
  return plan;
}
