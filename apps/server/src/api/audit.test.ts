import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, type MailboxAddress, type Result } from '@postbearer/core';
import { openDatabase, prepare, sqlBuilder, statement, type Database } from '@postbearer/database';
import { createQueue, queueMigrations, type Queue } from '@postbearer/queue';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openAppRegistry, type AppRegistry } from '../access/app-registry.ts';
import { removeOldAudit } from '../access/audit-log.ts';
import { openKeyRegistry, type KeyRegistry } from '../access/key-registry.ts';
import { accessMigrations } from '../access/schema.ts';
import { createControl, type Control } from './control.ts';

const MAILBOX = 'notes@example.com' as MailboxAddress;
const LANE = `default/${MAILBOX}`;
const ACTOR = 'cli alice';
const DAY_MS = 24 * 60 * 60_000;

let root = '';
let database: Database;
let queue: Queue;
let apps: AppRegistry;
let keys: KeyRegistry;
let control: Control;
let messageId = '';
let backups = 0;

function must<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.fault.message);
  return result.value;
}

function notAsked(): never {
  throw new Error('No change asks for this.');
}

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'audit-'));
  const file = join(root, 'data.db');
  database = must(await openDatabase({ file }, { migrations: [queueMigrations, accessMigrations] }));
  queue = must(await createQueue(database));
  apps = must(await openAppRegistry(database, systemClock));
  keys = must(await openKeyRegistry(database, systemClock));
  backups = 0;
  control = createControl({
    database,
    queue,
    apps,
    keys,
    clock: systemClock,
    migration: { report: notAsked, messages: notAsked },
    today: () => Promise.resolve(undefined),
    makeBackup: (copy) => {
      backups += 1;
      return Promise.resolve({ ok: true, value: { file: copy, sizeBytes: 1, tookMs: 1 } });
    },
  });
  must(await control.addApp({ app: { name: 'scanner', mailboxes: [MAILBOX] }, actor: ACTOR }));
  must(await control.addKey({ key: { name: 'shop', scopes: ['send'], mailboxes: [MAILBOX] }, actor: ACTOR }));
  must(await control.holdLane({ lane: LANE, sender: '', actor: ACTOR }));
  const about = { lane: LANE, app: 'scanner', from: MAILBOX, messageId: '<1@example.com>' };
  const envelope = { sender: MAILBOX, recipients: [MAILBOX] };
  messageId = must(await queue.enqueue({ ...about, envelope }, new TextEncoder().encode('Subject: x\r\n\r\n'))).id;
});

afterEach(async () => {
  await apps.close();
  await keys.close();
  await queue.stop();
  await database.close();
  await rm(root, { recursive: true });
});

/** Every operation that changes something: whoever adds one to `Control` with an actor adds it here. */
const CHANGES = {
  changeMessage: async () => await control.changeMessage({ id: messageId, verb: 'discard', actor: ACTOR }),
  holdLane: async () => await control.holdLane({ lane: LANE, sender: 'other@example.com', actor: ACTOR }),
  releaseLane: async () => await control.releaseLane({ lane: LANE, sender: '', actor: ACTOR }),
  addApp: async () => await control.addApp({ app: { name: 'printer', mailboxes: [MAILBOX] }, actor: ACTOR }),
  addAppWithPassword: async () =>
    await control.addAppWithPassword({
      app: { name: 'printer', mailboxes: [MAILBOX] },
      password: 'a-long-enough-password-7',
      actor: ACTOR,
    }),
  allowApp: async () => await control.allowApp({ app: { name: 'scanner', from: ['b@example.com'] }, actor: ACTOR }),
  rotateApp: async () => await control.rotateApp({ name: 'scanner', graceMs: 0, actor: ACTOR }),
  setAppPassword: async () =>
    await control.setAppPassword({ name: 'scanner', password: 'another-long-password-7', graceMs: 0, actor: ACTOR }),
  learnApps: async () =>
    await control.learnApps({
      learn: { network: '192.0.2.0/24', mailboxes: [MAILBOX], forMs: 60_000, fromRule: 'rewrite', isPublicMeant: true },
      actor: ACTOR,
    }),
  removeApp: async () => await control.removeApp({ name: 'scanner', actor: ACTOR }),
  addKey: async () => await control.addKey({ key: { name: 'other', scopes: ['read'] }, actor: ACTOR }),
  revokeKey: async () => await control.revokeKey({ name: 'shop', actor: ACTOR }),
  backup: async () => await control.backup({ file: '/nowhere/copy.db', actor: ACTOR }),
} as const satisfies Partial<Record<keyof Control, () => Promise<Result<unknown>>>>;

