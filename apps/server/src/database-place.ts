/** Where the database of a service is, as the settings name it. */
import { success, type Result, type SecretRef } from '@postbearer/core';
import { resolveSecret } from '@postbearer/secrets';
import type { StorePlace } from './store.ts';

/** A data folder, and what the settings say of a database. */
export interface NamedPlace {
  readonly dataFolder: string;
  /** The URL of a PostgreSQL database; SQLite in the data folder where left out. */
  readonly databaseUrl?: SecretRef;
}

/** Looks a place up. Fails as `resolveSecret` does. */
export async function resolvePlace(
  { dataFolder, databaseUrl }: NamedPlace,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Result<StorePlace>> {
  if (databaseUrl === undefined) return success({ dataFolder });
  const url = await resolveSecret(databaseUrl, { environment });
  return url.ok ? success({ dataFolder, databaseUrl: url.value }) : url;
}
