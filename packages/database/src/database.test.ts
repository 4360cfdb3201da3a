import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { mustChange, prepare, sqlBuilder, type Database, type SqlValue, type ValueNamed } from './index.ts';
import { codeOf, must, onBothDatabases, raw } from './testing/databases.ts';

interface Thing {
  id: number;
  text: string | null;
  bytes: Uint8Array | null;
  real: number | null;
}

const db = sqlBuilder<{ thing: Thing }>();

const insert = prepare(
  (value: ValueNamed<{ id: number; text: string | null; bytes: Uint8Array | null; real: number | null }>) =>
    db.insertInto('thing').values({ id: value('id'), text: value('text'), bytes: value('bytes'), real: value('real') }),
);
const all = prepare(() => db.selectFrom('thing').selectAll().orderBy('id'));
const rename = prepare((value: ValueNamed<{ id: number; text: string }>) =>
  db
    .updateTable('thing')
    .set({ text: value('text') })
    .where('id', '=', value('id')),
);

const thing = (id: number, changes: Partial<Thing> = {}): Thing => ({
  id,
  text: 'a',
  bytes: null,
  real: null,
  ...changes,
});

async function withTable(open: () => Promise<Database>): Promise<Database> {
  const database = await open();
  const create = 'create table thing (id bigint primary key, text text, bytes bytea, real double precision)';
  must(await database.batch([raw(create)]));
  return database;
}

async function ids(database: Database): Promise<readonly number[]> {
  return must(await database.query(all({}))).map(({ id }) => id);
}

