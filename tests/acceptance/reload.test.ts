/** Settings that change while the service runs: what stays, what follows, what is refused. */
import { once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PostbearerEvent } from '@postbearer/core';
import type { Emulator } from '@postbearer/emulator';
import { startServer, type Server } from '@postbearer/server';
import { readSettings, type SettingsReading } from '@postbearer/settings';
import { describe, expect, test, vi } from 'vitest';
import { startCanaryEmulator } from '../setup/canary-emulator.ts';
import { Dialogue, plainResponse, submit } from '../setup/relay-world.ts';

/** Other work on the machine may make anything slow. */
const WAIT = { timeout: 25_000, interval: 50 };
const USER = 'user@example.com';

type Json = Readonly<Record<string, unknown>>;

/** A port that nobody has at this moment. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A service whose settings stand in a file that the test changes. */
class World implements AsyncDisposable {
  readonly events: PostbearerEvent[] = [];
  readonly folder: string;
  readonly emulator: Emulator;
  readonly port: number;
  readonly #dialogues: Dialogue[] = [];
  #server: Server | undefined;
  password = '';

  private constructor(folder: string, emulator: Emulator, port: number) {
    this.folder = folder;
    this.emulator = emulator;
    this.port = port;
  }

  /** Starts everything; the service looks at the file by itself only where that is said. */
  static async start(follows: 'follows' | 'is told' = 'is told'): Promise<World> {
    const emulator = await startCanaryEmulator({ pace: Number.POSITIVE_INFINITY });
    const world = new World(await mkdtemp(join(tmpdir(), 'reload-')), emulator, await freePort());
    await writeFile(world.secretFile, emulator.settings().smtp.oauth.clientSecret);
    await world.write();
    await world.#serve(follows === 'follows');
    return world;
  }

  get server(): Server {
    if (this.#server === undefined) throw new Error('The service has not started.');
    return this.#server;
  }

  get mailbox(): string {
    return this.emulator.defaults.mailbox;
  }

  get secretFile(): string {
    return join(this.folder, 'secret');
  }

  get file(): string {
    return join(this.folder, 'Global-variables.json');
  }

  /** The settings with changes in `postbearer` and at the root. */
  settings(postbearer: Json = {}, root: Json = {}): Json {
    const { smtp } = this.emulator.settings();
    const pace = { connections: 3, messagesPerMinute: 60_000 };
    return {
      smtp: { ...smtp, oauth: { ...smtp.oauth, clientSecret: { file: this.secretFile } } },
      ...root,
      postbearer: {
        mailboxes: { [this.mailbox]: { upstream: 'default', pace } },
        relay: { hostname: 'relay.example', listeners: [{ port: this.port, security: 'tls' }] },
        ...postbearer,
      },
    };
  }

  /** Writes the settings as an editor does: a new file in the place of the old. */
  async write(postbearer: Json = {}, root: Json = {}): Promise<void> {
    await writeFile(`${this.file}.new`, JSON.stringify(this.settings(postbearer, root), undefined, 2));
    await rename(`${this.file}.new`, this.file);
  }

  async read(): Promise<SettingsReading> {
    return await readSettings({ configFile: this.file, environment: {}, workingFolder: this.folder });
  }

  async #serve(follows: boolean): Promise<void> {
    const { settings, findings } = await this.read();
    if (settings === undefined) throw new Error(JSON.stringify(findings));
    const started = await startServer({
      settings,
      dataFolder: join(this.folder, 'data'),
      environment: {},
      onEvent: (event) => this.events.push(event),
      ...(follows ? { read: async () => await this.read() } : {}),
    });
    if (!started.ok) throw new Error(started.fault.message);
    this.#server = started.value;
    const app = { name: 'scanner', mailboxes: [this.mailbox] };
    const added = await this.server.control.addApp({ app, actor: 'test' });
    if (!added.ok || added.value.password === undefined) throw new Error('The app was not added.');
    this.password = added.value.password;
  }

  async dial(port = this.port): Promise<Dialogue> {
    const dialogue = await Dialogue.to(port, { tls: true });
    this.#dialogues.push(dialogue);
    return dialogue;
  }

  async signedIn(port = this.port): Promise<Dialogue> {
    const dialogue = await this.dial(port);
    await dialogue.open();
    expect(await dialogue.say(`AUTH PLAIN ${plainResponse('scanner', this.password)}`)).toMatch(/^235/);
    return dialogue;
  }

  told<Name extends PostbearerEvent['name']>(name: Name): Extract<PostbearerEvent, { name: Name }>[] {
    return this.events.filter((event) => event.name === name) as Extract<PostbearerEvent, { name: Name }>[];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const dialogue of this.#dialogues) dialogue.close();
    await this.server.close({ graceMs: 0 });
    await this.emulator.close();
    await rm(this.folder, { recursive: true });
  }
}

