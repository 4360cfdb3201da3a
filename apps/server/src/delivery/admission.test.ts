import { success, systemClock, type Clock } from '@postbearer/core';
import { describe, expect, test } from 'vitest';
import { parseApp, type App } from '../access/app.ts';
import { createAdmission, NO_APP_LIMITS, type Admission, type AppLimits } from './admission.ts';

interface World {
  readonly admission: Admission;
  nowMs: number;
  free: number;
  looks: number;
  waiting: Record<string, { messages: number; bytes: number }>;
}

function world(limits: Partial<AppLimits> = {}): World {
  const made: Omit<World, 'admission'> = { nowMs: 0, free: Infinity, looks: 0, waiting: {} };
  const clock: Clock = { ...systemClock, monotonicMs: () => made.nowMs };
  const admission = createAdmission({
    limits: { ...NO_APP_LIMITS, ...limits },
    maxMessageBytes: 1000,
    clock,
    queue: { queuedOf: (name) => Promise.resolve(success(made.waiting[name] ?? { messages: 0, bytes: 0 })) },
    freeBytes: () => {
      made.looks += 1;
      return Promise.resolve(made.free);
    },
  });
  return Object.assign(made, { admission });
}

function app(name: string): App {
  const parsed = parseApp({ name, mailboxes: ['notes@example.com'] });
  if (!parsed.ok) throw new Error(parsed.fault.message);
  return parsed.value;
}

const [flood, other] = [app('flood'), app('other')];

async function taken(of: World, from: App, count: number): Promise<number> {
  let admitted = 0;
  for (let index = 0; index < count; index += 1) if ((await of.admission.message(from)).ok) admitted += 1;
  return admitted;
}

describe('room', () => {
  test('of one and a half times the largest message is needed; it is looked at once a second, and felt when it is back', async () => {
    const small = world();
    small.free = 1499;
    expect(await small.admission.message(flood)).toMatchObject({ fault: { code: 'SERVICE_NO_ROOM', next: 'retry' } });
    small.free = 1500;
    small.nowMs += 999;
    expect(await taken(small, flood, 100)).toBe(0);
    small.nowMs += 1;
    expect(await taken(small, flood, 100)).toBe(100);
    expect(small.looks).toBe(2);
  });

  test('that cannot be known refuses nothing', async () => {
    const blind = createAdmission({
      limits: NO_APP_LIMITS,
      maxMessageBytes: 1000,
      clock: systemClock,
      queue: { queuedOf: () => Promise.reject(new Error('not asked where there is no quota')) },
      freeBytes: () => Promise.reject(new Error('no such call here')),
    });
    expect(await blind.message(flood)).toMatchObject({ ok: true });
  });
});

describe('a quota', () => {
  test.each([
    [{ queuedMessages: 5 }, { messages: 5, bytes: 0 }],
    [{ queuedBytes: 1000 }, { messages: 1, bytes: 1000 }],
  ])('of %j is of one app, and tells when to come again', async (limits, waiting) => {
    const full = world(limits);
    full.waiting['flood'] = waiting;
    expect(await full.admission.message(flood)).toMatchObject({
      fault: { code: 'MESSAGE_QUOTA_REACHED', retryAfterMs: 60_000 },
    });
    expect(await full.admission.message(other)).toMatchObject({ ok: true });
    full.waiting['flood'] = { messages: 0, bytes: 0 };
    expect(await full.admission.message(flood)).toMatchObject({ ok: true });
  });
});

test('what waits is asked for seldom while it is far from its quota, and each time where it is near', async () => {
  let asked = 0;
  let nowMs = 0;
  const load = { messages: 0, bytes: 0 };
  const admission = createAdmission({
    limits: { ...NO_APP_LIMITS, queuedMessages: 100 },
    maxMessageBytes: 1000,
    clock: { ...systemClock, monotonicMs: () => nowMs },
    queue: {
      queuedOf: () => {
        asked += 1;
        return Promise.resolve(success({ ...load }));
      },
    },
  });
  const hand = async (count: number): Promise<number> => {
    const before = asked;
    for (let index = 0; index < count; index += 1) {
      if ((await admission.message(flood)).ok) load.messages += 1;
    }
    return asked - before;
  };
  expect(await hand(40)).toBe(1);
  nowMs += 10_000;
  expect(await hand(5)).toBe(1);
  expect(await hand(100)).toBeGreaterThan(50);
  expect(load.messages).toBe(100);
});

describe('a rate', () => {
  test('holds in each minute, one app by itself, and nothing is saved up', async () => {
    const limited = world({ messagesPerMinute: 60 });
    expect(await taken(limited, flood, 1000)).toBe(60);
    expect(await limited.admission.message(flood)).toMatchObject({
      fault: { code: 'MESSAGE_RATE_REACHED', retryAfterMs: 1000 },
    });
    expect(await taken(limited, other, 1)).toBe(1);
    limited.nowMs += 10_000;
    expect(await taken(limited, flood, 1000)).toBe(10);
    limited.nowMs += 600_000;
    expect(await taken(limited, flood, 1000)).toBe(60);
  });

  test('of recipients takes more than a minute at once where nothing else was taken, and then waits for it', () => {
    const limited = world({ recipientsPerMinute: 100 });
    expect(limited.admission.recipients(flood, 150)).toMatchObject({ ok: true });
    expect(limited.admission.recipients(flood, 1)).toMatchObject({ fault: { code: 'MESSAGE_RATE_REACHED' } });
    limited.nowMs += 31_000;
    expect(limited.admission.recipients(flood, 1)).toMatchObject({ ok: true });
  });
});
