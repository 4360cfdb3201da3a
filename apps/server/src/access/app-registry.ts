/**
 * The apps: who they are, how they prove it, and finding the one that a client belongs to.
 *
 * All of them are kept in memory, because every connection asks; they are read anew whenever any node changed them.
 */
import { failure, Secret, success, type Clock, type Result } from '@postbearer/core';
import { mustChange, prepare, type Database, type Subscription, type ValueNamed } from '@postbearer/database';
import { parseApp, type App, type AppInput, type AppRecord, type FromRule } from './app.ts';
import { auditStatement } from './audit.ts';
import { hashOf, isPassword, newPassword } from './credential.ts';
import { accessFaults } from './faults.ts';
import { isInRange } from './network-range.ts';
import { db, type AccessTables } from './schema.ts';

const CHANNEL = 'access_changed';
/** Compared with where no app has the name, so that the answer takes as long. */
const NO_PASSWORD = hashOf(Secret.of('no app has this'));

type AppRow = AccessTables['app'];

const allApps = prepare(() => db.selectFrom('app').selectAll().orderBy('name'));

type NewApp = Pick<
  AppRow,
  'name' | 'credential' | 'mailboxes' | 'senders' | 'networks' | 'users' | 'from_rule' | 'created_at'
>;

const insertApp = prepare((value: ValueNamed<{ readonly [Column in keyof NewApp]: NewApp[Column] }>) =>
  db
    .insertInto('app')
    .values({
      name: value('name'),
      credential: value('credential'),
      mailboxes: value('mailboxes'),
      senders: value('senders'),
      networks: value('networks'),
      users: value('users'),
      from_rule: value('from_rule'),
      created_at: value('created_at'),
    })
    .onConflict((conflict) => conflict.doNothing()),
);

const deleteApp = prepare((value: ValueNamed<{ name: string }>) =>
  db.deleteFrom('app').where('name', '=', value('name')),
);

interface KnownApp {
  readonly app: App;
  readonly credential: string;
  readonly record: AppRecord;
}

function recordOf(row: AppRow): AppRecord {
  return {
    name: row.name,
    mailboxes: JSON.parse(row.mailboxes) as string[],
    from: JSON.parse(row.senders) as string[],
    networks: JSON.parse(row.networks) as string[],
    users: JSON.parse(row.users) as string[],
    fromRule: row.from_rule as FromRule,
    createdAt: row.created_at,
  };
}

function knownApp(row: AppRow): KnownApp {
  const record = recordOf(row);
  const app = parseApp(record);
  // Nothing is stored that was not parsed before, so somebody else wrote this row.
  if (!app.ok) throw new Error(`The app "${row.name}" in the database cannot be read: ${app.fault.message}`);
  return { app: app.value, credential: row.credential, record };
}

/** The apps of one database. Made by {@link openAppRegistry}. */
export class AppRegistry {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #subscription: Subscription;
  #apps: ReadonlyMap<string, KnownApp> = new Map();

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
    this.#subscription = database.subscribe(CHANNEL, () => void this.reload());
  }

  /** Reads the apps anew. Where that fails, those that are known stay. */
  async reload(): Promise<Result<void>> {
    const found = await this.#database.query(allApps({}));
    if (!found.ok) return found;
    this.#apps = new Map(found.value.map((row) => [row.name.toLowerCase(), knownApp(row)]));
    return success(undefined);
  }

  /**
   * Adds an app and gives its password, which is shown here and never again.
   *
   * Fails as `parseApp` does, with `ACCESS_APP_EXISTS`, or with what the database reports.
   */
  async add(input: AppInput, actor: string): Promise<Result<{ readonly app: App; readonly password: Secret }>> {
    const parsed = parseApp(input);
    if (!parsed.ok) return parsed;
    const app = parsed.value;
    if (this.#apps.has(app.name.toLowerCase()))
      return failure(accessFaults.make('ACCESS_APP_EXISTS', { app: app.name }));
    const password = newPassword();
    const now = this.#clock.now();
    const record = {
      mailboxes: app.mailboxes,
      from: app.from,
      networks: app.networks.map(({ text }) => text),
      users: app.users,
      fromRule: app.fromRule,
    };
    const stored = await this.#database.batch([
      mustChange(
        insertApp({
          name: app.name,
          credential: hashOf(password),
          mailboxes: JSON.stringify(record.mailboxes),
          senders: JSON.stringify(record.from),
          networks: JSON.stringify(record.networks),
          users: JSON.stringify(record.users),
          from_rule: app.fromRule,
          created_at: now,
        }),
        1,
      ),
      auditStatement({ actor, action: 'app.add', subject: app.name, details: record }, now),
    ]);
    if (!stored.ok) return stored;
    if (!stored.value.done) return failure(accessFaults.make('ACCESS_APP_EXISTS', { app: app.name }));
    await this.#changed();
    return success({ app, password });
  }

  /** Removes an app: it can send no more. Fails with `ACCESS_APP_UNKNOWN` or what the database reports. */
  async remove(name: string, actor: string): Promise<Result<void>> {
    const known = this.#apps.get(name.toLowerCase())?.app.name ?? name;
    const removed = await this.#database.batch([
      mustChange(deleteApp({ name: known }), 1),
      auditStatement({ actor, action: 'app.remove', subject: known }, this.#clock.now()),
    ]);
    if (!removed.ok) return removed;
    if (!removed.value.done) return failure(accessFaults.make('ACCESS_APP_UNKNOWN', { app: name }));
    await this.#changed();
    return success(undefined);
  }

  /** Every app, by name. */
  list(): readonly AppRecord[] {
    return [...this.#apps.values()].map(({ record }) => record);
  }

  /** The app that a user name and password prove; `undefined` where they prove none. The case of the name does not matter. */
  signIn(username: string, password: Secret): App | undefined {
    const known = this.#apps.get(username.toLowerCase());
    const isRight = isPassword(password, known?.credential ?? NO_PASSWORD);
    return isRight ? known?.app : undefined;
  }

  /** The app of that name, unless it was removed. */
  byName(name: string): App | undefined {
    return this.#apps.get(name.toLowerCase())?.app;
  }

  /** The app that may send from an address without signing in: that with the narrowest network around it. */
  byAddress(address: string): App | undefined {
    let [best, narrowest]: [App | undefined, number] = [undefined, -1];
    for (const { app } of this.#apps.values()) {
      for (const network of app.networks) {
        if (network.prefix <= narrowest || !isInRange(address, network)) continue;
        [best, narrowest] = [app, network.prefix];
      }
    }
    return best;
  }

  /** The app that an account of this machine hands in as, by its name or its number. */
  byUser(...names: readonly string[]): App | undefined {
    return [...this.#apps.values()].find(({ app }) => app.users.some((user) => names.includes(user)))?.app;
  }

  /** Ends listening for changes of other nodes. */
  close(): void {
    this.#subscription.close();
  }

  async #changed(): Promise<void> {
    await this.reload();
    this.#database.notify(CHANNEL, '');
  }
}

/** Reads the apps of a database that has the tables. */
export async function openAppRegistry(database: Database, clock: Clock): Promise<Result<AppRegistry>> {
  const registry = new AppRegistry(database, clock);
  const loaded = await registry.reload();
  if (loaded.ok) return success(registry);
  registry.close();
  return loaded;
}
