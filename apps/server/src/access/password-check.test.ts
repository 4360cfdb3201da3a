import { Secret } from '@postbearer/core';
import { describe, expect, test } from 'vitest';
import { hashOf, slowHashOf } from './credential.ts';
import { PasswordCheck, type PasswordQuestion } from './password-check.ts';

const right = Secret.of('the right one');
const slow = await slowHashOf(right);

function question(password: string, more: Partial<PasswordQuestion> = {}): PasswordQuestion {
  return { password: Secret.of(password), stored: [slow], isKnownAddress: false, isSlowInUse: true, ...more };
}

async function msOf(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

describe('a chosen password', () => {
  test('is computed once while it is right, and each time it is wrong', async () => {
    const check = new PasswordCheck();
    expect(await check.look(question('the right one'))).toBe('right');
    const [first, again, wrong] = [
      await msOf(() => slowHashOf(right)),
      await msOf(() => check.look(question('the right one'))),
      await msOf(() => check.look(question('a wrong one'))),
    ];
    expect(again).toBeLessThan(first / 5);
    expect(wrong).toBeGreaterThan(first / 5);
    // Control: what is stored no more is computed again.
    check.keepOnly(new Set());
    expect(await msOf(() => check.look(question('the right one')))).toBeGreaterThan(first / 5);
  });

  test('is computed for one guess at a time of the same, and for few at once: what is beyond is told to come again', async () => {
    const check = new PasswordCheck();
    const looks = Array.from({ length: 30 }, async (_, index) => await check.look(question(`guess ${index}`)));
    const known = check.look(question('the right one', { isKnownAddress: true }));
    const order: string[] = [];
    void known.then(() => order.push('known'));
    void Promise.all(looks).then(() => order.push('all'));
    expect(await known).toBe('right');
    const verdicts = await Promise.all(looks);
    expect(verdicts.filter((each) => each === 'wrong')).toHaveLength(18);
    expect(verdicts.filter((each) => each === 'busy')).toHaveLength(12);
    expect(order[0]).toBe('known');
  }, 60_000);
});

describe('where any app has a chosen password', () => {
  test('a wrong one takes as long for a name that is there, one that is not, and one whose password was made', async () => {
    const check = new PasswordCheck();
    await check.look(question('first of all makes the decoy', { stored: [] }));
    const times = { chosen: [slow], none: [], made: [hashOf(right)] };
    const took: Record<string, number> = {};
    for (const [name, stored] of Object.entries(times)) {
      took[name] = await msOf(() => check.look(question(`wrong ${name}`, { stored })));
    }
    const slowest = Math.max(...Object.values(took));
    expect(Math.min(...Object.values(took))).toBeGreaterThan(slowest / 10);
    // Control: where none has one, no time is spent.
    const quick = await msOf(() => check.look(question('wrong', { stored: [], isSlowInUse: false })));
    expect(quick).toBeLessThan(slowest / 10);
  });
});
