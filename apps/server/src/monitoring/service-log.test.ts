import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, type Clock, type PostbearerEvent } from '@postbearer/core';
import { afterEach, describe, expect, it } from 'vitest';
import { fileTarget, LogWriter, type LogTarget } from './log-writer.ts';
import { openServiceLog } from './service-log.ts';

const PROGRAM = join(import.meta.dirname, 'testing', 'logging-process.ts');
const settings = { level: 'Information', format: 'json' } as const;

function accepted(recipient: string): PostbearerEvent {
  return { name: 'message.accepted', messageId: '<1@example.com>', recipient, reply: '250 OK' };
}

/** A clock whose timers are called by hand. */
function handClock(): Clock & { tick(): void } {
  const pending = new Set<() => void>();
  return {
    now: () => 1000,
    monotonicMs: () => 0,
    setTimer(callback) {
      pending.add(callback);
      return { cancel: () => void pending.delete(callback) };
    },
    tick() {
      const due = [...pending];
      pending.clear();
      for (const callback of due) callback();
    },
  };
}

/** A target that fails while it is told to. */
function brokenTarget(): LogTarget & {
  problem: string | undefined;
  readonly text: () => string;
  written: () => Promise<void>;
} {
  const written: string[] = [];
  let waiting = Promise.withResolvers<void>();
  return {
    problem: undefined,
    write(text) {
      queueMicrotask(() => {
        waiting.resolve();
        waiting = Promise.withResolvers();
      });
      if (this.problem !== undefined) return Promise.reject(Object.assign(new Error('no'), { code: this.problem }));
      written.push(text);
      return Promise.resolve();
    },
    written: async () => await waiting.promise,
    text: () => written.join(''),
    reopen: () => undefined,
    close: () => Promise.resolve(),
  };
}

describe('the writer of the log', () => {
  it('counts what could not be written, and tells of it once something can', async () => {
    const clock = handClock();
    const target = brokenTarget();
    const writer = new LogWriter({ target, clock, renderDropped: (dropped) => `${JSON.stringify(dropped)}\n` });
    target.problem = 'ENOSPC';
    writer.write('a\n');
    writer.write('b\n');
    await target.written();
    await Promise.resolve();
    expect(writer.trouble).toEqual({ count: 2, since: 1000, reason: 'ENOSPC' });
    // Within the pause nothing is tried.
    writer.write('c\n');
    target.problem = undefined;
    clock.tick();
    await target.written();
    await writer.close();
    expect(target.text()).toBe('c\n{"count":2,"since":1000,"reason":"ENOSPC"}\n');
    expect(writer.trouble).toBe(undefined);
    expect(writer.droppedCount).toBe(2);
  });

  it('keeps no more than its bound while a write hangs, and lets closing end', async () => {
    const clock = handClock();
    const target: LogTarget = {
      write: async () => await new Promise<void>(() => undefined),
      reopen: () => undefined,
      close: () => Promise.resolve(),
    };
    const writer = new LogWriter({ target, clock, renderDropped: () => '', mostWaiting: 100 });
    writer.write('first\n');
    await Promise.resolve();
    await Promise.resolve();
    for (let index = 0; index < 50; index += 1) writer.write('123456789\n');
    expect(writer.trouble).toMatchObject({ count: 40, reason: 'the reader is too slow' });
    const closed = writer.close();
    await Promise.resolve();
    clock.tick();
    await closed;
  });
});

