/**
 * The thread that owns a SQLite file.
 *
 * It takes everything that waits for it at once: reads are answered first, then all batches go into one transaction.
 * What arrives while that transaction is flushed to disk makes up the next one.
 */
import { chmodSync, closeSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { backup } from 'node:sqlite';
import { parentPort, receiveMessageOnPort, workerData, type MessagePort } from 'node:worker_threads';
import { databaseFaults } from '../faults.ts';
import type { Answer, BatchRequest, Ending, Opened, Requests } from './protocol.ts';
import { SqliteFile } from './sqlite-file.ts';

/** More batches than this wait for the next transaction, so that the first of a long row are answered soon. */
const LARGEST_GROUP = 512;
/** Pages that a backup copies between two groups. */
const BACKUP_STEP_PAGES = 256;

/**
 * Gives back the memory of bytes that were written. They are ours alone: the main thread handed their memory over.
 *
 * Without it they lie about until some garbage collection finds them: 20 MB in a burst of messages of 10 kB.
 */
function letGo(group: readonly BatchRequest[]): void {
  for (const { statements } of group) {
    for (const wire of statements) {
      for (const value of wire)
        if (value instanceof Uint8Array && value.buffer instanceof ArrayBuffer) value.buffer.transfer(0);
    }
  }
}

/** Works on what the main thread asks for, in the order: reads, batches, the rest. */
class Service {
  readonly #file: SqliteFile;
  readonly #port: MessagePort;
  #batches: BatchRequest[] = [];
  #isCopying = false;
  #closeId: number | undefined;

  constructor(file: SqliteFile, port: MessagePort) {
    this.#file = file;
    this.#port = port;
    port.on('message', (said: Requests) => {
      this.#take(said);
      this.#work();
    });
  }

  #take({ texts, requests }: Requests): void {
    this.#file.learn(texts);
    for (const request of requests) {
      switch (request.kind) {
        case 'batch':
          this.#batches.push(request);
          break;
        case 'query':
          this.#answer([{ id: request.id, ...this.#file.read(request.statement) }]);
          break;
        case 'backup':
          void this.#backUp(request.id, request.file);
          break;
        case 'close':
          this.#closeId = request.id;
          break;
      }
    }
  }

  #takeWaiting(): void {
    for (let next = receiveMessageOnPort(this.#port); next !== undefined; next = receiveMessageOnPort(this.#port)) {
      this.#take(next.message as Requests);
    }
  }

  /** During a backup this writes between its steps only, so that no step sees half a transaction. */
  #work(isBetweenSteps = false): void {
    this.#takeWaiting();
    const mayWrite = (): boolean => this.#batches.length > 0 && (isBetweenSteps || !this.#isCopying);
    while (mayWrite()) {
      const group = this.#batches.splice(0, LARGEST_GROUP);
      const endings = this.#file.write(group, this.#isCopying);
      this.#answer(group.map(({ id }, index) => ({ id, ...(endings[index] as Ending) })));
      letGo(group);
      this.#file.tidy();
      this.#takeWaiting();
    }
    if (this.#closeId !== undefined && !this.#isCopying) this.#close(this.#closeId);
  }

  #answer(answers: readonly Answer[]): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    this.#port.postMessage(answers);
  }

  #close(id: number): void {
    this.#file.close();
    this.#answer([{ id, value: undefined }]);
    this.#port.close();
  }

  async #backUp(id: number, target: string): Promise<void> {
    const ending = this.#isCopying
      ? { fault: databaseFaults.make('DATABASE_BACKUP_FAILED', { file: target, reason: 'another backup is running' }) }
      : await this.#copyTo(target);
    this.#answer([{ id, ...ending }]);
    this.#work();
  }

  async #copyTo(target: string): Promise<Ending> {
    const source = this.#file.connection();
    if ('code' in source) return { fault: source };
    const partial = `${target}.partial`;
    this.#isCopying = true;
    try {
      closeSync(openSync(partial, 'w', 0o600));
      chmodSync(partial, 0o600);
      await backup(source, partial, { rate: BACKUP_STEP_PAGES, progress: () => this.#work(true) });
      const written = openSync(partial, 'r+');
      fsyncSync(written);
      closeSync(written);
      renameSync(partial, target);
      return { value: undefined };
    } catch (error) {
      rmSync(partial, { force: true });
      const reason = error instanceof Error ? error.message : String(error);
      return { fault: databaseFaults.make('DATABASE_BACKUP_FAILED', { file: target, reason }) };
    } finally {
      this.#isCopying = false;
    }
  }
}

if (parentPort === null) throw new Error('this file is the start of a thread');
const { file } = workerData as { readonly file: string };
const opened = SqliteFile.open(file);
const first: Opened = { opened: opened.ok ? true : opened.fault };
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
parentPort.postMessage(first);
if (opened.ok) void new Service(opened.value, parentPort);
