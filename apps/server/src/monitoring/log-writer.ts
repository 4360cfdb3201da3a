/**
 * Writes log records somewhere without ever waiting for it.
 *
 * The rules of this file:
 * - whoever logs never waits: a record goes into a queue, and one write at a time takes what is there;
 * - the queue is bounded: while nothing can be written (a full disk, a reader that stopped) further records are dropped and counted;
 * - what could not be written is tried for with later records once a second, and the first that is written again is followed by how
 *   many are missing, since when, and why.
 */
import { fstatSync, write as writeFile } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type { Clock, ClockTimer } from '@postbearer/core';

/** Where records go. */
export interface LogTarget {
  /** Writes all of it; rejects with what the system says. */
  write(text: string): Promise<void>;
  /** From the next write on the place is opened anew, as after a rotation. */
  reopen(): void;
  close(): Promise<void>;
}

/** Records that were not written. */
export interface DroppedRecords {
  readonly count: number;
  /** Since when, wall clock, milliseconds since 1970. */
  readonly since: number;
  /** As the system says it: `ENOSPC`. */
  readonly reason: string;
}

/** How a writer works. */
export interface LogWriterOptions {
  readonly target: LogTarget;
  readonly clock: Clock;
  /** The record that tells of dropped ones, with its line break. */
  readonly renderDropped: (dropped: DroppedRecords) => string;
  /** The most characters that wait; 1 MiB where left out. */
  readonly mostWaiting?: number;
}

const MOST_WAITING = 1024 * 1024;
const PAUSE_MS = 1000;
const CLOSE_MS = 1000;
const NO_ROOM = 'the reader is too slow';

/** What of an error is told: its code where it has one. */
function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  return code ?? (error instanceof Error ? error.message : String(error));
}

/** Writes records to a target. */
export class LogWriter {
  readonly #options: LogWriterOptions;
  readonly #mostWaiting: number;
  #waiting: string[] = [];
  #waitingChars = 0;
  #writing: Promise<void> | undefined;
  #pause: ClockTimer | undefined;
  #missing: { count: number; since: number; reason: string } | undefined;
  #droppedInAll = 0;
  #isClosed = false;

  constructor(options: LogWriterOptions) {
    this.#options = options;
    this.#mostWaiting = options.mostWaiting ?? MOST_WAITING;
  }

  /** How many records were dropped since the start. */
  get droppedCount(): number {
    return this.#droppedInAll;
  }

  /** Why nothing can be written now; `undefined` while all is well. */
  get trouble(): DroppedRecords | undefined {
    return this.#missing;
  }

  /** Whether a write hangs that nobody can take back: it would keep the process from ending. */
  get isStuck(): boolean {
    return this.#isClosed && this.#writing !== undefined;
  }

  /** Takes a record with its final line break; never waits and never throws. */
  write(record: string): void {
    if (this.#isClosed) return;
    if (this.#waitingChars + record.length > this.#mostWaiting) {
      this.#drop(1, NO_ROOM);
      return;
    }
    this.#waiting.push(record);
    this.#waitingChars += record.length;
    this.#begin();
  }

  /** From the next record on the place is opened anew. */
  reopen(): void {
    this.#options.target.reopen();
    this.#endPause();
    this.#begin();
  }

  /** Writes what waits, for a second at most. Safe to repeat. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#endPause();
    this.#begin();
    this.#isClosed = true;
    const end = Promise.withResolvers<void>();
    const timer = this.#options.clock.setTimer(end.resolve, CLOSE_MS);
    await Promise.race([this.#writing, end.promise]);
    timer.cancel();
    await this.#options.target.close();
  }

  #begin(): void {
    if (this.#isClosed || this.#waiting.length === 0 || this.#pause !== undefined) return;
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
      this.#begin();
    });
  }

  async #writeAll(): Promise<void> {
    // What is logged in the same turn goes with the same write.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const records = this.#waiting;
      this.#waiting = [];
      this.#waitingChars = 0;
      try {
        await this.#options.target.write(records.join(''));
      } catch (error) {
        this.#drop(records.length, reasonOf(error));
        this.#pauseNow();
        return;
      }
      this.#tellMissing();
    }
  }

  /** Something was written again. */
  #tellMissing(): void {
    const missing = this.#missing;
    if (missing === undefined) return;
    this.#missing = undefined;
    const record = this.#options.renderDropped(missing);
    this.#waiting.unshift(record);
    this.#waitingChars += record.length;
  }

  #pauseNow(): void {
    if (this.#isClosed) return;
    const again = (): void => {
      this.#pause = undefined;
      this.#begin();
    };
    this.#pause = this.#options.clock.setTimer(again, PAUSE_MS, { background: true });
  }

  #endPause(): void {
    this.#pause?.cancel();
    this.#pause = undefined;
  }

  #drop(count: number, reason: string): void {
    this.#droppedInAll += count;
    this.#missing ??= { count: 0, since: this.#options.clock.now(), reason };
    this.#missing.count += count;
    if (reason !== NO_ROOM) this.#missing.reason = reason;
  }
}

async function writeTo(descriptor: number, text: string): Promise<void> {
  let rest = Buffer.from(text, 'utf8');
  while (rest.length > 0) {
    const bytes = rest;
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    // On a thread of the pool: a disk that stands still holds up nothing but the log.
    writeFile(descriptor, bytes, (error, written) => (error === null ? resolve(written) : reject(error)));
    rest = bytes.subarray(await promise);
  }
}

/** A file that records are added to; made with mode 0640 where it is missing. */
export function fileTarget(path: string): LogTarget {
  let handle: FileHandle | undefined;
  let isStale = false;
  const closeHandle = async (): Promise<void> => {
    const old = handle;
    handle = undefined;
    await old?.close();
  };
  return {
    async write(text) {
      if (isStale) {
        isStale = false;
        await closeHandle();
      }
      handle ??= await open(path, 'a', 0o640);
      await writeTo(handle.fd, text);
    },
    reopen() {
      isStale = true;
    },
    close: closeHandle,
  };
}

async function writeToStandardError(text: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  process.stderr.write(text, (error) => (error === undefined || error === null ? resolve() : reject(error)));
  await promise;
}

/** Each write tells its own error. */
function toldToTheWriter(): void {
  // Without a listener the process would end.
}

/** Standard error of this process. A reader that goes away is no reason to end. */
export function standardErrorTarget(): LogTarget {
  const stats = fstatSync(2);
  // Node writes to pipes and sockets without waiting, and to everything else while the whole process stands still.
  const isStream = stats.isFIFO() || stats.isSocket();
  if (isStream) process.stderr.on('error', toldToTheWriter);
  return {
    write: async (text) => await (isStream ? writeToStandardError(text) : writeTo(2, text)),
    reopen: () => undefined,
    close() {
      if (isStream) process.stderr.off('error', toldToTheWriter);
      return Promise.resolve();
    },
  };
}