function message(world: World, subject: string): string {
  return `From: ${world.mailbox}\r\nSubject: ${subject}\r\n\r\nIt works.\r\n`;
}

function subjects({ emulator }: World): string[] {
  return emulator.messages.map(
    ({ bytes }) => /^Subject: (.*)\r$/m.exec(Buffer.from(bytes).toString('latin1'))?.[1] ?? '',
  );
}

/** Takes what stands in the file into use; gives what changed, or why not. */
async function reload(world: World): Promise<unknown> {
  const { settings } = await world.read();
  if (settings === undefined) throw new Error('The settings have a mistake.');
  const done = await world.server.reload(settings);
  return done.ok ? done.value : done.fault.code;
}

describe('a reload', () => {
  test('keeps a session that is open, and whoever comes next meets the new settings', async () => {
    await using world = await World.start();
    const open = await world.signedIn();
    expect(await open.say(`MAIL FROM:<${world.mailbox}>`)).toMatch(/^250/);
    await world.write({ relay: { listeners: [{ port: world.port, security: 'tls' }], maxMessageBytes: 70_000 } });
    expect(await reload(world)).toMatchObject({
      changed: ['postbearer.relay.hostname', 'postbearer.relay.maxMessageBytes'],
    });
    const next = await world.dial();
    expect(await next.open()).toContain('SIZE 70000');
    expect(await open.say(`RCPT TO:<${USER}>`)).toMatch(/^250/);
    expect(await open.say('DATA')).toMatch(/^354/);
    open.write(`${message(world, 'begun before')}.\r\n`);
    expect(await open.reply()).toMatch(/^250/);
    await world.emulator.waitForMessages(1);
    // Control: a service that is closed and started again would have ended the session.
    await world.server.close();
    await open.over();
    expect(open.isOver).toBe(true);
  });

  test('under load loses and doubles nothing (12 reloads of upstream, mailbox, limits and listeners)', async () => {
    await using world = await World.start();
    const second = await freePort();
    const confirmed = new Set<string>();
    const over = new AbortController();
    const client = async (name: number): Promise<void> => {
      const dialogue = await world.signedIn();
      for (let index = 0; !over.signal.aborted; index += 1) {
        const subject = `m-${name}-${index}`;
        const reply = await submit(dialogue, world.mailbox, [USER], message(world, subject));
        expect(reply).toMatch(/^250/);
        confirmed.add(subject);
      }
    };
    const clients = Promise.all([client(1), client(2), client(3)]);
    const { smtp } = world.settings() as { smtp: Json };
    for (let round = 0; round < 12; round += 1) {
      const before = confirmed.size;
      await vi.waitFor(() => expect(confirmed.size).toBeGreaterThan(before + 5), WAIT);
      const listeners = [{ port: world.port, security: 'tls' }, ...(round % 2 === 0 ? [{ port: second }] : [])];
      const relay = { hostname: 'relay.example', listeners, maxRecipients: 100 + round };
      // Another name of the same mailbox is another upstream to the mailer: everything is connected anew.
      const fromAddress = `alias${round}@contoso.example`;
      await world.write({ relay, queue: { bodyDays: round } }, { smtp: { ...smtp, fromAddress } });
      expect(await reload(world)).toMatchObject({ afterRestart: [] });
    }
    over.abort();
    await clients;
    await vi.waitFor(() => expect(new Set(subjects(world))).toEqual(confirmed), WAIT);
    expect(subjects(world)).toHaveLength(confirmed.size);
    expect(world.told('settings.reloaded')).toHaveLength(12);
    expect(world.told('token.acquired').length, 'the upstream was connected anew').toBeGreaterThan(6);
    // Control: one message more than arrived is noticed.
    expect(new Set(subjects(world))).not.toEqual(new Set([...confirmed, 'never sent']));
  }, 90_000);

  test('opens and closes listeners by their difference, also where one takes the place of another', async () => {
    await using world = await World.start();
    const [added, first] = [await freePort(), await world.signedIn()];
    const listeners = (...all: readonly Json[]): Json => ({ relay: { hostname: 'relay.example', listeners: all } });
    const own = { port: world.port, security: 'tls' };
    await world.write(listeners(own, { port: added, security: 'plain' }));
    await reload(world);
    expect(world.server.addresses.map(({ port }) => port)).toEqual([world.port, added]);
    const plain = await Dialogue.to(added);
    expect(await plain.reply()).toMatch(/^554/);
    await world.write(listeners({ port: added, security: 'tls' }, own));
    await reload(world);
    expect(world.server.addresses.map(({ port, security }) => [port, security])).toEqual([
      [added, 'tls'],
      [world.port, 'tls'],
    ]);
    await world.signedIn(added);
    await world.write(listeners(own));
    await reload(world);
    await expect(Dialogue.to(added)).rejects.toThrow(/ECONNREFUSED/);
    expect(await first.say('NOOP')).toMatch(/^250/);
    plain.close();
  });

  test('that cannot be done whole changes nothing', async () => {
    await using world = await World.start();
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const free = await freePort();
    const listeners = [{ port: world.port, security: 'tls' }, { port: free }, { port }];
    await world.write({ relay: { listeners, maxMessageBytes: 70_000 } });
    expect(await reload(world)).toBe('SMTP_LISTEN_ADDRESS_IN_USE');
    expect(world.server.addresses.map((address) => address.port)).toEqual([world.port]);
    await expect(Dialogue.to(free)).rejects.toThrow(/ECONNREFUSED/);
    expect(await (await world.dial()).open()).toContain('SIZE 36700160');
    taken.close();
    await once(taken, 'close');
    expect(await reload(world)).toMatchObject({
      changed: expect.arrayContaining(['postbearer.relay.listeners']) as unknown,
    });
    expect(world.server.addresses).toHaveLength(3);
  });

  test('names every setting that counts only after a restart', async () => {
    await using world = await World.start();
    const changes: readonly [string, Json][] = [
      ['postbearer.dataFolder', { dataFolder: join(world.folder, 'other') }],
      ['postbearer.node', { node: 'another' }],
      ['postbearer.database.url', { database: { url: { file: join(world.folder, 'url') } } }],
      ['postbearer.log.file', { log: { file: join(world.folder, 'log') } }],
    ];
    await writeFile(join(world.folder, 'url'), 'postgresql://postbearer@localhost/mail');
    for (const [key, postbearer] of changes) {
      await world.write(postbearer);
      expect(await reload(world), key).toMatchObject({
        changed: expect.arrayContaining([key]) as unknown,
        afterRestart: [key],
      });
      await world.write();
      await reload(world);
    }
    const told = world.told('settings.reloaded').filter(({ afterRestart }) => afterRestart.length > 0);
    expect(new Set(told.flatMap(({ afterRestart }) => afterRestart))).toEqual(new Set(changes.map(([key]) => key)));
  });
});

