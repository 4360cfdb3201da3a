/**
 * A program that stores rows for ever and says on standard output what became of each: `ack N`, `no N CODE`.
 *
 * `node writer.ts FILE WAY WRITERS [FIRST]`. The ways other than `ours` are the naive ones that a test has to catch: `early` answers
 * before the commit, `normal` sets synchronous=NORMAL, which flushes nothing at a commit.
 */
import { DatabaseSync } from 'node:sqlite';
import { openDatabase, prepare, sqlBuilder, type MigrationSet, type ValueNamed } from '../index.ts';

/** The table that it fills. */
export const rowTables: MigrationSet = {
  owner: 'rows',
  migrations: [
    { number: 1, name: 'rows', statements: ['create table kept (id bigint primary key, bytes bytea not null)'] },
  ],
};

type Store = (id: number, bytes: Uint8Array) => Promise<string | undefined> | string | undefined;

const db = sqlBuilder<{ kept: { id: number; bytes: Uint8Array } }>();
const insert = prepare((value: ValueNamed<{ id: number; bytes: Uint8Array }>) =>
  db.insertInto('kept').values({ id: value('id'), bytes: value('bytes') }),
);

async function ours(file: string): Promise<Store> {
  const opened = await openDatabase({ file }, { migrations: [rowTables] });
  if (!opened.ok) throw new Error(opened.fault.message);
  return async (id, bytes) => {
    const stored = await opened.value.batch([insert({ id, bytes })]);
    return stored.ok ? undefined : stored.fault.code;
  };
}

function naive(file: string, synchronous: string): { readonly connection: DatabaseSync; readonly store: Store } {
  const connection = new DatabaseSync(file);
  connection.exec(`pragma journal_mode = wal; pragma synchronous = ${synchronous}`);
  connection.exec('create table if not exists kept (id integer primary key, bytes blob not null)');
  const add = connection.prepare('insert into kept values (?, ?)');
  return { connection, store: (id, bytes) => void add.run(id, bytes) };
}

/** Answers at once, and commits what has gathered a little later. */
function early(file: string): Store {
  const { connection, store } = naive(file, 'full');
  connection.exec('begin');
  setInterval(() => connection.exec('commit; begin'), 50);
  return async (id, bytes) => {
    void store(id, bytes);
    // oxlint-disable-next-line promise/avoid-new -- lets the timer run
    await new Promise((resolve) => setImmediate(resolve));
    return undefined;
  };
}

async function main(): Promise<void> {
  const [, , file = '', way = 'ours', writers = '1', first = '0'] = process.argv;
  const store = way === 'ours' ? await ours(file) : way === 'early' ? early(file) : naive(file, 'normal').store;
  let next = Number(first);
  const write = async (): Promise<void> => {
    for (;;) {
      const id = next;
      next += 1;
      const refused = await store(id, new Uint8Array(2000).fill(id % 251));
      const line = refused === undefined ? `ack ${id}\n` : `no ${id} ${refused}\n`;
      // oxlint-disable-next-line promise/avoid-new -- not faster than somebody reads
      await new Promise((resolve) => process.stdout.write(line, resolve));
    }
  };
  await Promise.all(Array.from({ length: Number(writers) }, write));
}

if (import.meta.main) await main();
