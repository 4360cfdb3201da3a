/**
 * Who hands in mail, and with which kind of sign-in: so that an administrator sees what still uses which before it is taken away.
 *
 * What happens is counted in memory and written once a minute, so that a message costs an addition. A crash forgets the last
 * minute. A row holds the app, how it proved who it is and over which connection, from where last, and how often; it is kept for
 * 400 days.
 */
import { success, type Clock, type ClockTimer, type Result } from '@postbearer/core';
import { prepare, type Database, type ValueNamed } from '@postbearer/database';
import { db, type AccessTables } from './schema.ts';

/** How whoever hands in proved who it is: a mechanism of SMTP AUTH, an address that is allowed, an account of the machine, an API key. */
export type SignInKind = 'PLAIN' | 'LOGIN' | 'address' | 'account' | 'key';

/** One message that was handed in. */
export interface HandedIn {
  readonly app: string;
  readonly kind: SignInKind;
  /** The kind of listener it came to; empty where it came otherwise. */
  readonly security: 'starttls' | 'tls' | 'plain' | '';
  /** From where; empty where that says nothing. */
  readonly address: string;
}

/** How an app hands in, over restarts and all nodes. */
export interface AppUse extends HandedIn {
  /** Milliseconds since 1970. */
  readonly firstAt: number;
  readonly lastAt: number;
  /** Messages. */
  readonly count: number;
}

const FLUSH_MS = 60_000;
const KEPT_MS = 400 * 24 * 3_600_000;

type Row = AccessTables['app_use'];

const addRow = prepare((value: ValueNamed<{ readonly [Column in keyof Row]: Row[Column] }>) =>
  db
    .insertInto('app_use')
    .values({
      app: value('app'),
      kind: value('kind'),
      security: value('security'),
      address: value('address'),
      first_at: value('first_at'),
      last_at: value('last_at'),
      count: value('count'),
    })
    .onConflict((conflict) =>
      conflict.columns(['app', 'kind', 'security']).doUpdateSet((excluded) => ({
        address: excluded.ref('excluded.address'),
        last_at: excluded.ref('excluded.last_at'),
        count: excluded('app_use.count', '+', excluded.ref('excluded.count')),
      })),
    ),
);

const removeOld = prepare((value: ValueNamed<{ before: number }>) =>
  db.deleteFrom('app_use').where('last_at', '<', value('before')),
);

const allRows = prepare(() => db.selectFrom('app_use').selectAll().orderBy('app').orderBy('last_at', 'desc'));

/** See the head of this file. */
export class AppUsage {
  readonly #database: Database;
  readonly #clock: Clock;
  #counted = new Map<string, Row>();
  #timer: ClockTimer | undefined;
  #flushing: Promise<Result<void>> = Promise.resolve(success(undefined));

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  /** Counts a message. */
  note({ app, kind, security, address }: HandedIn): void {
    const now = this.#clock.now();
    const key = `${kind} ${security} ${app}`;
    const known = this.#counted.get(key);
    if (known !== undefined) {
      Object.assign(known, { address, last_at: now, count: known.count + 1 });
      return;
    }
    this.#counted.set(key, { app, kind, security, address, first_at: now, last_at: now, count: 1 });
    this.#timer ??= this.#clock.setTimer(() => void this.flush(), FLUSH_MS, { background: true });
  }

  /** Everybody who handed in, by app; the last minute of this node included. Fails with what the database reports. */
  async list(): Promise<Result<readonly AppUse[]>> {
    const flushed = await this.flush();
    if (!flushed.ok) return flushed;
    const found = await this.#database.query(allRows({}));
    if (!found.ok) return found;
    return success(found.value.map(({ first_at: firstAt, last_at: lastAt, ...row }) => ({ ...row, firstAt, lastAt })));
  }

  /** Writes down what was counted. Where the database fails, it is written the next time. */
  flush(): Promise<Result<void>> {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#flushing = this.#flushing.then(async () => await this.#store());
    return this.#flushing;
  }

  /** Stores the last of it. */
  async close(): Promise<void> {
    await this.flush();
    this.#timer?.cancel();
  }

  async #store(): Promise<Result<void>> {
    const counted = this.#counted;
    if (counted.size === 0) return success(undefined);
    this.#counted = new Map();
    const stored = await this.#database.batch([
      ...[...counted.values()].map((row) => addRow(row)),
      removeOld({ before: this.#clock.now() - KEPT_MS }),
    ]);
    if (stored.ok) return success(undefined);
    for (const [key, row] of counted) this.#keep(key, row);
    return stored;
  }

  /** Puts back what could not be written, beside what was counted meanwhile. */
  #keep(key: string, row: Row): void {
    const later = this.#counted.get(key);
    this.#counted.set(
      key,
      later === undefined ? row : { ...later, first_at: row.first_at, count: later.count + row.count },
    );
    this.#timer ??= this.#clock.setTimer(() => void this.flush(), FLUSH_MS, { background: true });
  }
}
