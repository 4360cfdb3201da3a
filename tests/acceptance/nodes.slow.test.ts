/** Services that share a PostgreSQL database: who sends what, what they know of one another, and a database that is away. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PostbearerEvent, Secret } from '@postbearer/core';
import type { Emulator } from '@postbearer/emulator';
import { openControl, startServer, type Server, type ServerOptions } from '@postbearer/server';
import { settingsFromObject, type Settings } from '@postbearer/settings';
import { describe, expect, vi } from 'vitest';
import { startCanaryEmulator } from '../setup/canary-emulator.ts';
import { itWithTool } from '../setup/foreign-tools.ts';
import { postgresqlForThisFile, type TestServer } from '../setup/postgresql.ts';
import { Dialogue, plainResponse, submit } from '../setup/relay-world.ts';
import { LAUNCHER } from '../setup/run-command.ts';
import { keepOutput } from '../setup/run-record.ts';

/** Other work on the machine may make anything slow. */
const WAIT = { timeout: 40_000, interval: 50 };
const USER = 'user@example.com';
/** Six lanes, so that each of two nodes has some. */
const MAILBOXES = ['one', 'two', 'three', 'four', 'five', 'six'].map((name) => `${name}@contoso.example`);
/** A node that says nothing for three seconds is replaced. */
const QUICK = { queue: { nodeTimes: { beatMs: 200, stopMs: 1500, takeOverMs: 3000 } } };

const postgresql = postgresqlForThisFile();

/** One service of several. */
interface Node {
  readonly server: Server;
  readonly events: PostbearerEvent[];
}

/** A database, a local Microsoft 365 with six mailboxes, and the services of a test. */
class World implements AsyncDisposable {
  readonly emulator: Emulator;
  readonly #database: TestServer;
  #isDatabaseUp = true;
  readonly url: Secret;
  readonly folder: string;
  readonly #nodes: Node[] = [];
  readonly #dialogues: Dialogue[] = [];
  readonly #children: ChildProcess[] = [];

  private constructor(emulator: Emulator, database: TestServer, url: Secret, folder: string) {
    this.emulator = emulator;
    this.#database = database;
    this.url = url;
    this.folder = folder;
  }

  static async start(postgres: string): Promise<World> {
    const database = await postgresql(postgres);
    const emulator = await startCanaryEmulator({ pace: Number.POSITIVE_INFINITY });
    const { tenantId, clientId } = emulator.defaults;
    for (const address of MAILBOXES) {
      emulator.state.addMailbox(tenantId, { address });
      emulator.state.addMailboxPermission(clientId, address);
    }
    const folder = await mkdtemp(join(tmpdir(), 'nodes-'));
    return new World(emulator, database, await database.newDatabase(), folder);
  }

  get settings(): Settings {
    const pace = { connections: 3, messagesPerMinute: 60_000 };
    const { settings, findings } = settingsFromObject({
      ...this.emulator.settings(),
      postbearer: {
        database: { url: this.url.reveal() },
        mailboxes: Object.fromEntries(MAILBOXES.map((mailbox) => [mailbox, { upstream: 'default', pace }])),
        relay: { hostname: 'relay.example' },
      },
    });
    if (settings === undefined) throw new Error(JSON.stringify(findings));
    return settings;
  }

  /** Starts a service on a data folder of its own. */
  async serve(name: string, options: Partial<ServerOptions> = {}): Promise<Node> {
    const events: PostbearerEvent[] = [];
    const started = await startServer({
      settings: this.settings,
      dataFolder: join(this.folder, name),
      environment: {},
      onEvent: (event) => events.push(event),
      service: { listeners: [{ port: 0, security: 'tls' }], ...QUICK },
      ...options,
    });
    if (!started.ok) throw new Error(started.fault.message);
    const node = { server: started.value, events };
    this.#nodes.push(node);
    return node;
  }

  async addApp({ server }: Node): Promise<string> {
    const app = { name: 'scanner', mailboxes: MAILBOXES };
    const added = await server.control.addApp({ app, actor: 'test' });
    if (!added.ok || added.value.password === undefined) throw new Error('The app was not added.');
    return added.value.password;
  }

  async dial(port: number): Promise<Dialogue> {
    const dialogue = await Dialogue.to(port, { tls: true });
    this.#dialogues.push(dialogue);
    return dialogue;
  }

