/**
 * Takes in what programs of this machine drop with `postbearer sendmail`: what waits at the start, and what comes.
 *
 * A notice of the system starts a look at once; a look every ten seconds needs none. A file that cannot be read is tried and
 * told of once an hour. Names of files that were taken are forgotten after the folder without them is on disk.
 */
import { watch, type FSWatcher } from 'node:fs';
import { success, type Clock, type ClockTimer, type Result } from '@postbearer/core';
import { passPoint } from '@postbearer/database';
import { openDropFolder } from './drop-folder.ts';
import { flushFolder } from './drop-writer.ts';
import { FileTaker, type TakeFileOptions } from './take-file.ts';
import { forgetFiles, takenFiles } from './taken-files.ts';
import { createUserNames, type UserNames } from './user-names.ts';

/** What the folder is served with. */
export interface SendmailOptions extends Omit<TakeFileOptions, 'folder' | 'userNames'> {
  /** The folder; made where it is missing. */
  readonly folder: string;
  /** Names of accounts; those of the system where it is left out. */
  readonly userNames?: UserNames;
  /** Hears what was not expected; the rest goes on. */
  readonly onError: (error: unknown) => void;
}

/** The folder while it is served. */
export interface SendmailFolder {
  /** Takes no further file and lets those that are being taken end. Safe to repeat. */
  close(): Promise<void>;
}

const LOOK_ANYWAY_MS = 10_000;
/** After a database or disk that did not take a file. */
const PAUSE_MS = 1000;
const HOUR_MS = 60 * 60_000;
/** So many files are in hand together; the database commits them together. */
const AT_ONCE = 16;
/** So many taken files are remembered before their names are forgotten. */
const FORGET_AFTER = 500;

class FolderLooker implements SendmailFolder {
  readonly #options: SendmailOptions;
  readonly #taker: FileTaker;
  readonly #folder: TakeFileOptions['folder'];
  readonly #clock: Clock;
  /** Passed over for this hour. */
  readonly #unreadable = new Set<string>();
  #gone: string[] = [];
  #watcher: FSWatcher | undefined;
  #timer: ClockTimer | undefined;
  #looking: Promise<void> | undefined;
  #isAskedAgain = false;
  #isClosed = false;
  #hourBeganMs = -Infinity;
  /** What the last look failed with. */
  #failure = '';

  constructor(options: SendmailOptions, folder: TakeFileOptions['folder']) {
    this.#options = options;
    this.#folder = folder;
    this.#clock = options.clock;
    const userNames = options.userNames ?? createUserNames(options.clock);
    this.#taker = new FileTaker({ ...options, folder, userNames });
  }

  async start(): Promise<Result<void>> {
    // Files that a former run took and perhaps did not remove: their rows stay until the names are seen to be gone.
    const known = await takenFiles(this.#options.database, this.#options.node);
    if (!known.ok) return known;
    const there = new Set(await this.#folder.list());
    this.#gone.push(...known.value.filter((name) => !there.has(name)));
    this.#watch();
    this.#look();
    return success(undefined);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#watcher?.close();
    this.#timer?.cancel();
    await this.#looking;
  }

  /** Where the system gives no notices, looking now and then does. */
  #watch(): void {
    try {
      this.#watcher = watch(this.#folder.path, () => this.#look());
      this.#watcher.on('error', (error) => {
        this.#watcher?.close();
        this.#options.onError(error);
      });
    } catch (error) {
      this.#options.onError(error);
    }
  }

  #look(): void {
    this.#isAskedAgain = true;
    if (this.#isClosed || this.#looking !== undefined) return;
    this.#timer?.cancel();
    this.#looking = this.#lookAll().finally(() => {
      this.#looking = undefined;
    });
  }

  async #lookAll(): Promise<void> {
    let waitMs = LOOK_ANYWAY_MS;
    try {
      while (this.#isAskedAgain && !this.#isClosed) {
        this.#isAskedAgain = false;
        if (!(await this.#lookOnce())) {
          waitMs = PAUSE_MS;
          break;
        }
      }
    } catch (error) {
      this.#tellOnce(error);
      waitMs = PAUSE_MS;
    }
    if (!this.#isClosed) this.#timer = this.#clock.setTimer(() => this.#look(), waitMs);
  }

  /** A folder that is gone, or a disk that fails, fails at every look. */
  #tellOnce(error: unknown): void {
    const said = String(error);
    if (said !== this.#failure) this.#options.onError(error);
    this.#failure = said;
  }

  /** Takes what is there; gives whether all of it could be. */
  async #lookOnce(): Promise<boolean> {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs >= this.#hourBeganMs + HOUR_MS) {
      this.#hourBeganMs = nowMs;
      this.#unreadable.clear();
      await this.#folder.removeOldParts(this.#clock.now());
    }
    const names = (await this.#folder.list()).filter((name) => !this.#unreadable.has(name));
    const waiting = names.values();
    let isWell = true;
    const work = async (): Promise<void> => {
      for (const name of waiting) {
        if (this.#isClosed || !isWell) return;
        if (!(await this.#takeOne(name))) isWell = false;
      }
    };
    const done = await Promise.allSettled(Array.from({ length: AT_ONCE }, work));
    await this.#forget();
    for (const each of done) if (each.status === 'rejected') throw each.reason;
    this.#failure = '';
    return isWell;
  }

  async #takeOne(name: string): Promise<boolean> {
    const outcome = await this.#taker.take(name);
    if (outcome === 'unreadable') this.#unreadable.add(name);
    if (outcome === 'taken') this.#gone.push(name);
    if (this.#gone.length >= FORGET_AFTER) await this.#forget();
    return outcome !== 'none';
  }

  async #forget(): Promise<void> {
    const names = this.#gone;
    if (names.length === 0) return;
    this.#gone = [];
    await flushFolder(this.#folder.path);
    passPoint('drop-forget:before');
    const forgotten = await forgetFiles(this.#options.database, names);
    passPoint('drop-forget:after');
    if (!forgotten.ok) this.#gone.push(...names);
  }
}

/** Serves the folder. Fails with `SENDMAIL_NOT_ON_WINDOWS`, `SENDMAIL_FOLDER_UNSAFE` or what the database reports. */
export async function startSendmail(options: SendmailOptions): Promise<Result<SendmailFolder>> {
  const folder = await openDropFolder(options.folder);
  if (!folder.ok) return folder;
  const looker = new FolderLooker(options, folder.value);
  const started = await looker.start();
  return started.ok ? success(looker) : started;
}
