import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planLanes, type PlannedLane, type PlannedNode } from './lane-plan.ts';

const named = (count: number): string[] => Array.from({ length: count }, (_, index) => `lane${index}`);

function nodesOf(ids: readonly string[], lanes: readonly string[]): PlannedNode[] {
  return ids.map((id) => ({ id, lanes: new Set(lanes) }));
}

/** The rows after everybody did what was planned. */
function afterwards(lanes: readonly PlannedLane[], nodes: readonly PlannedNode[]): PlannedLane[] {
  const plan = planLanes(lanes, nodes);
  return lanes.map(({ name }) => ({ name, owner: plan.get(name) ?? null }));
}

function loads(lanes: readonly PlannedLane[]): number[] {
  return [...Map.groupBy(lanes, ({ owner }) => owner).values()].map(({ length }) => length).toSorted((a, b) => a - b);
}

const fresh = (names: readonly string[]): PlannedLane[] => names.map((name) => ({ name, owner: null }));

describe('whose a lane is', () => {
  it('gives every node its share, whatever the lanes are called', () => {
    const counts = fc.record({ lanes: fc.integer({ min: 1, max: 60 }), nodes: fc.integer({ min: 1, max: 5 }) });
    fc.assert(
      fc.property(counts, fc.integer(), ({ lanes, nodes }, seed) => {
        const names = named(lanes).map((name) => `${name}-${seed}`);
        const ids = named(nodes).map((name) => `node-${name}`);
        const share = loads(afterwards(fresh(names), nodesOf(ids, names)));
        expect(share.at(-1)).toBe(Math.ceil(lanes / nodes));
        if (lanes >= nodes) expect(share.at(0)).toBe(Math.floor(lanes / nodes));
        expect(share.reduce((sum, each) => sum + each, 0)).toBe(lanes);
      }),
    );
  });

  it('is the same whatever the order of rows and nodes, and changes no more once it is so', () => {
    const names = named(23);
    const settled = afterwards(fresh(names), nodesOf(['a', 'b', 'c'], names));
    const plan = planLanes(settled.toReversed(), nodesOf(['c', 'a', 'b'], names));
    expect(settled.every(({ name, owner }) => plan.get(name) === owner)).toBe(true);
  });

  it('moves few lanes when a node comes, and only its own when it goes', () => {
    const names = named(24);
    const two = afterwards(fresh(names), nodesOf(['a', 'b'], names));
    const three = afterwards(two, nodesOf(['a', 'b', 'c'], names));
    expect(loads(three)).toEqual([8, 8, 8]);
    expect(three.filter(({ owner }, index) => owner !== two[index]?.owner)).toHaveLength(8);
    const again = afterwards(three, nodesOf(['a', 'b'], names));
    const moved = again.filter(({ owner }, index) => owner !== three[index]?.owner).map(({ name }) => name);
    expect(moved).toEqual(three.filter(({ owner }) => owner === 'c').map(({ name }) => name));
    expect(loads(again)).toEqual([12, 12]);
    // What one has too much goes to those that have less.
    const uneven = names.slice(0, 9).map((name, index) => ({ name, owner: 'aaaaaabbb'.charAt(index) }));
    expect(loads(afterwards(uneven, nodesOf(['a', 'b', 'c', 'd'], names)))).toEqual([2, 2, 2, 3]);
  });

  it('gives a lane only to nodes that have its settings', () => {
    const nodes = [
      { id: 'a', lanes: new Set(named(10)) },
      { id: 'b', lanes: new Set(['lane0']) },
    ];
    const plan = planLanes(fresh([...named(10), 'unknown']), nodes);
    expect(plan.has('unknown')).toBe(false);
    expect(named(10).filter((name) => plan.get(name) === 'b')).toEqual(['lane0']);
    expect(plan.size).toBe(10);
  });
});