const db = sqlBuilder<Record<string, { name: string }>>();

/** Everything in the tables that operators change. */
async function everything(): Promise<string> {
  const found = sqlBuilder<{ sqlite_master: { name: string; type: string } }>();
  const names = must(
    await database.query(
      prepare(() => found.selectFrom('sqlite_master').select('name').where('type', '=', 'table'))({}),
    ),
  );
  const rows: unknown[] = [];
  for (const { name } of names.filter((each) => each.name !== 'audit' && !each.name.startsWith('sqlite_')))
    rows.push([name, must(await database.query(statement(db.selectFrom(name).selectAll())))]);
  return JSON.stringify(rows);
}

describe('a change by an operator', () => {
  test.each(Object.keys(CHANGES) as (keyof typeof CHANGES)[])(
    '%s stands in the record with who did it',
    async (name) => {
      const before = must(await control.listAudit({})).length;
      must<unknown>(await CHANGES[name]());
      const records = must(await control.listAudit({}));
      expect(records).toHaveLength(before + 1);
      expect(records[0]?.actor).toBe(ACTOR);
      expect(JSON.stringify(records)).not.toMatch(/password-7/);
    },
  );

  test.each(Object.keys(CHANGES) as (keyof typeof CHANGES)[])(
    '%s is not done where its record cannot be stored',
    async (name) => {
      const schema = sqlBuilder<{
        audit: { id: string; at: number; actor: string; action: string; subject: string; details: string };
      }>();
      const before = await everything();
      // Every record has an id that is there already: storing it breaks a constraint, as a full disk breaks the batch.
      const real = database.batch.bind(database);
      const broken: Database['batch'] = async (statements) => {
        const isRecord = statements.some(({ text }) => /insert into "audit"/.test(text));
        if (!isRecord) return await real(statements);
        const same = prepare(() =>
          schema.insertInto('audit').values({ id: 'same', at: 0, actor: '', action: '', subject: '', details: '{}' }),
        );
        await real([...statements, same({}), same({})]);
        throw new Error('The record was stored all the same.');
      };
      Object.defineProperty(database, 'batch', { value: broken, configurable: true });
      const ended = await CHANGES[name]().then(
        ({ ok }) => ok,
        () => false,
      );
      Reflect.deleteProperty(database, 'batch');
      expect(ended).toBe(false);
      expect(await everything()).toBe(before);
      expect(backups).toBe(0);
      // Control: with a record that can be stored, the same changes something.
      must<unknown>(await CHANGES[name]());
      if (name === 'backup') expect(backups).toBe(1);
      else expect(await everything()).not.toBe(before);
    },
  );

  test('every operation with an actor is among those above', () => {
    const changing = Object.keys(control).filter(
      (name) => !/^(?:status|trace|list|show|export|messageSource|migrationStatus|migrationMessages)/.test(name),
    );
    expect(changing.toSorted()).toEqual(Object.keys(CHANGES).toSorted());
  });

  test('is forgotten after 400 days and not before', async () => {
    const kept = must(await control.listAudit({})).length;
    must(await removeOldAudit(database, Date.now() + 399 * DAY_MS));
    expect(must(await control.listAudit({}))).toHaveLength(kept);
    must(await removeOldAudit(database, Date.now() + 401 * DAY_MS));
    expect(must(await control.listAudit({}))).toEqual([]);
  });
});
