/**
 * Several nodes, what they send to, and the outside ledger that judges them.
 *
 * The ledger is in this process, which nobody kills: a message is accepted when a client heard 250, and delivered when the
 * upstream has it whole. What the nodes say of themselves decides nothing.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseMailboxAddress, type MailboxAddress } from '@postbearer/core';
import { startEmulator, type Emulator } from '@postbearer/emulator';
import type { ServiceSettings } from '@postbearer/server';
import { canaryTokenMark } from '../../setup/canaries.ts';
import type { MutantName } from '../harness/mutants.ts';
import { LineBroken, SmtpClient } from '../harness/smtp-client.ts';
import type { NodeProgram, NodeWord } from './node-program.ts';

const PROGRAM = fileURLToPath(new URL('node-program.ts', import.meta.url));
const MUTATE = new URL('../harness/mutate.ts', import.meta.url).href;
const RECIPIENT = 'user@example.com';

/** Times of nodes, a twentieth of what they are. */
export const SHORT_TIMES = { leaseMs: 3000, beatMs: 250, stopMs: 1500, takeOverMs: 2250 } as const;

/** Settings in the words of the service. */
type QueueTimes = NonNullable<NonNullable<ServiceSettings['queue']>['nodeTimes']>;

/** How a node is started. */
export interface NodeOptions {
  readonly name: string;
  readonly databaseUrl: string;
  readonly times?: QueueTimes;
  readonly mutant?: MutantName;
}

/** Waits until `holds` does. Throws where it does not within `limitMs`. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, limitMs = 60_000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`not within ${limitMs} ms: ${what}`);
    await sleep(10);
  }
}

/** One node, running or not. */
export class TestNode {
  /** Where it takes mail. */
  port = 0;
  /** How many deliveries it wrote down since it was started. */
  delivered = 0;
  /** The owners of lanes as it saw them when it was last asked. */
  #lanes: Readonly<Record<string, string>> | undefined;
  readonly #file: string;
  readonly #options: NodeOptions;
  #child: ChildProcess | undefined;

