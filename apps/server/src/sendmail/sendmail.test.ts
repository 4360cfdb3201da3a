import { spawnSync } from 'node:child_process';
import {
  chown,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  writeFile,
  link,
  symlink,
  mkdir,
  chmod,
  rename,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, type MailboxAddress, type PostbearerEvent, type Result } from '@postbearer/core';
import { openDatabase, type Database } from '@postbearer/database';
import { createQueue, queueMigrations, type Queue } from '@postbearer/queue';
import { STANDARD_SERVICE } from '@postbearer/settings';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseApp, type App, type AppInput } from '../access/app.ts';
import { LaneBook } from '../delivery/lanes.ts';
import { createSubmitter } from '../delivery/submit.ts';
import { DropEncoder, type DropHead } from './drop-format.ts';
import { dropMessage } from './drop-writer.ts';
import { startSendmail, type SendmailFolder, type SendmailOptions } from './sendmail.ts';
import { sendmailMigrations, takenFiles, takenStatement } from './taken-files.ts';

/** Other work on the machine may make anything slow. */
const WAIT = { timeout: 10_000 };
const MAILBOX = 'notes@example.com' as MailboxAddress;
const HEAD: DropHead = { recipients: ['user@example.net'] };
const MESSAGE = 'Subject: Hello\r\n\r\nIt works.\r\n';

function must<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.fault.message);
  return result.value;
}

let root = '';
let folder = '';
let database: Database;
let queue: Queue;
let served: SendmailFolder[] = [];
let events: PostbearerEvent[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'sendmail-'));
  folder = join(root, 'spool');
  database = must(
    await openDatabase({ file: join(root, 'data.db') }, { migrations: [queueMigrations, sendmailMigrations] }),
  );
  queue = must(await createQueue(database));
  [served, events] = [[], []];
});

afterEach(async () => {
  await Promise.all(served.map(async (each) => await each.close()));
  await queue.stop();
  await database.close();
  await rm(root, { recursive: true });
});

function appOf(name: string, more: Partial<AppInput> = {}): App {
  return must(parseApp({ name, mailboxes: [MAILBOX], fromRule: 'rewrite', ...more }));
}

async function serve(options: Partial<SendmailOptions> = {}): Promise<SendmailFolder> {
  const settings = { logLevel: 'Debug', upstreams: {}, mailboxes: {}, service: STANDARD_SERVICE } as const;
  const submitter = createSubmitter({
    queue,
    lanes: new LaneBook(settings),
    maxMessageBytes: 1_000_000,
    maxRecipients: 10,
    isClosing: () => false,
    onQueued: () => undefined,
  });
  const started = await startSendmail({
    folder,
    database,
    submitter,
    apps: { byUser: () => undefined, byName: (name) => (name === 'sendmail' ? appOf('sendmail') : undefined) },
    userNames: (uid) => Promise.resolve(`user${uid}`),
    rules: () => ({ defaultApp: 'sendmail', hostname: 'web1.example.com' }),
    node: 'node',
    clock: systemClock,
    onEvent: (event) => events.push(event),
    onError: (error) => {
      throw error;
    },
    ...options,
  });
  served.push(must(started));
  return must(started);
}

