/**
 * R04: the power is cut under the running service.
 *
 * Everything that it writes to its files and every 250 that it says is recorded, in order. The disk as it may be after a
 * cut is built anew again and again: with nothing of what was not flushed, all, some, or torn parts of it. What had been
 * confirmed by then has to be there, byte for byte; some of the images the service itself is started on.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from 'vitest';
import {
  Disk,
  readRecord,
  RECORD_OPTIONS,
  waysToKeep,
  type DiskEvent,
} from '../../packages/database/src/testing/disk-record.ts';
import { itWithTool } from '../setup/foreign-tools.ts';
import { digestOf, type AcceptedLine } from './harness/ledger.ts';
import type { MutantName } from './harness/mutants.ts';
import { draws, drawBetween, seed } from './harness/random.ts';
import { report, size } from './harness/rows.ts';
import { ScriptedClient } from './harness/script.ts';
import { World } from './harness/world.ts';

const IMAGES = size(300, 3000);
const STARTED = size(5, 50);
const MESSAGES = 240;

/** What was recorded: the events, whose answers name places in `accepted`. */
interface Recorded {
  readonly events: readonly DiskEvent[];
  readonly accepted: readonly AcceptedLine[];
  readonly file: string;
}

/** A confirmation on a socket, as the record of disk-record names answers: by a number. */
function withAnswers(trace: string, numbers: ReadonlyMap<string, number>): string {
  return trace.replaceAll(
    /^(\d+\s+)write\(\d+<[^>]*>, "((?:\\x[0-9a-f]{2})*)"/gm,
    (whole, thread: string, hex: string) => {
      const said = Buffer.from(hex.replaceAll(String.raw`\x`, ''), 'hex').toString('latin1');
      const number = numbers.get(/^250 2\.0\.0 Queued as (\w+)/.exec(said)?.[1] ?? '');
      if (number === undefined) return whole;
      const ack = [...Buffer.from(`ack ${number}\n`)].map(
        (byte) => String.raw`\x` + byte.toString(16).padStart(2, '0'),
      );
      return `${thread}write(1<answer>, "${ack.join('')}"`;
    },
  );
}

async function record(world: World, strace: string, mutant?: MutantName): Promise<Recorded> {
  const service = world.service({ name: 'recorded', ...(mutant === undefined ? {} : { mutant }) });
  const trace = join(world.folder, 'trace');
  await service.start([strace, '-f', '-qq', '--seccomp-bpf', ...RECORD_OPTIONS, '-o', trace]);
  const clients = ['a', 'b', 'c', 'd'].map((name) => new ScriptedClient(world, `cut-${name}`));
  await Promise.all(clients.map(async (client) => await client.run(service, MESSAGES / clients.length)));
  await service.kill();
  const { accepted } = world.ledger;
  const numbers = new Map(accepted.map(({ queueId = '' }, index) => [queueId, index]));
  const file = join(service.dataFolder, 'postbearer.db');
  const events = readRecord(withAnswers(readFileSync(trace, 'utf8'), numbers)).filter(
    (event) => event.kind === 'answer' || event.file.startsWith(file),
  );
  rmSync(trace);
  return { events, accepted, file };
}

/** The digests of the bodies in an image, by the queue's names; `undefined` where it cannot be read. */
function bodiesIn(file: string): ReadonlyMap<string, string> | undefined {
  if (!existsSync(file)) return new Map();
  const connection = new DatabaseSync(file);
  try {
    const rows = connection
      .prepare(
        "select m.id as id, c.bytes as bytes from message m join body_chunk c on c.message_id = m.id where m.state <> 'receiving' order by m.id, c.number",
      )
      .all() as { id: string; bytes: Uint8Array }[];
    const byId = Map.groupBy(rows, ({ id }) => id);
    return new Map([...byId].map(([id, chunks]) => [id, digestOf(Buffer.concat(chunks.map(({ bytes }) => bytes)))]));
  } catch {
    return undefined;
  } finally {
    connection.close();
  }
}

interface CutEnd {
  readonly lost: number;
  readonly altered: number;
}

/** Cuts the power at moments of the seed, and calls `look` with each image and what was confirmed by then. */
async function cutAgainAndAgain(
  { events }: Recorded,
  folder: string,
  images: number,
  look: (confirmed: readonly number[], image: string, number: number) => Promise<void> | void,
): Promise<void> {
  const random = draws();
  const ways = Object.values(waysToKeep(random));
  const first = events.findIndex(({ kind }) => kind === 'answer');
  const cuts = Array.from({ length: images }, () => drawBetween(random, first, events.length - 1)).toSorted(
    (a, b) => a - b,
  );
  const disk = new Disk();
  const image = join(folder, 'image');
  let next = 0;
  for (const [index, event] of events.entries()) {
    disk.happen(event);
    for (; cuts[next] === index; next += 1) {
      disk.cutPower(ways[next % ways.length] ?? (() => undefined), image);
      await look(disk.confirmed, image, next);
      rmSync(image, { recursive: true, force: true });
    }
  }
}

function judge(image: string, confirmed: readonly number[], accepted: readonly AcceptedLine[]): CutEnd {
  const bodies = bodiesIn(join(image, 'postbearer.db'));
  let [lost, altered] = [0, 0];
  for (const number of confirmed) {
    const line = accepted[number];
    const found = bodies?.get(line?.queueId ?? '');
    if (found === undefined) lost += 1;
    else if (found !== line?.sha) altered += 1;
  }
  return { lost, altered };
}

itWithTool(
  'strace',
  `${IMAGES} power cuts lose and alter nothing that was confirmed (seed ${seed})`,
  async (strace) => {
    await using world = await World.make();
    const recorded = await record(world, strace);
    const { accepted } = recorded;
    expect(accepted).toHaveLength(MESSAGES);
    expect(recorded.events.filter(({ kind }) => kind === 'answer')).toHaveLength(MESSAGES);
    const total = { lost: 0, altered: 0, missing: 0 };
    await cutAgainAndAgain(recorded, world.folder, IMAGES, async (confirmed, image, number) => {
      const end = judge(image, confirmed, accepted);
      total.lost += end.lost;
      total.altered += end.altered;
      if (number % Math.floor(IMAGES / STARTED) !== 0) return;
      const service = world.service({ dataFolder: image });
      await service.start();
      const open = await service.drain();
      const states = new Map((await service.list()).map(({ id, state }) => [id, state]));
      total.missing +=
        open.length + confirmed.filter((each) => states.get(accepted[each]?.queueId ?? '') !== 'delivered').length;
      await service.kill();
    });
    const { altered } = world.ledger.verdict();
    report({
      row: 'R04',
      what: 'power cuts: disk images rebuilt from a record of the service',
      n: IMAGES,
      accepted: accepted.length,
      lost: total.lost + total.missing,
      doubled: 0,
      altered: total.altered + altered.length,
      note: `${STARTED} images with the whole service on them; seed ${seed}`,
    });
    expect(total).toEqual({ lost: 0, altered: 0, missing: 0 });
    expect(altered).toEqual([]);
  },
  size(600_000, 3_600_000),
);

itWithTool(
  'strace',
  'control: synchronous=NORMAL loses in at least 10 of 20 images',
  async (strace) => {
    await using world = await World.make();
    const recorded = await record(world, strace, 'flushes now and then');
    let lossy = 0;
    await cutAgainAndAgain(recorded, world.folder, 20, (confirmed, image) => {
      if (judge(image, confirmed, recorded.accepted).lost > 0) lossy += 1;
    });
    expect(lossy).toBeGreaterThanOrEqual(10);
  },
  120_000,
);
