/** `postbearer serve` as a process: its signals, its settings file, and a second one in its place. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Emulator } from '@postbearer/emulator';
import { describe, expect, test, vi } from 'vitest';
import { startCanaryEmulator } from '../setup/canary-emulator.ts';
import { Dialogue, submit } from '../setup/relay-world.ts';
import { LAUNCHER, runCommand } from '../setup/run-command.ts';
import { keepOutput } from '../setup/run-record.ts';

/** Other work on the machine may make anything slow. */
const WAIT = { timeout: 30_000, interval: 50 };
const USER = 'user@example.com';

type Json = Readonly<Record<string, unknown>>;

/** A process, and what it said so far. */
interface Serving {
  readonly child: ChildProcess;
  readonly exited: Promise<readonly unknown[]>;
  readonly said: () => string;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A local Microsoft 365, a settings file, and the processes of a test. */
class World implements AsyncDisposable {
  readonly emulator: Emulator;
  readonly folder: string;
  readonly port: number;
  readonly #children: ChildProcess[] = [];
  readonly #dialogues: Dialogue[] = [];

  private constructor(emulator: Emulator, folder: string, port: number) {
    this.emulator = emulator;
    this.folder = folder;
    this.port = port;
  }

  static async start(): Promise<World> {
    const emulator = await startCanaryEmulator({ pace: Number.POSITIVE_INFINITY });
    const world = new World(emulator, await mkdtemp(join(tmpdir(), 'serve-')), await freePort());
    await world.write();
    const app = ['app', 'add', 'scanner', '--mailbox', world.mailbox, '--network', '127.0.0.0/8'];
    expect(await runCommand([...app, '--config', world.file])).toMatchObject({ exitCode: 0 });
    return world;
  }

  get mailbox(): string {
    return this.emulator.defaults.mailbox;
  }

  get file(): string {
    return join(this.folder, 'Global-variables.json');
  }

  async write(relay: Json = {}): Promise<void> {
    const pace = { connections: 3, messagesPerMinute: 60_000 };
    const settings = {
      ...this.emulator.settings(),
      postbearer: {
        dataFolder: 'data',
        mailboxes: { [this.mailbox]: { upstream: 'default', pace } },
        relay: { hostname: 'relay.example', listeners: [{ port: this.port, security: 'plain' }], ...relay },
      },
    };
    await writeFile(this.file, JSON.stringify(settings));
  }

  /** Starts a process and waits until it is ready. */
  async serve(): Promise<Serving> {
    const serving = this.spawn();
    await vi.waitFor(() => expect(serving.said()).toContain('Postbearer ready'), WAIT);
    return serving;
  }

