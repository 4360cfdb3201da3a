/**
 * The apps: who they are, how they prove it, and finding the one that a client belongs to.
 *
 * All of them are kept in memory, because every connection asks; they are read anew whenever any node changed them. Beside them
 * stand who was turned away and the networks whose devices are being learnt.
 */
import { failure, success, type Clock, type Result, type Secret } from '@postbearer/core';
import { mustChange, type Database, type Statement, type Subscription } from '@postbearer/database';
import { parseApp, type App, type AppInput, type AppRecord } from './app.ts';
import { AppUsage } from './app-usage.ts';
import {
  ACCESS_CHANNEL,
  addressStatement,
  allAddresses,
  allApps,
  deleteStatement,
  insertStatement,
  knownApp,
  rightsOf,
  rightsStatement,
  rotateStatement,
  type KnownApp,
} from './app-rows.ts';
import { auditStatement } from './audit.ts';
import { checkChosenPassword, hashOf, isSlow, newPassword, slowHashOf } from './credential.ts';
import { accessFaults } from './faults.ts';
import { Learning } from './learning.ts';
import { isInRange, placeOf } from './network-range.ts';
import { PasswordCheck } from './password-check.ts';
import { Refusals } from './refusals.ts';

/** So many addresses are remembered for each app. */
const MOST_ADDRESSES = 200;
/** So many answers to "whose address is this" are remembered. */
const MOST_FOUND = 10_000;

/** How an app is added. */
export interface AddOptions {
  /** One that a device has already; one is made where it is left out. */
  readonly password?: Secret;
  /** When it enrolled itself, milliseconds since 1970. */
  readonly learnedAt?: number;
}

/** How a password is changed. */
export interface RotateOptions {
  /** How long the one before is still taken. */
  readonly graceMs: number;
  /** One that a device has already; one is made where it is left out. */
  readonly password?: Secret;
}

/** What an app is allowed beside what it is allowed already. */
export type AllowInput = Pick<AppInput, 'name'> & Partial<Omit<AppInput, 'name'>>;

/** What came of signing in: the app, or nothing, or that too many try at the moment. */
export type SignInOutcome = App | 'busy' | undefined;

/** An app with its password, where one was made. */
export interface AppWithPassword {
  readonly app: App;
  /** Shown here and never again; absent where one was given. */
  readonly password?: Secret;
}

interface NewCredential {
  readonly stored: string;
  readonly made?: Secret;
}

async function newCredential(given: Secret | undefined, app: string): Promise<Result<NewCredential>> {
  if (given === undefined) {
    const made = newPassword();
    return success({ stored: hashOf(made), made });
  }
  const checked = checkChosenPassword(given, app);
  return checked.ok ? success({ stored: await slowHashOf(given) }) : checked;
}

function both(before: readonly string[] = [], added: readonly string[] = []): string[] {
  return [...new Set([...before, ...added])];
}

