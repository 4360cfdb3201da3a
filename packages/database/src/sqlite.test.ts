import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { databaseFaults, openDatabase, prepare, sqlBuilder, type Database, type ValueNamed } from './index.ts';
import { SqliteFile } from './sqlite/sqlite-file.ts';
import { codeOf, must, raw, temporaryFolder } from './testing/databases.ts';

const folder = temporaryFolder();
let files = 0;

function newFile(): string {
  files += 1;
  return join(folder, String(files), 'deeper', 'queue.db');
}

async function withOpen(file: string, work: (database: Database) => Promise<void>): Promise<void> {
  const database = must(await openDatabase({ file }));
  try {
    await work(database);
  } finally {
    await database.close();
  }
}

const db = sqlBuilder<{ kept: { id: number; bytes: Uint8Array } }>();
const insert = prepare((value: ValueNamed<{ id: number; bytes: Uint8Array }>) =>
  db.insertInto('kept').values({ id: value('id'), bytes: value('bytes') }),
);
const createKept = raw('create table kept (id bigint primary key, bytes bytea not null)');

describe('a SQLite file', () => {
  it.skipIf(process.platform === 'win32')('is made for its owner alone, with its folder', async () => {
    const file = newFile();
    await withOpen(file, async (database) => {
      must(await database.batch([createKept]));
      const modes = [join(file, '..'), file, `${file}-wal`].map((path) => statSync(path).mode & 0o777);
      expect(modes).toEqual([0o700, 0o600, 0o600]);
    });
  });

  it('leaves a folder that is there as it is', async () => {
    const file = newFile();
    mkdirSync(join(file, '..'), { recursive: true, mode: 0o755 });
    await withOpen(file, async () => undefined);
    expect(statSync(join(file, '..')).mode & 0o777).toBe(0o755);
  });

  it('is set to lose nothing, which is asked back', async () => {
    await withOpen(newFile(), async (database) => {
      const settings = ['journal_mode', 'synchronous', 'foreign_keys', 'locking_mode'];
      const outcome = must(await database.batch(settings.map((name) => raw(`pragma ${name}`))));
      if (!outcome.done) throw new Error('undone');
      expect(outcome.results.map(({ rows }) => Object.values(rows[0] ?? {})[0])).toEqual(['wal', 2, 1, 'exclusive']);
    });
  });

  it('is refused where it cannot be set so', () => {
    // A database in memory has no log: the one kind of "file" that cannot be made durable. A file of that name is made first.
    onTestFinished(() => rmSync(':memory:', { force: true }));
    const opened = SqliteFile.open(':memory:');
    expect(codeOf(opened)).toBe('DATABASE_NOT_DURABLE');
    expect(opened.ok ? '' : opened.fault.message).toContain('journal_mode = memory');
  });

  it('is refused to a second user, in this process and in another', async () => {
    const file = newFile();
    await withOpen(file, async () => {
      const second = await openDatabase({ file });
      expect(codeOf(second)).toBe('DATABASE_IN_USE');
      expect(second.ok ? '' : second.fault.message).toBe(`The database file ${file} is in use by another process.`);
      const program = `const { openDatabase } = await import(${JSON.stringify(new URL('index.ts', import.meta.url).href)});
        const opened = await openDatabase({ file: ${JSON.stringify(file)} });
        console.log(opened.ok ? 'open' : opened.fault.code);`;
      const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
      expect(stdout).toBe('DATABASE_IN_USE\n');
    });
    await withOpen(file, async () => undefined);
  });

  it('is refused where it is something else, or damaged', async () => {
    const file = newFile();
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, 'This is no database. '.repeat(500));
    expect(codeOf(await openDatabase({ file }))).toBe('DATABASE_FILE_UNUSABLE');
    expect(readFileSync(file, 'utf8')).toMatch(/^This is no database/);
    expect(codeOf(await openDatabase({ file: join(file, 'below-a-file', 'x.db') }))).toBe('DATABASE_FILE_UNUSABLE');
  });

  it('keeps its log bounded', { timeout: 60_000 }, async () => {
    const file = newFile();
    await withOpen(file, async (database) => {
      must(await database.batch([createKept]));
      const bytes = new Uint8Array(100_000);
      for (let round = 0; round < 20; round += 1) {
        const ids = Array.from({ length: 40 }, (_, index) => round * 40 + index);
        await Promise.all(ids.map((id) => database.batch([insert({ id, bytes })])));
      }
      expect(statSync(file).size).toBeGreaterThan(50_000_000);
      expect(statSync(`${file}-wal`).size).toBeLessThan(40_000_000);
    });
    expect(existsSync(`${file}-wal`)).toBe(false);
  });

  it('takes a batch larger than its cache', { timeout: 60_000 }, async () => {
    await withOpen(newFile(), async (database) => {
      must(await database.batch([createKept]));
      const bytes = new Uint8Array(1_000_000).fill(7);
      must(await database.batch(Array.from({ length: 40 }, (_, id) => insert({ id, bytes }))));
      const sum = 'select count(*) as n, sum(length(bytes)) as b from kept';
      expect(must(await database.query(raw(sum)))).toEqual([{ n: 40, b: 40_000_000 }]);
    });
  });
});

