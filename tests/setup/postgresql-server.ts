/**
 * A PostgreSQL server of one's own, from the installed server programs, on a Unix socket in a folder of its own.
 *
 * Its data lie in memory where that is possible: the server then flushes as it does in production, and it costs nothing.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  accessSync,
  chownSync,
  constants,
  cpSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Secret } from '@postbearer/core';
import pg from 'pg';

const run = promisify(execFile);
const MEMORY_FOLDER = '/dev/shm';
const MOST_TRIES = 50;
const READY = 'database system is ready to accept';

/** How a server is told to end: after a last word, at once without one, or not at all by itself. */
export type Ending = 'SIGINT' | 'SIGQUIT' | 'SIGKILL';

/** A server that runs for the tests. */
export interface TestServer {
  /** Makes an empty database and gives its URL. */
  newDatabase(): Promise<Secret>;
  /** Ends the server and waits for its end. */
  stop(how: Ending): Promise<void>;
  /** Starts it again on the same data. */
  start(): Promise<void>;
  /** The folder of its socket. */
  readonly folder: string;
  /** Stops every process of it where it is, as a machine that hangs; `resume` lets them go on. */
  pause(): void;
  resume(): void;
  /** Runs a statement as its superuser. */
  ask(text: string, database?: string): Promise<readonly Record<string, unknown>[]>;
  /** Makes a second server that follows this one, which is stopped in peace for a moment. */
  makeStandby(): Promise<TestServer & AsyncDisposable>;
  /** Makes a server that follows another a primary. */
  promote(): Promise<void>;
}

/** Settings in `postgresql.conf`. */
type Settings = Readonly<Record<string, string>>;

interface Account {
  readonly uid: number;
  readonly gid: number;
}

async function accountOf(name: string): Promise<Account> {
  const [uid, gid] = await Promise.all(['-u', '-g'].map(async (flag) => (await run('id', [flag, name])).stdout));
  return { uid: Number(uid), gid: Number(gid) };
}

/** PostgreSQL refuses to run as root. Its Debian package brings an account; where that is missing, any will do that owns nothing. */
async function serverAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  return await accountOf('postgres').catch(async () => await accountOf('nobody'));
}

/** The processes that a process started. */
function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        // The fourth field, behind the name in brackets, is the parent.
        return Number(readFileSync(`/proc/${name}/stat`, 'utf8').split(') ')[1]?.split(' ')[1]) === parent;
      } catch {
        return false;
      }
    })
    .map(Number);
}

function newFolder(owner: Account | undefined): string {
  let base = tmpdir();
  try {
    accessSync(MEMORY_FOLDER, constants.W_OK);
    base = MEMORY_FOLDER;
  } catch {
    // Not on this system.
  }
  const folder = mkdtempSync(join(base, 'pg-'));
  if (owner !== undefined) chownSync(folder, owner.uid, owner.gid);
  return folder;
}

class Server implements TestServer {
  readonly #programs: string;
  readonly #account: Account | undefined;
  readonly #folder: string;
  readonly #settings: Settings;
  #process: ChildProcess | undefined;
  #databases = 0;
  #isPaused = false;

  constructor(programs: string, account: Account | undefined, settings: Settings) {
    this.#programs = programs;
    this.#account = account;
    this.#settings = settings;
    this.#folder = newFolder(account);
  }

  get folder(): string {
    return this.#folder;
  }

  async create(): Promise<void> {
    const options = ['--auth=trust', '--no-sync', '--encoding=UTF8', '--locale=C', '--username=postbearer'];
    await this.#run('initdb', [...options, '-D', this.#data]);
    await this.start();
  }

