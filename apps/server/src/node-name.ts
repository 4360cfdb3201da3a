/**
 * The name of a node: the same after a restart, another on each machine and for each data folder.
 *
 * On SQLite there is one node, so its name says nothing. Nodes that share a PostgreSQL database are told apart by the name of
 * the machine and by an identity that is drawn once for a data folder; two machines from one image have different names, and
 * two data folders on one machine too.
 */
import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

const FILE = 'node-identity';

/** Reads the identity of a data folder, and draws it where there is none. */
async function identityOf(dataFolder: string): Promise<string> {
  const file = join(dataFolder, FILE);
  const known = await readFile(file, 'utf8').catch(() => '');
  if (/^[0-9a-f]{8}$/.test(known.trim())) return known.trim();
  const identity = randomBytes(4).toString('hex');
  const fresh = `${file}.${process.pid}`;
  await writeFile(fresh, `${identity}\n`, { mode: 0o600 });
  await rename(fresh, file);
  return identity;
}

/** The name that a node has where the settings name none. */
export async function nodeNameOf(dataFolder: string): Promise<string> {
  return `${hostname()}-${await identityOf(dataFolder)}`;
}