  constructor(file: string, options: NodeOptions) {
    this.#file = file;
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  /** Starts it and waits until it takes mail. */
  async start(): Promise<void> {
    const { mutant } = this.#options;
    const child = fork(PROGRAM, [this.#file], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      execArgv: ['--import', MUTATE],
      env: { PATH: process.env['PATH'], ...(mutant === undefined ? {} : { POSTBEARER_MUTANT: mutant }) },
    });
    this.#child = child;
    this.delivered = 0;
    const ready = Promise.withResolvers<void>();
    child.on('message', (word: NodeWord) => {
      if ('ready' in word) this.port = word.ready.port;
      if ('delivered' in word) this.delivered = word.delivered;
      if ('lanes' in word) this.#lanes = word.lanes;
      if ('failed' in word) ready.reject(new Error(word.failed));
      if ('ready' in word) ready.resolve();
    });
    child.once('exit', () => ready.reject(new Error(`the node ${this.name} ended before it was ready`)));
    await ready.promise;
  }

  /** Sends a signal. */
  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  /** Ends it, in peace or not, and waits for its end. */
  async end(how: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(how);
    if (how === 'SIGKILL') child.kill('SIGCONT');
    await ended;
  }

  /** Who owns which lane, as this node sees it. */
  async owners(): Promise<Readonly<Record<string, string>>> {
    this.#lanes = undefined;
    this.#child?.send('owners');
    await until('an answer of the node', () => this.#lanes !== undefined);
    return this.#lanes ?? {};
  }
}

/** What became of what was accepted. */
export interface NodesVerdict {
  readonly accepted: number;
  readonly lost: readonly string[];
  readonly altered: readonly string[];
  /** Copies beyond the first. */
  readonly doubled: number;
}

function digest(text: string): string {
  return createHash('sha256').update(text, 'latin1').digest('hex');
}

/** The world of one row. Dispose of it after use. */
export class NodesWorld implements AsyncDisposable {
  readonly mailboxes: readonly MailboxAddress[];
  readonly emulator: Emulator;
  readonly #folder: string;
  readonly #nodes: TestNode[] = [];
  readonly #accepted = new Map<string, string>();
  readonly #copies: Map<string, string[]>;
  /** How often each code other than 250 was heard; 0 stands for a line that broke. */
  readonly refused = new Map<number, number>();
  /** When a 250 was last heard, by the monotonic clock. */
  lastAcceptedMs = -Infinity;
  #next = 0;

  private constructor(emulator: Emulator, mailboxes: readonly MailboxAddress[], copies: Map<string, string[]>) {
    this.emulator = emulator;
    this.mailboxes = mailboxes;
    this.#copies = copies;
    this.#folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'nodes-'));
    writeFileSync(this.#configFile, JSON.stringify(this.#settings()), { mode: 0o600 });
  }

  /** Makes a world whose upstream has so many mailboxes: a lane each. */
  static async make(lanes: number): Promise<NodesWorld> {
    const copies = new Map<string, string[]>();
    const emulator = await startEmulator({
      pace: Number.POSITIVE_INFINITY,
      // What a hung node has open must not defer what the other sends.
      limits: { recipientsPerDay: Number.MAX_SAFE_INTEGER, concurrentConnections: 1000 },
      keepMessages: 10,
      tokenLifetimeSeconds: 3600,
      furtherClaims: { mark: canaryTokenMark },
      onEvent(event) {
        if (event.name !== 'emulator.message-received') return;
        const text = Buffer.from(event.message.bytes).toString('latin1');
        const id = /^X-Ledger: (\S+)\r$/m.exec(text)?.[1] ?? '';
        copies.set(id, [...(copies.get(id) ?? []), digest(text.slice(text.indexOf('\r\n\r\n')))]);
      },
    });
    const { tenantId, clientId } = emulator.defaults;
    const mailboxes = Array.from({ length: lanes }, (_, index) => `lane${index}@contoso.example`).map((text) => {
      const parsed = parseMailboxAddress(text);
      if (!parsed.ok) throw new Error(parsed.fault.message);
      emulator.state.addMailbox(tenantId, { address: text });
      emulator.state.addMailboxPermission(clientId, text);
      return parsed.value;
    });
    return new NodesWorld(emulator, mailboxes, copies);
  }

  /** A node that is not started yet. */
  node(options: NodeOptions): TestNode {
    const folder = join(this.#folder, options.name);
    mkdirSync(folder);
    const program: NodeProgram = {
      configFile: this.#configFile,
      dataFolder: join(folder, 'data'),
      databaseUrl: options.databaseUrl,
      mailboxes: this.mailboxes,
      service: {
        listeners: [{ port: 0, security: 'plain' }],
        hostname: 'relay.example',
        idleMs: 2000,
        queue: { node: options.name, nodeTimes: options.times ?? SHORT_TIMES },
      },
    };
    writeFileSync(join(folder, 'program.json'), JSON.stringify(program));
    const node = new TestNode(join(folder, 'program.json'), options);
    this.#nodes.push(node);
    return node;
  }

  /**
   * Hands in messages over `sessions` connections to these nodes in turn, until `total` were accepted or `signal` says enough.
   * No message is handed in twice: what was not heard to be accepted is given up.
   */
  async load(
    nodes: readonly TestNode[],
    { total = Infinity, perSecond, sessions = 8, signal }: LoadOptions,
  ): Promise<void> {
    const [end, startedMs] = [this.#accepted.size + total, performance.now()];
    const goesOn = (): boolean => this.#accepted.size < end && signal?.aborted !== true;
    let begun = 0;
    const work = async (session: number): Promise<void> => {
      for (let turn = session; goesOn(); turn += 1) {
        const node = nodes[turn % nodes.length];
        if (node === undefined) return;
        try {
          const client = await SmtpClient.connect(node.port);
          try {
            while (goesOn()) {
              begun += 1;
              if (perSecond !== undefined)
                await sleep(Math.max(0, startedMs + (begun * 1000) / perSecond - performance.now()));
              await this.#submit(client);
            }
          } finally {
            client.close();
          }
        } catch (error) {
          if (!(error instanceof LineBroken)) throw error;
          this.refused.set(0, (this.refused.get(0) ?? 0) + 1);
          await sleep(20);
        }
      }
    };
    await Promise.all(Array.from({ length: sessions }, (_, session) => work(session)));
  }

  async #submit(client: SmtpClient): Promise<void> {
    const number = this.#next;
    this.#next += 1;
    const mailbox = this.mailboxes[number % this.mailboxes.length] ?? '';
    const id = `m${number}`;
    const body = `\r\n\r\nBody of ${id} ${'x'.repeat(number % 1500)}\r\n.dots ${id}\r\n`;
    const header = `From: ${mailbox}\r\nTo: ${RECIPIENT}\r\nSubject: ${id}\r\nX-Ledger: ${id}\r\nMessage-ID: <${id}@ledger.example>\r\nDate: Wed, 25 Nov 2026 00:00:00 +0000`;
    const { code } = await client.submit(mailbox, [RECIPIENT], Buffer.from(header + body, 'latin1'));
    if (code === 250) {
      this.#accepted.set(id, digest(body));
      this.lastAcceptedMs = performance.now();
      return;
    }
    this.refused.set(code, (this.refused.get(code) ?? 0) + 1);
    await client.say('RSET');
    await sleep(20);
  }

  /** How many were accepted. */
  get accepted(): number {
    return this.#accepted.size;
  }

  /** How many of the accepted have not been delivered. */
  get missing(): number {
    return [...this.#accepted.keys()].filter((id) => !this.#copies.has(id)).length;
  }

  /** How many deliveries there were. */
  get deliveries(): number {
    return [...this.#copies.values()].reduce((sum, { length }) => sum + length, 0);
  }

  /** Waits until everything accepted was delivered, or nothing more comes for `quietMs`. */
  async drain(quietMs = 20_000): Promise<void> {
    let [seen, sinceMs] = [-1, performance.now()];
    while (this.missing > 0 && performance.now() - sinceMs < quietMs) {
      if (this.deliveries !== seen) [seen, sinceMs] = [this.deliveries, performance.now()];
      await sleep(50);
    }
    // Second copies would come about now.
    await sleep(500);
  }

  /** Compares. */
  verdict(): NodesVerdict {
    const accepted = [...this.#accepted];
    return {
      accepted: accepted.length,
      lost: accepted.flatMap(([id]) => (this.#copies.has(id) ? [] : [id])),
      altered: accepted.flatMap(([id, sha]) =>
        (this.#copies.get(id) ?? []).every((copy) => copy === sha) ? [] : [id],
      ),
      doubled: [...this.#copies.values()].reduce((sum, { length }) => sum + length - 1, 0),
    };
  }

  /** Waits until every lane has an owner, and the owners are just these nodes. Gives how long it took, milliseconds. */
  async untilShared(nodes: readonly TestNode[], limitMs = 30_000): Promise<number> {
    const [startedMs, names] = [performance.now(), nodes.map(({ name }) => name).toSorted()];
    await until(
      `lanes shared by ${names.join(', ')}`,
      async () => {
        const found = (await nodes[0]?.owners()) ?? {};
        const owners = this.mailboxes.flatMap((mailbox) => found[`default/${mailbox}`] ?? []);
        const distinct = [...new Set(owners)].toSorted();
        return owners.length === this.mailboxes.length && distinct.join() === names.join();
      },
      limitMs,
    );
    return performance.now() - startedMs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.#nodes) await node.end('SIGKILL');
    await this.emulator.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #configFile(): string {
    return join(this.#folder, 'Global-variables.json');
  }

  #settings(): object {
    const pace = { messagesPerMinute: 1_000_000, recipientsPerDay: 1_000_000 };
    const mailboxes = Object.fromEntries(this.mailboxes.map((mailbox) => [mailbox, { upstream: 'default', pace }]));
    return { ...this.emulator.settings(), postbearer: { mailboxes } };
  }
}

/** How much is handed in, and how fast. */
export interface LoadOptions {
  readonly total?: number;
  readonly perSecond?: number;
  readonly sessions?: number;
  readonly signal?: AbortSignal;
}
