import type { PostbearerEvent } from '@postbearer/core';
import { describe, expect, it } from 'vitest';
import { EventRing, type EventEntry } from './event-ring.ts';

function accepted(recipient: string): PostbearerEvent {
  return { name: 'message.accepted', messageId: '<1@example.com>', recipient, reply: '250 OK' };
}

function recipients(entries: readonly EventEntry[]): string[] {
  return entries.map(({ event }) => ('recipient' in event ? event.recipient : ''));
}

describe('the ring of events', () => {
  it('numbers events one after the other and gives what came after a number', () => {
    const ring = new EventRing({ count: 10, bytes: 10_000 }, 100);
    expect(ring.lastId).toBe(100);
    for (const name of ['a', 'b', 'c']) ring.add(accepted(name), 5);
    expect(ring.lastId).toBe(103);
    expect(ring.after(100).events.map(({ id, at }) => [id, at])).toEqual([
      [101, 5],
      [102, 5],
      [103, 5],
    ]);
    expect(recipients(ring.after(102).events)).toEqual(['c']);
    expect(ring.after(103)).toEqual({ isGap: false, events: [] });
  });

  it('keeps no more than its count, and tells of the gap', () => {
    const ring = new EventRing({ count: 3, bytes: 10_000 }, 0);
    for (const name of ['a', 'b', 'c', 'd', 'e']) ring.add(accepted(name), 0);
    expect(ring.after(2).isGap).toBe(false);
    expect(recipients(ring.after(2).events)).toEqual(['c', 'd', 'e']);
    expect(ring.after(1).isGap).toBe(true);
    expect(recipients(ring.after(1).events)).toEqual(['c', 'd', 'e']);
  });

  it('keeps no more than its size, and goes on after an event larger than all of it', () => {
    const ring = new EventRing({ count: 100, bytes: 3000 }, 0);
    ring.add(accepted('a'), 0);
    ring.add(accepted('x'.repeat(10_000)), 0);
    expect(ring.after(0)).toEqual({ isGap: true, events: [] });
    ring.add(accepted('b'), 0);
    expect(ring.after(2)).toMatchObject({ isGap: false });
    expect(recipients(ring.after(2).events)).toEqual(['b']);
  });

  it('tells of a gap for a number that this process never gave', () => {
    const ring = new EventRing({ count: 10, bytes: 10_000 }, 50);
    ring.add(accepted('a'), 0);
    for (const id of [49, 52, -1, Number.NaN, 50.5]) expect(ring.after(id).isGap).toBe(true);
    // Two processes do not begin at the same number.
    expect(new EventRing().lastId).not.toBe(new EventRing().lastId);
  });

  it('tells each follower every event from then on, until it ends', () => {
    const ring = new EventRing({ count: 2, bytes: 10_000 }, 0);
    ring.add(accepted('before'), 0);
    const seen: string[] = [];
    const subscription = ring.subscribe((entry) => seen.push(...recipients([entry])));
    for (const name of ['a', 'b', 'c']) ring.add(accepted(name), 0);
    subscription.close();
    subscription.close();
    ring.add(accepted('after'), 0);
    expect(seen).toEqual(['a', 'b', 'c']);
  });
});
