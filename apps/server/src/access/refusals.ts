/**
 * Who was turned away, and why: so that an administrator finds the device that "does not work" and the one command that admits it.
 *
 * What happens is gathered in memory for a moment and then counted in the database, so that a flood of refusals costs a few
 * rows. No more than a thousand are kept, for 30 days. A row holds an address, the name that was given, the reason and how often;
 * never a password.
 */
import { oneLine, success, type Clock, type ClockTimer, type Fault, type Result } from '@postbearer/core';
import { prepare, type Database, type ValueNamed } from '@postbearer/database';
import { accessFaults, type AccessFaultCode } from './faults.ts';
import { placeName, shownAddress } from './network-range.ts';
import { db, type AccessTables } from './schema.ts';

/** Somebody who was turned away. */
export interface Refusal {
  readonly address: string;
  readonly fault: Fault;
  /** As it was given; left out where none was. */
  readonly username?: string;
  /** The app that was found. */
  readonly app?: string;
}

/** Somebody who was turned away, as a list shows it. */
export interface RefusedClient {
  readonly address: string;
  readonly username?: string;
  readonly app?: string;
  /** The sender that it may not use. */
  readonly sender?: string;
  /** The code of the fault. */
  readonly code: string;
  /** Its heading. */
  readonly why: string;
  /** Milliseconds since 1970. */
  readonly firstAt: number;
  readonly lastAt: number;
  readonly count: number;
  /** What an administrator may run to admit it. */
  readonly command: string;
}

/** What the command needs to know beside the refusal. */
export interface AdmitFacts {
  /** Whether there is an app of that name. */
  readonly isApp: (name: string) => boolean;
  /** A mailbox to propose; a placeholder is shown where it is left out. */
  readonly mailbox?: string;
}

const MOST_KEPT = 1000;
const MOST_GATHERED = 500;
const FLUSH_AFTER_MS = 1000;
const KEPT_MS = 30 * 24 * 3_600_000;
const LONGEST_TEXT = 128;

type Row = AccessTables['refusal'];

const addRow = prepare((value: ValueNamed<{ readonly [Column in keyof Row]: Row[Column] }>) =>
  db
    .insertInto('refusal')
    .values({
      address: value('address'),
      username: value('username'),
      code: value('code'),
      app: value('app'),
      sender: value('sender'),
      first_at: value('first_at'),
      last_at: value('last_at'),
      count: value('count'),
    })
    .onConflict((conflict) =>
      conflict.columns(['address', 'username', 'code', 'sender']).doUpdateSet((excluded) => ({
        app: excluded.ref('excluded.app'),
        last_at: excluded.ref('excluded.last_at'),
        count: excluded('refusal.count', '+', excluded.ref('excluded.count')),
      })),
    ),
);

const removeOld = prepare((value: ValueNamed<{ before: number }>) =>
  db.deleteFrom('refusal').where('last_at', '<', value('before')),
);

const removeMany = prepare((value: ValueNamed<{ most: number }>) =>
  db
    .deleteFrom('refusal')
    .where('last_at', '<', (build) =>
      build.selectFrom('refusal').select('last_at').orderBy('last_at', 'desc').limit(1).offset(value('most')),
    ),
);

const allRows = prepare((value: ValueNamed<{ most: number }>) =>
  db.selectFrom('refusal').selectAll().orderBy('last_at', 'desc').orderBy('address').limit(value('most')),
);

const ALLOW_SENDER = /^postbearer app allow .* --from (.+)$/;

/** Quoted where a shell would read it as something else. */
function word(text: string): string {
  return /^[A-Za-z0-9@%+=:,./_-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** The one command that admits somebody who was turned away. */
function admitCommand(
  { address, username, app, sender, code }: Row,
  { isApp, mailbox = 'MAILBOX' }: AdmitFacts,
): string {
  if (sender !== '') return `postbearer app allow ${word(app)} --from ${word(sender)}`;
  if (code === ('ACCESS_NOBODY' satisfies AccessFaultCode))
    return `postbearer app add ${placeName(address)} --mailbox ${word(mailbox)} --network ${word(address)}`;
  // The password that the device has: nothing on it needs to change.
  if (isApp(username)) return `postbearer app rotate ${word(username)} --password-stdin`;
  return `postbearer app add ${word(username)} --mailbox ${word(mailbox)} --password-stdin`;
}

/** See the head of this file. */
export class Refusals {
  readonly #database: Database;
  readonly #clock: Clock;
  #gathered = new Map<string, Row>();
  #timer: ClockTimer | undefined;
  #flushing: Promise<Result<void>> = Promise.resolve(success(undefined));

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  /** Notes that somebody was turned away. */
  note({ address, fault, username = '', app = '' }: Refusal): void {
    // Which of the addresses of a message is not allowed stands in the fault alone.
    const sender = ALLOW_SENDER.exec(fault.remedy.command ?? '')?.[1] ?? '';
    const now = this.#clock.now();
    const row: Row = {
      address: shownAddress(address),
      username: oneLine(username, LONGEST_TEXT),
      code: fault.code,
      app,
      sender: oneLine(sender, LONGEST_TEXT),
      first_at: now,
      last_at: now,
      count: 1,
    };
    const key = JSON.stringify([row.address, row.username, row.code, row.sender]);
    const known = this.#gathered.get(key);
    if (known !== undefined) this.#gathered.set(key, { ...known, last_at: now, count: known.count + 1 });
    else if (this.#gathered.size < MOST_GATHERED) this.#gathered.set(key, row);
    this.#timer ??= this.#clock.setTimer(() => void this.flush(), FLUSH_AFTER_MS, { background: true });
  }

  /** Who was turned away, the latest first. Fails with what the database reports. */
  async list(facts: AdmitFacts): Promise<Result<readonly RefusedClient[]>> {
    await this.flush();
    const found = await this.#database.query(allRows({ most: MOST_KEPT }));
    if (!found.ok) return found;
    return success(found.value.map((row) => refusedClient(row, facts)));
  }

  /** Counts in the database what was gathered. Fails with what the database reports; what was gathered is lost then. */
  flush(): Promise<Result<void>> {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#flushing = this.#flushing.then(async () => await this.#store());
    return this.#flushing;
  }

  /** Stores the last of it. */
  async close(): Promise<void> {
    await this.flush();
  }

  async #store(): Promise<Result<void>> {
    const rows = [...this.#gathered.values()];
    if (rows.length === 0) return success(undefined);
    this.#gathered = new Map();
    const stored = await this.#database.batch([
      ...rows.map((row) => addRow(row)),
      removeOld({ before: this.#clock.now() - KEPT_MS }),
      removeMany({ most: MOST_KEPT }),
    ]);
    return stored.ok ? success(undefined) : stored;
  }
}

function titleOf(code: string): string {
  return Object.hasOwn(accessFaults.definitions, code) ? accessFaults.definitions[code as AccessFaultCode].title : code;
}

function refusedClient(row: Row, facts: AdmitFacts): RefusedClient {
  const { address, username, app, sender, code, first_at: firstAt, last_at: lastAt, count } = row;
  return {
    address,
    ...(username === '' ? {} : { username }),
    ...(app === '' ? {} : { app }),
    ...(sender === '' ? {} : { sender }),
    code,
    why: titleOf(code),
    firstAt,
    lastAt,
    count,
    command: admitCommand(row, facts),
  };
}
