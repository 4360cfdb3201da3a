/** The service as the tests hold it: started, killed, started again on the same data; see `service-program.ts`. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ServiceSettings } from '@postbearer/server';
import { keepOutput } from '../../setup/run-record.ts';
import { cacheFolder } from '../../setup/tool-table.ts';
import { MAILBOX, OTHER_MAILBOX } from './messages.ts';
import type { MutantName } from './mutants.ts';
import type { ServiceProgram, ServiceRequest, ServiceWord } from './service-program.ts';
import type { Sink } from './sink.ts';

/** Where compiled programs are kept. */
const COMPILE_CACHE = join(cacheFolder, 'compiled');
const PROGRAM = fileURLToPath(new URL('service-program.ts', import.meta.url));
const PRELOADED = ['kill-at-point.ts', 'mutate.ts'].map((name) => new URL(name, import.meta.url).href);

/** How a service is set up for a test. */
export interface ServiceOptions {
  readonly sink: Sink;
  readonly folder: string;
  /** Where its data lie, where not in `folder`. */
  readonly dataFolder?: string;
  readonly service?: ServiceSettings;
  /** Changes to the `smtp` part of the settings that lead to the sink. */
  readonly smtp?: Readonly<Record<string, unknown>>;
  /** The same for a second upstream, which {@link OTHER_MAILBOX} sends through. */
  readonly otherSmtp?: Readonly<Record<string, unknown>>;
  /** A PostgreSQL database in place of a file in the data folder. */
  readonly databaseUrl?: string;
  readonly mutant?: MutantName;
  readonly hasMovableClock?: boolean;
  readonly environment?: Readonly<Record<string, string>>;
}

type Ask = ServiceRequest extends infer Each ? (Each extends ServiceRequest ? Omit<Each, 'number'> : never) : never;

/** A message as the service lists it. */
export interface ListedMessage {
  readonly id: string;
  readonly messageId: string;
  readonly state: string;
  readonly attempts: number;
  readonly isNotice: boolean;
  readonly holdReason?: string;
}

/** How long what is in hand is waited for before time goes on, real milliseconds. */
const IN_HAND_MS = 1000;

/** A line of its log. */
export interface LoggedEvent {
  readonly time: string;
  readonly event: string;
  readonly [name: string]: unknown;
}

const ENDED: ReadonlySet<string> = new Set([
  'delivered',
  'refused',
  'expired',
  'unconfirmed',
  'discarded',
  'cancelled',
]);

/** One service on one data folder, running or not. */
export class Service {
  smtpPort = 0;
  httpPort = 0;
  /** The key of its HTTP API. */
  key = '';
  readonly dataFolder: string;
  readonly #options: ServiceOptions;
  #child: ChildProcess | undefined;
  #ended: Promise<unknown> = Promise.resolve();
  readonly #waiting = new Map<number, (answer: unknown) => void>();
  #lastNumber = 0;
  /** How often it was started. */
  starts = 0;

  constructor(options: ServiceOptions) {
    this.#options = options;
    this.dataFolder = options.dataFolder ?? join(options.folder, 'data');
    this.#writeFiles();
  }

  /**
   * Starts it and waits until it takes mail. Throws where it does not come up; gives `false` where it was killed on the way.
   *
   * @param under - a program to start it under, with its arguments, such as strace.
   */
  async start(under: readonly string[] = []): Promise<boolean> {
    this.starts += 1;
    const child = this.#spawn(under);
    this.#child = child;
    this.#ended = once(child, 'exit');
    const word = await this.#firstWord(child);
    if (word === undefined) {
      await this.#ended;
      if (this.ending !== 'SIGKILL') throw new Error(`the service ended with ${this.ending} before it was ready`);
      return false;
    }
    if ('failed' in word) throw new Error(word.failed);
    if (!('ready' in word)) throw new Error('the service said something else first');
    const { smtpPort, httpPort, key } = word.ready;
    this.smtpPort = smtpPort;
    this.httpPort = httpPort;
    // It is shown at the first start alone.
    if (key !== '') this.key = key;
    child.on('message', (next: ServiceWord) => {
      if (!('number' in next)) return;
      this.#waiting.get(next.number)?.(next.answer);
      this.#waiting.delete(next.number);
    });
    return true;
  }