describe('the log of the service', () => {
  let folder: string | undefined;
  afterEach(async () => {
    if (folder !== undefined) await rm(folder, { recursive: true });
    folder = undefined;
  });

  it('goes on in a new file after a rotation', async () => {
    folder = await mkdtemp(join(tmpdir(), 'postbearer-log-'));
    const file = join(folder, 'postbearer.log');
    const written: (() => void)[] = [];
    const real = fileTarget(file);
    const target: LogTarget = {
      ...real,
      async write(text) {
        await real.write(text);
        written.shift()?.();
      },
    };
    const log = openServiceLog(settings, systemClock, target);
    const told = async (recipient: string): Promise<void> => {
      const done = Promise.withResolvers<void>();
      written.push(done.resolve);
      log.onEvent(accepted(recipient));
      await done.promise;
    };
    await told('first');
    await rename(file, `${file}.1`);
    // The old file is written on until the signal comes.
    await told('second');
    log.reopen();
    await told('third');
    await log.close();
    expect(await readFile(`${file}.1`, 'utf8')).toMatch(/first.*\n.*second.*\n$/);
    expect(await readFile(file, 'utf8')).toMatch(/^\{.*third.*\n$/);
  });

  it.skipIf(!existsSync('/dev/full'))('is not held up by a full disk, and counts', async () => {
    const log = openServiceLog({ ...settings, file: '/dev/full' }, systemClock);
    for (let index = 0; index < 100; index += 1) log.onEvent(accepted('user@example.com'));
    await log.close();
    expect(log.droppedCount).toBe(100);
    expect(log.trouble?.reason).toBe('ENOSPC');
  });

  it('writes one line of valid JSON of at most 8,000 bytes, whatever is in it', async () => {
    const target = brokenTarget();
    const log = openServiceLog(settings, systemClock, target);
    const hostile = `a\r\nb\u001b[2J\u2028c\u0085${'\0é😀'.repeat(300_000)}`;
    const fault = {
      code: 'SMTP_EXAMPLE',
      title: hostile,
      message: hostile,
      cause: hostile,
      remedy: { steps: Array.from({ length: 12 }, () => hostile), command: hostile },
      next: 'retry',
      during: hostile,
    } as const;
    log.onEvent({ name: 'message.not-accepted', messageId: hostile, recipient: hostile, outcome: 'refused', fault });
    await log.close();
    const text = target.text();
    expect(text.indexOf('\n')).toBe(text.length - 1);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(8001);
    expect(JSON.parse(text)).toMatchObject({ event: 'message.not-accepted' });
    // oxlint-disable-next-line no-control-regex -- control characters are what must not be there
    expect(text.slice(0, -1)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
    // The same text as it came would not pass.
    expect(`${JSON.stringify({ fault })}\n`.length).toBeGreaterThan(8001);
  });
});

interface Ended {
  readonly told: number;
  readonly longestTurnMs: number;
  readonly dropped: number;
  readonly reason?: string;
  readonly isStuck: boolean;
}

type Program = ReturnType<typeof startProgram>;

function startProgram(records: number, afterwardsMs: number): ReturnType<typeof spawn> {
  return spawn(process.execPath, [PROGRAM, String(records), String(afterwardsMs)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Runs the program with a pipe as standard error; what is done with its reading end at first, and after everything was told. */
async function run(
  child: Program,
  atFirst: (child: Program) => void,
  afterwards: (child: Program) => void = () => undefined,
): Promise<{ ended: Ended; log: string }> {
  const { stdout, stderr } = child;
  let [out, log] = ['', ''];
  stderr?.setEncoding('utf8').on('data', (text: string) => (log += text));
  stdout?.setEncoding('utf8').on('data', (text: string) => {
    out += text;
    if (out === 'told\n') afterwards(child);
  });
  atFirst(child);
  // A pipe that nobody reads is never closed.
  const [code] = (await once(child, 'exit')) as [number | null];
  stderr?.resume();
  if (stdout?.readableEnded !== true) await once(child, 'close');
  expect(code).toBe(0);
  return { ended: JSON.parse(out.split('\n')[1] ?? '') as Ended, log };
}

describe('standard error of a process', () => {
  it('that nobody reads holds up nothing, and drops are told when the reader goes on', async () => {
    const { ended, log } = await run(
      startProgram(20_000, 2000),
      ({ stderr }) => stderr?.pause(),
      ({ stderr }) => stderr?.resume(),
    );
    expect(ended.told).toBe(20_000);
    expect(ended.dropped).toBeGreaterThan(1000);
    expect(ended.longestTurnMs).toBeLessThan(1000);
    const lines = log.trimEnd().split('\n');
    const records = lines.map((line) => JSON.parse(line) as { event: string; lines?: number });
    const drops = records.filter(({ event }) => event === 'log.dropped');
    expect(drops.reduce((sum, { lines: count = 0 }) => sum + count, 0)).toBe(ended.dropped);
    expect(lines.length - drops.length + ended.dropped).toBe(20_000);
  }, 120_000);

  it('that stands still to the end does not keep the process', async () => {
    const { ended } = await run(startProgram(20_000, 100), ({ stderr }) => stderr?.pause());
    expect(ended).toMatchObject({ told: 20_000, isStuck: true });
  }, 120_000);

  it('that is closed holds up nothing', async () => {
    const { ended } = await run(startProgram(5000, 500), ({ stderr }) => stderr?.destroy());
    expect(ended).toMatchObject({ told: 5000, reason: expect.stringMatching(/EPIPE|DESTROYED/) });
    expect(ended.dropped).toBeGreaterThan(4000);
    expect(ended.longestTurnMs).toBeLessThan(1000);
  }, 120_000);
});