onBothDatabases((test) => {
  test('gives back what it was given', async ({ open }) => {
    const database = await withTable(open);
    const things = [
      thing(1, { text: 'Grüße \u{1f4ee} \'"\\ $1 ?', bytes: Uint8Array.from({ length: 256 }, (_, byte) => byte) }),
      thing(-2, { text: '', bytes: new Uint8Array(), real: 0.1 }),
      thing(Number.MAX_SAFE_INTEGER, { text: null, real: -1.5e-300 }),
    ];
    must(await database.batch(things.map((each) => insert({ ...each }))));
    const found = must(await database.query(all({})));
    expect(found.map((row) => ({ ...row }))).toEqual(things.toSorted((a, b) => a.id - b.id));
    // Rows are plain objects, and bytes plain bytes.
    for (const row of found) expect(Object.getPrototypeOf(row)).toBe(Object.prototype);
    expect(found[1]?.bytes?.constructor).toBe(Uint8Array);
  });

  test('takes the bytes as they are when it is asked', async ({ open }) => {
    const database = await withTable(open);
    const buffer = Buffer.from('before');
    const stored = database.batch([insert(thing(1, { bytes: buffer }))]);
    buffer.write('after!');
    must(await stored);
    const [row] = must(await database.query(all({})));
    expect(Buffer.from(row?.bytes ?? []).toString()).toBe('before');
  });

  test('refuses what a driver would store as something else', async ({ open }) => {
    const database = await withTable(open);
    const wrong: readonly unknown[] = [
      new Date(),
      undefined,
      true,
      {},
      [],
      1n,
      Symbol('x'),
      NaN,
      Infinity,
      2 ** 53,
      'a\0b',
    ];
    for (const value of wrong) {
      const values = { ...thing(1), text: value as string };
      expect(() => insert(values), typeof value).toThrow(TypeError);
    }
    expect(await ids(database)).toEqual([]);
  });

  test('gives counts, sums and truth as numbers, and refuses those that a number cannot hold', async ({ open }) => {
    const database = await withTable(open);
    must(await database.batch([insert(thing(1)), insert(thing(2))]));
    const asked =
      'select count(*) as n, sum(id) as s, (id > 1) as b, max(real) as r from thing where id = 2 group by id';
    expect(must(await database.query(raw(asked))).map((row) => ({ ...row }))).toEqual([{ n: 1, s: 2, b: 1, r: null }]);
    await expect(database.query(raw('select 9007199254740993 as n'))).rejects.toThrow(
      /beyond 2\^53|too large|out of range/i,
    );
    expect(await ids(database)).toEqual([1, 2]);
  });

  test('does all of a batch or nothing', async ({ open }) => {
    const database = await withTable(open);
    must(await database.batch([insert(thing(1))]));
    await expect(database.batch([insert(thing(2)), insert(thing(1))])).rejects.toThrow(/unique/i);
    await expect(database.batch([insert(thing(3)), raw('update nothing set x = 1')])).rejects.toThrow(/nothing/);
    expect(await ids(database)).toEqual([1]);
  });

  test('undoes a batch whose statement does not change as many rows as it must', async ({ open }) => {
    const database = await withTable(open);
    must(await database.batch([insert(thing(1))]));
    const once = (id: number, rows: number): Promise<unknown> =>
      database
        .batch([insert(thing(id)), mustChange(rename({ id: 1, text: 'b' }), rows), insert(thing(id + 1))])
        .then(must);
    expect(await once(10, 0)).toEqual({ done: false, statement: 1 });
    expect(await once(20, 2)).toEqual({ done: false, statement: 1 });
    expect(await ids(database)).toEqual([1]);
    expect(await once(30, 1)).toMatchObject({ done: true, results: [{ changed: 1 }, { changed: 1 }, { changed: 1 }] });
    // What comes after it and fails for want of it is not what is reported.
    const duplicate = await database.batch([mustChange(rename({ id: 99, text: 'b' }), 1), insert(thing(1))]);
    expect(must(duplicate)).toEqual({ done: false, statement: 0 });
    expect(await ids(database)).toEqual([1, 30, 31]);
    expect(() => mustChange(raw('delete from thing returning id'), 1)).toThrow('gives rows back');
  });

  test('gives the rows of each statement', async ({ open }) => {
    const database = await withTable(open);
    const outcome = await database.batch([
      insert(thing(1)),
      all({}),
      raw<{ id: number }>('delete from thing returning id'),
      all({}),
    ]);
    const { done, ...rest } = must(outcome);
    expect(done).toBe(true);
    expect(rest).toMatchObject({
      results: [{ rows: [], changed: 1 }, { rows: [{ id: 1 }] }, { rows: [{ id: 1 }], changed: 1 }, { rows: [] }],
    });
  });

  test('keeps batches that are asked for together apart', async ({ open }) => {
    const database = await withTable(open);
    const asked = Array.from({ length: 200 }, (_, id) => {
      // Every tenth breaks a constraint, every tenth does not change what it must.
      if (id % 10 === 3) return database.batch([insert(thing(id)), insert(thing(id))]);
      if (id % 10 === 7) return database.batch([insert(thing(id)), mustChange(rename({ id: -1, text: '' }), 1)]);
      return database.batch([insert(thing(id))]);
    });
    const outcomes = await Promise.allSettled(asked);
    const kept = Array.from({ length: 200 }, (_, id) => id).filter((id) => ![3, 7].includes(id % 10));
    expect(await ids(database)).toEqual(kept);
    expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(20);
  });

  test('lets two batches change one row, one after the other', async ({ open }) => {
    const database = await withTable(open);
    must(await database.batch([insert(thing(1, { real: 0 })), insert(thing(2, { real: 0 }))]));
    // In opposite orders: where the database finds a deadlock, it is done again.
    const add = (first: number, second: number): Promise<unknown> =>
      database.batch([first, second].map((id) => raw(`update thing set real = real + 1 where id = ${id}`))).then(must);
    await Promise.all(Array.from({ length: 4 }, (_, index) => (index % 2 === 0 ? add(1, 2) : add(2, 1))));
    expect(must(await database.query(all({}))).map(({ real }) => real)).toEqual([4, 4]);
  });

  test('changes nothing by a query', async ({ open }) => {
    const database = await withTable(open);
    await expect(database.query(raw('delete from thing returning id'))).rejects.toThrow('changes something');
    await expect(database.query(insert(thing(1)))).rejects.toThrow('changes something');
    expect(await ids(database)).toEqual([]);
  });

  test('tells subscribers, as long as they listen', async ({ open }) => {
    const database = await open();
    const heard: string[] = [];
    const first = database.subscribe('news', (payload) => heard.push(payload));
    const second = database.subscribe('other', (payload) => heard.push(payload === '' ? '' : 'never'));
    while (!heard.includes('one')) {
      database.notify('news', 'one');
      await sleep(5);
    }
    first.close();
    first.close();
    const count = heard.length;
    database.notify('news', 'two');
    must(await database.query(raw('select 1 as one')));
    await sleep(20);
    second.close();
    expect(heard.slice(count).filter((payload) => payload === 'two')).toEqual([]);
    expect(heard).not.toContain('never');
    expect(() => database.subscribe('no; drop table', () => undefined)).toThrow('not the name of a channel');
  });

  test('finishes what was asked before it closes, and answers everything after', async ({ open, place }) => {
    const database = await withTable(open);
    const asked = Array.from({ length: 50 }, (_, id) => database.batch([insert(thing(id))]));
    const closing = [database.close(), database.close()];
    for (const each of await Promise.all(asked)) must(each);
    await Promise.all(closing);
    expect(codeOf(await database.batch([insert(thing(100))]))).toBe('DATABASE_UNAVAILABLE');
    expect(codeOf(await database.query(all({})))).toBe('DATABASE_UNAVAILABLE');
    expect(Object.keys(place)).toHaveLength(1);
    expect(await ids(await open())).toHaveLength(50);
  });
});

it('compiles a text once, and fills in values by name', () => {
  const older = prepare((value: ValueNamed<{ name: string; age: number }>) =>
    sqlBuilder<{ person: { name: string; age: number } }>()
      .selectFrom('person')
      .select('name')
      .where('age', '>', value('age'))
      .where('name', '<>', value('name'))
      .where('age', '<', 99)
      .where('name', '<>', value('name')),
  );
  const { text, values, reads } = older({ name: 'Ann', age: 40 });
  expect(text).toBe('select "name" from "person" where "age" > $1 and "name" <> $2 and "age" < $3 and "name" <> $4');
  expect(values).toEqual<SqlValue[]>([40, 'Ann', 99, 'Ann']);
  expect(reads).toBe(true);
});
