import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Secret, systemClock } from '@postbearer/core';
import { openDatabase, sqlBuilder, statement, type Database } from '@postbearer/database';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openAppRegistry, type AppRegistry } from './app-registry.ts';
import type { AppInput } from './app.ts';
import { accessMigrations, type AccessTables } from './schema.ts';

/** Other work on the machine may make anything slow. */
const WAIT = { timeout: 10_000 };

function eventually<T>(look: () => T): ReturnType<typeof expect.poll<T>> {
  return expect.poll(look, WAIT);
}

const tables = sqlBuilder<AccessTables>();
let folder = '';
let database: Database;
let open: AppRegistry[] = [];

async function registry(): Promise<AppRegistry> {
  const opened = await openAppRegistry(database, systemClock);
  if (!opened.ok) throw new Error(opened.fault.message);
  open.push(opened.value);
  return opened.value;
}

const PLACE = '192.0.2.20';

async function nameOf(apps: AppRegistry, username: string, password: Secret): Promise<string | undefined> {
  const found = await apps.signIn(username, password, PLACE);
  return found === 'busy' ? found : found?.name;
}

async function add(apps: AppRegistry, app: Partial<AppInput> = {}): Promise<Secret> {
  const added = await apps.add({ name: 'scanner', mailboxes: ['notes@example.com'], ...app }, 'test');
  if (!added.ok) throw new Error(added.fault.message);
  const { password } = added.value;
  if (password === undefined) throw new Error('no password was made');
  return password;
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'access-'));
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

test('an app signs in with its name in any case and its password, and with nothing else', async () => {
  const apps = await registry();
  const password = await add(apps);
  expect(password.reveal()).toMatch(/^[0-9a-hjkmnp-tv-z]{32}$/);
  expect(await nameOf(apps, 'SCANNER', password)).toBe('scanner');
  expect(await nameOf(apps, 'scanner', Secret.of(`${password.reveal()} `))).toBeUndefined();
  expect(await nameOf(apps, 'scanner', Secret.of(''))).toBeUndefined();
  expect(await nameOf(apps, 'printer', password)).toBeUndefined();
  expect(await nameOf(apps, '', Secret.of('no app has this'))).toBeUndefined();
});

test('no app means nobody, and the narrowest network decides whose address it is', async () => {
  const apps = await registry();
  expect(apps.byAddress('192.0.2.7')).toBeUndefined();
  await add(apps);
  expect(apps.byAddress('192.0.2.7')).toBeUndefined();
  await add(apps, { name: 'floor', networks: ['192.0.2.0/24'] });
  await add(apps, { name: 'printer', networks: ['198.51.100.1', '192.0.2.7'] });
  expect(apps.byAddress('192.0.2.6')?.name).toBe('floor');
  expect(apps.byAddress('::ffff:192.0.2.7')?.name).toBe('printer');
  expect(apps.byAddress('203.0.113.1')).toBeUndefined();
});

test('a new password counts at once, and the one before it only for as long as was said', async () => {
  const apps = await registry();
  const first = await add(apps);
  const rotated = await apps.rotate('Scanner', 'test', { graceMs: 60_000 });
  if (!rotated.ok || rotated.value.password === undefined) throw new Error('not rotated');
  expect(await nameOf(apps, 'scanner', first)).toBe('scanner');
  expect(await nameOf(apps, 'scanner', rotated.value.password)).toBe('scanner');
  expect(await apps.rotate('scanner', 'test', { graceMs: 0 })).toMatchObject({ ok: true });
  expect(await nameOf(apps, 'scanner', first)).toBeUndefined();
  expect(await nameOf(apps, 'scanner', rotated.value.password)).toBeUndefined();
  expect(await apps.rotate('nobody', 'test', { graceMs: 0 })).toMatchObject({ fault: { code: 'ACCESS_APP_UNKNOWN' } });
});

test('a password that a device keeps is taken, unless it is among the worst, and is stored with a slow hash', async () => {
  const apps = await registry();
  const input = { name: 'copier', mailboxes: ['notes@example.com'] };
  for (const worst of ['short', 'copier', 'x'.repeat(300), 'tab\tinside']) {
    expect(await apps.add(input, 'test', { password: Secret.of(worst) })).toMatchObject({
      ok: false,
      fault: { code: 'ACCESS_PASSWORD_UNFIT' },
    });
  }
  const password = Secret.of('Kopierer 3. Stock');
  expect(await apps.add(input, 'test', { password })).toMatchObject({ ok: true });
  expect(await nameOf(apps, 'copier', password)).toBe('copier');
  expect(await nameOf(apps, 'copier', Secret.of('Kopierer 4. Stock'))).toBeUndefined();
  const stored = await database.query(statement(tables.selectFrom('app').select('credential')));
  expect(stored).toMatchObject({ value: [{ credential: expect.stringMatching(/^scrypt\$15\$/) as string }] });
});

