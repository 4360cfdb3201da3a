import { describe, expect, it } from 'vitest';
import { rendezvous } from './lane-owner.ts';

const lanes = Array.from({ length: 1000 }, (_, index) => `lane${index}`);

describe('whose a lane is', () => {
  it('does not depend on the order of the nodes', () => {
    for (const lane of lanes.slice(0, 50)) {
      expect(rendezvous(lane, ['a', 'b', 'c'])).toBe(rendezvous(lane, ['c', 'a', 'b']));
    }
    expect(rendezvous('lane', [])).toBeUndefined();
  });

  it('gives each node its share', () => {
    const owners = Map.groupBy(lanes, (lane) => rendezvous(lane, ['a', 'b', 'c', 'd']));
    for (const share of owners.values()) expect(share.length).toBeGreaterThan(180);
    expect(owners.size).toBe(4);
  });

  it('moves only the lanes of a node that goes', () => {
    const moved = lanes.filter((lane) => {
      const before = rendezvous(lane, ['a', 'b', 'c']);
      return before !== 'c' && before !== rendezvous(lane, ['a', 'b']);
    });
    expect(moved).toEqual([]);
    // The control: dividing by the number of nodes moves most of them.
    const byRemainder = (index: number, count: number): number => index % count;
    expect(lanes.filter((_, index) => byRemainder(index, 3) !== byRemainder(index, 2)).length).toBeGreaterThan(400);
  });
});
