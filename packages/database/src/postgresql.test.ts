import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, connect, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Secret } from '@postbearer/core';
import pg from 'pg';
import { describe, expect } from 'vitest';
import { itWithTool } from '../../../tests/setup/foreign-tools.ts';
import { postgresqlForThisFile } from '../../../tests/setup/postgresql.ts';
import { mustChange, openDatabase, prepare, sqlBuilder, type Database, type ValueNamed } from './index.ts';
import { codeOf, must, raw } from './testing/databases.ts';

const server = postgresqlForThisFile();

const db = sqlBuilder<{ kept: { id: number } }>();
const insert = prepare((value: ValueNamed<{ id: number }>) => db.insertInto('kept').values({ id: value('id') }));
const all = prepare(() => db.selectFrom('kept').select('id').orderBy('id'));
const createKept = raw('create table kept (id bigint primary key)');

async function withOpen(url: Secret, work: (database: Database) => Promise<void>): Promise<void> {
  const database = must(await openDatabase({ url }));
  try {
    await work(database);
  } finally {
    await database.close();
  }
}

async function idsIn(database: Database): Promise<readonly number[]> {
  return must(await database.query(all({}))).map(({ id }) => id);
}

/** Waits until a batch is taken again. */
async function untilBack(database: Database, id: number): Promise<void> {
  for (;;) {
    const stored = await database.batch([insert({ id })]).catch(() => undefined);
    if (stored === undefined || stored.ok) return;
    await sleep(20);
  }
}

describe('a server that goes away', () => {
  for (const how of ['SIGQUIT', 'SIGKILL', 'SIGINT'] as const) {
    itWithTool(
      'postgresql',
      `keeps what was confirmed, answers while it is down, and is used again when it is back (${how})`,
      async (path) => {
        const running = await server(path);
        await withOpen(await running.newDatabase(), async (database) => {
          must(await database.batch([createKept]));
          const acked: number[] = [];
          const refused = new Map<number, string>();
          let next = 0;
          const over = new AbortController();
          const write = async (): Promise<void> => {
            while (!over.signal.aborted) {
              const id = next;
              next += 1;
              const stored = await database.batch([insert({ id })]);
              if (stored.ok) acked.push(id);
              else {
                refused.set(id, stored.fault.code);
                await sleep(1);
              }
            }
          };
          const writers = Promise.all(Array.from({ length: 12 }, write));
          while (acked.length < 100) await sleep(2);
          await running.stop(how);
          while (refused.size < 50) await sleep(2);
          expect(codeOf(await database.query(all({})))).toBe('DATABASE_UNAVAILABLE');
          await running.start();
          const before = acked.length;
          while (acked.length < before + 100) await sleep(2);
          over.abort();
          await writers;
          const stored = new Set(await idsIn(database));
          expect(acked.filter((id) => !stored.has(id))).toEqual([]);
          // What was refused as not stored is not there.
          const surely = [...refused].filter(([, code]) => code === 'DATABASE_UNAVAILABLE').map(([id]) => id);
          expect(surely.filter((id) => stored.has(id))).toEqual([]);
          expect(
            new Set(refused.values()).difference(new Set(['DATABASE_UNAVAILABLE', 'DATABASE_OUTCOME_UNKNOWN'])).size,
          ).toBe(0);
        });
      },
      60_000,
    );
  }

  itWithTool(
    'postgresql',
    'is listened to again, and subscribers hear that something may have been missed',
    async (path) => {
      const running = await server(path);
      await withOpen(await running.newDatabase(), async (database) => {
        must(await database.batch([createKept]));
        const heard: string[] = [];
        const subscription = database.subscribe('news', (payload) => heard.push(payload));
        while (!heard.includes('')) await sleep(5);
        await running.stop('SIGQUIT');
        await running.start();
        heard.length = 0;
        await untilBack(database, 1);
        while (!heard.includes('')) await sleep(5);
        while (!heard.includes('again')) {
          database.notify('news', 'again');
          await sleep(5);
        }
        subscription.close();
      });
    },
  );

  itWithTool('postgresql', 'is answered for at once while it is known to be down', async (path) => {
    const running = await server(path);
    await withOpen(await running.newDatabase(), async (database) => {
      must(await database.batch([createKept]));
      await running.stop('SIGQUIT');
      const codes = await Promise.all(
        Array.from({ length: 500 }, (_, id) => database.batch([insert({ id })]).then(codeOf)),
      );
      expect(new Set(codes)).toEqual(new Set(['DATABASE_UNAVAILABLE']));
      await running.start();
      await untilBack(database, 1);
    });
  });
});

async function onTwoNodes(url: Secret, work: (one: Database, other: Database) => Promise<void>): Promise<void> {
  await withOpen(url, async (one) => await withOpen(url, async (other) => await work(one, other)));
}

