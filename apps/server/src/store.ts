/** What the service keeps: its database with the queue, the apps and the keys. */
import { join } from 'node:path';
import { success, type Clock, type Result, type Secret } from '@postbearer/core';
import { openDatabase, type Database, type MigrationSet } from '@postbearer/database';
import { createQueue, queueMigrations, type Queue, type QueueOptions } from '@postbearer/queue';
import { openAppRegistry, type AppRegistry } from './access/app-registry.ts';
import { openKeyRegistry, type KeyRegistry } from './access/key-registry.ts';
import { accessMigrations } from './access/schema.ts';
import { openDataFolder } from './data-folder.ts';
import { deliveryMigrations } from './delivery/usage.ts';
import { monitoringMigrations } from './monitoring/schema.ts';
import { sendmailMigrations } from './sendmail/taken-files.ts';

/** The open store. */
export interface Store {
  readonly database: Database;
  readonly queue: Queue;
  readonly apps: AppRegistry;
  readonly keys: KeyRegistry;
}

/** Where a store is. */
export interface StorePlace {
  /** Made with mode 0700 where it is missing. */
  readonly dataFolder: string;
  /** A PostgreSQL database; the SQLite file of the folder where left out. */
  readonly databaseUrl?: Secret;
}

/** The name of the SQLite file in a data folder. */
export const DATABASE_FILE = 'postbearer.db';
/** The steps that make every table of the service. */
export const MIGRATIONS: readonly MigrationSet[] = [
  queueMigrations,
  accessMigrations,
  deliveryMigrations,
  monitoringMigrations,
  sendmailMigrations,
];

/**
 * Opens the database of a data folder with its queue, apps and keys; what was opened goes onto the stack.
 *
 * @param watch - gives the database as everybody uses it.
 */
export async function openStore(
  { dataFolder, databaseUrl }: StorePlace,
  queueOptions: QueueOptions & { readonly clock: Clock },
  stack: AsyncDisposableStack,
  watch: (database: Database) => Database = (database) => database,
): Promise<Result<Store>> {
  const { clock } = queueOptions;
  const folder = await openDataFolder(dataFolder);
  if (!folder.ok) return folder;
  const place = databaseUrl === undefined ? { file: join(dataFolder, DATABASE_FILE) } : { url: databaseUrl };
  const opened = await openDatabase(place, { migrations: MIGRATIONS, clock });
  if (!opened.ok) return opened;
  const database = watch(opened.value);
  stack.defer(async () => await database.close());
  const queue = await createQueue(database, queueOptions);
  if (!queue.ok) return queue;
  stack.defer(async () => await queue.value.stop());
  const apps = await openAppRegistry(database, clock);
  if (!apps.ok) return apps;
  stack.defer(() => apps.value.close());
  const keys = await openKeyRegistry(database, clock);
  if (!keys.ok) return keys;
  stack.defer(async () => await keys.value.close());
  return success({ database, queue: queue.value, apps: apps.value, keys: keys.value });
}