test('an app may be allowed more, and keeps what it had', async () => {
  const apps = await registry();
  await add(apps, { from: ['a@example.com'], fromRule: 'keep' });
  const allowed = await apps.allow({ name: 'SCANNER', from: ['b@example.com'], networks: ['192.0.2.0/24'] }, 'test');
  expect(allowed).toMatchObject({ ok: true, value: { from: ['a@example.com', 'b@example.com'], fromRule: 'keep' } });
  expect(apps.byAddress('192.0.2.1')?.name).toBe('scanner');
  expect(await apps.allow({ name: 'scanner', networks: ['x'] }, 'test')).toMatchObject({ ok: false });
});

test('from where an app signed in well is remembered over a restart, an IPv6 host by its /64', async () => {
  const apps = await registry();
  const password = await add(apps);
  await apps.signIn('scanner', password, '2001:db8:1:2::7');
  await apps.signIn('scanner', Secret.of('wrong'), '192.0.2.66');
  await apps.close();
  const later = await registry();
  expect(later.isKnownAddress('Scanner', '2001:db8:1:2:ffff::1')).toBe(true);
  expect(later.isKnownAddress('scanner', '2001:db8:1:3::7')).toBe(false);
  expect(later.isKnownAddress('scanner', '192.0.2.66')).toBe(false);
  await later.remove('scanner', 'test');
  expect(later.isKnownAddress('scanner', '2001:db8:1:2::7')).toBe(false);
});

test('a name is given once, whatever its case', async () => {
  const apps = await registry();
  await add(apps);
  const again = await apps.add({ name: 'Scanner', mailboxes: ['notes@example.com'] }, 'test');
  expect(again).toMatchObject({ ok: false, fault: { code: 'ACCESS_APP_EXISTS' } });
});

test('what one node changes, another knows at once', async () => {
  const [here, there] = [await registry(), await registry()];
  const password = await add(here);
  await eventually(() => nameOf(there, 'scanner', password)).toBe('scanner');
  expect(await here.remove('Scanner', 'test')).toMatchObject({ ok: true });
  await eventually(() => nameOf(there, 'scanner', password)).toBeUndefined();
  expect(await here.remove('scanner', 'test')).toMatchObject({ ok: false, fault: { code: 'ACCESS_APP_UNKNOWN' } });
});

test('each change has its record, and no record holds a password or tells of what did not happen', async () => {
  const apps = await registry();
  const password = await add(apps);
  await apps.add({ name: 'scanner', mailboxes: ['notes@example.com'] }, 'test');
  await apps.remove('nobody', 'test');
  await apps.remove('scanner', 'ann');
  const records = await database.query(statement(tables.selectFrom('audit').selectAll().orderBy('at')));
  if (!records.ok) throw new Error(records.fault.message);
  expect(records.value.map(({ actor, action, subject }) => [actor, action, subject])).toEqual([
    ['test', 'app.add', 'scanner'],
    ['ann', 'app.remove', 'scanner'],
  ]);
  expect(JSON.stringify(records.value)).not.toContain(password.reveal());
});

test.each([
  [{ mailboxes: [] }, 'ACCESS_APP_INVALID'],
  [{ name: 'a b' }, 'ACCESS_APP_INVALID'],
  [{ name: '' }, 'ACCESS_APP_INVALID'],
  [{ mailboxes: ['nobody'] }, 'MESSAGE_ADDRESS_INVALID'],
  [{ from: ['a@b\r\n'] }, 'MESSAGE_ADDRESS_INVALID'],
  [{ networks: ['192.0.2.1/8'] }, 'ACCESS_NETWORK_INVALID'],
])('an app that is wrong is refused: %j', async (wrong, code) => {
  const apps = await registry();
  const added = await apps.add({ name: 'scanner', mailboxes: ['notes@example.com'], ...wrong }, 'test');
  expect(added).toMatchObject({ ok: false, fault: { code } });
  expect(apps.list()).toEqual([]);
});
