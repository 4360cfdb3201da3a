/** Backup, restore and export of the data of a service, from the outside. */
import { spawnSync } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock, type Result } from '@postbearer/core';
import { openDatabase, prepare, sqlBuilder } from '@postbearer/database';
import { openControl, restoreBackup, startServer, type Server } from '@postbearer/server';
import { readSettings } from '@postbearer/settings';
import nodemailer from 'nodemailer';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { itWithTool } from '../setup/foreign-tools.ts';
import { LAUNCHER, runCommand } from '../setup/run-command.ts';

const MAILBOX = 'notifications@contoso.example';
type Transport = ReturnType<typeof nodemailer.createTransport>;

const LANE = `default/${MAILBOX}`;

/** Clients that go on handing in mail while copies are made, and how long each rests between two. */
const CLIENTS = 3;
const PAUSE_MS = 15;

let root = '';
let servers: Server[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'postbearer-data-'));
  servers = [];
});

afterEach(async () => {
  await Promise.all(servers.map(async (server) => await server.close({ graceMs: 0 })));
  await rm(root, { recursive: true });
});

const data = (): string => join(root, 'data');

function must<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.fault.message);
  return result.value;
}

/** A service whose one lane is held, so that what comes in stays. */
async function serve(folder = data()): Promise<Server> {
  const file = join(root, 'settings.json');
  const smtp = {
    enabled: true,
    server: '127.0.0.1',
    port: 1,
    username: MAILBOX,
    fromAddress: MAILBOX,
    password: 'unused-password',
  };
  await writeFile(file, JSON.stringify({ smtp }));
  const reading = await readSettings({ configFile: file, environment: {}, workingFolder: root });
  if (reading.settings === undefined) throw new Error(JSON.stringify(reading.findings));
  const server = must(
    await startServer({
      settings: reading.settings,
      dataFolder: folder,
      environment: {},
      service: {
        listeners: [
          { port: 0, security: 'plain' },
          { port: 0, security: 'starttls' },
        ],
        hostname: 'relay.example',
      },
    }),
  );
  servers.push(server);
  const app = { name: 'ledger', mailboxes: [MAILBOX], networks: ['127.0.0.0/8'] };
  await server.control.addApp({ app, actor: 'test' });
  must(await server.control.holdLane({ lane: LANE, sender: '', actor: 'test' }));
  return server;
}

function senderTo(server: Server): Transport {
  const port = server.addresses.find(({ security }) => security === 'plain')?.port ?? 0;
  return nodemailer.createTransport({ host: '127.0.0.1', port, ignoreTLS: true, pool: true, maxConnections: 5 });
}

async function submit(transport: Transport, subject: string): Promise<void> {
  await transport.sendMail({
    from: MAILBOX,
    to: 'user@example.com',
    subject,
    text: `${subject}\n${'x'.repeat(5000)}\n`,
  });
}

interface Exported {
  readonly id: string;
  readonly subject: string;
  readonly recipients: readonly { readonly address: string }[];
  readonly source?: string;
}

async function exported(folder: string, ...more: readonly string[]): Promise<readonly Exported[]> {
  const end = await runCommand(['queue', 'export', '--data', folder, ...more]);
  expect(end).toMatchObject({ exitCode: 0, err: '' });
  return end.out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Exported);
}

/** How many messages a data folder has in which no service runs. */
async function messagesIn(folder: string): Promise<number> {
  await using opened = must(await openControl(folder));
  return must(await opened.control.listMessages({ filter: {}, page: {} })).messages.length;
}