  spawn(): Serving {
    const child = spawn(process.execPath, [LAUNCHER, 'serve', '--config', this.file], {
      env: { PATH: process.env['PATH'], HOME: this.folder, NO_PROXY: '127.0.0.1,localhost' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#children.push(child);
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (part: Buffer) => {
        said += part.toString('utf8');
        keepOutput(part.toString('utf8'));
      });
    return { child, exited: once(child, 'exit'), said: () => said };
  }

  async dial(): Promise<Dialogue> {
    const dialogue = await Dialogue.to(this.port);
    this.#dialogues.push(dialogue);
    await dialogue.open();
    return dialogue;
  }

  get subjects(): string[] {
    return this.emulator.messages.map(
      ({ bytes }) => /^Subject: (.*)\r$/m.exec(Buffer.from(bytes).toString('latin1'))?.[1] ?? '',
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const dialogue of this.#dialogues) dialogue.close();
    for (const child of this.#children) child.kill('SIGKILL');
    await this.emulator.close();
    await rm(this.folder, { recursive: true });
  }
}

async function handIn(world: World, dialogue: Dialogue, subject: string): Promise<string> {
  const message = `From: ${world.mailbox}\r\nSubject: ${subject}\r\n\r\nIt works.\r\n`;
  return await submit(dialogue, world.mailbox, [USER], message);
}

/** Hands in until the line is cut or the service asks to come again; gives what was confirmed. */
async function handInUntilCut(world: World, name: string): Promise<string[]> {
  const confirmed: string[] = [];
  try {
    const dialogue = await world.dial();
    for (let index = 0; ; index += 1) {
      const subject = `${name}-${index}`;
      const reply = await handIn(world, dialogue, subject);
      if (!reply.startsWith('250')) return confirmed;
      confirmed.push(subject);
    }
  } catch {
    return confirmed;
  }
}

describe('SIGTERM', () => {
  test('under load: 4 restarts lose nothing and double nothing', async () => {
    await using world = await World.start();
    const confirmed: string[] = [];
    for (let round = 0; round < 4; round += 1) {
      const { child, exited } = await world.serve();
      const before = world.emulator.messages.length;
      const clients = [1, 2, 3].map(async (client) => await handInUntilCut(world, `m-${round}-${client}`));
      await vi.waitFor(() => expect(world.emulator.messages.length).toBeGreaterThan(before + 10), WAIT);
      child.kill('SIGTERM');
      confirmed.push(...(await Promise.all(clients)).flat());
      expect(await exited).toEqual([0, null]);
    }
    await world.serve();
    await vi.waitFor(() => expect(new Set(world.subjects)).toEqual(new Set(confirmed)), WAIT);
    expect(world.subjects).toHaveLength(confirmed.length);
    // Control: one message more than arrived is noticed.
    expect(new Set(world.subjects)).not.toEqual(new Set([...confirmed, 'never sent']));
  }, 120_000);

  test('does not wait for a server that hangs beyond its ten seconds; a second one waits for nothing', async () => {
    await using world = await World.start();
    world.emulator.faults.add({ stage: 'rcpt', action: { kind: 'hang' } });
    const hang = async (): Promise<Serving> => {
      const applied = (): number => world.emulator.faults.list().reduce((sum, fault) => sum + fault.applied, 0);
      const before = applied();
      const serving = await world.serve();
      await handIn(world, await world.dial(), `hangs ${before}`);
      await vi.waitFor(() => expect(applied()).toBeGreaterThan(before), WAIT);
      return serving;
    };
    const drained = await hang();
    const begun = performance.now();
    drained.child.kill('SIGTERM');
    expect(await drained.exited).toEqual([0, null]);
    const tookMs = performance.now() - begun;
    expect(tookMs).toBeGreaterThan(8000);
    // Ten seconds are granted, and the machine may be busy.
    expect(tookMs).toBeLessThan(25_000);
    const cut = await hang();
    cut.child.kill('SIGTERM');
    await vi.waitFor(() => expect(cut.said()).toContain('Taking no more mail'), WAIT);
    const secondAt = performance.now();
    cut.child.kill('SIGTERM');
    expect(await cut.exited).toEqual([130, null]);
    expect(performance.now() - secondAt).toBeLessThan(5000);
    const listed = await runCommand(['queue', 'list', '--json', '--config', world.file]);
    const { messages } = JSON.parse(listed.out) as { messages: { subject: string; crashes: number }[] };
    const kept = messages.map(({ subject }) => subject);
    expect(kept.toSorted()).toEqual(['hangs 0', 'hangs 1']);
  }, 120_000);
});

describe('the settings file of a running service', () => {
  test('counts at once after SIGHUP, and one with a mistake is refused in the log', async () => {
    await using world = await World.start();
    const { child, said } = await world.serve();
    const open = await world.dial();
    await world.write({ maxMessageBytes: 70_000 });
    child.kill('SIGHUP');
    await vi.waitFor(() => expect(said()).toContain('postbearer.relay.maxMessageBytes'), WAIT);
    const dialogue = await Dialogue.to(world.port);
    expect(await dialogue.open()).toContain('SIZE 70000');
    dialogue.close();
    await world.write({ maxMessageBytes: 1 });
    child.kill('SIGHUP');
    await vi.waitFor(() => expect(said()).toMatch(/\[Error\] The changed settings have 1 mistake/), WAIT);
    expect(await open.say('NOOP')).toMatch(/^250/);
  }, 60_000);
});

describe('SIGHUP', () => {
  test('while the service starts does not end it', async () => {
    await using world = await World.start();
    const { child, said } = world.spawn();
    for (let index = 0; index < 200 && !said().includes('Postbearer ready'); index += 1) {
      // Before it listens for signals nobody could send it one on purpose.
      if (said() !== '') child.kill('SIGHUP');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await vi.waitFor(() => expect(said()).toContain('Postbearer ready'), WAIT);
    expect(child.signalCode).toBeNull();
  }, 60_000);
});

describe('a second process on the same data', () => {
  test('is refused with a sentence, and the first goes on', async () => {
    await using world = await World.start();
    const first = await world.serve();
    const second = world.spawn();
    expect(await second.exited).toEqual([78, null]);
    expect(second.said()).toMatch(/is in use by another\s+process/);
    expect(await handIn(world, await world.dial(), 'still here')).toMatch(/^250/);
    await vi.waitFor(() => expect(world.subjects).toEqual(['still here']), WAIT);
    expect(first.child.exitCode).toBeNull();
  }, 60_000);

  test('is told, where its folder cannot be made, whose it is', async () => {
    await using world = await World.start();
    const ended = await runCommand(['serve', '--config', world.file, '--data', join(world.file, 'in-a-file')]);
    expect(ended.exitCode).toBe(78);
    expect(ended.err).toContain('SERVICE_FOLDER_UNUSABLE');
  });
});
