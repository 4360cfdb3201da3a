/**
 * Follows the settings while the service runs: the file they stand in, and the files that they name.
 *
 * The rules of this file:
 * - files are looked at every second and read when one look finds another state than the look before and the next finds
 *   the same: a file that is being written is not read; a link that leads elsewhere (as Kubernetes changes a mounted file)
 *   counts as another state;
 * - settings with a mistake are refused: each mistake is told of once, and the old settings stay;
 * - what is asked for by hand (SIGHUP) is done at once, whether a file changed or not.
 */
import { stat } from 'node:fs/promises';
import type { Clock, ClockTimer, EventSink, Fault, Result } from '@postbearer/core';
import { asResult, type Finding, type Settings, type SettingsReading } from '@postbearer/settings';
import type { Reloaded } from './running-service.ts';

const LOOK_EVERY_MS = 1000;

/** What a follower works with. */
export interface SettingsFollowerOptions {
  /** Reads the settings from where they were read at the start. */
  readonly read: () => Promise<SettingsReading>;
  /** Takes them into use. `namedFiles` stands for the content of the files that they name. */
  readonly apply: (settings: Settings, namedFiles: string) => Promise<Result<Reloaded>>;
  readonly clock: Clock;
  readonly onEvent: EventSink;
  readonly onError: (error: unknown) => void;
}

interface SettingsFiles {
  readonly own: string | undefined;
  /** Files that settings name: each a secret, a certificate or a key. */
  readonly named: readonly string[];
}

function filesOf({ file, values }: SettingsReading): SettingsFiles {
  const named = values.flatMap(({ value, secret, origin, key }) => {
    if (secret?.kind === 'file') return [secret.path];
    return origin === 'given' && /(?:certificate|key|ca)File$/.test(key) ? [value] : [];
  });
  return { own: file, named: [...new Set(named)].toSorted() };
}

/** What is seen of a file from outside; another text where its content is another. */
async function stateOf(file: string): Promise<string> {
  try {
    const { ino, size, mtimeMs, ctimeMs } = await stat(file);
    return `${file} ${ino} ${size} ${mtimeMs} ${ctimeMs}`;
  } catch {
    return `${file} absent`;
  }
}

async function statesOf(files: readonly string[]): Promise<string> {
  return (await Promise.all(files.map(stateOf))).join('\n');
}

function mistakesOf(findings: readonly Finding[]): Fault[] {
  return findings.filter(({ severity }) => severity === 'error').map(({ fault }) => fault);
}

/** What follows the settings of one service. */
export class SettingsFollower {
  readonly #options: SettingsFollowerOptions;
  #files: readonly string[] = [];
  #named: readonly string[] = [];
  /** What the files were when they were last read. */
  #readState = '';
  #lastState = '';
  #timer: ClockTimer | undefined;
  #working: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(options: SettingsFollowerOptions) {
    this.#options = options;
  }

  /** Finds the files to look at; gives what stands for the content of those that the settings name. */
  async find(): Promise<string> {
    await this.#read();
    return await statesOf(this.#named);
  }

  /** Begins to look. */
  start(): void {
    this.#again();
  }

  /** Reads the settings now, and takes them into use. Fails with the first mistake, or as a reload does. */
  async reread(): Promise<Result<Reloaded>> {
    const reading = this.#working.then(async () => await this.#reread());
    this.#working = reading.catch(this.#options.onError);
    return await reading;
  }

  /** Looks no more. Safe to repeat. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.#working;
  }

  #again(): void {
    if (this.#isClosed) return;
    this.#timer = this.#options.clock.setTimer(
      () =>
        void this.#look()
          .catch(this.#options.onError)
          .finally(() => this.#again()),
      LOOK_EVERY_MS,
      { background: true },
    );
  }

  async #look(): Promise<void> {
    const state = await statesOf(this.#files);
    const isSettled = state === this.#lastState;
    this.#lastState = state;
    if (isSettled && state !== this.#readState && !this.#isClosed) await this.reread();
  }

  async #reread(): Promise<Result<Reloaded>> {
    const settings = asResult(await this.#read());
    const outcome = settings.ok ? await this.#options.apply(settings.value, await statesOf(this.#named)) : settings;
    if (outcome.ok) return outcome;
    const mistakes = settings.ok ? [outcome.fault] : mistakesOf(settings.fault.findings);
    for (const fault of mistakes) this.#options.onEvent({ name: 'settings.refused', fault, mistakes: mistakes.length });
    return outcome;
  }

  async #read(): Promise<SettingsReading> {
    const before = { files: this.#files, state: await statesOf(this.#files) };
    const reading = await this.#options.read();
    const { own, named } = filesOf(reading);
    // A file that was there and cannot be read now is looked for all the same.
    this.#files = [...new Set([...(own === undefined ? before.files : [own]), ...named])];
    this.#named = named;
    this.#lastState = await statesOf(this.#files);
    // What changed while it was read is read again.
    this.#readState = (await statesOf(before.files)) === before.state ? this.#lastState : '';
    return reading;
  }
}