describe('batches that wait together', () => {
  itWithTool('postgresql', 'are committed together, and one that fails takes no other with it', async (path) => {
    await withOpen(await (await server(path)).newDatabase(), async (database) => {
      must(await database.batch([raw('create table kept (id bigint primary key, n bigint not null default 0)')]));
      const missing = mustChange(raw('update kept set n = 1 where id = -1'), 1);
      const batches = Array.from({ length: 30 }, (_, id) => [insert({ id })]);
      for (const each of await Promise.all(batches.map((batch) => database.batch(batch)))) must(each);
      const transactions = raw<{ n: number }>('select count(distinct xmin::text) as n from kept where id < 30');
      expect(must(await database.query(transactions))[0]?.n).toBeLessThanOrEqual(2);
      const ended = await Promise.allSettled(
        [
          [insert({ id: 30 })],
          [insert({ id: 31 }), missing],
          [insert({ id: 1 })],
          [raw('no such statement')],
          [insert({ id: 32 }), insert({ id: 33 })],
          [insert({ id: 34 })],
        ].map((batch) => database.batch(batch)),
      );
      expect(ended.map((each) => (each.status === 'rejected' ? 'bug' : must(each.value)))).toMatchObject([
        { done: true },
        { done: false, statement: 1 },
        'bug',
        'bug',
        { done: true, results: [{ changed: 1 }, { changed: 1 }] },
        { done: true },
      ]);
      expect((await idsIn(database)).slice(30)).toEqual([30, 32, 33, 34]);
    });
  });
});

describe('a table that a newer node alters', () => {
  itWithTool('postgresql', 'is read and written on by connections that knew it before', async (path) => {
    await onTwoNodes(await (await server(path)).newDatabase(), async (older, newer) => {
      const whole = prepare(() => db.selectFrom('kept').selectAll().orderBy('id'));
      const add = prepare((value: ValueNamed<{ id: number }>) =>
        db
          .insertInto('kept')
          .values({ id: value('id') })
          .returningAll(),
      );
      must(await older.batch([createKept]));
      must(await older.batch([add({ id: 1 })]));
      expect(must(await older.query(whole({})))).toEqual([{ id: 1 }]);
      must(await newer.batch([raw(`alter table kept add column note text default 'new'`)]));
      expect(must(await older.query(whole({})))).toEqual([{ id: 1, note: 'new' }]);
      const [second, third] = await Promise.all([older.batch([add({ id: 2 })]), older.batch([insert({ id: 3 })])]);
      expect([must(second).done, must(third).done]).toEqual([true, true]);
      expect(must(await older.query(whole({})))).toHaveLength(3);
    });
  });
});

describe('two batches in each other’s way', () => {
  itWithTool('postgresql', 'are both done', async (path) => {
    const url = await (await server(path)).newDatabase();
    await onTwoNodes(url, async (database, other) => {
      must(await database.batch([raw('create table tally (id bigint primary key, n bigint not null)')]));
      must(await database.batch([raw('insert into tally values (1, 0), (2, 0)')]));
      const add = (id: number): ReturnType<typeof raw> => raw(`update tally set n = n + 1 where id = ${id}`);
      // Each has its first row before it asks for the other's: the server ends one of them.
      const pause = raw('select pg_sleep(0.3)');
      const done = [database, other].map((node, index) => node.batch([add(1 + index), pause, add(2 - index)]));
      for (const each of await Promise.all(done)) must(each);
      const tally = must(await database.query(raw<{ n: number }>('select n from tally order by id')));
      expect(tally).toEqual([{ n: 2 }, { n: 2 }]);
      // It really came to that.
      const asked = `select deadlocks from pg_stat_database where datname = current_database()`;
      let deadlocks = 0;
      while (deadlocks === 0) {
        await sleep(20);
        deadlocks = must(await database.query(raw<{ deadlocks: number }>(asked)))[0]?.deadlocks ?? 0;
      }
    });
  });
});

