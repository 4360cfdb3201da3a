/** What all rounds of a run share: the sink, the token endpoint, the client, the packed command line, and a folder for each relay. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as passed } from 'node:timers/promises';
import { packWorkspaces } from '../../scripts/pack.ts';
import { cacheFolder } from '../../tests/setup/tool-table.ts';
import { openSinkWorkshop, type Sink, type SinkWorkshop } from '../sink/sink.ts';
import { startTokenEndpoint, type TokenEndpoint } from '../token-endpoint.ts';
import type { Source } from './load.ts';
import { machineCpuSeconds, processors } from './process-tree.ts';
import type { RelayWorld } from './relays/relay.ts';

const INSTALLER = 'apt-get';
const HARAKA = 'Haraka@3.3.4';

/** See the head of this file. */
export interface Ground extends AsyncDisposable {
  readonly workshop: SinkWorkshop;
  readonly sink: Sink;
  readonly tokens: TokenEndpoint;
  readonly source: Source;
  /** The command line as it is published. */
  readonly launcher: string;
  /** The folder of Haraka; absent where it cannot be installed. */
  readonly haraka: string | undefined;
  /** Whether there is a Postfix that this process may start. */
  readonly hasPostfix: boolean;
  /** A new place for a relay. */
  world(name: string, connections: number): RelayWorld;
}

function npmInstall(folder: string, packages: readonly string[]): string | undefined {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
  const options = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
  const npm = spawnSync('npm', [...options, ...packages], { cwd: folder, encoding: 'utf8' });
  return npm.status === 0 ? undefined : npm.stderr;
}

function installCommandLine(folder: string): string {
  const problem = npmInstall(folder, packWorkspaces(join(folder, 'tarballs')));
  if (problem !== undefined) throw new Error(problem);
  return join(folder, 'node_modules', 'postbearer', 'bin', 'postbearer.mjs');
}

function findHaraka(): string | undefined {
  const folder = join(cacheFolder, 'tools', HARAKA.replace('@', '-'));
  const installed = join(folder, 'node_modules', 'Haraka');
  if (!existsSync(join(installed, 'bin', 'haraka'))) npmInstall(folder, [HARAKA]);
  return existsSync(join(installed, 'bin', 'haraka')) ? installed : undefined;
}

function findPostfix(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  if (existsSync('/usr/sbin/postfix')) return true;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const packages = ['postfix', 'libsasl2-modules'];
  spawnSync(INSTALLER, ['install', '--yes', '--quiet', '--no-install-recommends', ...packages], {
    env,
    stdio: 'ignore',
  });
  return existsSync('/usr/sbin/postfix');
}

/** Prepares a run. */
export async function openGround(): Promise<Ground> {
  const stack = new AsyncDisposableStack();
  const workshop = stack.use(await openSinkWorkshop());
  const tokens = stack.use(await startTokenEndpoint());
  const sink = stack.use(await workshop.start({ chunking: false }));
  let worlds = 0;
  return {
    workshop,
    sink,
    tokens,
    source: { program: workshop.sourceProgram, folder: workshop.folder },
    launcher: installCommandLine(join(workshop.folder, 'published')),
    haraka: findHaraka(),
    hasPostfix: findPostfix(),
    world(name, connections) {
      worlds += 1;
      const folder = join(workshop.folder, `${worlds}-${name}`);
      mkdirSync(folder, { recursive: true });
      return { folder, sink, caPem: workshop.caPem, tokenEndpoint: tokens.url, connections };
    },
    [Symbol.asyncDispose]: async () => await stack.disposeAsync(),
  };
}

const mostTries = process.argv.includes('--quick') ? 0 : 8;

/** Waits until the machine has been idle for a second, a few seconds at most; in a short run not at all. */
export async function untilQuiet(): Promise<void> {
  for (let tries = 0; tries < mostTries; tries += 1) {
    const before = machineCpuSeconds();
    await passed(1000);
    if ((machineCpuSeconds() - before) / processors < 0.1) return;
  }
}

/** The system and the processor, in words. */
export function machineName(): string {
  const model = execFileSync('sh', ['-c', 'grep -m1 "model name" /proc/cpuinfo || true']).toString();
  return `${processors} × ${model.split(':')[1]?.trim() ?? 'unknown processor'}`;
}