async function* textBlocks(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

async function drop(head: DropHead = HEAD, text = MESSAGE): Promise<string> {
  return must(await dropMessage(folder, head, textBlocks(text)));
}

/** The bytes of a file as {@link dropMessage} writes it. */
function fileBytes(head: DropHead = HEAD, text = MESSAGE): Buffer {
  const encoder = new DropEncoder();
  return Buffer.concat([encoder.head(head), encoder.piece(Buffer.from(text)), encoder.end()]);
}

const taken = async (): Promise<number> => must(await queue.list()).messages.length;
const refusals = (): string[] =>
  events.flatMap((event) => (event.name === 'submission.refused' ? [event.fault.message] : []));
const waiting = async (): Promise<string[]> => (await readdir(folder)).filter((name) => name !== 'bad');
const aside = async (): Promise<string[]> => await readdir(join(folder, 'bad'));

function eventually<T>(look: () => T): ReturnType<typeof expect.poll<T>> {
  return expect.poll(look, WAIT);
}

describe('a message in the folder', () => {
  test('is taken as the app of its owner, with the bytes that were written, and the file is gone', async () => {
    await serve({
      apps: {
        byUser: (...names) => (names.includes(String(process.getuid?.())) ? appOf('cron') : undefined),
        byName: () => undefined,
      },
    });
    await drop(
      { ...HEAD, dsn: { notify: [] } },
      'From: root@web1.example.com\r\nBcc: hidden@example.net\r\nSubject: Hello\r\n\r\n.\r\n',
    );
    await eventually(taken).toBe(1);
    const [message] = must(await queue.list()).messages;
    expect(message).toMatchObject({
      app: 'cron',
      sender: MAILBOX,
      from: MAILBOX,
      origin: `sendmail user${process.getuid?.()}`,
    });
    const parts: Uint8Array[] = [];
    for await (const part of must(await queue.openBody(message?.id ?? '')).open()) parts.push(part);
    expect(Buffer.concat(parts).toString()).toMatch(
      /^Received: by web1\.example\.com \(Postbearer\) with local \(uid \d+\)\r\n\tid \w{26}; .*\r\nFrom: notes@example\.com\r\nSubject: Hello\r\nDate: .*\r\nMessage-ID: .*\r\n\r\n\.\r\n$/,
    );
    await eventually(waiting).toEqual([]);
  });

  test('that waited while no service ran is taken at the start', async () => {
    await mkdir(folder);
    await Promise.all(Array.from({ length: 50 }, async () => await drop()));
    await serve();
    await eventually(taken).toBe(50);
    await eventually(waiting).toEqual([]);
  });

  test('for a name without a domain goes to the address that the settings name', async () => {
    const localMailTo = 'admin@example.com' as MailboxAddress;
    await serve({ rules: () => ({ defaultApp: 'sendmail', hostname: 'web1', localMailTo }) });
    await drop({ recipients: ['root'] });
    await eventually(taken).toBe(1);
    const [message] = must(await queue.list()).messages;
    const { recipients } = must(await queue.get(message?.id ?? ''));
    expect(recipients.map(({ address }) => address)).toEqual(['admin@example.com']);
  });

  test('is not taken again where the service was killed before the file was removed', async () => {
    await mkdir(folder);
    const name = await drop();
    must(await database.batch([takenStatement(name, 'node', 0)]));
    await serve();
    await eventually(waiting).toEqual([]);
    expect([await taken(), refusals()]).toEqual([0, []]);
    // Control: nothing but the note of its name keeps it out.
    await drop();
    await eventually(taken).toBe(1);
  });

  test('stays where it is while the database takes nothing, and is taken when it does', async () => {
    let looks = 0;
    await serve({
      userNames: () => {
        looks += 1;
        return Promise.resolve('alice');
      },
    });
    await database.close();
    const name = await drop();
    await eventually(() => looks).toBeGreaterThan(1);
    expect([await waiting(), await aside(), refusals()]).toEqual([[name], [], []]);
    database = must(
      await openDatabase({ file: join(root, 'data.db') }, { migrations: [queueMigrations, sendmailMigrations] }),
    );
    queue = must(await createQueue(database));
    await served[0]?.close();
    await serve();
    await eventually(taken).toBe(1);
  });

  test('leaves no note of its name behind', async () => {
    await serve();
    await drop();
    await eventually(taken).toBe(1);
    await eventually(async () => must(await takenFiles(database, 'node'))).toEqual([]);
  });
});

describe('what is no mail', () => {
  test.each<[string, string, (path: string) => Promise<unknown>]>([
    ['a symbolic link', 'symbolic link', async (path) => await symlink('/etc/passwd', path)],
    [
      'a hard link',
      'hard link',
      async (path) => {
        await writeFile(join(root, 'other'), fileBytes());
        await link(join(root, 'other'), path);
      },
    ],
    ['a folder', 'no file', async (path) => await mkdir(path)],
    ['something else', 'no record', async (path) => await writeFile(path, 'Subject: hello\r\n\r\n')],
    [
      'a file with more behind its end',
      'not what was written',
      async (path) => await writeFile(path, Buffer.concat([fileBytes(), Buffer.from('x')])),
    ],
    [
      'a message that is too large',
      '1000000',
      async (path) => await writeFile(path, fileBytes(HEAD, MESSAGE + 'x'.repeat(1_100_000))),
    ],
    [
      'a file that is far too large',
      'larger than any message',
      async (path) => {
        const file = await open(path, 'w');
        await file.truncate(100_000_000);
        await file.close();
      },
    ],
    [
      'a message for a local name',
      'no address',
      async (path) => await writeFile(path, fileBytes({ recipients: ['root'] })),
    ],
  ])('%s is put aside and told of once', async (_what, said, make) => {
    await serve();
    const made = join(root, 'made');
    await make(made);
    await rename(made, join(folder, 'x.mail'));
    await eventually(refusals).toEqual([expect.stringContaining(said)]);
    expect([await waiting(), await aside(), await taken()]).toEqual([[], ['x.mail'], 0]);
  });

  test('of an account that belongs to no app is put aside, with the line that would admit it', async () => {
    await serve({ apps: { byUser: () => undefined, byName: () => undefined } });
    await drop();
    await eventually(refusals).toHaveLength(1);
    const [event] = events;
    expect(event).toMatchObject({
      fault: {
        code: 'SENDMAIL_USER_UNKNOWN',
        remedy: { command: expect.stringMatching(/app add NAME .* --user user\d+/) as unknown },
      },
    });
    expect(await aside()).toHaveLength(1);
  });

  test('a file that was cut off anywhere is never mail', async () => {
    await serve();
    const whole = fileBytes();
    for (let end = 0; end < whole.length; end += 1) {
      await writeFile(join(root, 'cut'), whole.subarray(0, end));
      await rename(join(root, 'cut'), join(folder, `${end}.mail`));
    }
    await eventually(aside).toHaveLength(whole.length);
    expect(await taken()).toBe(0);
    // Control: the whole of it is.
    await writeFile(join(root, 'whole'), whole);
    await rename(join(root, 'whole'), join(folder, 'whole.mail'));
    await eventually(taken).toBe(1);
  });

  test('a file of which any byte was changed is never mail', async () => {
    await serve();
    const whole = fileBytes();
    for (let at = 0; at < whole.length; at += 1) {
      const changed = Buffer.from(whole);
      changed.writeUInt8(changed.readUInt8(at) ^ 0x20, at);
      await writeFile(join(root, 'changed'), changed);
      await rename(join(root, 'changed'), join(folder, `${at}.mail`));
    }
    await eventually(aside).toHaveLength(whole.length);
    expect(await taken()).toBe(0);
  });

  test('what is being written is passed over', async () => {
    await serve();
    await writeFile(join(folder, 'x.part'), fileBytes());
    await drop();
    await eventually(taken).toBe(1);
    await eventually(waiting).toEqual(['x.part']);
  });
});

describe('the folder', () => {
  test('takes files of everybody and shows them to nobody', async () => {
    await serve();
    expect((await stat(folder)).mode & 0o7777).toBe(0o3733);
    expect((await stat(join(folder, 'bad'))).mode & 0o7777).toBe(0o700);
    await chmod(folder, 0o777);
    await served[0]?.close();
    await serve();
    expect((await stat(folder)).mode & 0o7777).toBe(0o3733);
  });

  test('that goes away is told of once, and served again when it is back', async () => {
    const errors: unknown[] = [];
    await serve({ onError: (error) => errors.push(error) });
    await rename(folder, `${folder}-away`);
    await eventually(() => errors.length).toBe(1);
    await rename(`${folder}-away`, folder);
    await drop();
    await eventually(taken).toBe(1);
    expect(errors).toHaveLength(1);
  });

  test('is refused where it is a link', async () => {
    await mkdir(join(root, 'elsewhere'));
    await symlink(join(root, 'elsewhere'), folder);
    await expect(serve()).rejects.toThrow(/no folder/);
  });

  test('files in it are readable for the group of the service alone', async () => {
    await mkdir(folder);
    const umask = process.umask(0o077);
    try {
      const name = await drop();
      expect((await stat(join(folder, name))).mode & 0o777).toBe(0o640);
      expect(name).toMatch(/^[0-9a-f]{32}\.mail$/);
      expect((await readFile(join(folder, name))).equals(fileBytes())).toBe(true);
    } finally {
      process.umask(umask);
    }
  });

  test.skipIf(process.getuid?.() !== 0)(
    'lets the service that owns it read and remove what others drop, and nobody else even see it',
    async () => {
      const [SERVICE, STRANGER] = [64_001, 64_002];
      await chmod(root, 0o755);
      await mkdir(folder);
      await chown(folder, SERVICE, SERVICE);
      await chmod(folder, 0o3733);
      const name = await drop();
      const file = join(folder, name);
      // Root dropped it; the group is that of the folder.
      expect(await stat(file)).toMatchObject({ uid: 0, gid: SERVICE });
      const as = (id: number, command: string, ...words: readonly string[]): number | null =>
        spawnSync(command, words, { uid: id, gid: id, stdio: 'ignore' }).status;
      expect([as(STRANGER, 'ls', folder), as(STRANGER, 'cat', file), as(STRANGER, 'rm', '-f', file)]).not.toContain(0);
      expect(as(STRANGER, 'touch', join(folder, 'own.part'))).toBe(0);
      expect([as(SERVICE, 'ls', folder), as(SERVICE, 'cat', file), as(SERVICE, 'rm', file)]).toEqual([0, 0, 0]);
    },
  );

  test('that is missing or full fails and leaves nothing behind', async () => {
    const missing = await dropMessage(join(root, 'nowhere'), HEAD, textBlocks(MESSAGE));
    expect(missing).toMatchObject({ ok: false, fault: { code: 'SENDMAIL_FOLDER_MISSING' } });
    await mkdir(folder);
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('Subject: x\r\n');
      throw new Error('the program went away');
    }
    await expect(dropMessage(folder, HEAD, broken())).rejects.toThrow('went away');
    expect(await readdir(folder)).toEqual([]);
  });
});
