/**
 * A power cut loses nothing that was confirmed: neither what a disk has not been told to keep, nor the order of it.
 *
 * `kill -9` cannot show this, because the kernel keeps what a program wrote. So everything that reaches the files is
 * recorded, and the disk as it may be after a cut is built anew, again and again.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect } from 'vitest';
import { itWithTool } from '../../../tests/setup/foreign-tools.ts';
import { runs } from '../../../tests/setup/quick.ts';
import { temporaryFolder } from './testing/databases.ts';
import { Disk, readRecord, RECORD_OPTIONS, waysToKeep, type DiskEvent } from './testing/disk-record.ts';

const WRITER = fileURLToPath(new URL('testing/writer.ts', import.meta.url));
const folder = temporaryFolder();
/** In memory where that is possible: it is written hundreds of times. */
const imageFolder = join(existsSync('/dev/shm') ? mkdtempSync('/dev/shm/cut-') : folder, 'image');
const seed = Date.now() % 1_000_000;
const IMAGES = runs(300);
/** Beyond this many rows the log is copied back into the file. */
const ROWS = 1200;

afterAll(() => rmSync(dirname(imageFolder), { recursive: true, force: true }));

async function record(strace: string, way: string): Promise<DiskEvent[]> {
  const [file, trace] = [join(folder, `${way}.db`), join(folder, `${way}.strace`)];
  const args = ['-f', '-qq', '--seccomp-bpf', ...RECORD_OPTIONS, '-o', trace, process.execPath, WRITER, file, way, '8'];
  const child = spawn(strace, args, { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  let heard = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('ack')) heard += 1;
    if (heard < ROWS) continue;
    process.kill(-(child.pid ?? 0), 'SIGKILL');
    break;
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  const events = readRecord(readFileSync(trace, 'utf8')).filter(
    (event) => event.kind === 'answer' || event.file.startsWith(file),
  );
  rmSync(trace);
  return events;
}

/** The rows of an image; `undefined` where it cannot be read. */
function rowsOf(file: string): ReadonlySet<number> | undefined {
  const connection = new DatabaseSync(file);
  try {
    if (connection.prepare('pragma integrity_check').get()?.['integrity_check'] !== 'ok') return undefined;
    return new Set(
      connection
        .prepare('select id from kept')
        .all()
        .map((row) => Number(row['id'])),
    );
  } catch {
    return undefined;
  } finally {
    connection.close();
  }
}

/** Of many cuts, those that lost something confirmed, in words. */
function losses(events: readonly DiskEvent[], way: string, images: number): string[] {
  let state = seed;
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const ways = Object.entries(waysToKeep(random));
  const first = events.findIndex(({ kind }) => kind === 'answer');
  const cuts = Array.from({ length: images }, () => first + Math.floor(random() * (events.length - first)));
  const disk = new Disk();
  const lossy: string[] = [];
  for (const [index, event] of events.entries()) {
    disk.happen(event);
    for (const cut of cuts.filter((each) => each === index)) {
      const [name, keep] = ways[Math.floor(random() * ways.length)] ?? ['', () => undefined];
      disk.cutPower(keep, imageFolder);
      const rows = rowsOf(join(imageFolder, `${way}.db`));
      const lost = rows === undefined ? disk.confirmed.length : disk.confirmed.filter((id) => !rows.has(id)).length;
      if (lost > 0) lossy.push(`after ${cut} events, keeping ${name}: ${lost} of ${disk.confirmed.length}`);
      rmSync(imageFolder, { recursive: true });
    }
  }
  return lossy;
}

describe('a power cut', () => {
  itWithTool(
    'strace',
    `loses nothing that was confirmed, in ${IMAGES} images (seed ${seed})`,
    async (strace) => {
      const events = await record(strace, 'ours');
      expect(events.filter(({ kind }) => kind === 'answer').length).toBeGreaterThanOrEqual(ROWS);
      // The log was copied back in between, so cuts meet that too.
      const isFile = (event: DiskEvent): boolean => event.kind === 'write' && event.file.endsWith('ours.db');
      expect(events.slice(events.findIndex(({ kind }) => kind === 'answer')).some(isFile)).toBe(true);
      expect(losses(events, 'ours', IMAGES)).toEqual([]);
    },
    120_000,
  );

  itWithTool(
    'strace',
    'would find synchronous=NORMAL, which loses in most of 20 images',
    async (strace) => {
      const events = await record(strace, 'normal');
      expect(losses(events, 'normal', 20).length).toBeGreaterThanOrEqual(10);
    },
    120_000,
  );
});
