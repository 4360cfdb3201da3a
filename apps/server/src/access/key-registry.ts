/**
 * The keys of the HTTP API: made here, shown once, kept as SHA-256, and found by it.
 *
 * A key holds 160 random bits, so a fast hash is enough and no request pays for a slow one. All of them are in memory,
 * because every request asks; they are read anew whenever any node changed them, so that one that is revoked is refused at
 * once. When a key was last used is written down at most once a minute, however often it is used.
 */
import { createHash } from 'node:crypto';
import { failure, Secret, success, type Clock, type ClockTimer, type Result } from '@postbearer/core';
import {
  mustChange,
  prepare,
  type Database,
  type Statement,
  type Subscription,
  type ValueNamed,
} from '@postbearer/database';
import type { FromRule } from './app.ts';
import { auditStatement } from './audit.ts';
import { newPassword } from './credential.ts';
import { accessFaults } from './faults.ts';
import { parseKey, type ApiKey, type KeyInput, type KeyRecord, type KeyScope } from './key.ts';
import { db, type AccessTables } from './schema.ts';

const CHANNEL = 'keys_changed';
const PREFIX = 'pb_';
const MINUTE_MS = 60_000;

type KeyRow = AccessTables['api_key'];
type NewKey = Omit<KeyRow, 'last_used_at'>;

const allKeys = prepare(() => db.selectFrom('api_key').selectAll().orderBy('name'));

const insertKey = prepare((value: ValueNamed<{ readonly [Column in keyof NewKey]: NewKey[Column] }>) =>
  db
    .insertInto('api_key')
    .values({
      name: value('name'),
      hash: value('hash'),
      scopes: value('scopes'),
      mailboxes: value('mailboxes'),
      senders: value('senders'),
      from_rule: value('from_rule'),
      requests_per_minute: value('requests_per_minute'),
      created_at: value('created_at'),
      expires_at: value('expires_at'),
    })
    .onConflict((conflict) => conflict.doNothing()),
);

const deleteKey = prepare((value: ValueNamed<{ name: string }>) =>
  db.deleteFrom('api_key').where('name', '=', value('name')),
);

/** Another node may have written a later use. */
const useKey = prepare((value: ValueNamed<{ name: string; at: number }>) =>
  db
    .updateTable('api_key')
    .set({ last_used_at: value('at') })
    .where('name', '=', value('name'))
    .where((is) => is.or([is('last_used_at', 'is', null), is('last_used_at', '<', value('at'))])),
);

interface KnownKey {
  readonly key: ApiKey;
  readonly record: KeyRecord;
}

function recordOf(row: KeyRow): KeyRecord {
  return {
    name: row.name,
    scopes: JSON.parse(row.scopes) as KeyScope[],
    mailboxes: JSON.parse(row.mailboxes) as string[],
    from: JSON.parse(row.senders) as string[],
    fromRule: row.from_rule as FromRule,
    requestsPerMinute: row.requests_per_minute,
    ...(row.expires_at === null ? {} : { expiresAt: row.expires_at }),
    createdAt: row.created_at,
    ...(row.last_used_at === null ? {} : { lastUsedAt: row.last_used_at }),
  };
}

function knownKey(row: KeyRow): KnownKey {
  const record = recordOf(row);
  const key = parseKey(record);
  // Nothing is stored that was not parsed before, so somebody else wrote this row.
  if (!key.ok) throw new Error(`The key "${row.name}" in the database cannot be read: ${key.fault.message}`);
  return { key: key.value, record };
}

function hashOf(key: Secret): string {
  return createHash('sha256').update(key.reveal(), 'utf8').digest('hex');
}

