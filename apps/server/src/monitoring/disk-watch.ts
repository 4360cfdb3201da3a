/** Watches how much room the disk of the data folder has, every other second, and tells when it gets too little and when there is room again. */
import { statfs } from 'node:fs/promises';
import type { Clock, ClockTimer, EventSink } from '@postbearer/core';

const LOOK_MS = 2000;

/** How a disk is watched. */
export interface DiskWatchOptions {
  readonly folder: string;
  /** What has to be free, bytes. */
  readonly neededBytes: () => number;
  readonly clock: Clock;
  readonly onEvent: EventSink;
  /** The free bytes of a folder's disk for an account without privileges; the system's answer where left out. */
  readonly freeBytes?: (folder: string) => Promise<number>;
}

/** How a disk is. */
export interface DiskState {
  /** Absent where it cannot be known. */
  readonly freeBytes?: number;
  readonly isNearlyFull: boolean;
  /** Since when it is so, milliseconds since 1970. */
  readonly since: number;
}

async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/** Watches one disk. */
export class DiskWatch {
  readonly #options: DiskWatchOptions;
  #timer: ClockTimer | undefined;
  #looking: Promise<void> | undefined;
  #isClosed = false;
  #free: number | undefined;
  #isFull = false;
  #since: number;

  constructor(options: DiskWatchOptions) {
    this.#options = options;
    this.#since = options.clock.now();
  }

  /** Free bytes when it was looked last; `undefined` where that cannot be known. */
  get freeBytes(): number | undefined {
    return this.#free;
  }

  /** How it is. */
  get state(): DiskState {
    return {
      ...(this.#free === undefined ? {} : { freeBytes: this.#free }),
      isNearlyFull: this.#isFull,
      since: this.#since,
    };
  }

  /** Looks now, and again and again from then on. */
  async start(): Promise<void> {
    await this.look();
    this.#again();
  }

  /** Looks once. */
  async look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    await this.#looking;
  }

  /** Ends it; safe to repeat. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.#looking;
  }

  #again(): void {
    if (this.#isClosed) return;
    this.#timer = this.#options.clock.setTimer(() => void this.#lookAgain(), LOOK_MS, { background: true });
  }

  async #lookAgain(): Promise<void> {
    await this.look();
    this.#again();
  }

  async #look(): Promise<void> {
    const { folder, neededBytes, clock, onEvent, freeBytes = freeBytesOf } = this.#options;
    this.#free = await freeBytes(folder).catch(() => undefined);
    const isFull = this.#free !== undefined && this.#free < neededBytes();
    if (isFull === this.#isFull) return;
    this.#isFull = isFull;
    this.#since = clock.now();
    const free = this.#free ?? 0;
    if (isFull) onEvent({ name: 'disk.nearly-full', folder, freeBytes: free, neededBytes: neededBytes() });
    else onEvent({ name: 'disk.room-again', folder, freeBytes: free });
  }
}
