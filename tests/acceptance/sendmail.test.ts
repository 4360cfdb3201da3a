/** `postbearer sendmail` as programs call it, and the service that takes its files in, killed at each step. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmulator, type Emulator } from '@postbearer/emulator';
import { dropMessage } from '@postbearer/server/sendmail';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { itWithTool } from '../setup/foreign-tools.ts';
import { LAUNCHER, runCommand, type CommandEnd } from '../setup/run-command.ts';
import { keepOutput } from '../setup/run-record.ts';

/** Other work on the machine may make anything slow. */
const WAIT = { timeout: 25_000 };
const KILLER = new URL('../failure/harness/kill-at-point.ts', import.meta.url).href;

let emulator: Emulator;
let root = '';
let children: ChildProcess[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'postbearer-sendmail-'));
  // Mail of other accounts has to get through to the folder.
  await chmod(root, 0o755);
  emulator = await startEmulator({ pace: Number.POSITIVE_INFINITY });
  children = [];
});

afterEach(async () => {
  for (const child of children) await kill(child);
  await emulator.close();
  await rm(root, { recursive: true });
});

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

const spool = (): string => join(root, 'spool');
const data = (): string => join(root, 'data');

async function addApp(...more: readonly string[]): Promise<void> {
  const words = ['app', 'add', 'local', '--mailbox', emulator.defaults.mailbox, '--data', data(), ...more];
  expect(await runCommand(words)).toMatchObject({ exitCode: 0, err: '' });
}

interface Serving {
  readonly child: ChildProcess;
  readonly log: () => string;
}

