import { Secret, systemClock, type Clock } from '@postbearer/core';
import { openDatabase, type Database } from '@postbearer/database';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openAppRegistry, type AppRegistry } from './app-registry.ts';
import type { LearnInput } from './learning.ts';
import { accessMigrations } from './schema.ts';

const HOUR_MS = 3_600_000;
const wish: LearnInput = {
  network: '10.1.2.0/24',
  mailboxes: ['notes@example.com'],
  fromRule: 'rewrite',
  forMs: 2 * HOUR_MS,
};

let folder = '';
let database: Database;
let open: AppRegistry[] = [];
let time = { wall: 0, monotonic: 0 };
const clock: Clock = { ...systemClock, now: () => time.wall, monotonicMs: () => time.monotonic };

beforeEach(async () => {
  time = { wall: Date.UTC(2026, 10, 24), monotonic: 0 };
  folder = await mkdtemp(join(tmpdir(), 'learning-'));
  const opened = await openDatabase({ file: join(folder, 'a.db') }, { migrations: [accessMigrations] });
  if (!opened.ok) throw new Error(opened.fault.message);
  database = opened.value;
  open = [];
});

afterEach(async () => {
  await Promise.all(open.map(async (apps) => await apps.close()));
  await database.close();
  await rm(folder, { recursive: true });
});

async function registry(): Promise<AppRegistry> {
  const opened = await openAppRegistry(database, clock);
  if (!opened.ok) throw new Error(opened.fault.message);
  open.push(opened.value);
  return opened.value;
}

test('a device that calls in becomes an app of its own address, and nobody else does', async () => {
  const apps = await registry();
  await apps.learning.learn(wish, 'ann');
  expect(await apps.learning.enrol({ address: '10.1.3.7' })).toBeUndefined();
  const both = await Promise.all([
    apps.learning.enrol({ address: '::ffff:10.1.2.7' }),
    apps.learning.enrol({ address: '10.1.2.7' }),
  ]);
  expect(both.map((enrolled) => [enrolled?.app.name, enrolled?.network])).toEqual([
    ['device-10-1-2-7', '10.1.2.0/24'],
    ['device-10-1-2-7', undefined],
  ]);
  expect(apps.byAddress('10.1.2.7')?.fromRule).toBe('rewrite');
  expect(apps.byAddress('10.1.2.8')).toBeUndefined();
  expect(apps.list()).toMatchObject([{ networks: ['10.1.2.7'], learnedAt: time.wall }]);
});

test('a device that signs in becomes an app of the name and password that it has, where nobody has that name', async () => {
  const apps = await registry();
  await apps.learning.learn(wish, 'ann');
  const credentials = (text: string): { username: string; password: Secret } => ({
    username: 'copier@contoso.com',
    password: Secret.of(text),
  });
  const enrolled = await apps.learning.enrol({ address: '10.1.2.7', credentials: credentials('what it always had') });
  expect(enrolled?.app.name).toBe('copier@contoso.com');
  // Another device cannot take the name over.
  expect(
    await apps.learning.enrol({ address: '10.1.2.8', credentials: credentials('something else') }),
  ).toBeUndefined();
  const found = await apps.signIn('copier@contoso.com', Secret.of('what it always had'), '10.9.9.9');
  expect(found).toMatchObject({ name: 'copier@contoso.com', networks: [] });
});

test('learning ends by itself, whichever clock says so, and a restart does not change when', async () => {
  const first = await registry();
  await first.learning.learn(wish, 'ann');
  const second = await registry();
  expect(second.learning.list()).toMatchObject([{ network: '10.1.2.0/24', until: time.wall + 2 * HOUR_MS }]);
  // A clock that is set back keeps no door open.
  time = { wall: time.wall - 30 * HOUR_MS, monotonic: 2 * HOUR_MS + 1 };
  expect(first.learning.isLearning('10.1.2.7')).toBe(false);
  time = { wall: time.wall + 33 * HOUR_MS, monotonic: 0 };
  expect(second.learning.list()).toEqual([]);
  expect(await second.learning.enrol({ address: '10.1.2.7' })).toBeUndefined();
});

test('learning ends when a person says so', async () => {
  const apps = await registry();
  await apps.learning.learn(wish, 'ann');
  await apps.learning.learn({ ...wish, forMs: 0 }, 'ann');
  expect(apps.learning.isLearning('10.1.2.7')).toBe(false);
});

test.each([
  [{ network: '0.0.0.0/0' }, 'ACCESS_LEARN_PUBLIC'],
  [{ network: '::/0' }, 'ACCESS_LEARN_PUBLIC'],
  [{ network: '10.0.0.0/7' }, 'ACCESS_LEARN_PUBLIC'],
  [{ network: '192.0.0.0/8' }, 'ACCESS_LEARN_PUBLIC'],
  [{ network: '10.1.2.3/24' }, 'ACCESS_NETWORK_INVALID'],
  [{ forMs: 8 * 24 * HOUR_MS }, 'ACCESS_LEARN_TIME'],
  [{ forMs: Number.NaN }, 'ACCESS_LEARN_TIME'],
  [{ mailboxes: [] }, 'ACCESS_APP_INVALID'],
])('what should not be learnt is not: %j', async (more, code) => {
  const apps = await registry();
  expect(await apps.learning.learn({ ...wish, ...more }, 'ann')).toMatchObject({ ok: false, fault: { code } });
  expect(apps.learning.list()).toEqual([]);
});

test('a public network is learnt where the person says so', async () => {
  const apps = await registry();
  expect(await apps.learning.learn({ ...wish, network: '198.51.100.0/24', isPublicMeant: true }, 'ann')).toMatchObject({
    ok: true,
  });
  expect(apps.learning.isLearning('198.51.100.9')).toBe(true);
});
