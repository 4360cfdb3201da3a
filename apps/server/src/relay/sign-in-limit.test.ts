import type { Clock } from '@postbearer/core';
import { describe, expect, test } from 'vitest';
import { SignInLimit, type SignInAttempt } from './sign-in-limit.ts';

const MINUTE = 60_000;

function clockAt(time: { ms: number }): Clock {
  return {
    now: () => time.ms,
    monotonicMs: () => time.ms,
    setTimer: () => ({ cancel: () => undefined }),
  };
}

function attempt(more: Partial<SignInAttempt> = {}): SignInAttempt {
  return { username: 'scanner', place: '192.0.2.1', isKnownAddress: false, digest: 'a', ...more };
}

/** How many of so many wrong guesses are looked at. */
function guesses(limit: SignInLimit, count: number, of: (index: number) => Partial<SignInAttempt>): number {
  let looked = 0;
  for (let index = 0; index < count; index += 1) {
    const open = limit.begin(attempt({ digest: `guess ${index}`, ...of(index) }));
    if (open === undefined) continue;
    looked += 1;
    open.end(false);
  }
  return looked;
}

describe('guessing', () => {
  test.each([
    ['one address', () => ({})],
    ['fifty addresses', (index: number) => ({ place: `192.0.2.${index % 50}` })],
  ])('from %s gets ten tries at a name in 15 minutes, and then ten more', (_, of) => {
    const time = { ms: 0 };
    const limit = new SignInLimit(clockAt(time));
    expect(guesses(limit, 1000, of)).toBe(10);
    time.ms += 15 * MINUTE;
    expect(guesses(limit, 1000, of)).toBe(10);
  });

  test('all at once gets no more', () => {
    const limit = new SignInLimit(clockAt({ ms: 0 }));
    const open = Array.from({ length: 200 }, (_, index) => limit.begin(attempt({ digest: `guess ${index}` })));
    expect(open.filter((each) => each !== undefined)).toHaveLength(10);
  });

  test('does not lock out whoever signed in from its address before', () => {
    const limit = new SignInLimit(clockAt({ ms: 0 }));
    guesses(limit, 1000, (index) => ({ place: `192.0.2.${index % 50}` }));
    expect(limit.begin(attempt({ place: '198.51.100.1', isKnownAddress: true }))).toBeDefined();
    // Even from the same address as the guesses: it has tries of its own, and no more than ten.
    expect(guesses(limit, 100, () => ({ place: '192.0.2.1', isKnownAddress: true }))).toBe(10);
  });

  test('through many names gets fifty tries from one address', () => {
    const limit = new SignInLimit(clockAt({ ms: 0 }));
    expect(guesses(limit, 1000, (index) => ({ username: `app${index}` }))).toBe(50);
  });

  test('keeps memory bounded, whatever names and addresses come', () => {
    const limit = new SignInLimit(clockAt({ ms: 0 }));
    const looked = guesses(limit, 30_000, (index) => ({ username: `${index}`, place: `${index}` }));
    expect(looked).toBe(30_000);
  });
});

test('what was right is no failure, and a device that opens many connections tries once', () => {
  const limit = new SignInLimit(clockAt({ ms: 0 }));
  for (let index = 0; index < 100; index += 1) limit.begin(attempt())?.end(true);
  const together = Array.from({ length: 100 }, () => limit.begin(attempt()));
  expect(together.every((each) => each !== undefined)).toBe(true);
  for (const each of together) each?.end(true);
  expect(guesses(limit, 100, () => ({}))).toBe(10);
});
