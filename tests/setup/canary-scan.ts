/**
 * Looks for the canaries in what a run printed.
 *
 * Written apart from the scrubber of `@postbearer/core`, so that a mistake there is found here.
 */
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** The forms in which a secret may leak, by the name of the form. */
function formsOf(secret: string): ReadonlyMap<string, string> {
  const forms = new Map([
    ['in clear', secret],
    ['URL-encoded', encodeURIComponent(secret)],
    ['form-encoded', new URLSearchParams([['', secret]]).toString().slice(1)],
  ]);
  for (const offset of [0, 1, 2]) {
    const padded = Buffer.concat([Buffer.alloc(offset), Buffer.from(secret)]);
    // Leaves off the characters that mix with the neighbours of the secret.
    const first = Math.ceil((offset * 8) / 6);
    const last = Math.floor((padded.length * 8) / 6);
    forms.set(`in base64 at offset ${offset}`, padded.toString('base64').slice(first, last));
    forms.set(`in base64url at offset ${offset}`, padded.toString('base64url').slice(first, last));
  }
  return forms;
}

/** The forms of each of `secrets` that stand in `text`, such as `password in clear`. */
export function findCanaries(text: string, secrets: Readonly<Record<string, string>>): string[] {
  return Object.entries(secrets).flatMap(([name, secret]) =>
    [...formsOf(secret)].filter(([, form]) => text.includes(form)).map(([form]) => `${name} ${form}`),
  );
}

/** What a search of a folder found. */
export interface ScanReport {
  /** One phrase for each hit, with the name of the file. */
  readonly hits: readonly string[];
  /** How much was searched, bytes. */
  readonly searchedBytes: number;
}

async function scanFile(path: string, secrets: Readonly<Record<string, string>>): Promise<ScanReport> {
  const hits = new Set<string>();
  const overlap = 3 * Math.max(...Object.values(secrets).map((secret) => secret.length));
  let [tail, searchedBytes] = ['', 0];
  for await (const chunk of createReadStream(path, { encoding: 'latin1', highWaterMark: 1024 * 1024 })) {
    const text: string = tail + String(chunk);
    searchedBytes += text.length - tail.length;
    for (const hit of findCanaries(text, secrets)) hits.add(hit);
    tail = text.slice(-overlap);
  }
  return { hits: [...hits], searchedBytes };
}

/** Searches every file of a folder. */
export async function scanFolder(folder: string, secrets: Readonly<Record<string, string>>): Promise<ScanReport> {
  const hits: string[] = [];
  let searchedBytes = 0;
  for (const name of await readdir(folder)) {
    const report = await scanFile(join(folder, name), secrets);
    hits.push(...report.hits.map((hit) => `${hit} (${name})`));
    searchedBytes += report.searchedBytes;
  }
  return { hits, searchedBytes };
}