  async signedIn({ server }: Node, password: string): Promise<Dialogue> {
    const dialogue = await this.dial(portOf(server));
    await dialogue.open();
    expect(await dialogue.say(`AUTH PLAIN ${plainResponse('scanner', password)}`)).toMatch(/^235/);
    return dialogue;
  }

  async stopDatabase(): Promise<void> {
    this.#isDatabaseUp = false;
    await this.#database.stop('SIGQUIT');
  }

  /** Lets the server hang, until the test is over. */
  pauseDatabase(): void {
    this.#database.pause();
  }

  async startDatabase(): Promise<void> {
    this.#database.resume();
    if (!this.#isDatabaseUp) await this.#database.start();
    this.#isDatabaseUp = true;
  }

  /** Hands in one message for each mailbox; gives the replies by subject. */
  async handIn(node: Node, password: string, round: string): Promise<Map<string, string>> {
    const dialogue = await this.signedIn(node, password);
    const replies = new Map<string, string>();
    for (const mailbox of MAILBOXES) {
      const subject = `${round} ${mailbox}`;
      replies.set(subject, await submit(dialogue, mailbox, [USER], message(mailbox, subject)));
    }
    return replies;
  }

  /** Starts the command line as a process, and gives what it says. */
  spawn(
    args: readonly string[],
    environment: Readonly<Record<string, string>>,
  ): { readonly child: ChildProcess; readonly said: () => string } {
    const { PATH } = process.env;
    const child = spawn(process.execPath, [LAUNCHER, ...args], {
      env: { PATH, HOME: this.folder, NO_PROXY: '127.0.0.1,localhost', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#children.push(child);
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (part: Buffer) => {
        said += part.toString('utf8');
        keepOutput(part.toString('utf8'));
      });
    return { child, said: () => said };
  }

  get subjects(): string[] {
    return this.emulator.messages.map(
      ({ bytes }) => /^Subject: (.*)\r$/m.exec(Buffer.from(bytes).toString('latin1'))?.[1] ?? '',
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const dialogue of this.#dialogues) dialogue.close();
    for (const child of this.#children) child.kill('SIGKILL');
    await this.startDatabase();
    await Promise.all(this.#nodes.map(async ({ server }) => await server.close({ graceMs: 0 })));
    await this.emulator.close();
    await rm(this.folder, { recursive: true });
  }
}

function portOf({ addresses }: Server): number {
  return addresses[0]?.port ?? 0;
}

function message(mailbox: string, subject: string): string {
  return `From: ${mailbox}\r\nSubject: ${subject}\r\n\r\nIt works.\r\n`;
}

function settledBy({ events }: Node): string[] {
  return events.flatMap((event) => (event.name === 'message.settled' ? [event.lane] : []));
}

function codesOf(replies: ReadonlyMap<string, string>): Set<string> {
  return new Set([...replies.values()].map((reply) => reply.slice(0, 9)));
}

describe('two services on one database', () => {
  itWithTool(
    'postgresql',
    'share the lanes: what either takes in is sent once, by the node that owns its lane; apps are known to both',
    async (postgres) => {
      await using world = await World.start(postgres);
      const [one, two] = [await world.serve('one'), await world.serve('two')];
      const password = await world.addApp(one);
      const isKnown = async (): Promise<void> => {
        const dialogue = await world.dial(portOf(two.server));
        await dialogue.open();
        expect(await dialogue.say(`AUTH PLAIN ${plainResponse('scanner', password)}`)).toMatch(/^235/);
        dialogue.close();
      };
      await vi.waitFor(isKnown, WAIT);
      const expected: string[] = [];
      for (const [round, node] of [one, two, one, two].entries()) {
        const replies = await world.handIn(node, password, `round ${round}`);
        expect(codesOf(replies)).toEqual(new Set(['250 2.0.0']));
        expected.push(...replies.keys());
      }
      await vi.waitFor(() => expect(world.subjects.toSorted()).toEqual(expected.toSorted()), WAIT);
      const sends = async (): Promise<void> => {
        const replies = await world.handIn(one, password, `more ${expected.length}`);
        expected.push(...replies.keys());
        expect(settledBy(one).length).toBeGreaterThan(0);
        expect(settledBy(two).length).toBeGreaterThan(0);
      };
      await vi.waitFor(sends, WAIT);
      // A lane has one owner at a time; at the start it may have changed hands once.
      await two.server.control.removeApp({ name: 'scanner', actor: 'test' });
      await vi.waitFor(
        async () => expect(await one.server.control.listApps({})).toEqual({ ok: true, value: [] }),
        WAIT,
      );
    },
    90_000,
  );

  itWithTool(
    'postgresql',
    'one that stops leaves its mail to the other, and nothing is sent twice',
    async (postgres) => {
      await using world = await World.start(postgres);
      const [one, two] = [await world.serve('one'), await world.serve('two')];
      const password = await world.addApp(one);
      const expected: string[] = [];
      for (let round = 0; round < 5; round += 1)
        expected.push(...(await world.handIn(one, password, `round ${round}`)).keys());
      await one.server.close();
      await vi.waitFor(() => expect(new Set(world.subjects)).toEqual(new Set(expected)), WAIT);
      const more = await world.handIn(two, password, 'after');
      expect(codesOf(more)).toEqual(new Set(['250 2.0.0']));
      await vi.waitFor(() => expect(world.subjects.toSorted()).toEqual([...expected, ...more.keys()].toSorted()), WAIT);
    },
    90_000,
  );

  itWithTool(
    'postgresql',
    'have names of their own that stay; a second one under the same name ends the first with a sentence',
    async (postgres) => {
      await using world = await World.start(postgres);
      const one = await world.serve('one');
      const identity = await readFile(join(world.folder, 'one', 'node-identity'), 'utf8');
      expect(identity).toMatch(/^[0-9a-f]{8}\n$/);
      await world.serve('two');
      expect(await readFile(join(world.folder, 'two', 'node-identity'), 'utf8')).not.toBe(identity);
      // The data folder of the first under another path, as on a second machine with the same name and a copied disk.
      const named = { queue: { ...QUICK.queue, node: 'mail-1' } };
      const first = await world.serve('three', { service: named });
      await world.serve('four', { service: named });
      const fault = await first.server.ended;
      expect(fault.code).toBe('SERVICE_REPLACED');
      expect(fault.message).toContain('"mail-1"');
      const isOver = await Promise.race([one.server.ended, Promise.resolve('it goes on')]);
      expect(isOver).toBe('it goes on');
    },
    90_000,
  );

  itWithTool(
    'postgresql',
    'as processes: the replaced one ends with the sentence on its error output',
    async (postgres) => {
      await using world = await World.start(postgres);
      const file = join(world.folder, 'Global-variables.json');
      await writeFile(file, JSON.stringify(world.emulator.settings()));
      const serve = (name: string): { readonly child: ChildProcess; readonly said: () => string } => {
        const environment = { POSTBEARER_DATABASE_URL: world.url.reveal(), POSTBEARER_NODE: 'mail-1' };
        const args = ['serve', '--config', file, '--data', join(world.folder, name)];
        return world.spawn(args, environment);
      };
      const first = serve('one');
      const exited = once(first.child, 'exit');
      await vi.waitFor(() => expect(first.said()).toContain('Postbearer ready'), WAIT);
      const second = serve('two');
      expect(await exited).toEqual([78, null]);
      expect(first.said().replaceAll(/\s+/g, ' ')).toContain('Another process has started under the name "mail-1"');
      await vi.waitFor(() => expect(second.said()).toContain('Postbearer ready'), WAIT);
    },
    90_000,
  );

  itWithTool('postgresql', 'an operator reaches the database where no service runs', async (postgres) => {
    await using world = await World.start(postgres);
    const { server } = await world.serve('one');
    await world.addApp({ server, events: [] });
    await server.close();
    const databaseUrl = { kind: 'value', value: world.url } as const;
    await using opened = await openControl({ dataFolder: join(world.folder, 'elsewhere'), databaseUrl }).then(
      (result) => {
        if (!result.ok) throw new Error(result.fault.message);
        return result.value;
      },
    );
    expect(await opened.control.listApps({})).toMatchObject({ ok: true, value: [{ name: 'scanner' }] });
  });
});

describe('a database that is away', () => {
  itWithTool(
    'postgresql',
    'while the service runs: 451 in plain words, and everything goes on by itself',
    async (postgres) => {
      await using world = await World.start(postgres);
      const node = await world.serve('one');
      const password = await world.addApp(node);
      const dialogue = await world.signedIn(node, password);
      const [mailbox = ''] = MAILBOXES;
      expect(await submit(dialogue, mailbox, [USER], message(mailbox, 'before'))).toMatch(/^250/);
      await world.emulator.waitForMessages(1);
      await world.stopDatabase();
      const refused = await submit(dialogue, mailbox, [USER], message(mailbox, 'meanwhile'));
      expect(refused).toMatch(/^451 4\.3\.0 .*try again later$/);
      expect(refused).not.toMatch(/postgres|database|socket/i);
      await vi.waitFor(() => expect(node.events.map(({ name }) => name)).toContain('database.unavailable'), WAIT);
      await world.startDatabase();
      const takes = async (): Promise<void> =>
        expect(await submit(dialogue, mailbox, [USER], message(mailbox, 'after'))).toMatch(/^250/);
      await vi.waitFor(takes, WAIT);
      await world.emulator.waitForMessages(2);
      await vi.waitFor(() => expect(node.events.map(({ name }) => name)).toContain('database.available'), WAIT);
      expect(world.subjects.filter((subject) => subject === 'meanwhile')).toEqual([]);
    },
    90_000,
  );

  itWithTool(
    'postgresql',
    'at the start: whoever waits for it is asked to come again, and it starts when the database is there',
    async (postgres) => {
      await using world = await World.start(postgres);
      await world.stopDatabase();
      // Without the wish to wait the start fails.
      await expect(world.serve('one')).rejects.toThrow(/cannot be reached/);
      const events: PostbearerEvent[] = [];
      const port = 20_000 + (process.pid % 10_000);
      const waiting = world.serve('one', {
        waitUntil: new AbortController().signal,
        onEvent: (event) => events.push(event),
        service: { listeners: [{ port, security: 'tls' }], ...QUICK },
      });
      const isAsked = async (): Promise<void> => {
        const dialogue = await world.dial(port);
        await dialogue.open();
        expect(await dialogue.say(`AUTH PLAIN ${plainResponse('scanner', 'any')}`)).toMatch(/^454 4\.7\.0/);
        expect(await dialogue.say(`MAIL FROM:<${MAILBOXES[0]}>`)).toMatch(/^451 4\.3\.0 .*try again later$/);
        dialogue.close();
      };
      await vi.waitFor(isAsked, WAIT);
      await world.startDatabase();
      const node = await waiting;
      expect(events.filter(({ name }) => name.startsWith('database.')).map(({ name }) => name)).toEqual([
        'database.unavailable',
        'database.available',
      ]);
      const replies = await world.handIn(node, await world.addApp(node), 'first');
      expect(codesOf(replies)).toEqual(new Set(['250 2.0.0']));
      await world.emulator.waitForMessages(MAILBOXES.length);
    },
    90_000,
  );

  itWithTool(
    'postgresql',
    'that hangs does not keep a process that is to stop',
    async (postgres) => {
      await using world = await World.start(postgres);
      const file = join(world.folder, 'Global-variables.json');
      await writeFile(file, JSON.stringify(world.emulator.settings()));
      const args = ['serve', '--config', file, '--data', join(world.folder, 'one')];
      const { child, said } = world.spawn(args, { POSTBEARER_DATABASE_URL: world.url.reveal() });
      const exited = once(child, 'exit');
      await vi.waitFor(() => expect(said()).toContain('Postbearer ready'), WAIT);
      world.pauseDatabase();
      child.kill('SIGTERM');
      expect(await exited).toEqual([75, null]);
      expect(said()).toContain('The service did not end in time');
    },
    90_000,
  );

  itWithTool(
    'postgresql',
    'at the start: who no longer wants to wait is told why it did not start',
    async (postgres) => {
      await using world = await World.start(postgres);
      await world.stopDatabase();
      const over = new AbortController();
      const waiting = world.serve('one', { waitUntil: over.signal });
      over.abort();
      await expect(waiting).rejects.toThrow(/cannot be reached/);
      await world.startDatabase();
    },
  );
});
