/** Who hands in mail, and how: counted in memory, written once a minute. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { failure, systemClock, type Clock } from '@postbearer/core';
import { databaseFaults, openDatabase, type Database } from '@postbearer/database';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AppUsage, type AppUse, type HandedIn } from './app-usage.ts';
import { accessMigrations } from './schema.ts';

let folder = '';
let database: Database;
let now = 0;
let batches = 0;
/** Timers run when the test says so. */
let timers: { run: () => void; delayMs: number }[] = [];
const clock: Clock = {
  ...systemClock,
  now: () => now,
  setTimer(run, delayMs) {
    const timer = { run, delayMs };
    timers.push(timer);
    return { cancel: () => void (timers = timers.filter((other) => other !== timer)) };
  },
};
const scanner: HandedIn = { app: 'scanner', kind: 'LOGIN', security: 'starttls', address: '192.0.2.7' };

beforeEach(async () => {
  now = Date.UTC(2026, 10, 24);
  batches = 0;
  timers = [];
  folder = await mkdtemp(join(tmpdir(), 'usage-'));
  const opened = await openDatabase({ file: join(folder, 'a.db') }, { migrations: [accessMigrations] });
  if (!opened.ok) throw new Error(opened.fault.message);
  const inner = opened.value;
  database = new Proxy(inner, {
    get(target, name) {
      if (name === 'batch') batches += 1;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
});

afterEach(async () => {
  await database.close();
  await rm(folder, { recursive: true });
});

async function listOf(usage: AppUsage): Promise<readonly AppUse[]> {
  const listed = await usage.list();
  if (!listed.ok) throw new Error(listed.fault.message);
  return listed.value;
}

test('ten thousand messages are one write, a minute after the first', async () => {
  const usage = new AppUsage(database, clock);
  for (let count = 0; count < 10_000; count += 1) usage.note(scanner);
  expect(batches).toBe(0);
  expect(timers).toMatchObject([{ delayMs: 60_000 }]);
  timers[0]?.run();
  await usage.close();
  expect(batches).toBe(1);
  expect(await listOf(usage)).toMatchObject([{ ...scanner, count: 10_000 }]);
});

test('each kind of sign-in has its own row, and counts go on over a restart', async () => {
  const usage = new AppUsage(database, clock);
  usage.note(scanner);
  usage.note({ ...scanner, kind: 'address', security: 'plain' });
  await usage.close();
  now += 5000;
  const later = new AppUsage(database, clock);
  later.note({ ...scanner, address: '192.0.2.8' });
  expect(await listOf(later)).toEqual([
    { ...scanner, address: '192.0.2.8', firstAt: now - 5000, lastAt: now, count: 2 },
    { ...scanner, kind: 'address', security: 'plain', firstAt: now - 5000, lastAt: now - 5000, count: 1 },
  ]);
  await later.close();
});

test('what could not be written is written the next time', async () => {
  let isBroken = true;
  const fault = databaseFaults.make('DATABASE_BACKUP_FAILED', { file: 'x', reason: 'it is away' });
  const broken: Database = new Proxy(database, {
    get(target, name) {
      if (name === 'batch' && isBroken) return () => Promise.resolve(failure(fault));
      return Reflect.get(target, name);
    },
  });
  const usage = new AppUsage(broken, clock);
  usage.note(scanner);
  expect(await usage.flush()).toMatchObject({ ok: false });
  usage.note(scanner);
  isBroken = false;
  expect(await listOf(usage)).toMatchObject([{ count: 2 }]);
  await usage.close();
});

test('what is older than 400 days is forgotten', async () => {
  const usage = new AppUsage(database, clock);
  usage.note({ ...scanner, app: 'fax' });
  await usage.flush();
  now += 401 * 24 * 3_600_000;
  usage.note(scanner);
  expect((await listOf(usage)).map(({ app }) => app)).toEqual(['scanner']);
  await usage.close();
});