describe('a settings file that changes', () => {
  test('is taken up by itself; one with mistakes is refused, each is told of, and the old settings stay', async () => {
    await using world = await World.start('follows');
    await world.write({ relay: { listeners: [{ port: world.port, security: 'tls' }], maxRecipients: 7 } });
    await vi.waitFor(() => expect(world.told('settings.reloaded')).toHaveLength(1), WAIT);
    await world.write({ relay: { listeners: [{ port: 0 }], maxRecipients: 'many' }, queue: { uncertain: 'perhaps' } });
    await vi.waitFor(() => expect(world.told('settings.refused')).toHaveLength(3), WAIT);
    const keys = world
      .told('settings.refused')
      .map(({ fault: { evidence } }) => (evidence?.kind === 'settings' ? evidence.key : ''));
    expect(keys.toSorted()).toEqual([
      'postbearer.queue.uncertain',
      'postbearer.relay.listeners.0.port',
      'postbearer.relay.maxRecipients',
    ]);
    await writeFile(world.file, '{ "smtp": ');
    await vi.waitFor(() => expect(world.told('settings.refused').length).toBeGreaterThan(3), WAIT);
    const dialogue = await world.signedIn();
    await submit(dialogue, world.mailbox, [USER], message(world, 'still here'));
    await world.emulator.waitForMessages(1);
    await world.write();
    await vi.waitFor(() => expect(world.told('settings.reloaded')).toHaveLength(2), WAIT);
    await world.write({ relay: { listeners: [{ port: world.port, security: 'tls' }], maxRecipients: 9 } });
    expect((await world.server.reread()).ok).toBe(true);
    await world.write({ queue: { uncertain: 'never' } });
    expect(await world.server.reread()).toMatchObject({ ok: false, fault: { code: 'CONFIG_INVALID' } });
  }, 90_000);

  test('a secret that is mended in its file is used at once, and what was held is sent', async () => {
    await using world = await World.start('follows');
    await writeFile(world.secretFile, 'a wrong secret');
    await vi.waitFor(() => expect(world.told('settings.reloaded')).toHaveLength(1), WAIT);
    const dialogue = await world.signedIn();
    await submit(dialogue, world.mailbox, [USER], message(world, 'held'));
    await vi.waitFor(() => expect(world.told('lane.held')).toHaveLength(1), WAIT);
    const mendedAt = Date.now();
    await writeFile(world.secretFile, world.emulator.settings().smtp.oauth.clientSecret);
    await world.emulator.waitForMessages(1);
    // By itself a held lane is tried after half a minute.
    expect(Date.now() - mendedAt).toBeLessThan(25_000);
    await vi.waitFor(() => expect(world.told('lane.released')).toHaveLength(1), WAIT);
  }, 90_000);
});
