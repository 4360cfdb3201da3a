import { describe, expect, it } from 'vitest';
import { messageStatesPage } from './states-page.ts';
import {
  isEnded,
  MESSAGE_STATES,
  OPEN_RECIPIENT_STATES,
  stateAfter,
  statesBefore,
  TRANSITIONS,
  worstOf,
  type MessageState,
  type Transition,
} from './states.ts';

const states = Object.keys(MESSAGE_STATES) as MessageState[];

/** States that cannot be reached from nothing by these changes. */
function unreachable(changes: readonly Transition[]): MessageState[] {
  const reached = new Set<string>(['nothing']);
  for (let before = 0; before < reached.size;) {
    before = reached.size;
    for (const { from, to } of changes) if (from.some((state) => reached.has(state))) reached.add(to);
  }
  return states.filter((state) => !reached.has(state));
}

/** States that lead nowhere. */
function deadEnds(changes: readonly Transition[]): MessageState[] {
  return states.filter((state) => !changes.some(({ from }) => from.includes(state)));
}

describe('the table of states', () => {
  it('is drawn in docs/explanation/message-states.md (run this with -u to write it)', async () => {
    await expect(messageStatesPage()).toMatchFileSnapshot('../../../docs/explanation/message-states.md');
  });

  it('leads to every state, and out of every state', () => {
    expect(unreachable(TRANSITIONS)).toEqual([]);
    expect(deadEnds(TRANSITIONS)).toEqual([]);
    // The control: a table without these changes would be found out.
    const without = (...triggers: readonly string[]): readonly Transition[] =>
      TRANSITIONS.filter(({ trigger }) => !triggers.includes(trigger));
    expect(unreachable(without('stop'))).toEqual(['unconfirmed']);
    expect(deadEnds(without('purge'))).toEqual(['delivered', 'cancelled']);
  });

  it('names each change once', () => {
    const triggers = TRANSITIONS.map(({ trigger }) => trigger);
    expect(new Set(triggers).size).toBe(triggers.length);
  });

  it('never leaves what was delivered but to forget it', () => {
    const out = TRANSITIONS.filter(({ from }) => from.includes('delivered')).map(({ trigger }) => trigger);
    expect(out).toEqual(['purge']);
  });

  it('lets nobody but its sender touch what is being sent', () => {
    const manual = TRANSITIONS.filter(({ isManual, from }) => isManual === true && from.includes('leased'));
    expect(manual).toEqual([]);
  });

  it('says where a change starts and ends', () => {
    expect(statesBefore('release')).toEqual(['held']);
    expect(statesBefore('accept')).toEqual(['receiving']);
    expect(stateAfter('defer')).toBe('deferred');
    expect(() => stateAfter('purge')).toThrow('leaves no message');
  });
});

describe('the state of a message whose recipients have ended', () => {
  it.each([
    [['delivered', 'delivered'], 'delivered'],
    [['delivered', 'refused', 'expired'], 'refused'],
    [['expired', 'unconfirmed', 'delivered'], 'expired'],
    [['cancelled', 'discarded'], 'discarded'],
  ] as const)('%j is %s', (recipients, message) => {
    expect(worstOf(recipients)).toBe(message);
  });

  it('is an ended one, and no open recipient has such a state', () => {
    expect(OPEN_RECIPIENT_STATES.some(isEnded)).toBe(false);
    expect(states.filter(isEnded)).toEqual([
      'delivered',
      'refused',
      'expired',
      'unconfirmed',
      'discarded',
      'cancelled',
    ]);
  });
});
