/**
 * A PostgreSQL server for one test file: started at its first use from the installed server programs, on a Unix socket in
 * a folder of its own, and gone after the last test.
 *
 * Its data lie in memory where that is possible: the server then flushes as it does in production, and it costs nothing.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, chownSync, constants, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Secret } from '@postbearer/core';
import { afterAll } from 'vitest';

const run = promisify(execFile);
const MEMORY_FOLDER = '/dev/shm';
const MOST_TRIES = 50;
const READY = 'database system is ready to accept connections';

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
}

interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** PostgreSQL refuses to run as root; its Debian package brings an account. */
async function serverAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const [uid, gid] = await Promise.all(['-u', '-g'].map(async (flag) => (await run('id', [flag, 'postgres'])).stdout));
  return { uid: Number(uid), gid: Number(gid) };
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
  #process: ChildProcess | undefined;
  #databases = 0;

  constructor(programs: string, account: Account | undefined) {
    this.#programs = programs;
    this.#account = account;
    this.#folder = newFolder(account);
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
    await this.#run('createdb', ['-h', this.#folder, '-U', 'postbearer', name]);
    return Secret.of(`postgresql://postbearer@localhost/${name}?host=${this.#folder}`);
  }

  async stop(how: Ending): Promise<void> {
    const server = this.#process;
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, 'exit');
    server.kill(how);
    await ended;
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

/**
 * Gives the server of this test file.
 *
 * Call it once at the top of the file; what it returns takes the path of the `postgres` program, as `itWithTool` gives it.
 */
export function postgresqlForThisFile(): (postgres: string) => Promise<TestServer> {
  let starting: Promise<Server> | undefined;
  afterAll(async () => (await starting)?.remove());
  return (postgres) => {
    starting ??= (async () => {
      // A link on the search path stands alone; the other programs are beside what it names.
      const server = new Server(dirname(realpathSync(postgres)), await serverAccount());
      await server.create();
      return server;
    })();
    return starting;
  };
}