  async start(): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      const problem = await this.#tryStart();
      if (problem === undefined) return;
      // After kill -9 its children need a moment to notice that they are alone.
      if (tries === MOST_TRIES) throw new Error(`PostgreSQL did not start:\n${problem}`);
      await setTimeout(100);
    }
  }

  /** Starts the server, and gives what it said where it did not come up. */
  async #tryStart(): Promise<string | undefined> {
    const settings = [
      `unix_socket_directories=${this.#folder}`,
      'listen_addresses=',
      'shared_buffers=64MB',
      'dynamic_shared_memory_type=mmap',
      ...Object.entries(this.#settings).map(([name, value]) => `${name}=${value}`),
    ];
    const server = spawn(
      join(this.#programs, 'postgres'),
      ['-D', this.#data, ...settings.flatMap((setting) => ['-c', setting])],
      { ...this.#account, cwd: this.#folder, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    this.#process = server;
    const said: string[] = [];
    for await (const line of createInterface({ input: server.stderr })) {
      said.push(line);
      if (line.includes(READY)) {
        server.stderr.resume();
        return undefined;
      }
    }
    return said.join('\n');
  }

  async newDatabase(): Promise<Secret> {
    this.#databases += 1;
    const name = `t${this.#databases}`;
    await this.ask(`create database ${name}`);
    return Secret.of(`postgresql://postbearer@localhost/${name}?host=${this.#folder}`);
  }

  async stop(how: Ending): Promise<void> {
    const server = this.#process;
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, 'exit');
    server.kill(how);
    await ended;
  }

  pause(): void {
    this.#isPaused = true;
    this.#signal('SIGSTOP');
  }

  resume(): void {
    if (this.#isPaused) this.#signal('SIGCONT');
    this.#isPaused = false;
  }

  async ask(text: string, database = 'postgres'): Promise<readonly Record<string, unknown>[]> {
    const client = new pg.Client({ host: this.#folder, user: 'postbearer', database });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(text)).rows;
    } finally {
      await client.end();
    }
  }

  async makeStandby(): Promise<Server> {
    await this.stop('SIGINT');
    const standby = new Server(this.#programs, this.#account, this.#settings);
    cpSync(this.#data, standby.#data, { recursive: true });
    writeFileSync(join(standby.#data, 'standby.signal'), '');
    const follow = `primary_conninfo = 'host=${this.#folder} user=postbearer application_name=standby'\n`;
    writeFileSync(join(standby.#data, 'postgresql.auto.conf'), follow, { flag: 'a' });
    standby.#own(standby.#data);
    await this.start();
    await standby.start();
    return standby;
  }

  async promote(): Promise<void> {
    await this.ask('select pg_promote(true, 30)');
  }

  /** Gives a folder to the account of the server. */
  #own(path: string): void {
    if (this.#account === undefined) return;
    for (const entry of readdirSync(path, { recursive: true, withFileTypes: true }))
      chownSync(join(entry.parentPath, entry.name), this.#account.uid, this.#account.gid);
    chownSync(path, this.#account.uid, this.#account.gid);
  }

  #signal(name: NodeJS.Signals): void {
    const server = this.#process?.pid;
    if (server === undefined || this.#process?.exitCode !== null || this.#process.signalCode !== null) return;
    for (const pid of [server, ...childrenOf(server)]) {
      try {
        process.kill(pid, name);
      } catch {
        // One that ended meanwhile.
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.resume();
    await this.remove();
  }

  async remove(): Promise<void> {
    await this.stop('SIGQUIT');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #data(): string {
    return join(this.#folder, 'data');
  }

  async #run(program: string, args: readonly string[]): Promise<void> {
    await run(join(this.#programs, program), args, { ...this.#account, cwd: this.#folder });
  }
}

/** Gives a server; dispose of it and of its standbys afterwards. */
export async function startPostgresql(
  postgres: string,
  settings: Settings = {},
): Promise<TestServer & AsyncDisposable> {
  // A link on the search path stands alone; the other programs are beside what it names.
  const server = new Server(dirname(realpathSync(postgres)), await serverAccount(), settings);
  await server.create();
  return server;
}
