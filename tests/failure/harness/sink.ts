/** The sink as the tests hold it: see `sink-program.ts`. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Counters, InjectedFault } from '@postbearer/emulator';
import type { SinkRequest, SinkWord } from './sink-program.ts';

const PROGRAM = fileURLToPath(new URL('sink-program.ts', import.meta.url));

type Ask = SinkRequest extends infer Each ? (Each extends SinkRequest ? Omit<Each, 'number'> : never) : never;

/** The settings file that leads to a sink. */
export interface SinkSettings {
  readonly smtp: { readonly [name: string]: unknown; readonly oauth: { readonly [name: string]: unknown } };
}

/** A running sink. */
export class Sink {
  readonly settings: SinkSettings;
  readonly clientId: string;
  readonly mailbox: string;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: unknown) => void>();
  #lastNumber = 0;

  private constructor(child: ChildProcess, ready: Extract<SinkWord, { ready: unknown }>['ready']) {
    this.#child = child;
    this.settings = ready.settings as SinkSettings;
    this.clientId = ready.clientId;
    this.mailbox = ready.mailbox;
    child.on('message', (word: SinkWord) => {
      if ('ready' in word) return;
      this.#waiting.get(word.number)?.(word.answer);
      this.#waiting.delete(word.number);
    });
  }

  /** Starts a sink that writes deliveries to a file. */
  static async start(deliveredFile: string): Promise<Sink> {
    const child = fork(PROGRAM, [deliveredFile], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv: [] });
    const [word] = (await once(child, 'message')) as [SinkWord];
    if (!('ready' in word)) throw new Error('the sink did not come up');
    return new Sink(child, word.ready);
  }

  /** Arms a fault of the emulator. */
  async fault(fault: InjectedFault): Promise<void> {
    await this.#ask({ ask: 'fault', fault });
  }

  /** Forgets all faults. */
  async clear(): Promise<void> {
    await this.#ask({ ask: 'clear' });
  }

  /** What it counted. */
  async counters(): Promise<Counters> {
    return (await this.#ask({ ask: 'counters' })) as Counters;
  }

  /** Lets the secret run out. */
  async expireSecret(): Promise<void> {
    await this.#ask({ ask: 'state', operation: 'expireSecret', argument: this.clientId });
  }

  /** Ends it. */
  async close(): Promise<void> {
    const ended = once(this.#child, 'exit');
    void this.#ask({ ask: 'close' });
    await ended;
  }

  async #ask(request: Ask): Promise<unknown> {
    this.#lastNumber += 1;
    const number = this.#lastNumber;
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.#waiting.set(number, resolve);
    this.#child.send({ ...request, number } satisfies SinkRequest);
    return await promise;
  }
}
