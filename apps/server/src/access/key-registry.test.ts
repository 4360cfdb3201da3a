import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Secret, systemClock, type Clock } from '@postbearer/core';
import { openDatabase, sqlBuilder, statement, type Database } from '@postbearer/database';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openKeyRegistry, type KeyRegistry } from './key-registry.ts';
import { mayDo, type KeyInput, type KeyScope } from './key.ts';
import { accessMigrations, type AccessTables } from './schema.ts';

/** Other work on the machine may make anything slow. */
const WAIT = { timeout: 10_000 };
const MINUTE_MS = 60_000;
const START = 1_790_000_000_000 - (1_790_000_000_000 % MINUTE_MS);

const tables = sqlBuilder<AccessTables>();
let folder = '';
let database: Database;
let open: KeyRegistry[] = [];
let now = START;
let batches = 0;

/** The wall clock is set by hand; timers are the system's. */
const clock: Clock = { ...systemClock, now: () => now };

async function registry(): Promise<KeyRegistry> {
  const counted = new Proxy(database, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (name === 'batch') batches += 1;
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  const opened = await openKeyRegistry(counted, clock);
  if (!opened.ok) throw new Error(opened.fault.message);
  open.push(opened.value);
  return opened.value;
}

async function add(keys: KeyRegistry, key: Partial<KeyInput> = {}): Promise<Secret> {
  const added = await keys.add({ name: 'shop', scopes: ['send'], mailboxes: ['notes@example.com'], ...key }, 'test');
  if (!added.ok) throw new Error(added.fault.message);
  return added.value.key;
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keys-'));
  const opened = await openDatabase({ file: join(folder, 'a.db') }, { migrations: [accessMigrations] });
  if (!opened.ok) throw new Error(opened.fault.message);
  database = opened.value;
  [open, now, batches] = [[], START, 0];
});

afterEach(async () => {
  for (const keys of open) await keys.close();
  await database.close();
  await rm(folder, { recursive: true });
});

test('a key of 160 random bits is shown once, kept as its hash, and known by itself alone', async () => {
  const keys = await registry();
  const key = await add(keys);
  expect(key.reveal()).toMatch(/^pb_[0-9a-hjkmnp-tv-z]{32}$/);
  expect(keys.use(key)?.name).toBe('shop');
  expect(keys.use(Secret.of(`${key.reveal()} `))).toBeUndefined();
  expect(keys.use(Secret.of(key.reveal().toUpperCase()))).toBeUndefined();
  expect(keys.use(Secret.of(''))).toBeUndefined();
  const rows = await database.query(statement(tables.selectFrom('api_key').selectAll()));
  const records = await database.query(statement(tables.selectFrom('audit').selectAll()));
  expect(JSON.stringify([rows, records, keys.list()])).not.toContain(key.reveal());
  expect(JSON.stringify(rows)).toContain('shop');
});

test('a key that is revoked is refused at once, on every node', async () => {
  const [here, there] = [await registry(), await registry()];
  const key = await add(here);
  await expect.poll(() => there.use(key)?.name, WAIT).toBe('shop');
  expect(await here.revoke('SHOP', 'ann')).toMatchObject({ ok: true });
  expect(here.use(key)).toBeUndefined();
  await expect.poll(() => there.use(key), WAIT).toBeUndefined();
  expect(await here.revoke('shop', 'ann')).toMatchObject({ ok: false, fault: { code: 'ACCESS_KEY_UNKNOWN' } });
  const records = await database.query(statement(tables.selectFrom('audit').selectAll().orderBy('action')));
  expect(records).toMatchObject({
    ok: true,
    value: [
      { actor: 'test', action: 'key.add', subject: 'shop' },
      { actor: 'ann', action: 'key.revoke', subject: 'shop' },
    ],
  });
});

test('a key ends at its time', async () => {
  const keys = await registry();
  const key = await add(keys, { expiresAt: START + 1000 });
  now = START + 999;
  expect(keys.use(key)?.name).toBe('shop');
  now = START + 1000;
  expect(keys.use(key)).toBeUndefined();
});

test('a thousand uses within a minute are one write, and the last use is shown to the minute', async () => {
  const keys = await registry();
  const key = await add(keys);
  batches = 0;
  now = START + 59_999;
  for (let use = 0; use < 1000; use += 1) keys.use(key);
  expect(keys.list()).toMatchObject([{ name: 'shop', lastUsedAt: START }]);
  await keys.close();
  expect(batches).toBe(1);
  expect((await registry()).list()).toMatchObject([{ name: 'shop', lastUsedAt: START }]);
});

test('a name is given once, whatever its case', async () => {
  const keys = await registry();
  await add(keys);
  const again = await keys.add({ name: 'Shop', scopes: ['read'] }, 'test');
  expect(again).toMatchObject({ ok: false, fault: { code: 'ACCESS_KEY_EXISTS' } });
});

test.each<[Partial<KeyInput>, string]>([
  [{ name: 'a b' }, 'ACCESS_KEY_INVALID'],
  [{ name: 'key:a' }, 'ACCESS_KEY_INVALID'],
  [{ scopes: [] }, 'ACCESS_KEY_INVALID'],
  [{ scopes: ['root' as KeyScope] }, 'ACCESS_KEY_INVALID'],
  [{ mailboxes: [] }, 'ACCESS_KEY_INVALID'],
  [{ mailboxes: ['nobody'] }, 'MESSAGE_ADDRESS_INVALID'],
  [{ from: ['a@b\r\n'] }, 'MESSAGE_ADDRESS_INVALID'],
  [{ scopes: ['admin'] }, 'ACCESS_KEY_INVALID'],
  [{ requestsPerMinute: 0 }, 'ACCESS_KEY_INVALID'],
  [{ expiresAt: Number.NaN }, 'ACCESS_KEY_INVALID'],
])('a key that is wrong is refused: %j', async (wrong, code) => {
  const keys = await registry();
  const added = await keys.add({ name: 'shop', scopes: ['send'], mailboxes: ['notes@example.com'], ...wrong }, 'test');
  expect(added).toMatchObject({ ok: false, fault: { code } });
  expect(keys.list()).toEqual([]);
});

test.each<[KeyScope, readonly KeyScope[]]>([
  ['send', ['send']],
  ['read', ['read']],
  ['manage', ['read', 'manage']],
  ['admin', ['send', 'read', 'manage', 'admin']],
])('the scope %s allows %j and nothing else', async (scope, allowed) => {
  const keys = await registry();
  const key = keys.use(await add(keys, { scopes: [scope], mailboxes: scope === 'send' ? ['notes@example.com'] : [] }));
  if (key === undefined) throw new Error('The key is not known.');
  const may = (['send', 'read', 'manage', 'admin'] as const).filter((each) => mayDo(key, each));
  expect(may).toEqual(allowed);
});