  /** The process; there is one after a start. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Whether it has ended. */
  get hasEnded(): boolean {
    return this.#child === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** The signal or code with which it ended. */
  get ending(): NodeJS.Signals | number | null {
    return this.#child?.signalCode ?? this.#child?.exitCode ?? null;
  }

  /** Waits for its end. */
  async ended(): Promise<void> {
    await this.#ended;
  }

  /** Sends it a signal; what it was started under gets it too. */
  signal(name: NodeJS.Signals): void {
    const pid = this.#child?.pid;
    if (pid === undefined || this.hasEnded) return;
    try {
      process.kill(-pid, name);
    } catch {
      // It has just ended.
    }
  }

  /** Kills it without a word. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.#ended;
  }

  /** Lets it end as an operator does, and waits. */
  async stop(): Promise<void> {
    this.signal('SIGTERM');
    await this.#ended;
  }

  /** Has it killed at the `count`-th passage of a named point from now on; forgets that without a name. */
  killAt(point?: string, count = 1): void {
    if (point === undefined) rmSync(this.#killFile, { force: true });
    else writeFileSync(this.#killFile, `${count}\t${point}`);
  }

  /** Lets time pass for it. */
  async pass(ms: number): Promise<void> {
    await this.#ask({ ask: 'pass', ms });
  }

  /** Moves its wall clock. */
  async jump(ms: number): Promise<void> {
    await this.#ask({ ask: 'jump', ms });
  }

  /** Its resident memory, bytes. */
  async memory(): Promise<number> {
    return (await this.#ask({ ask: 'memory' })) as number;
  }

  /** Asks an operation of its control. */
  async control<T>(operation: string, input: object = {}): Promise<T> {
    const result = (await this.#ask({ ask: 'control', operation, input })) as
      | { readonly ok: true; readonly value: T }
      | { readonly ok: false; readonly fault: { readonly message: string } };
    if (!result.ok) throw new Error(result.fault.message);
    return result.value;
  }

  /** Everything in its queue, ended messages too. */
  async list(): Promise<ListedMessage[]> {
    const messages: ListedMessage[] = [];
    let after: string | undefined;
    do {
      const page = await this.control<{ readonly messages: ListedMessage[]; readonly next?: string }>('listMessages', {
        filter: {},
        page: { limit: 500, ...(after === undefined ? {} : { after }) },
      });
      messages.push(...page.messages);
      after = page.next;
    } while (after !== undefined);
    return messages;
  }

  /**
   * Waits until nothing in its queue is under way, and gives what still is after `timeoutMs`.
   *
   * What was deferred or set aside goes on at once; with a movable clock nobody helps: `passMs` go by between two looks.
   */
  async drain(timeoutMs = 60_000, passMs = 0): Promise<ListedMessage[]> {
    const untilMs = performance.now() + timeoutMs;
    let [lastInHand, inHandSinceMs] = ['', 0];
    for (;;) {
      const open = (await this.list()).filter(({ state }) => !ENDED.has(state));
      if (open.length === 0 || performance.now() > untilMs) return open;
      if (passMs > 0) {
        // While something is in hand it gets a while of real time: a busy machine must not let hours go by.
        const inHand = open
          .filter(({ state }) => state === 'leased')
          .map(({ id }) => id)
          .join(' ');
        if (inHand !== lastInHand) inHandSinceMs = performance.now();
        lastInHand = inHand;
        if (inHand === '' || performance.now() > inHandSinceMs + IN_HAND_MS) await this.pass(passMs);
        else await setTimeout(20);
        continue;
      }
      for (const { id, state } of open) {
        if (state === 'held')
          await this.control('changeMessage', { id, verb: 'release', actor: 'test' }).catch(() => undefined);
        if (state === 'deferred')
          await this.control('changeMessage', { id, verb: 'retry', actor: 'test' }).catch(() => undefined);
      }
      await setTimeout(40);
    }
  }

  /** What it told so far, as its log has it. */
  get events(): LoggedEvent[] {
    if (!existsSync(this.#eventsFile)) return [];
    const text = readFileSync(this.#eventsFile, 'utf8');
    return text
      .split('\n')
      .filter((line) => line.endsWith('}'))
      .map((line) => JSON.parse(line) as LoggedEvent);
  }

  /** Keeps what it told for the search for secrets. */
  keepEvents(): void {
    if (existsSync(this.#eventsFile)) keepOutput(readFileSync(this.#eventsFile));
  }

  get #killFile(): string {
    return join(this.#options.folder, 'kill-at');
  }

  get #eventsFile(): string {
    return join(this.#options.folder, 'events.jsonl');
  }

  get #programFile(): string {
    return join(this.#options.folder, 'program.json');
  }

  #writeFiles(): void {
    const { sink, folder, smtp = {}, service = {}, hasMovableClock = false, databaseUrl, otherSmtp } = this.#options;
    const pace = { messagesPerMinute: 100_000 };
    const configFile = join(folder, 'Global-variables.json');
    const settings = {
      smtp: { ...sink.settings.smtp, ...smtp },
      postbearer: {
        mailboxes: {
          [MAILBOX]: { upstream: 'default', pace },
          ...(otherSmtp === undefined ? {} : { [OTHER_MAILBOX]: { upstream: 'other', pace } }),
        },
        ...(otherSmtp === undefined
          ? {}
          : {
              upstreams: {
                other: { ...sink.settings.smtp, username: OTHER_MAILBOX, fromAddress: OTHER_MAILBOX, ...otherSmtp },
              },
            }),
        ...(databaseUrl === undefined ? {} : { database: { url: databaseUrl } }),
      },
    };
    writeFileSync(configFile, JSON.stringify(settings), { mode: 0o600 });
    const program: ServiceProgram = {
      configFile,
      dataFolder: this.dataFolder,
      service: {
        listeners: [{ port: 0, security: 'plain' }],
        apiListeners: [{ port: 0, security: 'plain' }],
        hostname: 'relay.example',
        idleMs: 2000,
        ...service,
      },
      app: {
        name: 'ledger',
        mailboxes: otherSmtp === undefined ? [MAILBOX] : [MAILBOX, OTHER_MAILBOX],
        networks: ['127.0.0.0/8'],
      },
      eventsFile: this.#eventsFile,
      hasMovableClock,
    };
    writeFileSync(this.#programFile, JSON.stringify(program));
  }

  #spawn(under: readonly string[]): ChildProcess {
    const { mutant, environment = {} } = this.#options;
    const imports = PRELOADED.map((url) => `--import ${url}`).join(' ');
    const [program, ...args] = [...under, process.execPath];
    return fork(PROGRAM, [this.#programFile], {
      execPath: program,
      execArgv: args,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      // A group of its own, so that a signal reaches what it is started under as well.
      detached: true,
      env: {
        PATH: process.env['PATH'],
        NODE_OPTIONS: imports,
        POSTBEARER_KILL_FILE: this.#killFile,
        // Hundreds of starts compile the same program.
        NODE_COMPILE_CACHE: COMPILE_CACHE,
        ...(mutant === undefined ? {} : { POSTBEARER_MUTANT: mutant }),
        ...environment,
      },
    });
  }

  async #firstWord(child: ChildProcess): Promise<ServiceWord | undefined> {
    const { promise, resolve } = Promise.withResolvers<ServiceWord | undefined>();
    const onMessage = (word: ServiceWord): void => resolve(word);
    const onExit = (): void => resolve(undefined);
    child.once('message', onMessage).once('exit', onExit);
    const word = await promise;
    child.off('exit', onExit);
    return word;
  }

  async #ask(request: Ask): Promise<unknown> {
    const child = this.#child;
    if (child === undefined || this.hasEnded) throw new Error('the service does not run');
    this.#lastNumber += 1;
    const number = this.#lastNumber;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const onExit = (): void => reject(new Error('the service ended before it answered'));
    child.once('exit', onExit);
    this.#waiting.set(number, resolve);
    child.send({ ...request, number } satisfies ServiceRequest, () => undefined);
    try {
      return await promise;
    } finally {
      child.off('exit', onExit);
    }
  }
}