/** The keys of one database. Made by {@link openKeyRegistry}. */
export class KeyRegistry {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #subscription: Subscription;
  /** By the hash: looking one up tells nothing by the time it takes, because nobody can choose a hash. */
  #keys: ReadonlyMap<string, KnownKey> = new Map();
  /** The minute of the last use, by name, where it is not written down yet. */
  readonly #unwritten = new Map<string, number>();
  /** The minute that was written last, by name. */
  readonly #written = new Map<string, number>();
  #timer: ClockTimer | undefined;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
    this.#subscription = database.subscribe(CHANNEL, () => void this.reload());
  }

  /** Reads the keys anew. Where that fails, those that are known stay. */
  async reload(): Promise<Result<void>> {
    const found = await this.#database.query(allKeys({}));
    if (!found.ok) return found;
    this.#keys = new Map(found.value.map((row) => [row.hash, knownKey(row)]));
    return success(undefined);
  }

  /**
   * Adds a key and gives it, which is shown here and never again.
   *
   * Fails as `parseKey` does, with `ACCESS_KEY_EXISTS`, or with what the database reports.
   */
  async add(input: KeyInput, actor: string): Promise<Result<{ readonly record: KeyRecord; readonly key: Secret }>> {
    const parsed = parseKey(input);
    if (!parsed.ok) return parsed;
    const { name, requestsPerMinute } = parsed.value;
    if (this.#named(name) !== undefined) return failure(accessFaults.make('ACCESS_KEY_EXISTS', { key: name }));
    const key = Secret.of(`${PREFIX}${newPassword().reveal()}`);
    const now = this.#clock.now();
    const { scopes, mailboxes = [], from = [], fromRule = 'refuse', expiresAt } = input;
    const record: KeyRecord = {
      name,
      scopes: [...new Set(scopes)],
      mailboxes,
      from,
      fromRule,
      requestsPerMinute,
      ...(expiresAt === undefined ? {} : { expiresAt }),
      createdAt: now,
    };
    const stored = await this.#database.batch([
      mustChange(insertKey(rowOf(record, hashOf(key))), 1),
      auditStatement({ actor, action: 'key.add', subject: name, details: { ...record } }, now),
    ]);
    if (!stored.ok) return stored;
    if (!stored.value.done) return failure(accessFaults.make('ACCESS_KEY_EXISTS', { key: name }));
    await this.#changed();
    return success({ record, key });
  }

  /** Revokes a key: no request with it is answered from now on. Fails with `ACCESS_KEY_UNKNOWN` or what the database reports. */
  async revoke(name: string, actor: string): Promise<Result<void>> {
    const known = this.#named(name)?.record.name ?? name;
    const removed = await this.#database.batch([
      mustChange(deleteKey({ name: known }), 1),
      auditStatement({ actor, action: 'key.revoke', subject: known }, this.#clock.now()),
    ]);
    if (!removed.ok) return removed;
    if (!removed.value.done) return failure(accessFaults.make('ACCESS_KEY_UNKNOWN', { key: name }));
    this.#unwritten.delete(known);
    this.#written.delete(known);
    await this.#changed();
    return success(undefined);
  }

  /** Every key, by name, with its last use as far as this node knows it. */
  list(): readonly KeyRecord[] {
    return [...this.#keys.values()].map(({ record }) => {
      const used = Math.max(
        record.lastUsedAt ?? 0,
        this.#unwritten.get(record.name) ?? 0,
        this.#written.get(record.name) ?? 0,
      );
      return used === 0 ? record : { ...record, lastUsedAt: used };
    });
  }

  /** The key that was presented, unless it is unknown or has expired; it counts as used. */
  use(presented: Secret): ApiKey | undefined {
    const known = this.#keys.get(hashOf(presented))?.key;
    const now = this.#clock.now();
    if (known === undefined || (known.expiresAt !== undefined && known.expiresAt <= now)) return undefined;
    const minute = now - (now % MINUTE_MS);
    if ((this.#written.get(known.name) ?? 0) < minute) {
      this.#unwritten.set(known.name, minute);
      this.#timer ??= this.#clock.setTimer(() => void this.#writeUses(), MINUTE_MS, { background: true });
    }
    return known;
  }

  /** Whether a key that was presented before is still valid. */
  isValid({ name }: ApiKey): boolean {
    const known = this.#named(name)?.key;
    return known !== undefined && (known.expiresAt === undefined || known.expiresAt > this.#clock.now());
  }

  /** Writes down what is not written yet, and ends listening for changes of other nodes. */
  async close(): Promise<void> {
    this.#subscription.close();
    this.#timer?.cancel();
    await this.#writeUses();
  }

  async #writeUses(): Promise<void> {
    this.#timer = undefined;
    const uses = [...this.#unwritten];
    this.#unwritten.clear();
    for (const [name, at] of uses) this.#written.set(name, at);
    const statements: Statement[] = uses.map(([name, at]) => useKey({ name, at }));
    // Where it fails, the next use in another minute is written; nothing depends on this one.
    if (statements.length > 0) await this.#database.batch(statements);
  }

  #named(name: string): KnownKey | undefined {
    const wanted = name.toLowerCase();
    return [...this.#keys.values()].find(({ key }) => key.name.toLowerCase() === wanted);
  }

  async #changed(): Promise<void> {
    await this.reload();
    this.#database.notify(CHANNEL, '');
  }
}

function rowOf(record: KeyRecord, hash: string): NewKey & Readonly<Record<string, string | number | null>> {
  return {
    name: record.name,
    hash,
    scopes: JSON.stringify(record.scopes),
    mailboxes: JSON.stringify(record.mailboxes),
    senders: JSON.stringify(record.from),
    from_rule: record.fromRule ?? 'refuse',
    requests_per_minute: record.requestsPerMinute ?? 0,
    created_at: record.createdAt,
    expires_at: record.expiresAt ?? null,
  };
}

/** Reads the keys of a database that has the tables. */
export async function openKeyRegistry(database: Database, clock: Clock): Promise<Result<KeyRegistry>> {
  const registry = new KeyRegistry(database, clock);
  const loaded = await registry.reload();
  if (loaded.ok) return success(registry);
  await registry.close();
  return loaded;
}