describe('a backup', () => {
  it('is whole, taken while others write, and holds no half batch', { timeout: 60_000 }, async () => {
    const file = newFile();
    await withOpen(file, async (database) => {
      must(await database.batch([createKept]));
      const bytes = new Uint8Array(20_000).fill(1);
      const pair = (id: number): Promise<unknown> =>
        database.batch([insert({ id, bytes }), insert({ id: id + 0.5, bytes })]).then(must);
      for (let id = 0; id < 300; id += 1) await pair(id);
      const done = new AbortController();
      let id = 1000;
      const writing = (async () => {
        while (!done.signal.aborted) {
          await pair(id);
          id += 1;
          // A batch that is undone must leave no trace in the copy.
          await database.batch([insert({ id: id + 100_000, bytes }), insert({ id: 0, bytes })]).catch(() => undefined);
        }
      })();
      const copies = ['a', 'b', 'c'].map((name) => join(folder, `copy-${name}.db`));
      for (const copy of copies) must(await database.backup(copy));
      done.abort();
      await writing;
      expect(id).toBeGreaterThan(1000);
      for (const copy of copies) {
        expect(statSync(copy).mode & 0o777).toBe(0o600);
        const connection = new DatabaseSync(copy);
        expect(connection.prepare('pragma integrity_check').get()).toMatchObject({ integrity_check: 'ok' });
        const rows = connection.prepare('select id from kept').all() as { id: number }[];
        connection.close();
        const ids = new Set(rows.map((row) => row.id));
        expect(ids.size).toBeGreaterThanOrEqual(600);
        const halves = [...ids].filter((each) => Number.isInteger(each) && !ids.has(each + 0.5));
        expect(halves).toEqual([]);
        expect([...ids].filter((each) => each >= 100_000)).toEqual([]);
      }
    });
  });

  it('leaves an older copy alone where it fails, and says why', async () => {
    await withOpen(newFile(), async (database) => {
      const target = join(folder, 'no-such-folder', 'copy.db');
      const refused = await database.backup(target);
      expect(codeOf(refused)).toBe('DATABASE_BACKUP_FAILED');
      expect(existsSync(`${target}.partial`)).toBe(false);
      const twice = await Promise.all([1, 2].map((n) => database.backup(join(folder, `twice-${n}.db`))));
      expect(twice.filter((each) => each.ok)).toHaveLength(1);
    });
  });
});

it('has a remedy for each fault', () => {
  for (const { remedy } of Object.values(databaseFaults.definitions)) expect(remedy.steps.length).toBeGreaterThan(0);
});