/** `postbearer serve` as a process of its own; resolves when it is ready, or has ended. */
async function serve(rules: object = {}): Promise<Serving> {
  const file = join(root, 'Global-variables.json');
  const mailboxes = { [emulator.defaults.mailbox]: { upstream: 'default', pace: { messagesPerMinute: 60_000 } } };
  const postbearer = { mailboxes, sendmail: { folder: spool(), ...rules } };
  await writeFile(file, JSON.stringify({ smtp: emulator.settings().smtp, postbearer }));
  const child = spawn(process.execPath, [LAUNCHER, 'serve', '--config', file, '--data', data()], {
    env: {
      PATH: process.env['PATH'],
      HOME: root,
      NO_PROXY: '127.0.0.1,localhost',
      NODE_OPTIONS: `--import ${KILLER}`,
      POSTBEARER_KILL_FILE: join(root, 'kill'),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let log = '';
  child.stderr.on('data', (part: Buffer) => {
    log += part.toString('utf8');
    keepOutput(part.toString('utf8'));
  });
  await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
  return { child, log: () => log };
}

async function sendmail(words: readonly string[], input: string): Promise<CommandEnd> {
  const environment = { POSTBEARER_SENDMAIL_FOLDER: spool() };
  return await runCommand(['sendmail', ...words], { input, environment });
}

const textOf = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? '').toString('latin1');

describe('a message of a program', () => {
  test('is delivered from the account that called: to those in To, Cc and Bcc, without the Bcc line', async () => {
    await addApp('--user', String(process.getuid?.()), '--from-rule', 'rewrite');
    await serve();
    const message = 'To: a@example.com\nBcc: hidden@example.com\nSubject: Hello\n\nIt works.\n.\nStill here.\n';
    expect(await sendmail(['-t', '-i'], message)).toEqual({ exitCode: 0, out: '', err: '' });
    const [mail] = await emulator.waitForMessages(1);
    expect(mail?.envelope).toEqual({
      sender: emulator.defaults.mailbox,
      recipients: ['a@example.com', 'hidden@example.com'],
    });
    expect(textOf(mail?.bytes)).toMatch(
      /^Received: by .*\r\n\tid .*\r\nTo: a@example\.com\r\nSubject: Hello\r\nFrom: notifications@contoso\.example\r\n(?:.*\r\n)*\r\nIt works\.\r\n\.\r\nStill here\.\r\n$/,
    );
  });

  test('of cron reaches the administrator, with the name of cron in From', async () => {
    await addApp('--user', String(process.getuid?.()), '--from-rule', 'rewrite');
    await serve({ localMailTo: 'admin@example.com' });
    const message = 'From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@web1> backup\n\ndone\n';
    expect((await sendmail(['-FCronDaemon', '-i', '-B8BITMIME', '-oem', 'root'], message)).exitCode).toBe(0);
    const [mail] = await emulator.waitForMessages(1);
    expect(mail?.envelope.recipients).toEqual(['admin@example.com']);
    expect(textOf(mail?.bytes)).toContain('From: Cron Daemon <notifications@contoso.example>\r\n');
  });

  test('waits while no service runs, and is taken at its start; also under the name sendmail', async () => {
    await addApp('--user', String(process.getuid?.()), '--from-rule', 'rewrite');
    await mkdir(spool());
    const link = join(root, 'sendmail');
    await symlink(LAUNCHER, link);
    const called = spawnSync(process.execPath, [link, '-oi', 'user@example.com'], {
      input: 'Subject: by name\n\nx\n',
      env: { PATH: process.env['PATH'], POSTBEARER_SENDMAIL_FOLDER: spool() },
    });
    expect([called.status, called.stderr.toString()]).toEqual([0, '']);
    await serve();
    const [mail] = await emulator.waitForMessages(1);
    expect(textOf(mail?.bytes)).toContain('Subject: by name\r\n');
  });

  test.skipIf(process.getuid?.() !== 0)('of another account is that of the app which names it', async () => {
    await addApp('--user', 'nobody', '--from-rule', 'rewrite');
    await serve();
    const input = 'Subject: from nobody\n\nx\n';
    // The program itself may lie where that account cannot read, so it only writes the file: as the program does, in its folder.
    expect((await sendmail(['user@example.com'], input)).exitCode).toBe(0);
    await expect.poll(async () => await readdir(join(spool(), 'bad')), WAIT).toHaveLength(1);
    const [refused = ''] = await readdir(join(spool(), 'bad'));
    const own = spawnSync('chown', ['65534', join(spool(), 'bad', refused)]);
    expect(own.status).toBe(0);
    spawnSync('mv', [join(spool(), 'bad', refused), spool()]);
    const [mail] = await emulator.waitForMessages(1);
    expect(textOf(mail?.bytes)).toMatch(/^Received: by \S+ \(Postbearer\) with local \(uid 65534\)/);
  });

  test('that nobody may send is put aside, and the log says which command would admit it', async () => {
    const { log } = await serve();
    expect((await sendmail(['user@example.com'], 'Subject: x\n\nx\n')).exitCode).toBe(0);
    await expect
      .poll(log, WAIT)
      .toMatch(/SENDMAIL_USER_UNKNOWN[\s\S]*postbearer app add NAME --mailbox ADDRESS --user/);
  });
});

describe('an exit code', () => {
  test.each<[string, readonly string[], string, number, RegExp]>([
    ['without recipients', ['-i'], 'x', 64, /name recipients/],
    ['with an unknown option', ['-t', '-Z'], 'x', 64, /no option -Z/],
    ['with -t and nobody in the header', ['-t'], 'Subject: x\n\n', 65, /SENDMAIL_NO_RECIPIENTS/],
    ['with a recipient that is no address', ['a b@example.com'], 'x', 65, /MESSAGE_ADDRESS_LIST_INVALID/],
    ['without a folder', ['a@example.com'], 'x', 78, /SENDMAIL_FOLDER_MISSING/],
  ])('%s', async (_when, words, input, code, said) => {
    const end = await sendmail(words, input);
    expect([end.exitCode, end.out]).toEqual([code, '']);
    expect(end.err).toMatch(said);
  });

  test('of a full disk is that of "try again later"', async () => {
    await mkdir(spool());
    const limited = spawnSync(
      'sh',
      ['-c', `ulimit -f 8; exec "$0" "$@"`, process.execPath, LAUNCHER, 'sendmail', 'a@example.com'],
      {
        input: `Subject: x\n\n${'x'.repeat(100_000)}\n`,
        env: { PATH: process.env['PATH'], POSTBEARER_SENDMAIL_FOLDER: spool() },
      },
    );
    expect(limited.stderr.toString()).toContain('SENDMAIL_NO_ROOM');
    expect([limited.status, await readdir(spool())]).toEqual([75, []]);
  });
});

test('a message of 60 MB costs no memory', async () => {
  await mkdir(spool());
  const words = ['--max-old-space-size=40', LAUNCHER, 'sendmail', 'a@example.com'];
  const child = spawn(process.execPath, words, {
    env: { PATH: process.env['PATH'], POSTBEARER_SENDMAIL_FOLDER: spool() },
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  const line = `${'x'.repeat(70)}\n`.repeat(1000);
  let peak = 0;
  child.stdin.write('Subject: large\n\n');
  for (let written = 0; written < 60_000_000; written += line.length) {
    if (!child.stdin.write(line)) await once(child.stdin, 'drain');
    if (written % 71_000_00 === 0) peak = Math.max(peak, rssOf(child.pid ?? 0));
  }
  child.stdin.end();
  const [code] = (await once(child, 'exit')) as [number];
  expect(code).toBe(0);
  console.log(`sendmail with 60 MB: at most ${Math.round(peak / 1e6)} MB resident`);
  expect(peak).toBeLessThan(250e6);
});

/** Resident memory of a process, bytes; 0 where the system does not say. */
function rssOf(pid: number): number {
  const status = spawnSync('ps', ['-o', 'rss=', '-p', String(pid)]).stdout?.toString() ?? '';
  return Number(status.trim()) * 1024 || 0;
}

interface Listed {
  readonly messages: readonly { readonly subject: string }[];
}

async function subjectsInQueue(): Promise<readonly string[]> {
  const listed = await runCommand(['queue', 'list', '--limit', '500', '--data', data(), '--json']);
  return (JSON.parse(listed.out) as Listed).messages.map(({ subject }) => subject).toSorted();
}

/** Writes a file as `postbearer sendmail` does. */
async function drop(subject: string): Promise<void> {
  async function* content(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(`Subject: ${subject}\r\n\r\nx\r\n`);
  }
  expect((await dropMessage(spool(), { recipients: ['a@example.com'] }, content())).ok).toBe(true);
}

const POINTS = [
  'accept:before',
  'commit:before',
  'commit:after',
  'accept:after',
  'drop-remove:before',
  'drop-remove:after',
  'drop-forget:before',
  'drop-forget:after',
] as const;

describe('a kill', () => {
  test('of the service at any step of taking a file in loses nothing and doubles nothing', async () => {
    await addApp('--user', String(process.getuid?.()), '--from-rule', 'rewrite');
    await runCommand(['lane', 'hold', `default/${emulator.defaults.mailbox}`, '--data', data()]);
    const subjects: string[] = [];
    let running = await serve();
    for (const point of POINTS) {
      await writeFile(join(root, 'kill'), `1\t${point}`);
      const round = [1, 2, 3].map((number) => `${point} ${number}`);
      subjects.push(...round);
      await Promise.all(round.map(drop));
      if (running.child.signalCode === null) await once(running.child, 'exit', { signal: AbortSignal.timeout(30_000) });
      expect(running.child.signalCode).toBe('SIGKILL');
      await rm(join(root, 'kill'));
      running = await serve();
    }
    await expect.poll(async () => await readdir(spool()), WAIT).toEqual(['bad']);
    const taken = await subjectsInQueue();
    console.log(`killed at ${POINTS.length} points: ${subjects.length} dropped, ${taken.length} taken`);
    expect(taken).toEqual(subjects.toSorted());
    // Control: the list would show a message that was taken twice.
    await drop('twice');
    await expect.poll(async () => await readdir(spool()), WAIT).toEqual(['bad']);
    await drop('twice');
    await expect.poll(subjectsInQueue, WAIT).toEqual([...subjects, 'twice', 'twice'].toSorted());
  }, 240_000);

  itWithTool(
    'strace',
    'of sendmail at any step leaves a whole message or none, and none that was not confirmed twice',
    async (strace) => {
      await addApp('--user', String(process.getuid?.()), '--from-rule', 'rewrite');
      expect(
        (await runCommand(['lane', 'hold', `default/${emulator.defaults.mailbox}`, '--data', data()])).exitCode,
      ).toBe(0);
      await mkdir(spool());
      const steps = ['fchmod:1', 'write:1', 'fsync:1', 'rename:1', 'fsync:2', 'close:9999'];
      const confirmed: string[] = [];
      for (const step of steps) {
        const [call = '', count = ''] = step.split(':');
        const rule = `inject=${call}:signal=KILL:when=${count}`;
        const end = spawnSync(
          strace,
          [
            '-f',
            '-qq',
            '-o',
            '/dev/null',
            '-e',
            `trace=${call}`,
            '-e',
            rule,
            process.execPath,
            LAUNCHER,
            'sendmail',
            'a@example.com',
          ],
          {
            input: `Subject: ${step}\n\nx\n`,
            env: { PATH: process.env['PATH'], POSTBEARER_SENDMAIL_FOLDER: spool() },
          },
        );
        if (end.status === 0) confirmed.push(step);
      }
      const left = await readdir(spool());
      await serve();
      await expect
        .poll(async () => (await readdir(spool())).filter((name) => name.endsWith('.mail')), WAIT)
        .toEqual([]);
      const taken = await subjectsInQueue();
      console.log(
        `killed ${steps.length - confirmed.length} times; ${left.length} files left, ${taken.length} of them mail`,
      );
      expect(confirmed).toEqual(['close:9999']);
      expect(taken).toEqual(expect.arrayContaining(confirmed));
      expect(new Set(taken).size).toBe(taken.length);
      expect(await readdir(join(spool(), 'bad'))).toEqual([]);
    },
    240_000,
  );
});