/** The apps of one database. Made by {@link openAppRegistry}. */
export class AppRegistry {
  /** Who was turned away. */
  readonly refusals: Refusals;
  /** Networks whose devices enrol by calling in. */
  readonly learning: Learning;
  /** Who hands in, and with which kind of sign-in. */
  readonly usage: AppUsage;
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #subscription: Subscription;
  readonly #check = new PasswordCheck();
  #apps: ReadonlyMap<string, KnownApp> = new Map();
  #isSlowInUse = false;
  /** What was found for an address since the apps were read. */
  readonly #byAddress = new Map<string, App | undefined>();
  #storing: Promise<unknown> = Promise.resolve();
  /** From where each app signed in well, by its name in lower case. */
  #addresses: ReadonlyMap<string, Set<string>> = new Map();

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
    this.refusals = new Refusals(database, clock);
    this.usage = new AppUsage(database, clock);
    this.learning = new Learning(database, this, clock);
    this.#subscription = database.subscribe(ACCESS_CHANNEL, () => void this.reload());
  }

  /** Reads the apps and what is being learnt anew. Where that fails, those that are known stay. */
  async reload(): Promise<Result<void>> {
    const read = await this.#readApps();
    return read.ok ? await this.learning.reload() : read;
  }

  async #readApps(): Promise<Result<void>> {
    const [found, addresses] = await Promise.all([
      this.#database.query(allApps({})),
      this.#database.query(allAddresses({})),
    ]);
    if (!found.ok) return found;
    if (!addresses.ok) return addresses;
    this.#apps = new Map(found.value.map((row) => [row.name.toLowerCase(), knownApp(row)]));
    this.#byAddress.clear();
    this.#addresses = this.#mergedAddresses(addresses.value);
    const stored = [...this.#apps.values()].flatMap(({ credential, previous }) => [
      credential,
      ...(previous === undefined ? [] : [previous.credential]),
    ]);
    this.#isSlowInUse = stored.some(isSlow);
    this.#check.keepOnly(new Set(stored));
    return success(undefined);
  }

  /**
   * Adds an app.
   *
   * Fails as `parseApp` does, with `ACCESS_APP_EXISTS`, `ACCESS_PASSWORD_UNFIT`, or with what the database reports.
   */
  async add(input: AppInput, actor: string, options: AddOptions = {}): Promise<Result<AppWithPassword>> {
    const parsed = parseApp(input);
    if (!parsed.ok) return parsed;
    const app = parsed.value;
    const exists = accessFaults.make('ACCESS_APP_EXISTS', { app: app.name });
    if (this.#apps.has(app.name.toLowerCase())) return failure(exists);
    const credential = await newCredential(options.password, app.name);
    if (!credential.ok) return credential;
    const now = this.#clock.now();
    const { stored, made } = credential.value;
    const isDone = await this.#change(insertStatement(app, stored, now, options.learnedAt ?? null), {
      actor,
      action: options.learnedAt === undefined ? 'app.add' : 'app.learn',
      subject: app.name,
      details: rightsOf(app),
    });
    if (!isDone.ok) return isDone;
    return isDone.value ? success({ app, ...(made === undefined ? {} : { password: made }) }) : failure(exists);
  }

  /** Removes an app: it can send no more. Fails with `ACCESS_APP_UNKNOWN` or what the database reports. */
  async remove(name: string, actor: string): Promise<Result<void>> {
    const known = this.byName(name)?.name ?? name;
    const removed = await this.#change(deleteStatement({ name: known }), {
      actor,
      action: 'app.remove',
      subject: known,
    });
    if (!removed.ok) return removed;
    return removed.value ? success(undefined) : this.#unknown(name);
  }

  /**
   * Gives an app another password.
   *
   * Fails with `ACCESS_APP_UNKNOWN`, `ACCESS_PASSWORD_UNFIT` or what the database reports.
   */
  async rotate(name: string, actor: string, { graceMs, password }: RotateOptions): Promise<Result<AppWithPassword>> {
    const known = this.#apps.get(name.toLowerCase());
    if (known === undefined) return this.#unknown(name);
    const { app, credential } = known;
    const next = await newCredential(password, app.name);
    if (!next.ok) return next;
    const hasGrace = graceMs > 0;
    const rotated = await this.#change(
      rotateStatement({
        name: app.name,
        credential: next.value.stored,
        previous_credential: hasGrace ? credential : null,
        previous_until: hasGrace ? this.#clock.now() + graceMs : null,
      }),
      { actor, action: 'app.rotate', subject: app.name, details: { graceMs } },
    );
    if (!rotated.ok) return rotated;
    const { made } = next.value;
    return rotated.value ? success({ app, ...(made === undefined ? {} : { password: made }) }) : this.#unknown(name);
  }

  /** Lets an app do more than it may already. Fails with `ACCESS_APP_UNKNOWN`, as `parseApp` does, or with what the database reports. */
  async allow(more: AllowInput, actor: string): Promise<Result<App>> {
    const known = this.#apps.get(more.name.toLowerCase());
    if (known === undefined) return this.#unknown(more.name);
    const { record } = known;
    const parsed = parseApp({
      name: record.name,
      mailboxes: both(record.mailboxes, more.mailboxes),
      from: both(record.from, more.from),
      networks: both(record.networks, more.networks),
      users: both(record.users, more.users),
      fromRule: more.fromRule ?? known.app.fromRule,
    });
    if (!parsed.ok) return parsed;
    const allowed = await this.#change(rightsStatement(parsed.value), {
      actor,
      action: 'app.allow',
      subject: record.name,
      details: rightsOf(parsed.value),
    });
    if (!allowed.ok) return allowed;
    return allowed.value ? parsed : this.#unknown(more.name);
  }

  /** Every app, by name. */
  list(): readonly AppRecord[] {
    return [...this.#apps.values()].map(({ record }) => record);
  }

  /** The app that a user name and password prove, as `PasswordCheck` looks at it. The case of the name does not matter. */
  async signIn(username: string, password: Secret, address: string): Promise<SignInOutcome> {
    const known = this.#apps.get(username.toLowerCase());
    const isKnownAddress = this.isKnownAddress(username, address);
    const verdict = await this.#check.look({
      password,
      stored: known === undefined ? [] : this.#storedOf(known),
      isKnownAddress,
      isSlowInUse: this.#isSlowInUse,
    });
    if (verdict !== 'right') return verdict === 'busy' ? 'busy' : undefined;
    if (known !== undefined && !isKnownAddress) this.#remember(known.app.name, placeOf(address));
    return known?.app;
  }

  /** A name of a password that says nothing about it outside this process. */
  digest(password: Secret): string {
    return this.#check.digest(password).toString('base64');
  }

  /** Whether a name signed in well from that address, or its IPv6 /64, before. */
  isKnownAddress(username: string, address: string): boolean {
    return this.#addresses.get(username.toLowerCase())?.has(placeOf(address)) === true;
  }

  /** The app of that name, unless it was removed. */
  byName(name: string): App | undefined {
    return this.#apps.get(name.toLowerCase())?.app;
  }

  /** The app that may send from an address without signing in: that with the narrowest network around it. */
  byAddress(address: string): App | undefined {
    // Asked at each stage of each session; comparing networks is not free.
    if (this.#byAddress.has(address)) return this.#byAddress.get(address);
    const found = this.#findByAddress(address);
    if (this.#byAddress.size >= MOST_FOUND) this.#byAddress.clear();
    this.#byAddress.set(address, found);
    return found;
  }

  #findByAddress(address: string): App | undefined {
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

  /** Ends listening for changes of other nodes, and stores who was turned away and who handed in. */
  async close(): Promise<void> {
    this.#subscription.close();
    await Promise.all([this.#storing, this.refusals.close(), this.usage.close()]);
  }

  #storedOf({ credential, previous }: KnownApp): string[] {
    const isStillTaken = previous !== undefined && this.#clock.now() < previous.until;
    return isStillTaken ? [credential, previous.credential] : [credential];
  }

  /** What was read, and what was remembered while it was read; of apps that are there. */
  #mergedAddresses(rows: readonly { readonly app: string; readonly address: string }[]): Map<string, Set<string>> {
    const read = Map.groupBy(rows, ({ app }) => app.toLowerCase());
    const of = (app: string): string[] => (read.get(app) ?? []).map(({ address }) => address);
    return new Map(
      [...this.#apps.keys()].map((app) => [app, new Set([...of(app), ...(this.#addresses.get(app) ?? [])])]),
    );
  }

  #unknown(name: string): Result<never> {
    return failure(accessFaults.make('ACCESS_APP_UNKNOWN', { app: name }));
  }

  /** Remembers an address. Nobody waits for it to be stored: it only matters after a restart. */
  #remember(app: string, address: string): void {
    const addresses = this.#addresses.get(app.toLowerCase());
    if (addresses === undefined || addresses.size >= MOST_ADDRESSES) return;
    addresses.add(address);
    const storing = this.#database.batch([addressStatement({ app, address, at: this.#clock.now() })]);
    this.#storing = Promise.all([this.#storing, storing]);
  }

  /** Stores a change with its record; gives whether there was something to change. */
  async #change(statement: Statement, entry: Parameters<typeof auditStatement>[0]): Promise<Result<boolean>> {
    const stored = await this.#database.batch([mustChange(statement, 1), auditStatement(entry, this.#clock.now())]);
    if (!stored.ok) return stored;
    if (stored.value.done) {
      await this.reload();
      this.#database.notify(ACCESS_CHANNEL, '');
    }
    return success(stored.value.done);
  }
}

/** Reads the apps of a database that has the tables. */
export async function openAppRegistry(database: Database, clock: Clock): Promise<Result<AppRegistry>> {
  const registry = new AppRegistry(database, clock);
  const loaded = await registry.reload();
  if (loaded.ok) return success(registry);
  await registry.close();
  return loaded;
}
