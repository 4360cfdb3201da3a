import { systemClock, type Clock } from '@postbearer/core';
import { openDatabase, sqlBuilder, statement, type Database } from '@postbearer/database';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { accessFaults } from './faults.ts';
import { Refusals, type AdmitFacts, type RefusedClient } from './refusals.ts';
import { accessMigrations, type AccessTables } from './schema.ts';

const DAY_MS = 24 * 3_600_000;
const tables = sqlBuilder<AccessTables>();
const facts: AdmitFacts = { isApp: (name) => name === 'scanner', mailbox: 'notes@example.com' };
const nobody = accessFaults.make('ACCESS_NOBODY', { address: '192.0.2.7' });
const wrong = accessFaults.make('ACCESS_CREDENTIAL_WRONG', { app: 'x', address: 'y' });

let folder = '';
let database: Database;
let refusals: Refusals;
let now = 0;
const clock: Clock = { ...systemClock, now: () => now };

beforeEach(async () => {
  now = Date.UTC(2026, 10, 24);
  folder = await mkdtemp(join(tmpdir(), 'refusals-'));
  const opened = await openDatabase({ file: join(folder, 'a.db') }, { migrations: [accessMigrations] });
  if (!opened.ok) throw new Error(opened.fault.message);
  database = opened.value;
  refusals = new Refusals(database, clock);
});

afterEach(async () => {
  await refusals.close();
  await database.close();
  await rm(folder, { recursive: true });
});

async function list(of: Refusals = refusals): Promise<readonly RefusedClient[]> {
  const listed = await of.list(facts);
  if (!listed.ok) throw new Error(listed.fault.message);
  return listed.value;
}

test('who was turned away is counted, and kept over a restart', async () => {
  refusals.note({ address: '::ffff:192.0.2.7', fault: nobody });
  now += 1000;
  refusals.note({ address: '192.0.2.7', fault: nobody });
  await refusals.flush();
  refusals.note({ address: '192.0.2.7', fault: nobody });
  await refusals.close();
  expect(await list(new Refusals(database, clock))).toEqual([
    {
      address: '192.0.2.7',
      code: 'ACCESS_NOBODY',
      why: 'Not allowed to send',
      firstAt: now - 1000,
      lastAt: now,
      count: 3,
      command: 'postbearer app add device-192-0-2-7 --mailbox notes@example.com --network 192.0.2.7',
    },
  ]);
});

test.each([
  ['a known name', { fault: wrong, username: 'scanner' }, 'postbearer app rotate scanner --password-stdin'],
  [
    'an unknown name',
    { fault: wrong, username: 'copier@contoso.com' },
    'postbearer app add copier@contoso.com --mailbox notes@example.com --password-stdin',
  ],
  [
    'a name that a shell would run',
    { fault: wrong, username: "a'; rm -rf $HOME" },
    String.raw`postbearer app add 'a'\''; rm -rf $HOME' --mailbox notes@example.com --password-stdin`,
  ],
  [
    'a sender that is not allowed',
    {
      app: 'scanner',
      fault: accessFaults.make('ACCESS_SENDER_NOT_ALLOWED', { app: 'scanner', sender: 'b@example.com', allowed: 'a' }),
    },
    'postbearer app allow scanner --from b@example.com',
  ],
])('the one command that would admit %s', async (_, refusal, command) => {
  refusals.note({ address: '192.0.2.7', ...refusal });
  expect((await list()).map((each) => each.command)).toEqual([command]);
});

test('a flood is a bounded number of rows, the latest of them, and old ones go', async () => {
  refusals.note({ address: '198.51.100.1', fault: nobody });
  await refusals.flush();
  now += 31 * DAY_MS;
  for (let batch = 0; batch < 5; batch += 1) {
    for (let index = 0; index < 5000; index += 1) {
      now += 1;
      refusals.note({ address: '192.0.2.7', fault: wrong, username: `guess ${batch} ${index}` });
    }
    await refusals.flush();
  }
  const rows = await database.query(statement(tables.selectFrom('refusal').select('username')));
  if (!rows.ok) throw new Error(rows.fault.message);
  expect(rows.value.length).toBeLessThanOrEqual(1001);
  expect((await list()).every(({ address }) => address === '192.0.2.7')).toBe(true);
});

test('what a client says stays on its line', async () => {
  refusals.note({ address: '192.0.2.7', fault: wrong, username: `a\r\nb\u0000\u001b[31m${'x'.repeat(1000)}` });
  const [refused] = await list();
  // oxlint-disable-next-line no-control-regex -- control characters are what must not be there
  expect(refused?.username).not.toMatch(/[\u0000-\u001f]/);
  expect(refused?.username?.length).toBeLessThanOrEqual(140);
});