describe('a backup', () => {
  test('of a running service under load is whole each time, and has everything that was confirmed before it', async () => {
    const server = await serve();
    const transport = senderTo(server);
    let confirmed = 0;
    const ending = new AbortController();
    const load = Promise.all(
      Array.from({ length: CLIENTS }, async () => {
        while (!ending.signal.aborted) {
          await submit(transport, 'load');
          confirmed += 1;
          await sleep(PAUSE_MS);
        }
      }),
    );
    const counts: string[] = [];
    for (let round = 1; round <= 20; round += 1) {
      const file = join(root, `copy-${round}.db`);
      const before = confirmed;
      must(await server.control.backup({ file, actor: 'test' }));
      const after = confirmed;
      const target = join(root, `restored-${round}`);
      const request = { file, dataFolder: target, replaces: false, usesPostgresql: false };
      const { notEnded } = must(await restoreBackup(request, systemClock));
      const found = notEnded.reduce((sum, { count }) => sum + count, 0);
      expect(found).toBeGreaterThanOrEqual(before);
      // Each client may have one more that was stored and not yet confirmed.
      expect(found).toBeLessThanOrEqual(after + CLIENTS);
      counts.push(`${before}<=${found}<=${after + CLIENTS}`);
      await rm(target, { recursive: true });
      await rm(file);
    }
    ending.abort();
    await load;
    transport.close();
    console.log(`20 backups under load, each whole and readable: ${counts.join(' ')}`);
    expect((await readdir(root)).filter((name) => /making|partial/.test(name))).toEqual([]);
  }, 90_000);

  test('is restored elsewhere with its mail, apps and certificate, and says what may be sent again', async () => {
    const server = await serve();
    const transport = senderTo(server);
    for (const subject of ['one', 'two', 'three']) await submit(transport, subject);
    transport.close();
    const file = join(root, 'backup.db');
    const made = await runCommand(['backup', file, '--data', data()]);
    expect(made).toMatchObject({ exitCode: 0, err: '' });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const changes = await runCommand(['status', '--changes', '--data', data()]);
    expect(changes.out).toMatch(/cli \S+ +backup\.make +\/\S+\/backup\.db\n.* test +lane\.hold +default\/\S+\n/);
    await server.close();

    const elsewhere = join(root, 'elsewhere');
    const restored = await runCommand(['restore', file, '--data', elsewhere]);
    expect(restored).toMatchObject({ exitCode: 0, err: '' });
    expect(restored.out).toMatch(new RegExp(`^${LANE} +queued +3$`, 'm'));
    expect(restored.out).toContain(`postbearer lane hold ${LANE} --data ${elsewhere}`);
    const files = ['certificate/relay.pem', 'certificate/relay.key'];
    for (const name of files) expect(await readFile(join(elsewhere, name))).toEqual(await readFile(join(data(), name)));
    expect((await stat(join(elsewhere, 'certificate/relay.key'))).mode & 0o777).toBe(0o600);
    expect((await exported(elsewhere)).map(({ subject }) => subject)).toEqual(['three', 'two', 'one']);
    const again = await serve(elsewhere);
    expect(must(await again.control.listApps({})).map(({ name }) => name)).toEqual(['ledger']);
    // The backup is as it was.
    expect(await runCommand(['restore', file, '--data', join(root, 'third')])).toMatchObject({ exitCode: 0 });
  });

  test('is not put over a running service, nor over data without being asked; what was there is kept', async () => {
    const server = await serve();
    const transport = senderTo(server);
    await submit(transport, 'before');
    const file = join(root, 'backup.db');
    must(await server.control.backup({ file, actor: 'test' }));
    await submit(transport, 'after');
    transport.close();
    const running = await runCommand(['restore', file, '--data', data(), '--replace']);
    expect([running.exitCode, running.err]).toEqual([78, expect.stringContaining('DATABASE_IN_USE')]);
    await server.close();
    const unasked = await runCommand(['restore', file, '--data', data()]);
    expect([unasked.exitCode, unasked.err]).toEqual([78, expect.stringContaining('SERVICE_DATA_EXISTS')]);
    expect(await exported(data())).toHaveLength(2);
    const asked = await runCommand(['restore', file, '--data', data(), '--replace', '--json']);
    expect(asked.exitCode).toBe(0);
    const { asideFolder } = JSON.parse(asked.out) as { asideFolder: string };
    expect(await exported(data())).toHaveLength(1);
    expect(await exported(asideFolder)).toHaveLength(2);
  });

  itWithTool(
    'strace',
    'killed at any step of being put in place leaves the old data or the new, whole',
    async (strace) => {
      const server = await serve();
      const transport = senderTo(server);
      await submit(transport, 'before');
      const file = join(root, 'backup.db');
      must(await server.control.backup({ file, actor: 'test' }));
      await submit(transport, 'after');
      transport.close();
      await server.close();
      const seen: number[] = [];
      for (const step of ['link:1', 'rename:1', 'rename:3', 'rename:4', 'unlink:1']) {
        const [call = '', count = ''] = step.split(':');
        const target = join(root, `at-${call}-${count}`);
        await cp(data(), target, { recursive: true });
        const restore = [process.execPath, LAUNCHER, 'restore', file, '--data', target, '--replace'];
        const inject = ['-e', `trace=${call}`, '-e', `inject=${call}:signal=KILL:when=${count}`];
        spawnSync(strace, ['-f', '-qq', '-o', '/dev/null', ...inject, ...restore], {
          env: { PATH: process.env['PATH'] },
        });
        const found = await messagesIn(target);
        expect([1, 2]).toContain(found);
        seen.push(found);
        // It can be done again, and then it is done.
        must(await restoreBackup({ file, dataFolder: target, replaces: true, usesPostgresql: false }, systemClock));
        expect(await messagesIn(target)).toBe(1);
      }
      console.log(
        `restore killed at ${seen.length} steps: ${seen.filter((found) => found === 2).length} times the old data`,
      );
      // Control: some kills came before the change, and some after it.
      expect(new Set(seen)).toEqual(new Set([1, 2]));
    },
    120_000,
  );

  test.each<[string, string, (file: string) => Promise<unknown>]>([
    ['a file that is no database', 'DATABASE_FILE_UNUSABLE', async (file) => await writeFile(file, 'x'.repeat(10_000))],
    ['nothing', 'SERVICE_BACKUP_UNUSABLE', async () => undefined],
    [
      'a database of something else',
      'SERVICE_BACKUP_UNUSABLE',
      async (file) => await must(await openDatabase({ file })).close(),
    ],
    [
      'a backup with a page that was altered',
      'DATABASE_DAMAGED',
      async (file) => {
        const server = await serve(join(root, 'other'));
        must(await server.control.backup({ file, actor: 'test' }));
        const bytes = await readFile(file);
        bytes.fill(0x5a, 4096 * 3, 4096 * 4);
        await writeFile(file, bytes);
      },
    ],
  ])('%s is not restored, and the folder stays as it was', async (_what, code, make) => {
    const file = join(root, 'backup.db');
    await make(file);
    const end = await runCommand(['restore', file, '--data', data()]);
    expect(end.err).toContain(code);
    expect(await readdir(data())).toEqual([]);
  });

  test('of a newer version is refused', async () => {
    const server = await serve();
    const file = join(root, 'backup.db');
    must(await server.control.backup({ file, actor: 'test' }));
    const newer = must(await openDatabase({ file }));
    const db = sqlBuilder<{ schema_step: { owner: string; number: number; name: string } }>();
    const add = prepare(() =>
      db.insertInto('schema_step').values({ owner: 'queue', number: 999, name: 'of tomorrow' }),
    );
    must(await newer.batch([add({})]));
    await newer.close();
    const end = await runCommand(['restore', file, '--data', join(root, 'new')]);
    expect([end.exitCode, end.err]).toEqual([78, expect.stringContaining('DATABASE_SCHEMA_NEWER')]);
  });

  test('with PostgreSQL the tools of the server are named, without a password', async () => {
    const environment = { POSTBEARER_DATABASE_URL: 'postgresql://mail:hunter2-hunter2@127.0.0.1:1/postbearer' };
    const end = await runCommand(['restore', '/nowhere', '--data', data()], { environment });
    expect(end.err).toMatch(/SERVICE_RESTORE_ELSEWHERE[\s\S]*pg_restore/);
    expect(end.err).not.toContain('hunter2');
  });
});

