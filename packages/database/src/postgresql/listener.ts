/** The one connection that waits for notices. It comes back by itself, with growing pauses. */
import type { Clock, ClockTimer } from '@postbearer/core';
import pg from 'pg';
import type { ClientConfig } from 'pg';
import type { NoticeBoard } from '../notice-board.ts';

/** The first pause before connecting again, and the longest, milliseconds. */
const PAUSE = { firstMs: 100, longestMs: 5000 } as const;

/** Brings notices of the server to a board. */
export class Listener {
  readonly #config: ClientConfig;
  readonly #board: NoticeBoard;
  readonly #clock: Clock;
  #client: pg.Client | undefined;
  #timer: ClockTimer | undefined;
  #pauseMs: number = PAUSE.firstMs;
  #isClosed = false;
  #connecting: Promise<void> | undefined;

  constructor(config: ClientConfig, board: NoticeBoard, clock: Clock) {
    this.#config = config;
    this.#board = board;
    this.#clock = clock;
  }

  /** Listens to a channel from now on; connects where that has not happened. */
  listen(channel: string): void {
    if (this.#client === undefined && this.#timer === undefined) this.#connecting ??= this.#connect();
    // It fails only with the connection, and then every channel is listened to anew by the next one.
    else void this.#client?.query(`listen ${channel}`).catch(() => undefined);
  }

  /** Ends it. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.#connecting;
    await this.#client?.end();
  }

  async #connect(): Promise<void> {
    this.#timer = undefined;
    const client = new pg.Client({ ...this.#config, pipeline: true });
    client.on('error', () => undefined);
    try {
      await client.connect();
      client.on('notification', ({ channel, payload }) => this.#board.tell(channel, payload ?? ''));
      client.once('end', () => this.#again());
      for (const channel of this.#board.channels) await client.query(`listen ${channel}`);
      this.#client = client;
      this.#pauseMs = PAUSE.firstMs;
      // Whoever subscribed while this connected, and whatever was said before it stood.
      for (const channel of this.#board.channels) this.listen(channel);
      this.#board.tellAll();
    } catch {
      // What failed is told by trying again; a connection that never stood has nothing to add when it is ended.
      await client.end().catch(() => undefined);
      this.#again();
    } finally {
      this.#connecting = undefined;
    }
  }

  #again(): void {
    this.#client = undefined;
    if (this.#isClosed || this.#timer !== undefined) return;
    this.#timer = this.#clock.setTimer(
      () => {
        this.#connecting = this.#connect();
      },
      this.#pauseMs,
      { background: true },
    );
    this.#pauseMs = Math.min(this.#pauseMs * 2, PAUSE.longestMs);
  }
}
