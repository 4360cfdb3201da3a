/** R06: the disk of the data folder is full: nothing is taken that cannot be kept, what is queued goes on, and room is noticed. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { submitByHttp } from './harness/http-client.ts';
import { testMessage } from './harness/messages.ts';
import { report, size } from './harness/rows.ts';
import { eventually, submitOnce, World } from './harness/world.ts';

const CYCLES = size(5, 50);
const LIMIT_BYTES = 4 * 1024 * 1024;
const LANE = 'default/notifications@contoso.example';

/** A file system of 32 MB that a test may fill; only root may make one. */
function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const folder = join('/dev/shm', `mount-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { stdio: 'ignore' });
    execFileSync('umount', [folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

class SmallDisk implements Disposable {
  readonly folder: string;
  readonly #ballast: string;

  constructor(folder: string) {
    this.folder = folder;
    this.#ballast = join(folder, 'ballast');
    mkdirSync(folder, { mode: 0o700 });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=32m,mode=0700', 'tmpfs', folder]);
  }

  /** Leaves so many bytes free. */
  fill(leftBytes: number): void {
    const { bavail, bsize } = statfsSync(this.folder);
    const bytes = Math.max(0, bavail * bsize - leftBytes);
    try {
      writeFileSync(this.#ballast, Buffer.alloc(bytes), { flag: 'a' });
    } catch {
      // Full to the last byte.
    }
  }

  empty(): void {
    rmSync(this.#ballast, { force: true });
  }

  [Symbol.dispose](): void {
    execFileSync('umount', ['-l', this.folder]);
  }
}

describe.skipIf(!canMount())('a full disk', () => {
  test(`${CYCLES} times`, { timeout: size(540_000, 1_200_000) }, async () => {
    await using world = await World.make();
    using disk = new SmallDisk(join(world.folder, 'small'));
    const service = world.service({
      dataFolder: join(disk.folder, 'data'),
      service: { maxMessageBytes: LIMIT_BYTES },
    });
    await service.start();
    const slowest = { ms: 0 };
    let refused = 0;
    for (let cycle = 0; cycle < CYCLES; cycle += 1) {
      // Some mail waits when the disk fills up.
      await service.control('holdLane', { lane: LANE, sender: '', actor: 'test' });
      for (const number of [0, 1, 2]) {
        const reply = await submitOnce(service.smtpPort, testMessage(`full-${cycle}-${number}`, 20_000), world.ledger);
        expect(reply?.code).toBe(250);
      }
      disk.fill(LIMIT_BYTES * 1.25);
      const isRefused = await eventually(async () => {
        const reply = await submitOnce(service.smtpPort, testMessage(`extra-${cycle}-${refused}`), world.ledger);
        refused += 1;
        return reply?.code === 452 && reply.text.startsWith('452 4.3.1');
      }, 10_000);
      expect(isRefused).toBe(true);
      const overHttp = await submitByHttp(service, testMessage(`http-${cycle}`), world.ledger);
      expect([503, 507]).toContain(overHttp?.status);
      await service.control('releaseLane', { lane: LANE, sender: '', actor: 'test' });
      expect(await service.drain(20_000)).toEqual([]);
      // Now to the last byte: nothing can be promised but that nothing is lost.
      disk.fill(0);
      await submitOnce(service.smtpPort, testMessage(`last-${cycle}`), world.ledger);
      disk.empty();
      const emptied = performance.now();
      const isBack = await eventually(async () => {
        const reply = await submitOnce(service.smtpPort, testMessage(`back-${cycle}-${refused}`), world.ledger);
        refused += 1;
        return reply?.code === 250;
      }, 10_000);
      expect(isBack).toBe(true);
      slowest.ms = Math.max(slowest.ms, performance.now() - emptied);
      expect(await service.drain(20_000)).toEqual([]);
    }
    const { accepted, lost, doubled, altered, unheard } = world.ledger.verdict();
    report({
      row: 'R06',
      what: 'a full disk: refused before DATA, queued mail goes on, taken again without a restart',
      n: CYCLES,
      accepted,
      lost: lost.length,
      doubled: doubled.size,
      altered: altered.length,
      note: `taken again after ${Math.round(slowest.ms)} ms at most`,
    });
    expect([lost, altered, [...doubled], unheard]).toEqual([[], [], [], []]);
    expect(service.starts).toBe(1);
    await service.kill();
  });

  test(
    'control: a service that does not look at the disk takes mail until the last byte',
    { timeout: 180_000 },
    async () => {
      await using world = await World.make();
      using disk = new SmallDisk(join(world.folder, 'small'));
      const service = world.service({
        mutant: 'does not look at the disk',
        dataFolder: join(disk.folder, 'data'),
        service: { maxMessageBytes: LIMIT_BYTES },
      });
      await service.start();
      disk.fill(LIMIT_BYTES * 1.25);
      const reply = await submitOnce(service.smtpPort, testMessage('taken'), world.ledger);
      expect(reply?.code).toBe(250);
      await service.kill();
    },
  );
});