/** Stands between us and the server, and breaks the line at the first commit: that of an insert. */
class Cutter {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'cut-'));
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** What happens to the next commit: it reaches the server and the answer is lost, or it does not reach it. */
  next: 'pass' | 'lose-answer' | 'lose-commit' = 'pass';

  constructor(target: string) {
    this.#server = createServer((client) => {
      const upstream = connect(target);
      for (const socket of [client, upstream]) {
        this.#sockets.add(socket);
        socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket));
      }
      const end = (): void => {
        client.destroy();
        upstream.destroy();
      };
      client.on('close', end);
      upstream.on('close', end);
      let isLosing = false;
      client.on('data', (bytes: Buffer) => {
        const isCommit = this.next !== 'pass' && bytes.includes('insert into');
        if (isCommit && this.next === 'lose-commit') return end();
        if (isCommit) isLosing = true;
        upstream.write(bytes);
      });
      upstream.on('data', (bytes: Buffer) => {
        // The server is ready again, outside a transaction: the commit has happened.
        if (isLosing && bytes.includes('Z\0\0\0\u0005I')) return end();
        if (!isLosing) client.write(bytes);
      });
    });
  }

  async listen(): Promise<void> {
    await once(this.#server.listen(join(this.folder, '.s.PGSQL.5432')), 'listening');
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

describe('a line that breaks at the commit', () => {
  const isThere = async (path: string, next: Cutter['next']): Promise<{ code: string; ids: readonly number[] }> => {
    const url = await (await server(path)).newDatabase();
    const parsed = new URL(url.reveal());
    const cutter = new Cutter(join(parsed.searchParams.get('host') ?? '', '.s.PGSQL.5432'));
    await cutter.listen();
    parsed.searchParams.set('host', cutter.folder);
    const found: { code: string; ids: readonly number[] } = { code: '', ids: [] };
    await withOpen(Secret.of(parsed.href), async (database) => {
      must(await database.batch([createKept]));
      cutter.next = next;
      found.code = codeOf(await database.batch([insert({ id: 1 })]));
      cutter.next = 'pass';
      found.ids = await idsIn(database);
    });
    await cutter.close();
    return found;
  };

  itWithTool('postgresql', 'leaves it unknown whether it was stored, and it was', async (path) => {
    expect(await isThere(path, 'lose-answer')).toEqual({ code: 'DATABASE_OUTCOME_UNKNOWN', ids: [1] });
  });

  itWithTool('postgresql', 'leaves it unknown whether it was stored, and it was not', async (path) => {
    expect(await isThere(path, 'lose-commit')).toEqual({ code: 'DATABASE_OUTCOME_UNKNOWN', ids: [] });
  });
});

describe('a server that does not keep what it confirms', () => {
  const alter = async (url: Secret, text: string): Promise<void> => {
    const client = new pg.Client(url.reveal());
    await client.connect();
    await client.query(text);
    await client.end();
  };

  itWithTool('postgresql', 'is refused', async (path) => {
    const running = await server(path);
    const url = await running.newDatabase();
    await alter(url, 'alter system set full_page_writes = off');
    await alter(url, 'select pg_reload_conf()');
    let refused = await openDatabase({ url });
    // The server takes up its settings a moment later.
    while (refused.ok) {
      await refused.value.close();
      await sleep(10);
      refused = await openDatabase({ url });
    }
    expect(codeOf(refused)).toBe('DATABASE_NOT_DURABLE');
    expect(refused.fault.message).toBe(
      'The database is set to full_page_writes = off, but full_page_writes = on is needed.',
    );
    await alter(url, 'alter system reset full_page_writes');
    await alter(url, 'select pg_reload_conf()');
    while (!refused.ok) {
      await sleep(10);
      refused = await openDatabase({ url });
    }
    await refused.value.close();
  });

  itWithTool('postgresql', 'is told to wait for the disk, whatever its default', async (path) => {
    const url = await (await server(path)).newDatabase();
    const name = new URL(url.reveal()).pathname.slice(1);
    await alter(url, `alter database ${name} set synchronous_commit = off`);
    await withOpen(url, async (database) => {
      const asked = raw<{ value: string }>(`select current_setting('synchronous_commit') as value`);
      expect(must(await database.query(asked))).toEqual([{ value: 'on' }]);
    });
    await alter(url, `alter database ${name} set synchronous_commit = remote_apply`);
    await withOpen(url, async (database) => {
      const asked = raw<{ value: string }>(`select current_setting('synchronous_commit') as value`);
      expect(must(await database.query(asked))).toEqual([{ value: 'remote_apply' }]);
    });
  });
});

describe('a server that refuses us', () => {
  itWithTool('postgresql', 'says why, without a password', async (path) => {
    const url = new URL((await (await server(path)).newDatabase()).reveal());
    url.pathname = '/no-such-database';
    url.password = 'hunter2-secret';
    const refused = await openDatabase({ url: Secret.of(url.href) });
    expect(codeOf(refused)).toBe('DATABASE_REFUSED');
    expect(refused.ok ? '' : refused.fault.message).toContain('"no-such-database" does not exist');
    expect(JSON.stringify(refused)).not.toContain('hunter2');
  });

  itWithTool('postgresql', 'makes no backup for us', async (path) => {
    await withOpen(await (await server(path)).newDatabase(), async (database) => {
      expect(codeOf(await database.backup('/nowhere'))).toBe('DATABASE_BACKUP_UNSUPPORTED');
    });
  });
});
