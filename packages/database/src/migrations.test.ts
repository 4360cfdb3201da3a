import { expect } from 'vitest';
import { openDatabase, type DatabasePlace, type Migration, type MigrationSet } from './index.ts';
import { codeOf, must, onBothDatabases, raw } from './testing/databases.ts';

const STEPS: readonly Migration[] = [
  {
    number: 1,
    name: 'notes',
    statements: ['create table note (text text not null)', `insert into note values ('one')`],
  },
  {
    number: 2,
    name: 'when',
    statements: ['alter table note add column made_at bigint', `update note set made_at = 2`],
  },
  { number: 3, name: 'index', statements: ['create index note_made on note (made_at)'] },
];

const set = (count: number, owner = 'notes'): MigrationSet => ({ owner, migrations: STEPS.slice(0, count) });

async function notes(place: DatabasePlace, sets: readonly MigrationSet[]): Promise<unknown> {
  const database = must(await openDatabase(place, { migrations: sets }));
  try {
    return must(await database.query(raw('select * from note'))).map((row) => ({ ...row }));
  } finally {
    await database.close();
  }
}

onBothDatabases((test) => {
  test('goes from every version to the last, and again does nothing', async ({ place }) => {
    expect(await notes(place, [set(1)])).toEqual([{ text: 'one' }]);
    expect(await notes(place, [set(2)])).toEqual([{ text: 'one', made_at: 2 }]);
    expect(await notes(place, [set(3)])).toEqual([{ text: 'one', made_at: 2 }]);
    expect(await notes(place, [set(3)])).toEqual([{ text: 'one', made_at: 2 }]);
  });

  test('goes to the last version at once', async ({ place }) => {
    expect(await notes(place, [set(3)])).toEqual([{ text: 'one', made_at: 2 }]);
  });

  test('refuses tables of a newer version, and names both', async ({ place }) => {
    await notes(place, [set(3)]);
    const refused = await openDatabase(place, { migrations: [set(2)] });
    expect(codeOf(refused)).toBe('DATABASE_SCHEMA_NEWER');
    expect(refused.ok ? '' : refused.fault.message).toBe(
      'The tables of "notes" have version 3, and this version of Postbearer knows them up to version 2.',
    );
    // The control: nothing was changed, and the version that knows them opens them.
    expect(await notes(place, [set(3)])).toEqual([{ text: 'one', made_at: 2 }]);
  });

  test('undoes a step that fails, and keeps those before it', async ({ place }) => {
    const broken: MigrationSet = {
      owner: 'notes',
      migrations: [
        ...STEPS.slice(0, 1),
        { number: 2, name: 'broken', statements: ['create table half (x bigint)', 'insert into nowhere values (1)'] },
      ],
    };
    await expect(openDatabase(place, { migrations: [broken] })).rejects.toThrow(/nowhere/);
    expect(await notes(place, [set(1)])).toEqual([{ text: 'one' }]);
    const database = must(await openDatabase(place));
    await expect(database.query(raw('select * from half'))).rejects.toThrow(/half/);
    await database.close();
    expect(await notes(place, [set(2)])).toEqual([{ text: 'one', made_at: 2 }]);
  });

  test('keeps the versions of several owners apart', async ({ place }) => {
    const other: MigrationSet = {
      owner: 'other',
      migrations: [{ number: 1, name: 'things', statements: ['create table thing (x bigint)'] }],
    };
    await notes(place, [set(1), other]);
    expect(await notes(place, [other, set(3)])).toEqual([{ text: 'one', made_at: 2 }]);
  });

  test('refuses steps that are not numbered one after the other', async ({ place }) => {
    const gap: MigrationSet = { owner: 'notes', migrations: [STEPS[0], STEPS[2]].filter((step) => step !== undefined) };
    await expect(openDatabase(place, { migrations: [gap] })).rejects.toThrow('Step 2 of "notes" has the number 3.');
  });

  test('does each step once when several nodes start together', async ({ place }) => {
    if ('file' in place) return;
    const opened = await Promise.all([1, 2, 3, 4].map(() => openDatabase(place, { migrations: [set(3)] })));
    for (const each of opened) await must(each).close();
    expect(await notes(place, [set(3)])).toEqual([{ text: 'one', made_at: 2 }]);
  });
});