describe('an export', () => {
  test('has every message with its recipients, and its bytes as a file', async () => {
    const server = await serve();
    const transport = senderTo(server);
    await submit(transport, 'first');
    await transport.sendMail({ from: MAILBOX, to: ['a@example.com', 'b@example.com'], subject: 'second', text: 'x\n' });
    transport.close();
    const folder = join(root, 'sources');
    const messages = await exported(data(), '--eml', folder);
    expect(messages.map(({ subject, recipients }) => [subject, recipients.map(({ address }) => address)])).toEqual([
      ['second', ['a@example.com', 'b@example.com']],
      ['first', ['user@example.com']],
    ]);
    const [second] = messages;
    const source = await readFile(join(folder, second?.source ?? ''), 'utf8');
    expect(source).toMatch(/^Received: [\s\S]*\r\nSubject: second\r\n[\s\S]*\r\n\r\nx\r\n$/);
    expect((await stat(join(folder, second?.source ?? ''))).mode & 0o777).toBe(0o600);
    expect(await exported(data(), '--to', 'b@example.com')).toHaveLength(1);
  });

  test('why messages are stuck is said once for each reason', async () => {
    const server = await serve();
    must(await server.control.releaseLane({ lane: LANE, sender: '', actor: 'test' }));
    const transport = senderTo(server);
    for (const subject of ['one', 'two']) await submit(transport, subject);
    transport.close();
    await expect
      .poll(async () => (await runCommand(['queue', 'list', '--stuck', '--data', data()])).out, { timeout: 25_000 })
      .toMatch(/^2 +deferred +(\w+) +default\/[\s\S]*✗ [\s\S]*\1[\s\S]*Next:/m);
    const { out } = await runCommand(['queue', 'list', '--stuck', '--data', data(), '--json']);
    expect(JSON.parse(out)).toMatchObject({ ok: true, stuck: [{ count: 2, state: 'deferred', lane: LANE }] });
  });
});
